//! Qdrant's calls over models of shards: what is said, and what is refused.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is a failed test")]

mod collections;
mod keys;
mod payloads;
mod points;
mod refusals;
mod server;
