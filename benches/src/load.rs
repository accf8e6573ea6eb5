//! Sending many searches at once, in a closed loop: each client sends its next request when it has its last answer.

use crate::clock::Stopwatch;
use crate::connection::{Connection, ExchangeFailed};
use crate::dataset::Dataset;
use crate::figures::percentile_ms;
use crate::remote_index::{Effort, RemoteIndex, Shape};
use crate::results::{Figures, Round};
use crate::usage;
use crate::workers::{share_out, share_out_passes};
use annuli_api::v1::search::{SearchReply, WireHit};
use serde_json::Value;
use std::process;
use std::time::Duration;

/// Less processor time is not reported: the kernel counts it in hundredths of a second, a tenth of this.
const CPU_SECONDS_MIN: f64 = 0.1;

/// Searches for some queries of a data set, as requests made beforehand.
pub(crate) struct Searches {
    requests: Vec<Request>,
}

struct Request {
    queries: usize,
    bytes: Vec<u8>,
}

impl Searches {
    /// For these queries.
    pub(crate) fn new(
        index: &RemoteIndex,
        dataset: &Dataset,
        queries: &[usize],
        shape: Shape,
        effort: Effort,
        filter: Option<&Value>,
    ) -> Self {
        let request = |queries: &[usize]| Request {
            queries: queries.len(),
            bytes: index.search(dataset, queries, effort, filter),
        };
        Self { requests: queries.chunks(shape.queries_per_request()).map(request).collect() }
    }

    /// Sends each once and returns the hits of each query, in order.
    pub(crate) fn answers(&self, connections: &mut [Connection]) -> Result<Vec<Vec<WireHit>>, ExchangeFailed> {
        let replies = share_out(connections, self.requests.len(), |connection, number| {
            let asked = self.requests[number].queries;
            let results = connection.send(&self.requests[number].bytes)?.read::<SearchReply>()?.results;
            let answered = results.len();
            if answered == asked { Ok(results) } else { Err(ExchangeFailed::Answers { answered, asked }) }
        })?;
        Ok(replies.into_iter().flatten().map(|result| result.hits).collect())
    }

    /// Sends all of them, again and again until `at_least` has passed, and measures. `pid` is the program's, if it
    /// runs here.
    ///
    /// Passes are whole: a part of one would weigh some queries more than others.
    pub(crate) fn measure(
        &self,
        connections: &mut [Connection],
        at_least: Duration,
        pid: Option<u32>,
    ) -> Result<Round, ExchangeFailed> {
        let cpu = || (pid.and_then(usage::cpu_seconds), usage::cpu_seconds(process::id()));
        let (server_before, client_before) = cpu();
        let watch = Stopwatch::start();
        let mut latencies = share_out_passes(connections, self.requests.len(), at_least, |connection, number| {
            let watch = Stopwatch::start();
            let reply = connection.send(&self.requests[number].bytes)?;
            let latency = watch.elapsed();
            reply.expect_success().map(|_| latency)
        })?;
        let seconds = watch.seconds();
        let (server_after, client_after) = cpu();
        let passes = latencies.len() / self.requests.len();
        let queries = passes * self.requests.iter().map(|request| request.queries).sum::<usize>();
        latencies.sort_unstable();
        let percentile = |percent| percentile_ms(&latencies, percent).expect("all queries were sent at least once");
        let us_per_query = |before: Option<f64>, after: Option<f64>| {
            let cpu_seconds = Some(after? - before?).filter(|seconds| *seconds >= CPU_SECONDS_MIN)?;
            Some(cpu_seconds * 1e6 / queries as f64)
        };
        let figures = Figures {
            queries_per_second: queries as f64 / seconds,
            p50_ms: percentile(50),
            p95_ms: percentile(95),
            p99_ms: percentile(99),
            server_cpu_us_per_query: us_per_query(server_before, server_after),
            client_cpu_us_per_query: us_per_query(client_before, client_after),
        };
        Ok(Round { queries, seconds, figures })
    }
}
