//! A member of an etcd, and the connection over which it is asked.
//!
//! Packets that were lost are sent again less and less often, so a connection that was cut stays silent for as long as the cut
//! has lasted, however soon the network is well again. But a member that is slow, or that elects a leader with the others, is
//! silent too, and another connection would not help. So who has not answered for a while is asked something small over both:
//! a connection is left if another one answers, and nothing is heard over it for a moment more.

use super::failure::is_heard;
use crate::limits::ETCD_MESSAGE_BYTES_MAX;
use etcd_client::{Client, ConnectOptions, Error, GetOptions, KvClient, LeaseClient, WatchClient};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{OnceCell, watch};
use tokio::time::{Instant, sleep, timeout};

/// How long one of several members has before another is asked as well, and how long a connection may be silent before another
/// one is tried: shorter than a third of a usual lease, so that one that is silent costs no lease.
pub(super) const TURN: Duration = Duration::from_secs(1);

/// How long another connection may take to be made and to answer: one that was begun while packets were lost is made sooner by
/// another one.
const TRY: Duration = Duration::from_secs(2);

/// How long a connection may stay silent after another one has answered. A member that was slow for a moment answers over both
/// at once, in whatever order: that of a whole machine that stood still is chance.
const BOTH: Duration = Duration::from_millis(500);

/// Between two questions over a connection that cannot be made.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// How long two connections are compared where neither answers. Whoever asks then begins that anew.
const COMPARE_MAX: Duration = Duration::from_secs(60);

/// A member of an etcd.
pub(super) struct Member {
    endpoint: String,
    options: ConnectOptions,
    /// Whether others can be asked in its place.
    has_others: bool,
    /// Where connections are compared: it lasts, where that of who asks may not.
    runtime: Handle,
    lines: Mutex<Lines>,
}

struct Lines {
    current: Arc<Line>,
    /// Whether it is compared with another.
    is_compared: bool,
}

/// A connection to a member.
pub(super) struct Line {
    /// Made when it is asked first: where passwords are needed, that is when it says whether they are right.
    client: OnceCell<Client>,
    /// When something was last heard over it; at first, when it was begun.
    heard: watch::Sender<Instant>,
    /// Whether it is asked no longer.
    is_left: watch::Sender<bool>,
}

impl Line {
    fn new() -> Arc<Self> {
        let (heard, is_left) = (watch::Sender::new(Instant::now()), watch::Sender::new(false));
        Arc::new(Self { client: OnceCell::new(), heard, is_left })
    }

    /// Something was heard.
    pub(super) fn hear(&self) {
        self.heard.send_replace(Instant::now());
    }

    /// Since when a question is out over it without anything being heard, that was asked then.
    pub(super) fn silent_since(&self, asked: Instant) -> Instant {
        asked.max(*self.heard.borrow())
    }

    /// Waits until something is heard.
    async fn is_heard(&self) {
        // It is this line's own, and does not end before it.
        let _ = self.heard.subscribe().changed().await;
    }

    /// Waits until it is left.
    pub(super) async fn left(&self) {
        // The same.
        let _ = self.is_left.subscribe().wait_for(|is_left| *is_left).await;
    }
}

impl Member {
    /// A member that is asked for as long as the current runtime lasts.
    pub(super) fn new(endpoint: &str, options: &ConnectOptions, has_others: bool) -> Arc<Self> {
        let (endpoint, options, runtime) = (endpoint.to_owned(), options.clone(), Handle::current());
        let lines = Mutex::new(Lines { current: Line::new(), is_compared: false });
        Arc::new(Self { endpoint, options, has_others, runtime, lines })
    }

    /// The connection over which it is asked.
    pub(super) fn line(&self) -> Arc<Line> {
        Arc::clone(&self.lines().current)
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        // Nobody panics in between.
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it is asked by over that connection.
    pub(super) async fn reach(&self, line: &Arc<Line>) -> Result<Clients, Error> {
        let connect = || Client::connect([&self.endpoint], Some(self.options.clone()));
        let client = line.client.get_or_try_init(connect).await?.clone();
        Ok(Clients { client, line: Arc::clone(line) })
    }

    /// Nothing has been heard since then over that connection, where something is asked. Unless something is now, it is compared
    /// with another.
    pub(super) fn doubt(self: &Arc<Self>, line: &Arc<Line>, since: Instant) {
        let mut lines = self.lines();
        if !lines.is_compared && Arc::ptr_eq(&lines.current, line) && *line.heard.borrow() <= since {
            lines.is_compared = true;
            self.runtime.spawn(compare(Arc::clone(self), Arc::clone(line), since));
        }
    }

    /// Waits until it says anything over that connection. What is asked needs none of the others; without a leader it says
    /// that there is none.
    async fn answers(&self, line: &Arc<Line>) {
        let options = GetOptions::new().with_serializable().with_count_only();
        loop {
            let answer = async { self.reach(line).await?.keys().get(vec![0_u8], Some(options.clone())).await };
            if is_heard(&answer.await) {
                return line.hear();
            }
            sleep(TRY_AGAIN_AFTER).await;
        }
    }

    /// A connection over which it answers.
    async fn other(&self) -> Arc<Line> {
        loop {
            let other = Line::new();
            if timeout(TRY, self.answers(&other)).await.is_ok() {
                return other;
            }
        }
    }
}

/// Leaves a connection that is silent for another one that answers. Where others can be asked the member is taken for
/// silent by either: what is watched there is to go on elsewhere.
async fn compare(member: Arc<Member>, silent: Arc<Line>, since: Instant) {
    let answered = async {
        let other = member.other().await;
        sleep(BOTH).await;
        other
    };
    let other = tokio::select! {
        biased;
        () = silent.is_heard() => None,
        () = member.answers(&silent) => None,
        other = answered => Some(other),
        () = sleep(TURN), if member.has_others => Some(Line::new()),
        () = sleep(COMPARE_MAX) => None,
    };
    let mut lines = member.lines();
    lines.is_compared = false;
    if let Some(other) = other {
        lines.current = other;
        silent.is_left.send_replace(true);
        let silent_for = since.elapsed();
        tracing::warn!(endpoint = %member.endpoint, ?silent_for, "an etcd says nothing, its connection is left for another");
    }
}

/// What one member is asked by.
pub(super) struct Clients {
    client: Client,
    line: Arc<Line>,
}

impl Clients {
    pub(super) fn keys(&self) -> KvClient {
        self.client.kv_client().max_decoding_message_size(ETCD_MESSAGE_BYTES_MAX)
    }

    pub(super) fn leases(&self) -> LeaseClient {
        self.client.lease_client()
    }

    /// The connection, for what is heard over it for long.
    pub(super) fn line(&self) -> Arc<Line> {
        Arc::clone(&self.line)
    }

    pub(super) fn watches(&self) -> WatchClient {
        self.client.watch_client().max_decoding_message_size(ETCD_MESSAGE_BYTES_MAX)
    }
}
