//! A shard behind its replicas: who answers which call.

use crate::ask;
use crate::choice::{Candidate, Turn, choose};
use crate::health::Health;
use crate::hedging::Hedging;
use crate::limits::NOTICEABLE;
use crate::memory::Memory;
use crate::pace::is_out_of_line;
use crate::served::Served;
use crate::standing::{Admission, Why};
use crate::underway::{Patience, Trials, Underway};
use annuli_api::shard_api::{
    Changes, ChangesAsked, ConditionalWrite, Consistency, Counted, Deleted, Got, Listed, Position, Read, SearchMode,
    ShardHits, ShardList, ShardSearch, ShardStatus, Written,
};
use annuli_api::{Failure, ShardApi};
use annuli_core::{DocId, Filter};
use async_trait::async_trait;
use std::sync::Arc;
use std::time::{Duration, Instant as StdInstant};
use tokio::time::Instant;

/// A shard whose reads go to replicas of one generation, and whose primary has the rest: writes, reads that ask for it
/// or for more than the generation has, and every read that no replica is able to answer.
pub struct ReplicaSet {
    pub(crate) replicas: Box<[Replica]>,
    pub(crate) primary: Arc<dyn ShardApi>,
    /// Where the generation stands.
    pub(crate) holds: Position,
    pub(crate) memory: Arc<Memory>,
    pub(crate) hedging: Arc<Hedging>,
}

/// A replica of the set.
pub(crate) struct Replica {
    /// Answers from the generation that the set is of, or not at all.
    pub(crate) handle: Arc<dyn ShardApi>,
    /// Of its process, for whatever that is asked.
    pub(crate) health: Arc<Health>,
    /// Of what this set asks it for.
    pub(crate) served: Arc<Served>,
}

impl ReplicaSet {
    /// Whether replicas may answer this read: their generation is recent enough for it.
    fn is_for_replicas(&self, read: Read) -> bool {
        if read.consistency == Consistency::Primary {
            return false;
        }
        let has = |after: Position| after.history == self.holds.history && after.seq <= self.holds.seq;
        let is_held = read.after.is_none_or(has);
        if !is_held {
            self.memory.note_fresher();
        }
        is_held
    }

    pub(crate) fn replica(&self, place: usize) -> &Replica {
        &self.replicas[place]
    }

    /// Begins a call of one of the replicas but those that were asked; `None` if none of them may be asked.
    pub(crate) fn begin<'a>(
        &'a self,
        was_asked: impl Fn(usize) -> bool,
        turn: Turn,
        patience: Patience<'a>,
    ) -> Option<Underway<'a>> {
        let now = Instant::now();
        loop {
            let chosen = self.choose(&was_asked, turn, now)?;
            // Another call may try it by now: then there is one candidate less.
            if let Some(trials) = Trials::begin(self.replica(chosen.place), &chosen, now) {
                return Some(Underway::begin(self, (chosen.place, trials), turn, patience, now));
            }
        }
    }

    /// Begins a second call, of another replica than the one at that place, if there is one and it may be spent.
    pub(crate) fn begin_hedge<'a>(&'a self, first: usize, patience: Patience<'a>) -> Option<Underway<'a>> {
        let now = Instant::now();
        let chosen = self.choose(|place| place == first, Turn::Hedge, now)?;
        self.hedging.take().then(|| Underway::begin(self, (chosen.place, Trials::NONE), Turn::Hedge, patience, now))
    }

    fn choose(&self, was_asked: impl Fn(usize) -> bool, turn: Turn, now: Instant) -> Option<Candidate> {
        let others = self.replicas.iter().enumerate().filter(|(place, _)| !was_asked(*place));
        let candidates = others.filter_map(|(place, replica)| self.candidate(place, replica, now));
        choose(candidates, turn, &mut fastrand::Rng::new())
    }

    fn candidate(&self, place: usize, Replica { health, served, .. }: &Replica, now: Instant) -> Option<Candidate> {
        let due = match health.admission(now) {
            Admission::Open => false,
            Admission::Due => true,
            Admission::Closed(Why::Slowness) if self.too_many_are_slow(0) => false,
            Admission::Closed(_) => return None,
        };
        let due = match served.admission(now) {
            Admission::Open => due,
            Admission::Due => true,
            Admission::Closed(_) => return None,
        };
        Some(Candidate { place, due, in_flight: health.in_flight(), pace: health.pace(now) })
    }

    /// Whether more than half would be out for being slow, with so many more. Who is slow still answers, and the others
    /// would have to bear their load. The same replica may be one of many in another set: so this is asked whenever one
    /// is chosen, and not only when one is ejected.
    fn too_many_are_slow(&self, more: usize) -> bool {
        let slow = self.replicas.iter().filter(|replica| replica.health.standing().ejected() == Some(Why::Slowness));
        2 * (slow.count() + more) > self.replicas.len()
    }

    /// Ejects the replica at that place, whose last answer took so long, if it is out of line with the others.
    pub(crate) fn judge(&self, place: usize, took: Duration, now: Instant) {
        if took < NOTICEABLE {
            return;
        }
        let health = &self.replica(place).health;
        let others = self.replicas.iter().enumerate().filter(|(other, _)| *other != place);
        let asked = others.filter(|(_, other)| other.health.standing().ejected().is_none());
        let paces = asked.map(|(_, other)| other.health.pace(now));
        if is_out_of_line(health.pace(now), paces) && !self.too_many_are_slow(1) {
            health.out_of_line(now);
        }
    }
}

/// A search of one vector, that walks: how long it takes says something of who answers. What asks for more is slow for
/// what it asks; to make it twice would be dear, and no quicker.
fn is_usual(search: &ShardSearch) -> bool {
    search.queries.len() == 1 && matches!(search.mode, SearchMode::Approximate { .. })
}

#[async_trait]
impl ShardApi for ReplicaSet {
    async fn write(&self, writes: Vec<ConditionalWrite>, deadline: StdInstant) -> Result<Written, Failure> {
        self.primary.write(writes, deadline).await
    }

    async fn delete_matching(&self, filter: Arc<Filter>, deadline: StdInstant) -> Result<Deleted, Failure> {
        self.primary.delete_matching(filter, deadline).await
    }

    async fn search(&self, search: ShardSearch, deadline: StdInstant) -> Result<ShardHits, Failure> {
        if !self.is_for_replicas(search.read) {
            return self.primary.search(search, deadline).await;
        }
        let tempo = is_usual(&search).then_some(&self.memory.searches);
        ask::in_turn(self, tempo, deadline.into(), |shard| shard.search(search.clone(), deadline)).await
    }

    async fn get(&self, ids: Vec<DocId>, read: Read, deadline: StdInstant) -> Result<Got, Failure> {
        if !self.is_for_replicas(read) {
            return self.primary.get(ids, read, deadline).await;
        }
        let tempo = (ids.len() == 1).then_some(&self.memory.gets);
        ask::in_turn(self, tempo, deadline.into(), |shard| shard.get(ids.clone(), read, deadline)).await
    }

    async fn list(&self, list: ShardList, read: Read, deadline: StdInstant) -> Result<Listed, Failure> {
        if !self.is_for_replicas(read) {
            return self.primary.list(list, read, deadline).await;
        }
        ask::in_turn(self, None, deadline.into(), |shard| shard.list(list.clone(), read, deadline)).await
    }

    async fn count(&self, filter: Option<Arc<Filter>>, read: Read, deadline: StdInstant) -> Result<Counted, Failure> {
        if !self.is_for_replicas(read) {
            return self.primary.count(filter, read, deadline).await;
        }
        ask::in_turn(self, None, deadline.into(), |shard| shard.count(filter.clone(), read, deadline)).await
    }

    async fn changes(&self, asked: ChangesAsked, deadline: StdInstant) -> Result<Changes, Failure> {
        self.primary.changes(asked, deadline).await
    }

    async fn status(&self) -> Result<ShardStatus, Failure> {
        self.primary.status().await
    }
}
