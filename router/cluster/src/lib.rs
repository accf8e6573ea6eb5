//! A cluster: which indexes it has, which process serves which shard, and how both come to agree.
//!
//! ```text
//! router ── ClusterCatalogue ── Table ◀── Records ◀── Mirror ◀── coordination store ◀── requests that change indexes
//! node ──── Agent ── reconcile::plan ◀───── Records ◀── Mirror ◀──────────┘
//! ```
//!
//! The coordination store holds [`record`]s and nothing else is the truth. Routers make requests into transactions of it
//! ([`decide`]); nodes make and remove their shards until they hold what it says ([`reconcile`], [`agent`]), and
//! register what they serve; routers turn that into handles ([`table`]). What takes a while is written down as a task, and
//! carried out by the router that is elected for it ([`coordinate`], [`coordinator`]). Everything that decides is a pure
//! function of [`Records`].

pub mod record;
pub mod records;

pub mod change;
pub mod decide;

mod commit;
pub mod mirror;
mod moment;

mod absent;
mod canaries;
pub mod table;
mod turns;

pub mod catalogue;

pub mod reconcile;
pub mod serving;

pub mod coordinate;
pub mod coordinator;

pub mod events;
mod operations;

pub mod agent;

#[cfg(test)]
mod testing;

pub use agent::replica::{Ended, Follower, ReplicaAgent, ReplicaHolder, Standing, Trail, Trails};
pub use agent::{Agent, Holder, Post};
pub use catalogue::{ClusterCatalogue, Dumps};
pub use coordinate::Keeping;
pub use coordinator::{Coordinator, CoordinatorSettings, Leading, Origins, RunStoreWork, Schedule, StoreWork};
pub use records::Records;
pub use serving::{Guarded, Serving, Tenure};
pub use table::{Reach, Replicated};
