//! Storing a whole data set in an empty index.

use crate::clock::{Patience, Stopwatch, poll};
use crate::connection::{Connection, ExchangeFailed};
use crate::dataset::Dataset;
use crate::remote_index::{IndexFailed, RemoteIndex};
use crate::results::Ingest;
use crate::usage;
use crate::workers::share_out;
use std::time::Duration;

/// Documents in one request.
const BATCH: usize = 500;

/// While one request is being stored the other is on its way.
const CONNECTIONS: usize = 2;

/// A program whose queue is full asks to try again; one that does so for minutes is stuck.
const WHILE_OVERLOADED: Patience = Patience { every: Duration::from_millis(50), at_most: Duration::from_secs(300) };

/// Stores all documents and waits until the graphs hold them. `pid` is the program's, if it runs here.
pub(crate) fn measure(index: &RemoteIndex, dataset: &Dataset, pid: Option<u32>) -> Result<Ingest, IndexFailed> {
    let documents = dataset.ids.len();
    let mut connections = index.connect(CONNECTIONS)?;
    let cpu_before = pid.and_then(usage::cpu_seconds);
    let watch = Stopwatch::start();
    let stored = share_out(&mut connections, documents.div_ceil(BATCH), |connection, batch| {
        let rows = batch * BATCH..documents.min((batch + 1) * BATCH);
        store(connection, &index.store(dataset, rows))
    })?;
    let seconds_until_acknowledged = watch.seconds();
    index.wait_until_built(documents)?;
    let seconds_until_built = watch.seconds();
    let cpu_after = pid.and_then(usage::cpu_seconds);
    Ok(Ingest {
        seconds_until_acknowledged,
        documents_per_second_acknowledged: documents as f64 / seconds_until_acknowledged,
        seconds_until_built,
        server_cpu_seconds: cpu_before.zip(cpu_after).map(|(before, after)| after - before),
        seconds_of_longest_batch: stored.iter().map(|stored| stored.seconds).fold(0.0, f64::max),
        refusals: stored.iter().map(|stored| stored.refusals).sum(),
    })
}

/// A batch that was taken.
struct Stored {
    /// From when it was sent for the last time.
    seconds: f64,
    /// How often it was refused before.
    refusals: usize,
}

/// Sends a batch until it is taken.
fn store(connection: &mut Connection, request: &[u8]) -> Result<Stored, ExchangeFailed> {
    const OVERLOADED: u16 = 429;
    let mut refusals = 0;
    let taken = poll(WHILE_OVERLOADED, || {
        let sent = Stopwatch::start();
        let reply = connection.send(request)?;
        let seconds = sent.seconds();
        if reply.status == OVERLOADED {
            refusals += 1;
            return Ok(None);
        }
        reply.expect_success().map(|_| Some(seconds))
    })?;
    let overloaded = || ExchangeFailed::Refused { status: OVERLOADED, message: format!("{refusals} times") };
    taken.map(|seconds| Stored { seconds, refusals }).ok_or_else(overloaded)
}
