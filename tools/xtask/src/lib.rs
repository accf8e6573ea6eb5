//! Chores of this workspace, and the tidy rules: what a machine can hold of its design and its style.
//!
//! Has no dependency and never will: `cargo test -p annuli-xtask` answers within seconds of a fresh clone.

pub mod tidy;
