//! A shard with a primary and some replicas, and what a test asks of it.

use crate::fake::{AT_ONCE, Fake, Manner, history};
use annuli_api::shard_api::{Consistency, Include, Position, Read, SearchMode, ShardList, ShardSearch};
use annuli_api::{Failure, ShardApi};
use annuli_core::{DocId, IndexUuid, Seq, ShardId, Vector};
use annuli_replicas::{Ready, ReplicaReport, ReplicaSet, ReplicaState, Roster, ShardReport};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use uuid::Uuid;

/// Where the replicas' generation stands.
pub(crate) const HOLDS: Seq = Seq(50);

/// The seq of the primary's answers; those of the replicas are of 0, 1, and so on.
pub(crate) const PRIMARY: u64 = 100;

pub(crate) struct World {
    pub(crate) roster: Roster,
    pub(crate) replicas: Vec<Arc<Fake>>,
    pub(crate) primary: Arc<Fake>,
    pub(crate) set: Arc<ReplicaSet>,
}

pub(crate) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn after(time: Duration) -> Instant {
    (tokio::time::Instant::now() + time).into_std()
}

pub(crate) fn soon() -> Instant {
    after(millis(10_000))
}

pub(crate) fn read() -> Read {
    Read { include: Include { metadata: false, vector: false }, after: None, consistency: Consistency::Replica }
}

pub(crate) fn search() -> ShardSearch {
    let queries = [Vector::new(vec![1.0]).unwrap()].into();
    let mode = SearchMode::Approximate { ef: 10 };
    ShardSearch { queries, k: 1, mode, filter: None, except: None, read: read() }
}

pub(crate) fn list() -> ShardList {
    ShardList { behind: None, limit: 1, filter: None }
}

pub(crate) fn ids(number: usize) -> Vec<DocId> {
    (0..number).map(|number| DocId::new(&number.to_string()).unwrap()).collect()
}

/// A set of the shard of index `index` over some of the replicas.
pub(crate) fn set(roster: &Roster, index: u128, replicas: &[Arc<Fake>], primary: &Arc<Fake>) -> Arc<ReplicaSet> {
    set_at(roster, index, HOLDS.0, replicas, primary)
}

/// The same, of a generation that stands at that seq.
pub(crate) fn set_at(
    roster: &Roster,
    index: u128,
    seq: u64,
    replicas: &[Arc<Fake>],
    primary: &Arc<Fake>,
) -> Arc<ReplicaSet> {
    let ready = |replica: &Arc<Fake>| Ready { name: replica.name(), handle: Arc::clone(replica) as _ };
    let holds = Position { history: history(), seq: Seq(seq) };
    let key = (IndexUuid(Uuid::from_u128(index)), ShardId(0));
    Arc::new(roster.set(key, holds, replicas.iter().map(ready).collect(), Arc::clone(primary) as _))
}

impl World {
    /// A shard with so many replicas, all of which answer at once.
    pub(crate) fn of(replicas: u64) -> Self {
        // What is drawn is the same in every run.
        fastrand::seed(7);
        let (roster, primary) = (Roster::default(), Fake::new(PRIMARY));
        let replicas: Vec<_> = (0..replicas).map(Fake::new).collect();
        let set = set(&roster, 1, &replicas, &primary);
        Self { roster, replicas, primary, set }
    }

    /// Who answers a search.
    pub(crate) async fn search(&self) -> Result<u64, Failure> {
        self.search_by(soon()).await
    }

    pub(crate) async fn search_by(&self, deadline: Instant) -> Result<u64, Failure> {
        self.set.search(search(), deadline).await.map(|hits| hits.position.seq.0)
    }

    /// Searches so often, one after the other; each must be answered.
    pub(crate) async fn searches(&self, number: usize) {
        for _ in 0..number {
            self.search().await.unwrap();
        }
    }

    /// Every replica takes so long for long enough that it is known how long answers take.
    pub(crate) async fn used_to(&self, took: Duration) {
        self.all_be(Manner::Answers(took));
        self.searches(200).await;
        self.all_be(AT_ONCE);
        self.asked();
    }

    /// The same for reads of one document.
    pub(crate) async fn used_to_gets(&self, took: Duration) {
        self.all_be(Manner::Answers(took));
        for _ in 0..200 {
            self.set.get(ids(1), read(), soon()).await.unwrap();
        }
        self.all_be(AT_ONCE);
        self.asked();
    }

    /// Searches so often at the same time, so that who is slow is asked as well; each must be answered.
    pub(crate) async fn at_once(&self, number: usize) {
        let mut searches = JoinSet::new();
        for _ in 0..number {
            let set = Arc::clone(&self.set);
            searches.spawn(async move { set.search(search(), soon()).await });
        }
        searches.join_all().await.into_iter().for_each(|answer| drop(answer.unwrap()));
    }

    /// Searches until the replica at that place is ejected.
    pub(crate) async fn until_ejected(&self, place: usize) {
        for _ in 0..1_000 {
            if self.state(place) != ReplicaState::Sound {
                self.asked();
                return;
            }
            self.at_once(5).await;
        }
        panic!("replica {place} is not ejected: {:?}", self.replica(place));
    }

    pub(crate) fn all_be(&self, manner: Manner) {
        self.replicas.iter().for_each(|replica| replica.be(manner));
    }

    /// How often each replica was asked since this was last looked at, and at the end the primary.
    pub(crate) fn asked(&self) -> Vec<usize> {
        self.replicas.iter().chain([&self.primary]).map(|fake| fake.take_calls()).collect()
    }

    pub(crate) fn replica(&self, place: usize) -> ReplicaReport {
        let name = self.replicas[place].name();
        self.roster.replicas().into_iter().find(|report| *report.name == name).unwrap()
    }

    pub(crate) fn state(&self, place: usize) -> ReplicaState {
        self.replica(place).state
    }

    pub(crate) fn shard(&self) -> ShardReport {
        self.roster.shards()[0]
    }

    /// Whether no call is under way anywhere.
    #[track_caller]
    pub(crate) fn assert_idle(&self) {
        for (place, replica) in self.replicas.iter().enumerate() {
            assert_eq!((replica.under_way(), self.replica(place).in_flight), (0, 0), "replica {place}");
        }
        assert_eq!(self.primary.under_way(), 0);
    }
}
