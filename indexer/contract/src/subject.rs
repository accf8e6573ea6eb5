//! A shard that is held to the contract.

use annuli_api::ShardApi;
use std::any::Any;
use std::sync::Arc;

/// A fresh shard without documents, and what has to live as long as it: a folder, a server.
pub struct Subject {
    /// The shard, of number 0.
    pub shard: Arc<dyn ShardApi>,
    _keep: Box<dyn Any + Send>,
}

impl Subject {
    /// A shard that stands for itself.
    pub fn of(shard: Arc<dyn ShardApi>) -> Self {
        Self::with(shard, ())
    }

    /// A shard, and what it lives on.
    pub fn with(shard: Arc<dyn ShardApi>, keep: impl Any + Send) -> Self {
        Self { shard, _keep: Box::new(keep) }
    }
}
