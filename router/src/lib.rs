//! The router: sends a write to the shard that owns the document, a read to every shard, and merges the answers.
//!
//! It holds [`annuli_api::ShardApi`] handles and never learns where a shard lives or what stores it. [`polling`]
//! decides who is asked, [`scatter`] asks, [`gather`] decides what the answers mean together; [`write`], [`search`] and
//! [`read`] are the requests built on them, and [`http`] is how requests come in.

pub mod limits;
pub mod polling;

pub mod gather;
pub mod scatter;

pub mod read;
pub mod search;
pub mod write;

pub mod info;
pub mod tasks;

pub mod http;

pub use limits::Limits;
pub use polling::{Polling, PollingTable};

use annuli_api::{Catalogue, Failure, Index};
use annuli_core::{IndexName, ShardCount};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use tasks::Tasks;

/// Everything that a request needs. Shared by all of them.
pub struct Router {
    /// Which indexes there are.
    pub catalogue: Arc<dyn Catalogue>,
    /// Bounds of a request.
    pub limits: Limits,
    /// Who is asked.
    pub polling: PollingTable,
    /// Shards of an index whose schema names none.
    pub default_shards: ShardCount,
    /// What is done in the background.
    pub tasks: Arc<Tasks>,
    /// The process is about to end: it is no longer ready for new clients.
    pub draining: AtomicBool,
}

impl Router {
    /// A router over a catalogue.
    pub fn new(
        catalogue: Arc<dyn Catalogue>,
        limits: Limits,
        polling: PollingTable,
        default_shards: ShardCount,
    ) -> Self {
        let tasks = Arc::new(Tasks::default());
        Self { catalogue, limits, polling, default_shards, tasks, draining: AtomicBool::new(false) }
    }

    /// The index of that name or alias, as a request's path has it.
    pub(crate) fn index(&self, name: &str) -> Result<Arc<Index>, Failure> {
        self.catalogue.resolve(&parse_name(name)?)
    }
}

/// A name from a request.
pub(crate) fn parse_name(name: &str) -> Result<IndexName, Failure> {
    IndexName::new(name).map_err(|error| Failure::new(annuli_api::ErrorCode::InvalidName, error))
}
