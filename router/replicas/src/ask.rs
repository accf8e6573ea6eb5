//! One read: asks a replica, another as well when it is late, the next when it is unable, and the primary when all are.

use crate::choice::Turn;
use crate::set::ReplicaSet;
use crate::tempo::Tempo;
use crate::unable::Unable;
use crate::underway::Underway;
use crate::verdict::Verdict;
use annuli_api::{Failure, ShardApi};
use std::pin::Pin;
use std::time::Duration;
use tokio::time::sleep;

/// An answer that is waited for.
type Answering<'a, R> = Pin<Box<dyn Future<Output = Result<R, Failure>> + Send + 'a>>;

/// Asks the replicas of the set one after the other, each at most once, until one answers; then the primary. `call` makes
/// the call, of whomever with the same deadline. Only what is measured by a `tempo` is hedged.
pub(crate) async fn in_turn<'a, R, C>(set: &'a ReplicaSet, tempo: Option<&'a Tempo>, call: C) -> Result<R, Failure>
where
    C: Fn(&'a dyn ShardApi) -> Answering<'a, R>,
{
    let mut asking = Asking { set, tempo, call, unable: Unable::default() };
    let mut hedge_after = tempo.and_then(|tempo| {
        set.hedging.earn();
        tempo.hedge_after()
    });
    let mut turn = Turn::First;
    while let Some(underway) = set.begin(|place| asking.unable.has(place), turn, tempo) {
        let next = asking.call(underway);
        let answer = match hedge_after.take() {
            Some(after) => asking.hedged(next, after).await,
            None => asking.alone(next).await,
        };
        if let Some(answer) = answer {
            return answer;
        }
        turn = Turn::Next;
    }
    set.memory.note_stood_in();
    let answer = (asking.call)(&*set.primary).await;
    answer.map_err(|failure| asking.unable.and_primary(set, failure))
}

struct Asking<'a, C> {
    set: &'a ReplicaSet,
    tempo: Option<&'a Tempo>,
    call: C,
    unable: Unable,
}

/// A call that waits for its answer. Dropping it tells the replica that nobody waits, and then counts it no longer.
struct Call<'a, R> {
    answering: Answering<'a, R>,
    underway: Underway<'a>,
}

impl<R> Call<'_, R> {
    /// Waits for the answer. May be dropped and begun again until it has returned one.
    async fn end(&mut self) -> Ended<R> {
        let answer = (&mut self.answering).await;
        Ended { verdict: self.underway.settle(&answer), answer }
    }
}

/// An answer, and what to make of it.
struct Ended<R> {
    verdict: Verdict,
    answer: Result<R, Failure>,
}

impl<'a, R, C> Asking<'a, C>
where
    C: Fn(&'a dyn ShardApi) -> Answering<'a, R>,
{
    fn call(&self, underway: Underway<'a>) -> Call<'a, R> {
        Call { answering: (self.call)(&*underway.replica().handle), underway }
    }

    /// What the request is answered after that call; nothing, if another replica may be asked.
    async fn alone(&mut self, mut call: Call<'a, R>) -> Option<Result<R, Failure>> {
        let ended = call.end().await;
        self.conclude(&call, ended)
    }

    fn conclude(&mut self, call: &Call<'a, R>, ended: Ended<R>) -> Option<Result<R, Failure>> {
        match ended.answer {
            Err(failure) if ended.verdict.another_may() => {
                self.unable.add(call.underway.place(), failure);
                None
            }
            answer => Some(answer),
        }
    }

    /// Asks another replica as well when the first is late. The first good answer counts, and the other call is dropped;
    /// that the second fails does not matter.
    async fn hedged(&mut self, mut first: Call<'a, R>, late_after: Duration) -> Option<Result<R, Failure>> {
        let in_time = tokio::select! {
            biased;
            ended = first.end() => Some(ended),
            () = sleep(late_after) => None,
        };
        if let Some(ended) = in_time {
            return self.conclude(&first, ended);
        }
        let Some(hedge) = self.set.begin_hedge(first.underway.place(), self.tempo) else {
            return self.alone(first).await;
        };
        let mut second = self.call(hedge);
        tokio::select! {
            biased;
            ended = first.end() => match self.conclude(&first, ended) {
                Some(answer) => Some(answer),
                None => self.alone(second).await,
            },
            ended = second.end() => match ended.answer {
                Err(failure) if !ended.verdict.is_good() => {
                    self.unable.add(second.underway.place(), failure);
                    self.alone(first).await
                }
                answer => Some(answer),
            },
        }
    }
}
