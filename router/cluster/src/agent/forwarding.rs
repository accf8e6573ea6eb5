//! Shards that are on their way to this process from another layout: each reads, as a task of its own, what was written since
//! the dump that it is made of.
//!
//! It begins at the dump whenever the process does: what is read is what documents are now, so to write it twice ends in the
//! same. Nothing is to be remembered.

use crate::reconcile::{Forward, Source};
use crate::table::Reach;
use annuli_api::shard_api::{Changed, ChangesAsked, ConditionalWrite, Position};
use annuli_api::{ErrorCode, Failure, ShardApi};
use annuli_core::{IndexUuid, Seq, ShardId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

/// Documents of one question: some milliseconds of work on either side.
const PAGE_DOCUMENTS_MAX: usize = 500;

/// Changes of a shard that are little: with so many left everywhere, writes may be stopped. They take well below a second.
const NEAR_CHANGES_MAX: u64 = 1_000;

/// Between two rounds in which there was nothing to read.
const PAUSE: Duration = Duration::from_millis(25);

/// Before a primary that has not answered is asked again, and a shard that takes no writes is written again.
const RETRY_AFTER: Duration = Duration::from_millis(250);

/// Longest wait for an answer, and for a write of what was answered.
const WAIT: Duration = Duration::from_secs(10);

/// What is said at once, at most: each shard says four things in its time.
const SAYS_MAX: usize = 64;

/// What has come of reading for a shard.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Said {
    /// It trails by much again: its process has been started anew, and reads everything once more.
    Far,
    /// It trails by little.
    Near,
    /// It has everything that there will be.
    Done,
    /// It cannot go on: it is to be made anew.
    Failed(Failure),
}

/// Why a shard reads no more.
enum Ended {
    /// There is nothing more to come.
    AtTheEnd,
    /// Nobody wants it any longer.
    Unwanted,
}

/// The shards that read.
pub(super) struct Forwarding {
    begun: BTreeMap<IndexUuid, watch::Sender<Forward>>,
    /// Those whose task has not ended. Of two for one shard the earlier could write what the later has overtaken.
    running: BTreeSet<IndexUuid>,
    tasks: JoinSet<IndexUuid>,
    says: mpsc::Sender<(IndexUuid, Said)>,
    hears: mpsc::Receiver<(IndexUuid, Said)>,
    /// What was said and is yet to be reported.
    said: Vec<(IndexUuid, Said)>,
}

impl Default for Forwarding {
    fn default() -> Self {
        let (says, hears) = mpsc::channel(SAYS_MAX);
        Self { begun: BTreeMap::new(), running: BTreeSet::new(), tasks: JoinSet::new(), says, hears, said: Vec::new() }
    }
}

impl Forwarding {
    /// Lets those read, and no others, for the shards of this process.
    pub(super) fn keep_to(
        &mut self,
        forwards: &BTreeMap<IndexUuid, Forward>,
        owner: ShardId,
        reach: &Arc<dyn Reach>,
        shard: impl Fn(IndexUuid) -> Option<Arc<dyn ShardApi>>,
    ) {
        // Whoever holds the other end finds out, and ends.
        self.begun.retain(|uuid, _| forwards.contains_key(uuid));
        self.said.retain(|(uuid, _)| forwards.contains_key(uuid));
        for (uuid, forward) in forwards {
            if let Some(orders) = self.begun.get(uuid) {
                orders.send_if_modified(|known| std::mem::replace(known, forward.clone()) != *forward);
                continue;
            }
            let Some(shard) = shard(*uuid).filter(|_| !self.running.contains(uuid)) else { continue };
            let (orders, follows) = watch::channel(forward.clone());
            self.begun.insert(*uuid, orders);
            self.running.insert(*uuid);
            let reading = Reading { uuid: *uuid, owner, shard, reach: Arc::clone(reach), says: self.says.clone() };
            self.tasks.spawn(reading.run(follows));
        }
    }

    /// Waits until one says something, or has ended.
    pub(super) async fn one_said(&mut self) {
        tokio::select! {
            biased;
            Some((uuid, said)) = self.hears.recv() => {
                // What was so before it was told is not told any longer: nobody would take it back.
                self.said.retain(|(known, before)| (*known, before, &said) != (uuid, &Said::Far, &Said::Near));
                self.said.push((uuid, said));
            }
            Some(ended) = self.tasks.join_next() => match ended {
                Ok(uuid) => {
                    self.running.remove(&uuid);
                }
                // It was cut off in a panic, and which it was is not known: each is begun anew once all have ended.
                Err(error) => {
                    tracing::error!(%error, "a shard that moves ended without a word");
                    self.begun.clear();
                    if self.tasks.is_empty() {
                        self.running.clear();
                    }
                }
            },
        }
    }

    /// Lets none read any longer, and waits until none does.
    pub(super) async fn end(&mut self) {
        self.tasks.shutdown().await;
        *self = Self::default();
    }

    /// What was said and is to be reported.
    pub(super) fn said(&self) -> Vec<(IndexUuid, Said)> {
        self.said.clone()
    }

    /// That was reported.
    pub(super) fn reported(&mut self, uuid: IndexUuid, said: &Said) {
        self.said.retain(|known| *known != (uuid, said.clone()));
    }
}

/// A shard that reads.
struct Reading {
    uuid: IndexUuid,
    owner: ShardId,
    shard: Arc<dyn ShardApi>,
    reach: Arc<dyn Reach>,
    says: mpsc::Sender<(IndexUuid, Said)>,
}

impl Reading {
    async fn run(self, mut follows: watch::Receiver<Forward>) -> IndexUuid {
        match self.read(&mut follows).await {
            Ok(Ended::AtTheEnd) => self.say(Said::Done).await,
            Ok(Ended::Unwanted) => {}
            Err(failure) => self.say(Said::Failed(failure)).await,
        }
        self.uuid
    }

    async fn say(&self, said: Said) {
        // Whoever listens ends this task first.
        let _ = self.says.send((self.uuid, said)).await;
    }

    /// Reads until there is nothing more to come.
    async fn read(&self, follows: &mut watch::Receiver<Forward>) -> Result<Ended, Failure> {
        let mut forward = follows.borrow_and_update().clone();
        let mut read: BTreeMap<ShardId, Position> =
            forward.sources.iter().map(|(shard, source)| (*shard, source.dumped)).collect();
        // That was said by who had read what is yet to be read here.
        if forward.is_near {
            self.say(Said::Far).await;
        }
        let mut near = false;
        loop {
            let (mut trails, mut got_on) = (0, false);
            for (shard, source) in &forward.sources {
                let Some(position) = read.get_mut(shard) else { continue };
                if is_at_end(source, *position) {
                    continue;
                }
                let (before, left) = (position.seq, self.read_on(&forward, *shard, source, position).await?);
                got_on |= position.seq > before;
                trails = left.unwrap_or(u64::MAX).max(trails);
            }
            if forward.sources.iter().all(|(shard, source)| is_at_end(source, read[shard])) {
                return Ok(Ended::AtTheEnd);
            }
            if !near && trails <= NEAR_CHANGES_MAX {
                near = true;
                self.say(Said::Near).await;
            }
            if !got_on {
                sleep(PAUSE).await;
            }
            match follows.has_changed() {
                Ok(true) => forward = follows.borrow_and_update().clone(),
                Ok(false) => {}
                Err(_) => return Ok(Ended::Unwanted),
            }
        }
    }

    /// Reads one page of a shard, and writes it; returns how many changes are left, if that is known.
    async fn read_on(
        &self,
        forward: &Forward,
        shard: ShardId,
        source: &Source,
        read: &mut Position,
    ) -> Result<Option<u64>, Failure> {
        let Some(address) = &source.address else { return Ok(None) };
        let asked = ChangesAsked { after: *read, owner: self.owner, shards: forward.shards, limit: PAGE_DOCUMENTS_MAX };
        let handle = self.reach.shard(address, forward.index, shard);
        let changes = match handle.changes(asked, soon()).await {
            Ok(changes) => changes,
            // Another history, or a log that has lost what is needed: neither comes back.
            Err(failure) if failure.code == ErrorCode::StaleToken => return Err(failure),
            Err(failure) => {
                tracing::warn!(index = %forward.index, %shard, %failure, "what was written is not read yet");
                sleep(RETRY_AFTER).await;
                return Ok(None);
            }
        };
        let writes = changes.documents.into_iter().map(Changed::into_write);
        let writes: Vec<_> = writes.map(|write| ConditionalWrite { write, if_seq: None }).collect();
        if !writes.is_empty()
            && let Err(failure) = self.shard.write(writes, soon()).await
        {
            tracing::warn!(index = %self.uuid, %failure, "what was read is not written yet");
            sleep(RETRY_AFTER).await;
            return Ok(None);
        }
        read.seq = changes.through;
        Ok(Some(changes.position.seq.0.saturating_sub(changes.through.0)))
    }
}

fn is_at_end(source: &Source, read: Position) -> bool {
    source.last.is_some_and(|last: Seq| read.seq >= last)
}

fn soon() -> std::time::Instant {
    (Instant::now() + WAIT).into_std()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Absent;
    use crate::testing::Alone;
    use crate::testing::{at, uuid};
    use annuli_core::ShardCount;

    /// What was near before a restart reads everything since its dump again, and was sealed all the same.
    #[tokio::test]
    async fn who_was_near_and_begins_anew_says_so() {
        let mut forwarding = Forwarding::default();
        let source = Source { dumped: at(1, 5), address: None, last: None };
        let sources = [(ShardId(0), source)].into();
        let forward = Forward { index: uuid(1), shards: ShardCount::ONE, sources, is_near: true };
        let reach = Arc::new(Alone) as Arc<dyn Reach>;
        let shard = Arc::new(Absent(Failure::new(ErrorCode::Internal, "nothing is written"))) as Arc<dyn ShardApi>;
        forwarding.keep_to(&[(uuid(2), forward)].into(), ShardId(0), &reach, |_| Some(Arc::clone(&shard)));
        forwarding.one_said().await;
        assert_eq!(forwarding.said(), [(uuid(2), Said::Far)]);
        // Before that was reported, it has read everything: it is near, and is not to be taken for far any longer.
        forwarding.says.send((uuid(2), Said::Near)).await.expect("it is heard");
        forwarding.one_said().await;
        assert_eq!(forwarding.said(), [(uuid(2), Said::Near)]);
        forwarding.end().await;
    }
}
