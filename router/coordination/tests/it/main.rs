//! What every coordination store has to do, asked of each implementor; and what happens to one when processes are killed
//! and stopped.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic in a test is the test's answer")]

mod patience;
mod stage;
mod words;

#[cfg(feature = "etcd")]
mod etcd_server;
#[cfg(feature = "etcd")]
mod members;

// The contract: every test runs over every stage.
mod compaction;
mod elections;
mod leases;
mod transactions;
mod watches;

// Other processes.
mod child;
mod processes;
