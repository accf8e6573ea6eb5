//! One read: asks a replica, another as well when it is late, the next when it is unable, and the primary when all are; or
//! when none has answered for so long that who was asked may hang.

use crate::choice::Turn;
use crate::limits::TIMES_UNTIL_LATE;
use crate::set::ReplicaSet;
use crate::tempo::Tempo;
use crate::unable::{Since, Unable};
use crate::underway::{Patience, Underway};
use crate::verdict::Verdict;
use annuli_api::{Failure, ShardApi};
use annuli_traces::Span;
use std::pin::{Pin, pin};
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};

/// An answer that is waited for.
type Answering<'a, R> = Pin<Box<dyn Future<Output = Result<R, Failure>> + Send + 'a>>;

/// Asks the replicas of the set one after the other, each at most once, until one answers; then the primary. `call` makes
/// the call, of whomever with the same `deadline`. Only what is measured by a `tempo` is hedged; but whatever is late is the
/// primary asked as well, once.
pub(crate) async fn in_turn<'a, R: 'a, C>(
    set: &'a ReplicaSet,
    tempo: Option<&'a Tempo>,
    deadline: Instant,
    call: C,
) -> Result<R, Failure>
where
    C: Fn(&'a dyn ShardApi) -> Answering<'a, R>,
{
    let patience = Patience { tempo, late: late(tempo, deadline) };
    let mut unable = Unable::default();
    let stand_in = || {
        set.memory.note_stood_in();
        traced("primary", call(&*set.primary))
    };
    let (of_primary, since) = {
        let mut replicas = pin!(Asking { set, patience, call: &call, unable: &mut unable }.replicas());
        let in_time = tokio::select! {
            biased;
            of_replicas = &mut replicas => Some(of_replicas),
            () = sleep_until(patience.late) => None,
        };
        match in_time {
            Some(Some(answer)) => return answer,
            Some(None) => (stand_in().await, Since::AllWereUnable),
            None => {
                let mut primary = stand_in();
                let of_primary = tokio::select! {
                    biased;
                    of_replicas = &mut replicas => match of_replicas {
                        Some(answer) if Verdict::of(&answer).is_good() => return answer,
                        Some(_) | None => primary.await,
                    },
                    of_primary = &mut primary => {
                        if !Verdict::of(&of_primary).is_good() && let Some(answer) = replicas.await {
                            return answer;
                        }
                        of_primary
                    }
                };
                (of_primary, Since::AllWereLate)
            }
        }
    };
    of_primary.map_err(|failure| unable.and_primary(set, failure, since))
}

/// The same call as a span of its own, if the request is traced, which says why who is asked is.
fn traced<'a, R: 'a>(asked: &'static str, answering: Answering<'a, R>) -> Answering<'a, R> {
    let span = Span::begin("replica");
    if span.is_kept() { Box::pin(span.with("annuli.asked", asked).of_call(answering)) } else { answering }
}

/// When the primary is asked as well: in time for an answer, and where it is known what is usual, once no replica that
/// works would take so long.
fn late(tempo: Option<&Tempo>, deadline: Instant) -> Instant {
    let now = Instant::now();
    let share = deadline.saturating_duration_since(now) / TIMES_UNTIL_LATE;
    now + tempo.map_or(share, |tempo| tempo.hung_after().min(share))
}

struct Asking<'a, 'c, C> {
    set: &'a ReplicaSet,
    patience: Patience<'a>,
    call: &'c C,
    unable: &'c mut Unable,
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

impl<'a, R: 'a, C> Asking<'a, '_, C>
where
    C: Fn(&'a dyn ShardApi) -> Answering<'a, R>,
{
    /// What the request is answered by a replica; nothing, if each that may be asked is unable.
    async fn replicas(mut self) -> Option<Result<R, Failure>> {
        let Patience { tempo, .. } = self.patience;
        let mut hedge_after = tempo.and_then(|tempo| {
            self.set.hedging.earn();
            tempo.hedge_after()
        });
        let mut turn = Turn::First;
        while let Some(underway) = self.set.begin(|place| self.unable.has(place), turn, self.patience) {
            let next = self.call(underway);
            let answer = match hedge_after.take() {
                Some(after) => self.hedged(next, after).await,
                None => self.alone(next).await,
            };
            if answer.is_some() {
                return answer;
            }
            turn = Turn::Next;
        }
        None
    }

    fn call(&self, underway: Underway<'a>) -> Call<'a, R> {
        Call { answering: traced(underway.turn().name(), (self.call)(&*underway.replica().handle)), underway }
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
        let Some(hedge) = self.set.begin_hedge(first.underway.place(), self.patience) else {
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
