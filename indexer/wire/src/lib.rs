//! A shard in another process: the protocol between routers and shards, version 1. Modules in reading order.
//!
//! This crate knows neither RocksDB, nor the indexer, nor the router.

pub mod limits;

pub mod codec;
pub mod message;
