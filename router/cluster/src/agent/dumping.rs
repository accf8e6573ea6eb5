//! Dumps that get a process's shards while it goes on: each is a task of its own, and waits until it was reported.

use super::Holder;
use crate::record::{DumpedShard, ShardDump};
use annuli_api::Failure;
use annuli_core::IndexUuid;
use annuli_dump::DumpId;
use std::collections::BTreeMap;
use std::future::pending;
use std::sync::Arc;
use tokio::task::{AbortHandle, JoinSet};

/// The dumps that were begun, until the cluster knows what came of them.
#[derive(Default)]
pub(super) struct Dumping {
    begun: BTreeMap<DumpId, Stage>,
    tasks: JoinSet<(DumpId, Result<DumpedShard, Failure>)>,
}

enum Stage {
    Under(AbortHandle),
    Ended(ShardDump),
    /// It was reported, which this process may not have seen yet.
    Reported,
}

impl Dumping {
    /// Puts the shard of that index into the dump, unless that was begun.
    pub(super) fn begin(&mut self, dump: DumpId, uuid: IndexUuid, holder: &Arc<dyn Holder>) {
        if self.begun.contains_key(&dump) {
            return;
        }
        tracing::info!(%dump, index = %uuid, "dumping a shard");
        let holder = Arc::clone(holder);
        let task = self.tasks.spawn(async move { (dump, holder.dump(uuid, dump).await) });
        self.begun.insert(dump, Stage::Under(task));
    }

    /// Says why a shard cannot be put into the dump.
    pub(super) fn refuse(&mut self, dump: DumpId, failure: &Failure) {
        self.begun.entry(dump).or_insert_with(|| Stage::Ended(ShardDump::Failed(failure.message.clone())));
    }

    /// Waits until one has ended.
    pub(super) async fn one_ended(&mut self) {
        match self.tasks.join_next().await {
            // Given up, just when it had ended.
            Some(Ok((dump, _))) if !self.begun.contains_key(&dump) => {}
            Some(Err(error)) if error.is_cancelled() => {}
            Some(Ok((dump, ended))) => {
                let said = match ended {
                    Ok(done) => ShardDump::Done(done),
                    Err(failure) => {
                        tracing::error!(%dump, %failure, "a shard was not dumped");
                        ShardDump::Failed(failure.message)
                    }
                };
                self.begun.insert(dump, Stage::Ended(said));
            }
            // It was cut off in a panic, and which it was is not known: each that is under way and has no task is one.
            Some(Err(error)) => {
                tracing::error!(%error, "a dump ended without a word");
                if self.tasks.is_empty() {
                    let under = self.begun.values_mut().filter(|stage| matches!(stage, Stage::Under(_)));
                    under.for_each(|stage| *stage = Stage::Ended(ShardDump::Failed(error.to_string())));
                }
            }
            None => pending().await,
        }
    }

    /// Those that have ended and were not reported.
    pub(super) fn ended(&self) -> Vec<(DumpId, ShardDump)> {
        let ended = |(dump, stage): (&DumpId, &Stage)| match stage {
            Stage::Ended(said) => Some((*dump, said.clone())),
            Stage::Under(_) | Stage::Reported => None,
        };
        self.begun.iter().filter_map(ended).collect()
    }

    /// One was reported.
    pub(super) fn reported(&mut self, dump: DumpId) {
        self.begun.insert(dump, Stage::Reported);
    }

    /// Forgets those that nobody waits for: they were reported, or their dump was given up, which ends them.
    pub(super) fn forget_all_but(&mut self, awaited: &BTreeMap<DumpId, IndexUuid>) {
        self.begun.retain(|dump, stage| match stage {
            Stage::Under(task) if !awaited.contains_key(dump) => {
                tracing::info!(%dump, "a dump is not waited for any longer: this process's part of it is given up");
                task.abort();
                false
            }
            Stage::Reported => awaited.contains_key(dump),
            Stage::Under(_) | Stage::Ended(_) => true,
        });
    }
}
