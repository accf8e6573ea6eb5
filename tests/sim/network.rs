//! The network between routers and the processes that hold shards: what a router asks arrives late, or never, or its
//! answer does not.

use crate::held::{Asker, Question};
use crate::world::{Who, World, locked};
use annuli_api::shard_api::{
    Changes, ChangesAsked, ConditionalWrite, Counted, Deleted, Got, Listed, Read, ShardHits, ShardList, ShardSearch,
    ShardStatus, Written,
};
use annuli_api::{Effect, ErrorCode, Failure, ShardApi};
use annuli_core::{DocId, Filter, Generation, IndexUuid, ShardId};
use async_trait::async_trait;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// Requests that wait for a process to take them.
pub(crate) const INBOX: usize = 4_096;

/// Where a running process takes its requests.
#[derive(Clone)]
pub(crate) struct Inbox {
    pub(crate) who: Who,
    pub(crate) requests: mpsc::Sender<Request>,
}

/// What is asked of a process. As between real processes the time that is left travels, and not the moment.
pub(crate) struct Request {
    pub(crate) target: Target,
    pub(crate) ask: Ask,
    pub(crate) left: Duration,
    pub(crate) reply: Reply,
}

/// Which shard is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target {
    pub(crate) index: IndexUuid,
    pub(crate) shard: ShardId,
    pub(crate) generation: Option<Generation>,
}

/// A call of a shard.
pub(crate) enum Ask {
    Write(Vec<ConditionalWrite>),
    DeleteMatching(Arc<Filter>),
    Search(ShardSearch),
    Get(Vec<DocId>, Read),
    List(ShardList, Read),
    Count(Option<Arc<Filter>>, Read),
    Changes(ChangesAsked),
    Status,
}

/// The answer to one.
pub(crate) enum Answer {
    Written(Written),
    Deleted(Deleted),
    Hits(ShardHits),
    Got(Got),
    Listed(Listed),
    Counted(Counted),
    Changes(Changes),
    Status(ShardStatus),
}

type Answered = Result<Answer, Failure>;

/// The way back of an answer.
pub(crate) struct Reply {
    world: Arc<World>,
    between: (Who, Who),
    says: oneshot::Sender<Answered>,
    question: Question,
}

impl Reply {
    /// Waits until nobody waits for the answer any longer.
    pub(crate) async fn is_not_awaited(&mut self) {
        self.says.closed().await;
    }

    pub(crate) fn send(self, answer: Answered) {
        let Self { world, between: (from, to), says, question } = self;
        drop(question);
        let later = Arc::clone(&world);
        world.schedule.after(world.delay(), move || {
            let weather = locked(&later.weather).clone();
            if weather.are_apart(from, to) || later.dice.permille(weather.lost) {
                return hang_up(&later, says);
            }
            // Who has asked may have gone.
            let _ = says.send(answer);
        });
    }
}

/// The connection breaks, which is found out after a while.
fn hang_up(world: &World, says: oneshot::Sender<Answered>) {
    world.schedule.after(world.dice.between(1, 15_000), move || drop(says));
}

/// Brings a request to a process; without an answer the connection broke.
fn send(
    world: &Arc<World>,
    from: Who,
    address: &str,
    target: Target,
    ask: Ask,
    left: Duration,
) -> impl Future<Output = Option<Answered>> + Send + use<> {
    let (says, answer) = oneshot::channel();
    let (asker, ended) = Asker::new();
    let (later, address) = (Arc::clone(world), address.to_owned());
    world.schedule.after(world.delay(), move || {
        let inbox = locked(&later.inboxes).get(&address).cloned();
        let weather = locked(&later.weather).clone();
        let is_cut = |inbox: &Inbox| weather.are_apart(from, inbox.who) || later.dice.permille(weather.lost);
        match inbox {
            Some(inbox) if is_cut(&inbox) => hang_up(&later, says),
            Some(inbox) if !later.dice.permille(weather.refused) => {
                let question = asker.asks(&later, inbox.who);
                let reply = Reply { world: Arc::clone(&later), between: (from, inbox.who), says, question };
                // Of one that is full or was killed a moment ago the connection breaks.
                drop(inbox.requests.try_send(Request { target, ask, left, reply }));
            }
            Some(_) | None => {
                let message = format!("{address} cannot be reached, and nothing was sent");
                let refused = Failure::new(ErrorCode::ShardUnavailable, message).with_effect(Effect::None);
                // Who has asked may have gone.
                drop(says.send(Err(refused)));
            }
        }
    });
    async move {
        tokio::select! {
            biased;
            answer = answer => answer.ok(),
            () = ended => None,
        }
    }
}

/// A shard of another process.
pub(crate) struct Remote {
    pub(crate) world: Arc<World>,
    pub(crate) from: Who,
    pub(crate) address: String,
    pub(crate) target: Target,
    /// What it answers is compared, and no client gets it.
    pub(crate) is_trial: bool,
}

impl Remote {
    async fn ask(&self, ask: Ask, deadline: Instant) -> Answered {
        let left = deadline.saturating_duration_since(tokio::time::Instant::now().into_std());
        let answer = send(&self.world, self.from, &self.address, self.target, ask, left).await;
        answer.unwrap_or_else(|| {
            let message = format!("the connection to {} broke before the answer was there", self.address);
            Err(Failure::new(ErrorCode::ShardUnavailable, message).with_effect(Effect::Unknown))
        })
    }
}

fn senseless<R>() -> Result<R, Failure> {
    Err(Failure::new(ErrorCode::Internal, "it is the answer to another call"))
}

#[async_trait]
impl ShardApi for Remote {
    async fn write(&self, writes: Vec<ConditionalWrite>, deadline: Instant) -> Result<Written, Failure> {
        let Answer::Written(written) = self.ask(Ask::Write(writes), deadline).await? else { return senseless() };
        Ok(written)
    }

    async fn delete_matching(&self, filter: Arc<Filter>, deadline: Instant) -> Result<Deleted, Failure> {
        let Answer::Deleted(deleted) = self.ask(Ask::DeleteMatching(filter), deadline).await? else {
            return senseless();
        };
        Ok(deleted)
    }

    async fn search(&self, search: ShardSearch, deadline: Instant) -> Result<ShardHits, Failure> {
        let marks: Vec<_> = search.queries.iter().map(|query| query.as_slice()[0]).collect();
        let Answer::Hits(hits) = self.ask(Ask::Search(search), deadline).await? else { return senseless() };
        let Target { shard, generation, .. } = self.target;
        let mut witness = locked(&self.world.witness);
        if self.is_trial {
            witness.count("search on trial");
        } else {
            witness.saw_answer(&marks, shard, generation);
        }
        drop(witness);
        Ok(hits)
    }

    async fn get(&self, ids: Vec<DocId>, read: Read, deadline: Instant) -> Result<Got, Failure> {
        let Answer::Got(got) = self.ask(Ask::Get(ids, read), deadline).await? else { return senseless() };
        Ok(got)
    }

    async fn list(&self, list: ShardList, read: Read, deadline: Instant) -> Result<Listed, Failure> {
        let Answer::Listed(listed) = self.ask(Ask::List(list, read), deadline).await? else { return senseless() };
        Ok(listed)
    }

    async fn count(&self, filter: Option<Arc<Filter>>, read: Read, deadline: Instant) -> Result<Counted, Failure> {
        let Answer::Counted(counted) = self.ask(Ask::Count(filter, read), deadline).await? else { return senseless() };
        Ok(counted)
    }

    async fn changes(&self, asked: ChangesAsked, deadline: Instant) -> Result<Changes, Failure> {
        let Answer::Changes(changes) = self.ask(Ask::Changes(asked), deadline).await? else { return senseless() };
        Ok(changes)
    }

    async fn status(&self) -> Result<ShardStatus, Failure> {
        let deadline = tokio::time::Instant::now().into_std() + Duration::from_secs(10);
        let asked = tokio::time::timeout_at(deadline.into(), self.ask(Ask::Status, deadline)).await;
        match asked {
            Ok(Ok(Answer::Status(status))) => Ok(status),
            Ok(Ok(_)) => senseless(),
            Ok(Err(failure)) => Err(failure),
            Err(_) => Err(Failure::new(ErrorCode::DeadlineExceeded, "the shard does not say how it is")),
        }
    }
}
