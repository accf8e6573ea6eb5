//! The command line from outside: the built binary, and servers that the tests make up.
#![allow(clippy::unwrap_used, reason = "clippy takes the helpers of an integration test for something else")]

mod bench;
mod cli;
mod client;
mod dumps;
mod export;
mod import;
mod offline;
mod rollouts;
mod search;
mod server;
