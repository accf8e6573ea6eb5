//! The members of an etcd, of which one is asked first: the one that answered last.
//!
//! Which of them leads nobody here needs to know: each hands on what it cannot decide by itself. One that is dead or silent is
//! passed over, since any other answers as well.

use super::failure::{Answer, NoAnswer, Said, is_answer, is_heard, said};
use super::line::{Clients, Line, Member, TURN};
use etcd_client::{ConnectOptions, Error};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

/// How long etcd may take to answer. An election of its own takes one to two seconds.
pub(super) const ANSWER: Duration = Duration::from_secs(5);

/// How long a question that nobody waits for any longer must have been out, to say something of its member: a little less
/// than the shortest time that anybody here waits.
const SUSPECT: Duration = Duration::from_millis(400);

/// Before members are asked again that have failed: they may be electing a leader.
const PAUSE: Duration = Duration::from_millis(100);

/// The members, and which of them is asked first.
pub(super) struct Members {
    members: Vec<Arc<Member>>,
    /// The place of the one that is asked first.
    first: AtomicUsize,
}

impl Members {
    /// Clients of those members.
    ///
    /// # Errors
    /// What a member says that is not to be asked, or whose name is none.
    pub(super) async fn connect(endpoints: &[String], options: &ConnectOptions) -> Result<Self, Error> {
        if endpoints.is_empty() {
            return Err(Error::InvalidArgs("no member is named".to_owned()));
        }
        let has_others = endpoints.len() > 1;
        let members = endpoints.iter().map(|endpoint| Member::new(endpoint, options, has_others)).collect();
        let members = Self { members, first: AtomicUsize::new(0) };
        for member in &members.members {
            // Who is down now may be there when it is asked.
            if let Ok(Err(error)) = timeout_at(Instant::now() + members.turn(), member.reach(&member.line())).await
                && matches!(said(&error), Said::No)
            {
                return Err(error);
            }
        }
        Ok(members)
    }

    /// Asks one member, another as well when that one takes its time, and so on until one answers; each over another connection,
    /// once the one is left. What is asked may be done twice: one that did not answer may have done it.
    pub(super) async fn ask<T, Asking>(&self, question: impl Fn(Clients) -> Asking) -> Answer<T>
    where
        Asking: Future<Output = Result<T, Error>>,
    {
        let (deadline, count) = (Instant::now() + ANSWER, self.members.len());
        let mut turn = Turn::begin(self);
        let mut next: VecDeque<_> = (0..count).map(|number| (turn.asked + number) % count).collect();
        let mut asking = FuturesUnordered::new();
        let mut failed = 0;
        loop {
            if let Some(place) = next.pop_front() {
                asking.push(self.ask_one(place, deadline, &question));
            }
            // Whoever takes long may be about to answer: nobody is given up before all are.
            let limit = if next.is_empty() { deadline } else { deadline.min(Instant::now() + TURN) };
            match timeout_at(limit, asking.next()).await {
                Ok(Some((place, answer))) if is_answer(&answer) => {
                    turn.outcome = Outcome::Answered(place);
                    return answer;
                }
                Ok(Some((place, Err(NoAnswer::Left)))) => next.push_front(place),
                Ok(Some((place, answer))) => {
                    turn.outcome = Outcome::Failed;
                    let alone = count == 1 && asking.is_empty();
                    if alone || Instant::now() + PAUSE >= deadline {
                        return answer;
                    }
                    next.push_back(place);
                    failed += 1;
                    if failed % count == 0 {
                        sleep(PAUSE).await;
                    }
                }
                Ok(None) => unreachable!("somebody is asked as long as there is no answer"),
                Err(late) if Instant::now() >= deadline => {
                    turn.outcome = Outcome::Failed;
                    return Err(late.into());
                }
                Err(_) => {}
            }
        }
    }

    /// Asks one member, once. If its connection is left meanwhile nothing is waited for.
    pub(super) async fn ask_once<T, Asking>(&self, question: impl Fn(Clients) -> Asking) -> Answer<T>
    where
        Asking: Future<Output = Result<T, Error>>,
    {
        let mut turn = Turn::begin(self);
        let (place, answer) = self.ask_one(turn.asked, Instant::now() + ANSWER, &question).await;
        turn.outcome = if is_answer(&answer) { Outcome::Answered(place) } else { Outcome::Failed };
        answer
    }

    /// Asks the member of that place.
    async fn ask_one<T, Asking>(
        &self,
        place: usize,
        limit: Instant,
        question: &impl Fn(Clients) -> Asking,
    ) -> (usize, Answer<T>)
    where
        Asking: Future<Output = Result<T, Error>>,
    {
        let member = &self.members[place];
        let (line, since) = (member.line(), Instant::now());
        let mut asked = Asked { member, line: &line, since, is_over: false };
        let asking = async { question(member.reach(&line).await?).await };
        let answer = tokio::select! {
            biased;
            answer = timeout_at(limit, asking) => answer.map_err(NoAnswer::from),
            () = line.left() => Err(NoAnswer::Left),
            never = asked.is_out() => match never {},
        };
        asked.is_over = !matches!(answer, Err(NoAnswer::Late(_)));
        if answer.as_ref().is_ok_and(is_heard) {
            line.hear();
        }
        (place, answer)
    }

    /// How long a member has before another is asked.
    fn turn(&self) -> Duration {
        if self.members.len() == 1 { ANSWER } else { TURN }
    }
}

/// A question to one member.
struct Asked<'a> {
    member: &'a Arc<Member>,
    line: &'a Arc<Line>,
    since: Instant,
    /// Whether something came of it.
    is_over: bool,
}

impl Asked<'_> {
    /// Is out for as long as it is polled. Something may be heard over the line meanwhile, and then nothing any more.
    async fn is_out(&self) -> Infallible {
        loop {
            let silent_since = self.line.silent_since(self.since);
            sleep_until(silent_since + TURN).await;
            if self.line.silent_since(self.since) == silent_since {
                self.member.doubt(self.line, silent_since);
                sleep(TURN).await;
            }
        }
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        let silent_since = self.line.silent_since(self.since);
        if !self.is_over && silent_since.elapsed() >= SUSPECT {
            self.member.doubt(self.line, silent_since);
        }
    }
}

/// A question, which says by its end who is asked first from then on.
struct Turn<'a> {
    members: &'a Members,
    /// The place of the one that was asked first.
    asked: usize,
    since: Instant,
    outcome: Outcome,
}

/// What came of a question.
enum Outcome {
    /// The member of that place has answered.
    Answered(usize),
    /// The one that was asked first cannot, or not in time.
    Failed,
    /// Nobody has waited for the answer.
    Dropped,
}

impl<'a> Turn<'a> {
    fn begin(members: &'a Members) -> Self {
        let asked = members.first.load(Ordering::Relaxed);
        Self { members, asked, since: Instant::now(), outcome: Outcome::Dropped }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let first = &self.members.first;
        let is_suspect = match self.outcome {
            Outcome::Answered(place) => return first.store(place, Ordering::Relaxed),
            Outcome::Failed => true,
            // Who has asked may have gone for reasons of its own.
            Outcome::Dropped => self.since.elapsed() >= SUSPECT,
        };
        if is_suspect {
            let next = (self.asked + 1) % self.members.members.len();
            // Of several that were asking at the same time one alone moves on.
            let _ = first.compare_exchange(self.asked, next, Ordering::Relaxed, Ordering::Relaxed);
        }
    }
}
