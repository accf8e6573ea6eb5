//! The members of an etcd, of which one is asked first: the one that answered last.
//!
//! Which of them leads nobody here needs to know: each hands on what it cannot decide by itself. One that is dead or silent is
//! passed over, since any other answers as well.

use super::failure::{Answer, Said, said};
use crate::limits::ETCD_MESSAGE_BYTES_MAX;
use etcd_client::{Client, ConnectOptions, Error, KvClient, LeaseClient, WatchClient};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::collections::VecDeque;
use std::future::{Future, pending};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OnceCell, watch};
use tokio::time::{Instant, sleep, timeout_at};

/// How long etcd may take to answer. An election of its own takes one to two seconds.
pub(super) const ANSWER: Duration = Duration::from_secs(5);

/// How long one of several members has before another is asked as well: shorter than a third of a usual lease, so that one
/// that is silent costs no lease.
const TURN: Duration = Duration::from_secs(1);

/// How long a question that nobody waits for any longer must have been out, for its member to be taken for silent: a little
/// less than the shortest time that anybody here waits.
const SUSPECT: Duration = Duration::from_millis(400);

/// Before members are asked again that have failed: they may be electing a leader.
const PAUSE: Duration = Duration::from_millis(100);

/// Clients of each member.
pub(super) struct Members {
    members: Vec<Member>,
    options: ConnectOptions,
    /// The place of the one that is asked first.
    first: AtomicUsize,
}

struct Member {
    endpoint: String,
    line: Mutex<Arc<Line>>,
}

/// The connection to a member.
struct Line {
    begun: Instant,
    /// Made when it is asked first: where passwords are needed, that is when it says whether they are right.
    client: OnceCell<Client>,
    /// Whether it is used no longer.
    is_broken: watch::Sender<bool>,
}

impl Line {
    fn new() -> Arc<Self> {
        Arc::new(Self { begun: Instant::now(), client: OnceCell::new(), is_broken: watch::Sender::new(false) })
    }
}

impl Member {
    fn line(&self) -> Arc<Line> {
        // What is in it is replaced as a whole.
        Arc::clone(&self.line.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Leaves a line on which nothing is heard for another. Packets that were lost are sent again less and less often, so the
    /// old one would stay silent for as long as it has been already, however soon the network is well again.
    fn hang_up(&self, silent: &Arc<Line>) {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&line, silent) {
            *line = Line::new();
            silent.is_broken.send_replace(true);
        }
    }
}

impl Members {
    /// Clients of those members.
    ///
    /// # Errors
    /// What a member says that is not to be asked, or whose name is none.
    pub(super) async fn connect(endpoints: &[String], options: ConnectOptions) -> Result<Self, Error> {
        if endpoints.is_empty() {
            return Err(Error::InvalidArgs("no member is named".to_owned()));
        }
        let member = |endpoint: &String| Member { endpoint: endpoint.clone(), line: Mutex::new(Line::new()) };
        let members = endpoints.iter().map(member).collect();
        let members = Self { members, options, first: AtomicUsize::new(0) };
        for member in &members.members {
            // Who is down now may be there when it is asked.
            if let Ok(Err(error)) =
                timeout_at(Instant::now() + members.turn(), members.reach(member, &member.line())).await
                && matches!(said(&error), Said::No)
            {
                return Err(error);
            }
        }
        Ok(members)
    }

    /// Asks one member, another as well when that one takes its time, and so on until one answers; then each once more, over
    /// another connection. What is asked may be done twice: one that did not answer may have done it.
    pub(super) async fn ask<T, Asking>(&self, question: impl Fn(Clients) -> Asking) -> Answer<T>
    where
        Asking: Future<Output = Result<T, Error>>,
    {
        let (deadline, count) = (Instant::now() + ANSWER, self.members.len());
        let mut turn = Turn::begin(self);
        let first = (0..count).map(|number| (turn.asked + number) % count);
        let mut next: VecDeque<_> =
            first.clone().map(|place| (place, false)).chain(first.map(|place| (place, true))).collect();
        let mut asking = FuturesUnordered::new();
        let mut failed = 0;
        loop {
            if let Some((place, is_silent)) = next.pop_front() {
                let member = &self.members[place];
                let line = member.line();
                if is_silent && line.begun <= turn.since {
                    member.hang_up(&line);
                }
                asking.push(self.ask_one(place, deadline, &question));
            }
            // Whoever takes long may be about to answer: nobody is given up before all are.
            let limit = if next.is_empty() { deadline } else { deadline.min(Instant::now() + TURN) };
            match timeout_at(limit, asking.next()).await {
                Ok(Some((place, answer))) if is_answer(&answer) => {
                    turn.outcome = Outcome::Answered(place);
                    return answer;
                }
                Ok(Some((place, answer))) => {
                    turn.outcome = Outcome::Failed;
                    let alone = count == 1 && asking.is_empty();
                    if alone || Instant::now() + PAUSE >= deadline {
                        return answer;
                    }
                    // It is not silent.
                    next.retain(|(of, _)| *of != place);
                    next.push_back((place, false));
                    failed += 1;
                    if failed % count == 0 {
                        sleep(PAUSE).await;
                    }
                }
                Ok(None) => unreachable!("somebody is asked as long as there is no answer"),
                Err(late) if Instant::now() >= deadline => {
                    turn.outcome = Outcome::Failed;
                    return Err(late);
                }
                Err(_) => {}
            }
        }
    }

    /// Asks one member, once.
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
        let mut asked = Asked { member, line: member.line(), since: Instant::now(), is_heard: false };
        let asking = async { question(self.reach(member, &asked.line).await?).await };
        let answer = timeout_at(limit, asking).await;
        asked.is_heard = answer.is_ok();
        (place, answer)
    }

    async fn reach(&self, member: &Member, line: &Line) -> Result<Clients, Error> {
        let connect = || Client::connect([&member.endpoint], Some(self.options.clone()));
        let client = line.client.get_or_try_init(connect).await?.clone();
        Ok(Clients { client, is_broken: line.is_broken.subscribe() })
    }

    /// How long a member has before another is asked.
    fn turn(&self) -> Duration {
        if self.members.len() == 1 { ANSWER } else { TURN }
    }
}

/// A question to one member.
struct Asked<'a> {
    member: &'a Member,
    line: Arc<Line>,
    since: Instant,
    is_heard: bool,
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        if !self.is_heard && self.since.elapsed() >= SUSPECT {
            self.member.hang_up(&self.line);
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

/// Whether etcd has spoken, and would say the same another time.
fn is_answer<T>(answer: &Answer<T>) -> bool {
    match answer {
        Ok(Ok(_)) => true,
        Ok(Err(error)) => matches!(said(error), Said::No),
        Err(_) => false,
    }
}

/// What one member is asked by.
pub(super) struct Clients {
    client: Client,
    is_broken: watch::Receiver<bool>,
}

impl Clients {
    pub(super) fn keys(&self) -> KvClient {
        self.client.kv_client().max_decoding_message_size(ETCD_MESSAGE_BYTES_MAX)
    }

    pub(super) fn leases(&self) -> LeaseClient {
        self.client.lease_client()
    }

    /// Ends once nothing is heard from it any longer.
    pub(super) fn end(&self) -> LineEnd {
        LineEnd(self.is_broken.clone())
    }

    pub(super) fn watches(&self) -> WatchClient {
        self.client.watch_client().max_decoding_message_size(ETCD_MESSAGE_BYTES_MAX)
    }
}

/// The end of a connection.
pub(super) struct LineEnd(watch::Receiver<bool>);

impl LineEnd {
    /// Waits for it.
    pub(super) async fn reached(&mut self) {
        // Who would say so has gone with the store: what is watched ends with that.
        if self.0.wait_for(|is_broken| *is_broken).await.is_err() {
            pending::<()>().await;
        }
    }
}
