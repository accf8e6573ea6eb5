//! Conversations between a real `jina.Client` and a real Jina server, replayed: the requests byte for byte, the answers
//! compared field by field with those that the client was content with.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is a failed test")]

mod compare;
mod endpoints;
mod first_generation;
mod keys;
mod second_generation;
mod server;
