//! A round: the generations of an index are told what has changed at the primary.
//!
//! Documents are told as they are now, so that between two questions there are states in which some are older than others.
//! The generations hear of what was gathered once it is the whole of one seq, and of nothing in between. All that stand
//! together are told together; for one that is farther behind the primary is asked once more, when the newest has its part.

use super::pause::{Came, Pauses};
use super::{Ended, Follower, Trails};
use crate::reconcile::replica::Leader;
use crate::table::Reach;
use annuli_api::shard_api::{Changed, ChangesAsked, Position};
use annuli_api::{ErrorCode, Failure};
use annuli_core::{DocId, Generation, IndexUuid, ShardId};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, sleep};

/// Documents of one question: some ten milliseconds of work on either side. Fewer, where they are long.
pub(super) const PAGE_DOCUMENTS_MAX: usize = 2_000;

/// How long it is gathered for one round. What changes faster than it is told is never the whole of one seq.
pub(super) const GATHER_MAX: Duration = Duration::from_secs(30);

/// Longest wait for an answer.
const WAIT: Duration = Duration::from_secs(5);

/// An index that follows.
pub(super) struct Follows {
    pub(super) index: IndexUuid,
    pub(super) shard: ShardId,
    pub(super) follower: Arc<dyn Follower>,
    pub(super) reach: Arc<dyn Reach>,
    pub(super) trails: Arc<Trails>,
    /// Of all indexes.
    pub(super) large: Arc<Semaphore>,
}

/// What has changed behind a position, by document: what was told of it last is right.
#[derive(Default)]
struct Gathered {
    documents: BTreeMap<DocId, Changed>,
    bytes: usize,
    /// Held until it is told, if it is large.
    turn: Option<(OwnedSemaphorePermit, Instant)>,
}

/// What the newest was told last: by whom, and up to where.
#[derive(Clone)]
struct Led {
    leader: Leader,
    reached: Option<Position>,
}

/// Why nothing was gathered.
enum Failed {
    /// It may be otherwise soon.
    Now(Failure),
    /// It stays so.
    ForGood(Ended, Failure),
}

impl From<Failure> for Failed {
    fn from(failure: Failure) -> Self {
        if failure.code != ErrorCode::StaleToken {
            return Self::Now(failure);
        }
        let ended = if failure.blames_the_log() { Ended::TooFar } else { Ended::OtherLine };
        Self::ForGood(ended, failure)
    }
}

impl Follows {
    /// As long as somebody gives orders. Those that are farther behind than the newest are told beside it: however long that
    /// takes, or whatever it fails by, the newest does not wait for it.
    pub(super) async fn run(self, orders: watch::Receiver<Leader>) {
        let (says, told) = watch::channel(None);
        tokio::join!(self.lead(orders, says), self.trail(told));
    }

    /// The newest, and all that stand together with it.
    async fn lead(&self, mut orders: watch::Receiver<Leader>, says: watch::Sender<Option<Led>>) {
        let mut pauses = Pauses::default();
        loop {
            let leader = orders.borrow_and_update().clone();
            let round = self.newest_round(&leader).await;
            let round = round.map(|(came, reached)| {
                says.send_replace(Some(Led { leader: leader.clone(), reached }));
                came
            });
            self.trails.round_over(self.index, round.is_err());
            match &round {
                Ok(_) if pauses.has_failed() => tracing::info!(index = %leader.name, "follows its primary again"),
                Err(failure) if !pauses.has_failed() => {
                    tracing::warn!(index = %leader.name, %failure, "does not follow its primary for now");
                }
                Ok(_) | Err(_) => {}
            }
            let pause = pauses.after(&round);
            tokio::select! {
                biased;
                changed = orders.changed() => if changed.is_err() { return },
                () = sleep(pause) => {}
            }
        }
    }

    /// The others, each time that the newest was told: whoever goes over to it finds no less there.
    async fn trail(&self, mut told: watch::Receiver<Option<Led>>) {
        let mut pauses = Pauses::default();
        while told.changed().await.is_ok() {
            let Some(Led { leader, reached }) = told.borrow_and_update().clone() else { continue };
            let round = self.round_of_others(&leader, reached).await;
            let has_failed = pauses.has_failed();
            let pause = pauses.after(&round);
            match &round {
                Ok(_) if has_failed => tracing::info!(index = %leader.name, "all generations follow the primary again"),
                Ok(_) => {}
                Err(failure) => {
                    if !has_failed {
                        tracing::warn!(index = %leader.name, %failure, "an earlier generation does not follow the primary for now");
                    }
                    let is_another = |led: &Option<Led>| led.as_ref().is_some_and(|led| led.leader != leader);
                    tokio::select! {
                        biased;
                        another = told.wait_for(is_another) => if another.is_err() { return },
                        () = sleep(pause) => {}
                    }
                    // What was told meanwhile counts as seen, and is what is to be tried again now.
                    told.mark_changed();
                }
            }
        }
    }

    /// Returns where the primary stood.
    async fn newest_round(&self, leader: &Leader) -> Result<(Came, Option<Position>), Failure> {
        for (generation, from) in self.follower.stands(self.index) {
            if let Some((came, reached)) = self.tell(leader, generation, from).await? {
                return Ok((came, Some(reached)));
            }
        }
        Ok((Came::Nobody, None))
    }

    async fn round_of_others(&self, leader: &Leader, reached: Option<Position>) -> Result<Came, Failure> {
        let mut round = Ok(Came::Nothing);
        for (generation, _) in self.follower.stands(self.index) {
            // It may have been told with another.
            let Some(from) = self.stands(generation).filter(|from| !has_reached(*from, reached)) else { continue };
            let told = self.tell(leader, generation, from).await;
            self.trails.settles(self.index);
            round = round.and_then(|_| told.map(|_| Came::News));
        }
        round
    }

    /// Tells a generation, and all that stand together with it, everything that has changed; returns where the primary stood,
    /// and nothing of one that follows no longer.
    async fn tell(
        &self,
        leader: &Leader,
        generation: Generation,
        from: Position,
    ) -> Result<Option<(Came, Position)>, Failure> {
        let began = Instant::now();
        match self.gather(leader, from).await {
            Ok((gathered, to)) => {
                let (mut came, mut followed) = (Came::Nothing, Ok(()));
                // Also where no document is another than it was: what was written and deleted counts.
                if to.seq > from.seq {
                    came = Came::News;
                    let told = gathered.documents.into_values().collect();
                    followed = self.follower.follow(self.index, told, (from, to)).await;
                }
                let stand = self.follower.stands(self.index).into_iter();
                let even = stand.filter(|(_, here)| has_reached(*here, Some(to))).map(|(number, _)| number);
                self.trails.even(self.index, even, began);
                followed.map(|()| Some((came, to)))
            }
            Err(Failed::Now(failure)) => Err(failure),
            Err(Failed::ForGood(ended, failure)) => {
                let (index, seq) = (&leader.name, from.seq.0);
                tracing::warn!(%index, %generation, seq, %failure, "a generation follows its primary no longer");
                self.follower.follow_no_longer(self.index, generation, ended);
                Ok(None)
            }
        }
    }

    /// Where a generation stands now, if it follows.
    fn stands(&self, generation: Generation) -> Option<Position> {
        let found = self.follower.stands(self.index).into_iter().find(|(number, _)| *number == generation);
        found.map(|(_, position)| position)
    }

    /// What has changed behind `from`, and up to where that is everything.
    async fn gather(&self, leader: &Leader, from: Position) -> Result<(Gathered, Position), Failed> {
        let nobody = || Failure::new(ErrorCode::ShardUnavailable, "its primary is down, or has not started yet");
        let address = leader.address.as_ref().ok_or_else(nobody)?;
        let primary = self.reach.shard(address, self.index, self.shard);
        let (mut gathered, mut after) = (Gathered::default(), from);
        loop {
            let asked = ChangesAsked { after, owner: self.shard, shards: leader.shards, limit: PAGE_DOCUMENTS_MAX };
            let changes = primary.changes(asked, soon()).await?;
            self.trails.primary_at(self.index, changes.position.seq);
            gathered.add(changes.documents, self.follower.bytes_max())?;
            after.seq = changes.through;
            // Whatever was told before of a document that has changed since was told again by now.
            if changes.through >= changes.position.seq {
                return Ok((gathered, changes.position));
            }
            gathered.goes_on(self).await?;
        }
    }
}

/// Whether who stands there has all of that.
fn has_reached(here: Position, all: Option<Position>) -> bool {
    all.is_some_and(|all| here.history == all.history && here.seq >= all.seq)
}

impl Gathered {
    fn add(&mut self, told: Vec<Changed>, bytes_max: usize) -> Result<(), Failed> {
        for changed in told {
            self.bytes += changed.bytes_about();
            if let Some(before) = self.documents.insert(changed.id().clone(), changed) {
                self.bytes -= before.bytes_about();
            }
        }
        if self.bytes <= bytes_max {
            return Ok(());
        }
        let (documents, bytes) = (self.documents.len(), self.bytes);
        let message = format!(
            "what has changed takes more memory than an index may have: {documents} documents so far, about {bytes} bytes, of {bytes_max}"
        );
        Err(Failed::ForGood(Ended::TooFar, Failure::new(ErrorCode::LimitExceeded, message)))
    }

    /// There is more than one answer to gather: when its turn comes, and not for ever.
    async fn goes_on(&mut self, follows: &Follows) -> Result<(), Failure> {
        let Some((_, ends)) = &self.turn else {
            follows.trails.waits_for_its_turn(follows.index);
            let turn = Arc::clone(&follows.large).acquire_owned().await.expect("it is never closed");
            follows.trails.has_its_turn(follows.index);
            self.turn = Some((turn, Instant::now() + GATHER_MAX));
            return Ok(());
        };
        if Instant::now() < *ends {
            return Ok(());
        }
        let (documents, seconds) = (self.documents.len(), GATHER_MAX.as_secs());
        let message =
            format!("more is written than is told in time: after {seconds} s and {documents} documents there is more");
        Err(Failure::new(ErrorCode::DeadlineExceeded, message))
    }
}

fn soon() -> std::time::Instant {
    (Instant::now() + WAIT).into_std()
}
