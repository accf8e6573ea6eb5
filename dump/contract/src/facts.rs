//! The facts, by what they are about.

pub mod archives;
pub mod begun;
pub mod commits;
pub mod deletions;
pub mod listings;
pub mod records;
