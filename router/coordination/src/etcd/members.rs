//! The members of an etcd, of which one is asked at a time: the one that answered last.
//!
//! Which of them leads nobody here needs to know: each hands on what it cannot decide by itself. One that is dead or silent is
//! passed over, since any other answers as well.

use super::failure::{Answer, Said, said};
use crate::limits::ETCD_MESSAGE_BYTES_MAX;
use etcd_client::{Client, ConnectOptions, Error, KvClient, LeaseClient, WatchClient};
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep, timeout_at};

/// How long etcd may take to answer. An election of its own takes one to two seconds.
pub(super) const ANSWER: Duration = Duration::from_secs(5);

/// How long one of several members may: shorter than a third of a usual lease, so that one that is silent costs no lease.
const TURN: Duration = Duration::from_secs(1);

/// Before the first member is asked again that was asked already: they may be electing a leader.
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
    /// Made when it is asked first: where passwords are needed, that is when it says whether they are right.
    client: OnceCell<Client>,
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
        let member = |endpoint: &String| Member { endpoint: endpoint.clone(), client: OnceCell::new() };
        let members = endpoints.iter().map(member).collect();
        let members = Self { members, options, first: AtomicUsize::new(0) };
        for place in 0..members.members.len() {
            // Who is down now may be there when it is asked.
            if let Ok(Err(error)) = timeout_at(Instant::now() + members.turn(), members.client(place)).await
                && matches!(said(&error), Said::No)
            {
                return Err(error);
            }
        }
        Ok(members)
    }

    /// Asks one member after the other until one answers. What is asked may be done twice: one that did not answer may have
    /// done it.
    pub(super) async fn ask<T, Asking>(&self, question: impl Fn(Clients) -> Asking) -> Answer<T>
    where
        Asking: Future<Output = Result<T, Error>>,
    {
        let (deadline, begun) = (Instant::now() + ANSWER, self.first.load(Ordering::Relaxed));
        let mut asked = 0;
        loop {
            let limit = deadline.min(Instant::now() + self.turn());
            let answer = self.ask_one(begun + asked, limit, &question).await;
            asked += 1;
            let alone = self.members.len() == 1;
            if is_answer(&answer) || alone || Instant::now() + PAUSE >= deadline {
                return answer;
            }
            if asked % self.members.len() == 0 {
                sleep(PAUSE).await;
            }
        }
    }

    /// Asks one member, once.
    pub(super) async fn ask_once<T, Asking>(&self, question: impl Fn(Clients) -> Asking) -> Answer<T>
    where
        Asking: Future<Output = Result<T, Error>>,
    {
        self.ask_one(self.first.load(Ordering::Relaxed), Instant::now() + ANSWER, &question).await
    }

    /// Asks the member of that place, and has the next asked first if this one does not answer, or is not waited for.
    async fn ask_one<T, Asking>(&self, place: usize, limit: Instant, question: &impl Fn(Clients) -> Asking) -> Answer<T>
    where
        Asking: Future<Output = Result<T, Error>>,
    {
        let place = place % self.members.len();
        let mut turn = Turn { first: &self.first, next: place + 1 };
        let asking = async {
            let clients = Clients(self.client(place).await?.clone());
            question(clients).await
        };
        let answer = timeout_at(limit, asking).await;
        if is_answer(&answer) {
            turn.next = place;
        }
        answer
    }

    async fn client(&self, place: usize) -> Result<&Client, Error> {
        let Member { endpoint, client } = &self.members[place % self.members.len()];
        client.get_or_try_init(|| Client::connect([endpoint], Some(self.options.clone()))).await
    }

    fn turn(&self) -> Duration {
        if self.members.len() == 1 { ANSWER } else { TURN }
    }
}

/// Says who is asked first from now on, also if nobody waits for the answer any longer.
struct Turn<'a> {
    first: &'a AtomicUsize,
    next: usize,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.first.store(self.next, Ordering::Relaxed);
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
pub(super) struct Clients(Client);

impl Clients {
    pub(super) fn keys(&self) -> KvClient {
        self.0.kv_client().max_decoding_message_size(ETCD_MESSAGE_BYTES_MAX)
    }

    pub(super) fn leases(&self) -> LeaseClient {
        self.0.lease_client()
    }

    pub(super) fn watches(&self) -> WatchClient {
        self.0.watch_client().max_decoding_message_size(ETCD_MESSAGE_BYTES_MAX)
    }
}
