//! One client that stores single documents, one after the other, while something else is done.

use super::Failed;
use super::results::Latency;
use crate::clock::Stopwatch;
use crate::connection::ExchangeFailed;
use crate::dataset::Dataset;
use crate::remote_index::RemoteIndex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// Does `work` while documents of `dataset` are stored again, and returns how long each of them took as well.
pub(super) fn while_doing<T>(
    index: &RemoteIndex,
    dataset: &Dataset,
    work: impl FnOnce() -> Result<T, Failed>,
) -> Result<(T, Latency), Failed> {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let writer = scope.spawn(|| write(index, dataset, &done));
        let outcome = work();
        done.store(true, Ordering::Relaxed);
        let latencies = writer.join().expect("a panic of the writer is a panic of all");
        Ok((outcome?, Latency::of(latencies?)))
    })
}

/// At least one: whatever is done meanwhile, there is something to tell.
fn write(index: &RemoteIndex, dataset: &Dataset, done: &AtomicBool) -> Result<Vec<Duration>, ExchangeFailed> {
    let mut connection = index.connect(1)?.remove(0);
    let mut latencies = Vec::new();
    for row in (0..dataset.ids.len()).cycle() {
        let request = index.store(dataset, row..row + 1);
        let watch = Stopwatch::start();
        let reply = connection.send(&request)?;
        latencies.push(watch.elapsed());
        reply.expect_success()?;
        if done.load(Ordering::Relaxed) {
            break;
        }
    }
    Ok(latencies)
}
