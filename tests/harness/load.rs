//! Load on a cluster: clients that search without pause, and one that writes, until they are told to stop.

use crate::client::Client;
use crate::index::Index;
use annuli_api::v1::search::SearchReply;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Failures that are kept word for word; the others are counted.
const FAILURES_KEPT: usize = 20;

/// What a client that searches wants of each answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// At least what it has seen.
    Onward,
    /// Anything.
    Any,
}

/// Clients that are at work.
pub struct Load {
    stop: Arc<AtomicBool>,
    searched: Arc<AtomicU64>,
    written: Arc<AtomicU64>,
    searchers: Vec<JoinHandle<Searched>>,
    writer: JoinHandle<Wrote>,
}

/// What the clients have seen.
#[derive(Debug, Default)]
pub struct Seen {
    /// What all searches have come to.
    pub searched: Searched,
    /// What all writes have come to.
    pub wrote: Wrote,
}

/// What searches have come to.
#[derive(Debug, Default)]
pub struct Searched {
    /// Those that were answered.
    pub answered: u64,
    /// Those that were not.
    pub failed: u64,
    /// What the first of them failed with.
    pub failures: Vec<String>,
    /// Answers from an older state of a shard than the same client had seen of it before.
    pub went_back: u64,
    /// How long each took.
    pub latencies: Vec<Duration>,
}

/// What writes have come to.
#[derive(Debug, Default)]
pub struct Wrote {
    /// Documents that were acknowledged: `load-0`, `load-1`, … up to this.
    pub acknowledged: u64,
    /// Requests that were not.
    pub failed: u64,
}

impl Load {
    /// Begins to search the index through each of the routers, and to write to it through the first.
    pub fn start(routers: &[Client], index: &str, clients_each: usize, freshness: Freshness) -> Self {
        let (stop, searched, written) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default(), Arc::default());
        let searcher = |client: &Client| {
            let (index, stop, searched) = (Index::named(client, index), Arc::clone(&stop), Arc::clone(&searched));
            thread::spawn(move || search(&index, freshness, &stop, &searched))
        };
        let searchers =
            routers.iter().flat_map(|client| (0..clients_each).map(move |_| client)).map(searcher).collect();
        let writer = {
            let (index, stop, written) = (Index::named(&routers[0], index), Arc::clone(&stop), Arc::clone(&written));
            thread::spawn(move || write(&index, &stop, &written))
        };
        Self { stop, searched, written, searchers, writer }
    }

    /// Searches that were answered so far.
    pub fn searched(&self) -> u64 {
        self.searched.load(Ordering::Relaxed)
    }

    /// Documents that were acknowledged so far.
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Ends the work.
    ///
    /// # Panics
    /// When a client has.
    pub fn stop(self) -> Seen {
        self.stop.store(true, Ordering::Relaxed);
        let mut seen = Seen::default();
        for searcher in self.searchers {
            seen.searched.add(searcher.join().expect("a client takes a failure for an answer"));
        }
        seen.wrote = self.writer.join().expect("a client takes a failure for an answer");
        seen
    }
}

impl Searched {
    fn add(&mut self, other: Self) {
        self.answered += other.answered;
        self.failed += other.failed;
        self.failures.extend(other.failures);
        self.went_back += other.went_back;
        self.latencies.extend(other.latencies);
    }

    /// The latency that only one in a hundred is above.
    ///
    /// # Panics
    /// When nothing was searched.
    pub fn p99(&self) -> Duration {
        let mut sorted = self.latencies.clone();
        sorted.sort();
        sorted[sorted.len() * 99 / 100]
    }
}

fn search(index: &Index, freshness: Freshness, stop: &AtomicBool, searched: &AtomicU64) -> Searched {
    let mut found = Searched::default();
    let (mut as_of, mut seqs) = (None::<String>, BTreeMap::new());
    while !stop.load(Ordering::Relaxed) {
        let mut request = json!({"vector": [found.answered % 100, 0], "limit": 5});
        if let (Freshness::Onward, Some(as_of)) = (freshness, &as_of) {
            request["after"] = json!(as_of);
        }
        let began = now();
        let answer = index.post("search", &request);
        let took = now().duration_since(began);
        if !answer.is_success() {
            found.failed += 1;
            if found.failures.len() < FAILURES_KEPT {
                found.failures.push(answer.text);
            }
            continue;
        }
        let reply: SearchReply = answer.read();
        found.went_back += u64::from(seqs.iter().any(|(shard, seq)| reply.shards.seqs.get(shard) < Some(seq)));
        seqs = reply.shards.seqs;
        as_of = Some(reply.as_of);
        found.answered += 1;
        found.latencies.push(took);
        searched.fetch_add(1, Ordering::Relaxed);
    }
    found
}

fn write(index: &Index, stop: &AtomicBool, written: &AtomicU64) -> Wrote {
    let mut wrote = Wrote::default();
    while !stop.load(Ordering::Relaxed) {
        let number = wrote.acknowledged;
        let document = json!({"id": format!("load-{number}"), "vector": [number % 100, 1]});
        let answer = index.post("index", &json!({"documents": [document]}));
        if answer.is_success() {
            wrote.acknowledged += 1;
            written.fetch_add(1, Ordering::Relaxed);
        } else {
            wrote.failed += 1;
        }
    }
    wrote
}

#[expect(clippy::disallowed_methods, reason = "how long an answer took, which is reported and not judged")]
fn now() -> Instant {
    Instant::now()
}
