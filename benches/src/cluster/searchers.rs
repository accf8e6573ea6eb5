//! Clients that search without a pause, each over a connection of its own, until they are told to stop.
//!
//! An answer that is no answer ends nothing: it is counted, and the client goes on.

use super::Failed;
use super::results::{Latency, Searched};
use crate::clock::Stopwatch;
use crate::connection::{Connection, ExchangeFailed};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

/// Failures that are kept word for word; the others are counted.
const FAILURES_KEPT: usize = 5;

/// What one client asks for, over and over.
pub(super) struct Searcher<'a> {
    /// Where.
    pub address: &'a str,
    /// Whole requests.
    pub requests: &'a [Vec<u8>],
}

/// What a client has seen.
#[derive(Default)]
struct Seen {
    latencies: Vec<Duration>,
    failed: u64,
    failures: Vec<String>,
}

/// Does `work` while all of them search; it is told how many searches were answered so far.
pub(super) fn while_doing<T>(
    searchers: &[Searcher<'_>],
    work: impl FnOnce(&AtomicU64) -> Result<T, Failed>,
) -> Result<(T, Searched), Failed> {
    let (done, answered) = (AtomicBool::new(false), AtomicU64::new(0));
    let (outcome, seen) = thread::scope(|scope| {
        let (done, answered) = (&done, &answered);
        let spawn = |searcher| scope.spawn(move || search(searcher, done, answered));
        let threads: Vec<_> = searchers.iter().map(spawn).collect();
        let outcome = work(answered);
        done.store(true, Ordering::Relaxed);
        let seen = threads.into_iter().map(|thread| thread.join().expect("a panic of a searcher is a panic of all"));
        (outcome, seen.collect::<Vec<_>>())
    });
    Ok((outcome?, together(seen)))
}

fn search(searcher: &Searcher<'_>, done: &AtomicBool, answered: &AtomicU64) -> Seen {
    let (mut seen, mut connection) = (Seen::default(), None);
    for request in searcher.requests.iter().cycle() {
        if done.load(Ordering::Relaxed) {
            break;
        }
        let watch = Stopwatch::start();
        match ask(&mut connection, searcher.address, request) {
            Ok(()) => {
                seen.latencies.push(watch.elapsed());
                answered.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => {
                connection = None;
                seen.failed += 1;
                if seen.failures.len() < FAILURES_KEPT {
                    seen.failures.push(error.to_string());
                }
            }
        }
    }
    seen
}

fn ask(connection: &mut Option<Connection>, address: &str, request: &[u8]) -> Result<(), ExchangeFailed> {
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(Connection::open(address)?),
    };
    connection.send(request)?.expect_success().map(drop)
}

fn together(seen: Vec<Seen>) -> Searched {
    let failed = seen.iter().map(|seen| seen.failed).sum();
    let (mut latencies, mut failures) = (Vec::new(), Vec::new());
    for seen in seen {
        latencies.extend(seen.latencies);
        failures.extend(seen.failures);
    }
    failures.truncate(FAILURES_KEPT);
    Searched { failed, failures, latency: Latency::of(latencies) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;

    /// Answers so many requests on each of two connections: the first well, the second with a refusal.
    fn router() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        thread::spawn(move || {
            for reply in
                ["HTTP/1.1 503 No\r\ncontent-length: 2\r\n\r\nno", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"]
            {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = [0; 1];
                while stream.read_exact(&mut request).is_ok() && stream.write_all(reply.as_bytes()).is_ok() {}
            }
        });
        address
    }

    #[test]
    fn a_refusal_is_counted_and_the_search_goes_on() {
        let (address, requests) = (router(), [b"x".to_vec()]);
        let searcher = Searcher { address: &address, requests: &requests };
        let ((), searched) = while_doing(&[searcher], |answered| {
            while answered.load(Ordering::Relaxed) < 10 {
                thread::yield_now();
            }
            Ok(())
        })
        .unwrap();
        assert_eq!((searched.failed, searched.failures.as_slice()), (1, &["status 503: no".to_owned()][..]));
        assert!(searched.latency.requests >= 10, "{searched:?}");
    }
}
