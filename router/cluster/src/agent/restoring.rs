//! Shards that are made of dumps while the process goes on: each is a task of its own.

use super::Holder;
use crate::moment::until;
use crate::reconcile::Restore;
use annuli_api::{ErrorCode, Failure};
use annuli_core::{HistoryId, IndexUuid};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Between two tries to take a shard over. Whatever keeps it, a dump that cannot be read or a full disk, takes a while to
/// be seen to; and a try may fetch all of the dump.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// The restores that were begun and not forgotten.
#[derive(Default)]
pub(super) struct Restoring {
    begun: BTreeMap<IndexUuid, Stage>,
    tasks: JoinSet<(IndexUuid, Result<HistoryId, Failure>)>,
}

enum Stage {
    Under(Restore),
    Failed(Restore, Failure, Instant),
}

impl Restoring {
    /// Makes the shard of that index, unless that was begun; what has failed is tried again after a while if it is to be
    /// taken over.
    pub(super) fn begin(&mut self, uuid: IndexUuid, restore: &Restore, holder: &Arc<dyn Holder>) {
        match self.begun.get(&uuid) {
            Some(Stage::Under(_)) => return,
            Some(Stage::Failed(failed, _, at)) if failed.loss.is_none() || Instant::now() < *at + RETRY_AFTER => return,
            Some(Stage::Failed(..)) | None => {}
        }
        tracing::info!(index = %restore.name, dump = %restore.origin.dump, "making a shard of a dump");
        self.begun.insert(uuid, Stage::Under(restore.clone()));
        let (holder, restore) = (Arc::clone(holder), restore.clone());
        self.tasks.spawn(async move { (uuid, holder.restore(uuid, &restore).await) });
    }

    /// Whether one is under way.
    pub(super) fn is_under_way(&self, uuid: IndexUuid) -> bool {
        matches!(self.begun.get(&uuid), Some(Stage::Under(_)))
    }

    /// Waits until one has ended, or is to be tried again.
    pub(super) async fn one_ended(&mut self) {
        let again = self.begun.values().filter_map(|stage| match stage {
            Stage::Failed(restore, _, at) if restore.loss.is_some() => Some(*at + RETRY_AFTER),
            Stage::Failed(..) | Stage::Under(_) => None,
        });
        let again = again.min();
        tokio::select! {
            biased;
            Some(ended) = self.tasks.join_next() => self.settle(ended),
            () = until(again) => {}
        }
    }

    fn settle(&mut self, ended: Result<(IndexUuid, Result<HistoryId, Failure>), tokio::task::JoinError>) {
        match ended {
            Ok((uuid, made)) => match (self.begun.remove(&uuid), made) {
                (Some(Stage::Under(restore)), Err(failure)) => self.failed(uuid, restore, failure),
                (Some(Stage::Under(Restore { name, origin, loss: Some(loss), .. })), Ok(history)) => tracing::warn!(
                    index = %name, dump = %origin.dump, taken_at = %loss.taken_at, seq = %loss.seq, lost = %loss.history,
                    %history, "a lost shard is made of a dump: what was written to it after that seq is lost"
                ),
                (_, _) => {}
            },
            // It was cut off in a panic, and which it was is not known: each that is under way and has no task is one.
            Err(error) => {
                tracing::error!(%error, "a restore ended without a word");
                if self.tasks.is_empty() {
                    let failure = Failure::new(ErrorCode::Internal, error);
                    for (uuid, stage) in std::mem::take(&mut self.begun) {
                        match stage {
                            Stage::Under(restore) => self.failed(uuid, restore, failure.clone()),
                            Stage::Failed(..) => drop(self.begun.insert(uuid, stage)),
                        }
                    }
                }
            }
        }
    }

    fn failed(&mut self, uuid: IndexUuid, restore: Restore, failure: Failure) {
        tracing::error!(index = %restore.name, dump = %restore.origin.dump, %failure, "a shard was not made of a dump");
        self.begun.insert(uuid, Stage::Failed(restore, failure, Instant::now()));
    }

    /// Those that have failed, and why.
    pub(super) fn failures(&self) -> Vec<(IndexUuid, Restore, Failure)> {
        let failure = |(uuid, stage): (&IndexUuid, &Stage)| match stage {
            Stage::Failed(restore, failure, _) => Some((*uuid, restore.clone(), failure.clone())),
            Stage::Under(_) => None,
        };
        self.begun.iter().filter_map(failure).collect()
    }

    /// Gives up what nobody wants any longer.
    pub(super) fn keep_only(&mut self, wanted: &BTreeMap<IndexUuid, Restore>, holder: &dyn Holder) {
        self.begun.retain(|uuid, stage| {
            let is_wanted = wanted.contains_key(uuid);
            if !is_wanted && matches!(stage, Stage::Under(_)) {
                holder.give_up(*uuid);
            }
            // What is under way has its folder until it has ended.
            is_wanted || matches!(stage, Stage::Under(_))
        });
    }
}
