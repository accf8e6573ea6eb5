//! What the integration tests stand on: the real program as a child process, a client of its API, an index of their
//! own for each test, real data, and a plain oracle to compare answers with.
//!
//! A test asks for [`Server::shared`] when it minds its own index, and for a [`Launch`] when it stops, kills or damages
//! something. Nothing here waits for the wall clock: [`wait`] looks until what it waits for is there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a harness panic is a test failure")]

pub mod program;
pub mod sharing;
pub mod wait;

pub mod cable;
pub mod cluster;
pub mod collector;
pub mod etcd;
pub mod load;
pub mod memory;
pub mod network;
pub mod open_files;
pub mod ports;
pub mod server;
pub mod small_disk;
pub mod store_files;

pub mod client;
pub mod raw_http;

pub mod index;

pub mod npy;
pub mod oracle;
pub mod packages;

pub use cable::Cable;
pub use client::{Answer, Client};
pub use cluster::Cluster;
pub use etcd::Etcd;
pub use index::Index;
pub use load::{Freshness, Load};
pub use network::{Host, Network};
pub use ports::free_ports;
pub use server::{Launch, Role, Server, Shared};
pub use sharing::Sharing;
pub use wait::wait_until;
