//! Stopping the program and starting it again: how long that takes, and whether it answers as before.

use crate::clock::Stopwatch;
use crate::connection::ExchangeFailed;
use crate::dataset::Dataset;
use crate::load::Searches;
use crate::remote_index::{Effort, IndexFailed, RemoteIndex, Shape};
use crate::results::Restart;
use crate::server::{Process, Program, ServerFailed};
use crate::usage;
use annuli_api::v1::search::WireHit;

/// Why a restart could not be measured.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RestartFailed {
    #[error("after a restart: {0}")]
    Index(#[from] IndexFailed),
    #[error("in a restart: {0}")]
    Server(#[from] ServerFailed),
    #[error("after a restart: {0}")]
    Exchange(#[from] ExchangeFailed),
}

/// Exact answers to some queries.
pub(crate) struct Sample {
    pub queries: Vec<usize>,
    pub answers: Vec<Vec<WireHit>>,
}

/// Restarts the program, whose exact answers before are `before`.
pub(crate) fn measure(
    program: &Program,
    process: Process,
    index: &RemoteIndex,
    dataset: &Dataset,
    before: &Sample,
) -> Result<Restart, RestartFailed> {
    let stopped = process.stop()?;
    let watch = Stopwatch::start();
    let process = program.start()?;
    let index = index.moved_to(&process.address);
    index.wait_until_built(dataset.ids.len())?;
    let seconds_until_built = watch.seconds();
    let searches = Searches::new(&index, dataset, &before.queries, Shape::Single, Effort::Exact, None);
    let after = searches.answers(&mut index.connect(1)?)?;
    Ok(Restart {
        seconds_to_stop: stopped.as_secs_f64(),
        seconds_until_ready: process.until_ready.as_secs_f64(),
        seconds_until_built,
        memory: usage::memory(process.pid()),
        answers_compared: after.len(),
        answers_changed: before.answers.iter().zip(&after).filter(|(before, after)| before != after).count(),
    })
}
