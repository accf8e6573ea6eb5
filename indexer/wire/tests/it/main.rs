//! The shard protocol: its messages, byte by byte.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is a failed test")]

mod messages;
mod samples;
