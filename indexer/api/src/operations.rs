//! What a cluster does in the background: asked of any of its routers, done by the one that coordinates.

use crate::catalogue::Index;
use crate::chronicle::Chronicle;
use crate::error::Failure;
use crate::v1::cluster::{ClusterInfo, Resharding, SteppedDown};
use crate::v1::rollout::{RolloutPlan, RolloutWord, StartRollout};
use crate::v1::task::TaskInfo;
use annuli_core::{IndexName, ShardCount};
use async_trait::async_trait;
use std::sync::Arc;
use uuid::Uuid;

/// Dumps, rollouts and the tasks that they are. What was asked for survives whichever process it was asked of.
#[async_trait]
pub trait Operations: Send + Sync {
    /// Asks for a dump of an index; returns its task.
    async fn start_dump(&self, index: &Index) -> Result<Uuid, Failure>;

    /// Asks for a rollout of an index; returns its task.
    async fn start_rollout(&self, index: &Index, rollout: StartRollout) -> Result<Uuid, Failure>;

    /// What that rollout would do.
    async fn plan_rollout(&self, index: &Index, rollout: StartRollout) -> Result<RolloutPlan, Failure>;

    /// Asks for a new index that is made of a dump, whichever index that is of; returns its task.
    async fn restore(&self, name: &IndexName, dump: Uuid) -> Result<Uuid, Failure>;

    /// Says something to a rollout of an index.
    async fn say(&self, index: &Index, rollout: Uuid, word: RolloutWord) -> Result<(), Failure>;

    /// A rollout of an index.
    fn rollout(&self, index: &Index, id: Uuid) -> Option<TaskInfo>;

    /// Every task that is remembered, by id.
    fn tasks(&self) -> Vec<TaskInfo>;

    /// Who is there, and what each serves.
    async fn cluster(&self) -> Result<ClusterInfo, Failure>;

    /// Asks for another number of shards of every index. Harmless if that is on its way.
    async fn reshard(&self, shards: ShardCount) -> Result<Resharding, Failure>;

    /// Asks to stay with as many shards as there are.
    async fn cancel_reshard(&self) -> Result<Resharding, Failure>;

    /// Takes the seat from whoever coordinates, so that another is elected.
    async fn step_down(&self) -> Result<SteppedDown, Failure>;

    /// What happens.
    fn chronicle(&self) -> Arc<dyn Chronicle>;
}
