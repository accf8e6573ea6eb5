//! Generations that are tried on live searches, as one router compares them.
//!
//! What it has found it writes down now and then under the rollout; the coordinator adds up what all routers have found.

mod beside;
mod tally;

pub(crate) use beside::Beside;
pub(crate) use tally::Tally;

use crate::catalogue::ClusterCatalogue;
use crate::decide::{is_on_trial, report_compared};
use crate::record::{Comparisons, RouterId, ShardComparison, TaskId};
use crate::records::Records;
use annuli_core::ShardId;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::sleep;

/// Between two reports of a router: often enough for who watches, and each is a change that every process takes in.
const REPORT_EVERY: Duration = Duration::from_secs(5);

/// What this router has compared, by rollout and shard: for longer than a table lasts.
#[derive(Debug, Default)]
pub(crate) struct Canaries(Mutex<BTreeMap<(TaskId, ShardId), Arc<Tally>>>);

impl Canaries {
    /// What is counted of a shard for a rollout.
    pub(crate) fn tally(&self, rollout: TaskId, shard: ShardId) -> Arc<Tally> {
        Arc::clone(self.known().entry((rollout, shard)).or_default())
    }

    /// Forgets trials that are over.
    pub(crate) fn forget_the_ended(&self, records: &Records) {
        self.known().retain(|(rollout, _), _| is_on_trial(records, *rollout));
    }

    fn so_far(&self) -> BTreeMap<TaskId, Comparisons> {
        let mut so_far: BTreeMap<TaskId, Comparisons> = BTreeMap::new();
        for ((rollout, shard), tally) in &*self.known() {
            let compared = tally.so_far();
            if compared != ShardComparison::default() {
                so_far.entry(*rollout).or_default().0.insert(*shard, compared);
            }
        }
        so_far
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<(TaskId, ShardId), Arc<Tally>>> {
        // Each change is one insertion or removal: a panic leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClusterCatalogue {
    /// Writes down what this router compares for rollouts, for as long as the future is polled. A router that does not
    /// compares in vain.
    pub async fn report_canaries(&self) {
        let (router, mut told) = (RouterId(self.new_uuid()), BTreeMap::new());
        loop {
            sleep(REPORT_EVERY).await;
            let so_far = self.canaries().so_far();
            told.retain(|rollout, _| so_far.contains_key(rollout));
            for (rollout, compared) in so_far {
                if told.get(&rollout) == Some(&compared) {
                    continue;
                }
                let change = report_compared(&self.mirror().seen().records, rollout, router, &compared);
                let Some(change) = change else { continue };
                match self.write_if_it_stands(&change).await {
                    Ok(true) => drop(told.insert(rollout, compared)),
                    // The rollout has changed meanwhile, and is soon seen to have.
                    Ok(false) => {}
                    Err(failure) => tracing::warn!(%rollout, %failure, "what was compared is not reported yet"),
                }
            }
        }
    }
}
