//! A shard in another process: the protocol between routers and shards, version 1.
//!
//! [`RemoteShard`] is a `ShardApi` whose shard lives behind a [`Peer`]; [`server::serve`] answers such peers from
//! the shards that this process has. A call is one `POST /shard/v1/{index uuid}/{shard}/{call}` over HTTP/1.1, with a
//! message of bincode as its body and another as its answer; a failure is the JSON of the public API, so that who
//! speaks another version can read why it was refused. Modules in reading order.
//!
//! This crate knows neither RocksDB, nor the indexer, nor the router.

pub mod limits;

pub mod codec;
pub mod message;

pub mod call;
mod failure;
mod header;
mod parse;
pub mod secret;

mod beside;
mod transport;

pub mod server;

pub mod peer;
mod remote_shard;

pub use call::Call;
pub use peer::{Peer, PeerSettings};
pub use remote_shard::RemoteShard;
pub use secret::ClusterSecret;
pub use server::{CallMeters, ServerSettings, ShardServer, Shards, Watched};
