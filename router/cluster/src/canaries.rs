//! Generations that are tried on live searches, as one router compares them.
//!
//! What it has found it writes down now and then under the rollout; the coordinator adds up what all routers have found.

mod beside;
mod tally;

pub(crate) use beside::Beside;
pub(crate) use tally::Tally;

use crate::catalogue::ClusterCatalogue;
use crate::commit::Decision;
use crate::decide::{is_on_trial, report_compared};
use crate::record::{Comparison, RouterId, TaskId};
use crate::records::Records;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::sleep;

/// Between two reports of a router: often enough for who watches, and a commit a second for the store.
const REPORT_EVERY: Duration = Duration::from_secs(1);

/// What this router has compared, by rollout: for longer than a table lasts.
#[derive(Debug, Default)]
pub(crate) struct Canaries(Mutex<BTreeMap<TaskId, Arc<Tally>>>);

impl Canaries {
    /// What is counted for a rollout.
    pub(crate) fn tally(&self, rollout: TaskId) -> Arc<Tally> {
        Arc::clone(self.known().entry(rollout).or_default())
    }

    /// Forgets trials that are over.
    pub(crate) fn forget_the_ended(&self, records: &Records) {
        self.known().retain(|rollout, _| is_on_trial(records, *rollout));
    }

    fn so_far(&self) -> BTreeMap<TaskId, Comparison> {
        self.known().iter().map(|(rollout, tally)| (*rollout, tally.so_far())).collect()
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<TaskId, Arc<Tally>>> {
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
                if compared == Comparison::default() || told.get(&rollout) == Some(&compared) {
                    continue;
                }
                let report = |records: &Records| {
                    let change = report_compared(records, rollout, router, compared);
                    Ok(change.map_or(Decision::Stands(()), |change| Decision::Write(change, ())))
                };
                match self.decide(report).await {
                    Ok(()) => drop(told.insert(rollout, compared)),
                    Err(failure) => tracing::warn!(%rollout, %failure, "what was compared is not reported yet"),
                }
            }
        }
    }
}
