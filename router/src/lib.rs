//! The router: sends a write to the shard that owns the document, a read to every shard, and merges the answers.
//!
//! It holds [`annuli_api::ShardApi`] handles and never learns where a shard lives or what stores it. [`polling`]
//! decides who is asked, [`scatter`] asks, [`gather`] decides what the answers mean together; [`mod@write`], [`search`] and
//! [`read`] are the requests built on them, and [`http`] is how requests come in.

pub mod access;
pub mod limits;
pub mod polling;

pub mod gather;
pub mod scatter;

pub mod arrival;
pub mod read;
pub mod search;
pub mod write;

mod metrics;
mod offload;

mod builds;
mod creation;
pub mod info;
mod readiness;
pub mod tasks;

pub mod http;

pub use arrival::Arrival;
pub use limits::Limits;
pub use metrics::{Looked, shard_figures};
pub use polling::{Polling, PollingTable};

use access::Access;
use annuli_api::shard_api::Consistency;
use annuli_api::{AsOf, Catalogue, ErrorCode, Failure, Index, Operations};
use annuli_core::{IndexName, ShardCount};
use annuli_traces::Traces;
use axum::body::Bytes;
use limits::LISTENERS_MAX;
use metrics::Metrics;
use offload::Offload;
use readiness::Readiness;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use tasks::Tasks;
use tokio::sync::{Semaphore, watch};

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
    /// Who is let in.
    access: Access,
    /// Who begins the spans of requests that are traced; without it, none is.
    traces: Option<Traces>,
    /// The process is about to end: it takes no new requests.
    draining: AtomicBool,
    /// The same, for those who listen.
    pub(crate) ending: watch::Sender<bool>,
    /// Listeners that there is room for.
    pub(crate) listeners: Arc<Semaphore>,
    /// Requests that there is room for. One has its place until its answer has been sent.
    places: Arc<Semaphore>,
    /// As many as there are places, and in the same order: taken after one and given back before it, when the answer is
    /// there. A client that does not take its answer keeps a place, but does not keep the process.
    under_way: Semaphore,
    /// Where large bodies are read and written.
    offload: Offload,
    /// Whether the process could serve a moment ago.
    readiness: Arc<Readiness>,
    /// What is counted.
    metrics: Metrics,
    /// The API as an OpenAPI document, once somebody has asked for it.
    pub(crate) document: OnceLock<Bytes>,
}

impl Router {
    /// A router over a catalogue.
    pub fn new(
        catalogue: Arc<dyn Catalogue>,
        limits: Limits,
        polling: PollingTable,
        default_shards: ShardCount,
    ) -> Self {
        let (tasks, draining) = (Arc::new(Tasks::default()), AtomicBool::new(false));
        let places = Arc::new(Semaphore::new(limits.concurrent_requests_max));
        let (under_way, offload) = (Semaphore::new(limits.concurrent_requests_max), Offload::new());
        Self {
            catalogue,
            limits,
            polling,
            default_shards,
            tasks,
            access: Access::Open,
            traces: None,
            draining,
            ending: watch::Sender::new(false),
            listeners: Arc::new(Semaphore::new(LISTENERS_MAX)),
            places,
            under_way,
            offload,
            readiness: Readiness::new(),
            metrics: Metrics::new(),
            document: OnceLock::new(),
        }
    }

    /// The same, for those alone who have a key.
    #[must_use]
    pub fn guarded_by(self, access: Access) -> Self {
        Self { access, ..self }
    }

    /// The same, some of whose requests are traced.
    #[must_use]
    pub fn traced_by(self, traces: Option<Traces>) -> Self {
        Self { traces, ..self }
    }

    /// From now on the process is not ready, and new requests are refused; those under way go on.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Release);
        self.ending.send_replace(true);
    }

    /// Waits until the process is about to end.
    pub async fn told_to_drain(&self) {
        // Its sender lives as long as the router does.
        let _ = self.ending.subscribe().wait_for(|ending| *ending).await;
    }

    /// Returns whether the process is about to end.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Waits until no request is under way: each has its answer, though its client may not have taken it yet.
    pub async fn idle(&self) {
        let all = u32::try_from(self.limits.concurrent_requests_max).unwrap_or(u32::MAX);
        // The semaphore is never closed, so nothing else can come of this than all of it.
        let _all = self.under_way.acquire_many(all).await;
    }

    /// The index of that name or alias, as a request has it.
    pub async fn index(&self, name: &str) -> Result<Arc<Index>, Failure> {
        self.catalogue.find(&parse_name(name)?).await
    }

    /// The index that is read. A router that trails the others knows neither tokens of what an index has become nor where it
    /// is written since, and looks first.
    pub async fn index_read(
        &self,
        name: &str,
        after: Option<&str>,
        consistency: Option<Consistency>,
    ) -> Result<Arc<Index>, Failure> {
        let index = self.index(name).await?;
        // A text that is no token is refused where it is read.
        let after = after.and_then(|after| AsOf::decode(after).ok());
        let of_another = after.is_some_and(|after| after.index != index.uuid);
        let needs_all = consistency == Some(Consistency::Primary);
        if of_another || (needs_all && self.catalogue.may_have_moved(&index)) {
            self.catalogue.refresh().await;
            return self.catalogue.resolve(&parse_name(name)?);
        }
        Ok(index)
    }
}

impl Router {
    /// Whoever does what is asked of a cluster.
    pub(crate) fn operations(&self) -> Result<&dyn Operations, Failure> {
        let alone = "this server is no cluster: it holds the one copy of each shard, and has neither replicas nor a coordinator";
        self.catalogue.operations().ok_or_else(|| Failure::new(ErrorCode::InvalidRequest, alone))
    }
}

/// A name from a request.
pub fn parse_name(name: &str) -> Result<IndexName, Failure> {
    IndexName::new(name).map_err(|error| Failure::new(ErrorCode::InvalidName, error))
}
