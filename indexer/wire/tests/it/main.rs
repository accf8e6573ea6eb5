//! The shard protocol: its messages, byte by byte, and its servers and peers over real sockets.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is a failed test")]

mod answers;
mod contract;
mod messages;
mod mishaps;
mod refusals;
mod resting;
mod running;
mod samples;
mod scripted;
mod senseless;
mod watching;
