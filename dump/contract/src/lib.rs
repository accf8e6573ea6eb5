//! What a place of dumps promises, as facts that every implementor of [`DumpFiles`](annuli_dump::DumpFiles) is held to,
//! by the store of dumps that it makes.
//!
//! For tests alone. A test binary says how an empty place is made, and gets a test for each fact:
//!
//! ```text
//! annuli_dump_contract::hold!(|| Subject::with(DumpStore::in_folder(folder.path()), folder));
//! ```
#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is a failed test")]

mod hold;
mod subject;

pub mod facts;
pub mod given;

pub use subject::Subject;
