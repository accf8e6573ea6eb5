//! A primary that says what it was given to say, and generations that write down what they are told.

use super::pause::PAUSE;
use super::*;
use crate::table::{Absent, Replicated};
use crate::testing::{at, name, uuid};
use annuli_api::shard_api::{
    Changes, ChangesAsked, ConditionalWrite, Counted, Deleted, Got, Listed, Read, ShardHits, ShardList, ShardSearch,
    ShardStatus, Written,
};
use annuli_api::{ErrorCode, ShardApi};
use annuli_core::{DocId, Filter, Metadata, Seq, ShardCount, Vector};
use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::sleep;

/// What a primary answers to a question.
pub(super) enum Answer {
    Tells(Changes),
    Fails(Failure),
    Slowly(Changes),
}

/// How long a slow answer takes.
pub(super) const SLOWLY: Duration = Duration::from_secs(1);

/// What is heard at once, at most: as much as any test says.
const HEARD_MAX: usize = 64;

/// A primary that says what it was given to say, and then that nothing more has changed.
#[derive(Default)]
pub(super) struct Primary {
    pub(super) answers: Mutex<VecDeque<Answer>>,
    /// Whoever asks from there is refused.
    pub(super) refuses: Mutex<Option<u64>>,
    asked: Mutex<Vec<u64>>,
}

/// Reaches it, at any address.
struct Line(Arc<Primary>);

/// Generations that write down what they are told. One that takes over less than a round has is told no more.
pub(super) struct Generations {
    stand: Mutex<BTreeMap<Generation, Position>>,
    bytes_max: usize,
    says: mpsc::Sender<Heard>,
}

#[derive(Debug, PartialEq)]
pub(super) enum Heard {
    Told(u64, Vec<Changed>, u64),
    NoLonger(u64, Ended),
}

fn nothing() -> Absent {
    Absent(Failure::new(ErrorCode::Internal, "a primary is asked for changes alone"))
}

#[async_trait]
impl ShardApi for Primary {
    async fn changes(&self, asked: ChangesAsked, _: std::time::Instant) -> Result<Changes, Failure> {
        self.asked.lock().unwrap().push(asked.after.seq.0);
        if *self.refuses.lock().unwrap() == Some(asked.after.seq.0) {
            return Err(Failure::new(ErrorCode::ShardUnavailable, "not from there"));
        }
        let answer = self.answers.lock().unwrap().pop_front();
        match answer {
            Some(Answer::Tells(changes)) => Ok(changes),
            Some(Answer::Fails(failure)) => Err(failure),
            Some(Answer::Slowly(changes)) => {
                sleep(SLOWLY).await;
                Ok(changes)
            }
            None => Ok(Changes { documents: Vec::new(), through: asked.after.seq, position: asked.after }),
        }
    }

    async fn write(&self, writes: Vec<ConditionalWrite>, deadline: std::time::Instant) -> Result<Written, Failure> {
        nothing().write(writes, deadline).await
    }

    async fn delete_matching(&self, filter: Arc<Filter>, deadline: std::time::Instant) -> Result<Deleted, Failure> {
        nothing().delete_matching(filter, deadline).await
    }

    async fn search(&self, search: ShardSearch, deadline: std::time::Instant) -> Result<ShardHits, Failure> {
        nothing().search(search, deadline).await
    }

    async fn get(&self, ids: Vec<DocId>, read: Read, deadline: std::time::Instant) -> Result<Got, Failure> {
        nothing().get(ids, read, deadline).await
    }

    async fn list(&self, list: ShardList, read: Read, deadline: std::time::Instant) -> Result<Listed, Failure> {
        nothing().list(list, read, deadline).await
    }

    async fn count(
        &self,
        filter: Option<Arc<Filter>>,
        read: Read,
        deadline: std::time::Instant,
    ) -> Result<Counted, Failure> {
        nothing().count(filter, read, deadline).await
    }

    async fn status(&self) -> Result<ShardStatus, Failure> {
        nothing().status().await
    }
}

impl Reach for Line {
    fn shard(&self, _: &str, _: IndexUuid, _: ShardId) -> Arc<dyn ShardApi> {
        Arc::clone(&self.0) as _
    }

    fn generation(&self, _: &str, _: IndexUuid, _: ShardId, _: Generation) -> Arc<dyn ShardApi> {
        panic!("primaries are asked")
    }

    fn replicated(&self, _: Replicated<'_>, _: Arc<dyn ShardApi>) -> Arc<dyn ShardApi> {
        panic!("primaries are asked")
    }

    fn made_anew(&self) {}
}

#[async_trait]
impl Follower for Generations {
    fn stands(&self, _: IndexUuid) -> Vec<(Generation, Position)> {
        self.stand.lock().unwrap().iter().rev().map(|(&number, &position)| (number, position)).collect()
    }

    fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    async fn follow(&self, _: IndexUuid, told: Vec<Changed>, (from, to): (Position, Position)) -> Result<(), Failure> {
        let mut stand = self.stand.lock().unwrap();
        stand.values_mut().filter(|here| here.seq >= from.seq).for_each(|here| *here = to);
        // What comes after the end of a test is heard by nobody.
        let _ = self.says.try_send(Heard::Told(from.seq.0, told, to.seq.0));
        Ok(())
    }

    fn follow_no_longer(&self, _: IndexUuid, generation: Generation, ended: Ended) {
        self.stand.lock().unwrap().remove(&generation);
        let _ = self.says.try_send(Heard::NoLonger(generation.0, ended));
    }
}

pub(super) fn is(text: &str, seq: u64) -> Changed {
    let (id, vector) = (DocId::new(text).unwrap(), Vector::new(vec![seq as f32, 1.0]).unwrap());
    Changed::Is { id, seq: Seq(seq), vector, metadata: Metadata::default() }
}

pub(super) fn gone(text: &str) -> Changed {
    Changed::Gone { id: DocId::new(text).unwrap() }
}

pub(super) fn changes<const N: usize>(documents: [Changed; N], through: u64, position: u64) -> Answer {
    Answer::Tells(Changes { documents: documents.into(), through: Seq(through), position: at(1, position) })
}

/// What generations hear of a primary that gives those answers.
pub(super) struct Scene {
    pub(super) primary: Arc<Primary>,
    pub(super) generations: Arc<Generations>,
    pub(super) following: Following,
    pub(super) heard: mpsc::Receiver<Heard>,
}

impl Scene {
    /// One generation, at seq 10.
    pub(super) fn of(answers: impl Into<VecDeque<Answer>>) -> Self {
        Self::with(&[(1, 10)], answers)
    }

    /// Generations that stand there, by number.
    pub(super) fn with(stand: &[(u64, u64)], answers: impl Into<VecDeque<Answer>>) -> Self {
        Self::with_memory(stand, answers, usize::MAX)
    }

    pub(super) fn with_memory(stand: &[(u64, u64)], answers: impl Into<VecDeque<Answer>>, bytes_max: usize) -> Self {
        let primary = Arc::new(Primary { answers: Mutex::new(answers.into()), ..Primary::default() });
        let (says, heard) = mpsc::channel(HEARD_MAX);
        let stand = stand.iter().map(|&(number, seq)| (Generation(number), at(1, seq))).collect();
        let generations = Arc::new(Generations { stand: Mutex::new(stand), bytes_max, says });
        let reach = Arc::new(Line(Arc::clone(&primary)));
        let following = Following::new(Arc::clone(&generations) as _, reach, ShardId(0));
        let mut scene = Self { primary, generations, following, heard };
        scene.look();
        scene.following.keep_to(&led_from(Some("somewhere")));
        scene
    }

    /// Takes in that both generations are held.
    pub(super) fn look(&self) -> Option<Instant> {
        self.following.look(&[1, 2].map(|number| ((uuid(1), Generation(number)), Ok(()))).into())
    }

    pub(super) fn ready(&self) -> [bool; 2] {
        [1, 2].map(|number| self.following.has_caught_up((uuid(1), Generation(number))))
    }

    pub(super) async fn hears(&mut self) -> Heard {
        self.heard.recv().await.expect("it follows")
    }

    pub(super) fn asked(&self) -> Vec<u64> {
        self.primary.asked.lock().unwrap().clone()
    }

    pub(super) fn trail(&self) -> Trail {
        self.following.trails().of(uuid(1), Generation(1)).expect("it serves")
    }

    /// Until the round that is under way has ended.
    pub(super) async fn settles(&self) {
        sleep(PAUSE / 2).await;
    }
}

pub(super) fn led_from(address: Option<&str>) -> BTreeMap<IndexUuid, Leader> {
    let (address, generations) = (address.map(str::to_owned), vec![Generation(1)]);
    [(uuid(1), Leader { name: name("faces"), shards: ShardCount::ONE, address, generations })].into()
}

/// One behind which there is always one more.
pub(super) fn slow(documents: [Changed; 1], through: u64) -> Answer {
    Answer::Slowly(Changes { documents: documents.into(), through: Seq(through), position: at(1, through + 1) })
}

pub(super) fn fails(code: ErrorCode) -> Answer {
    Answer::Fails(Failure::new(code, "not now"))
}
