//! Stopping our server and starting it again, several times; its files are in the system's cache, as after a deployment.

use super::Failed;
use super::results::{Restart, Restarts};
use crate::clock::Stopwatch;
use crate::dataset::Dataset;
use crate::figures::median;
use crate::recall::K;
use crate::remote_index::{Effort, RemoteIndex};
use crate::server::{Process, Program};
use std::num::NonZeroUsize;

/// Restarts `process`, which serves `index`.
pub(super) fn measure(
    program: &Program,
    mut process: Process,
    mut index: RemoteIndex,
    dataset: &Dataset,
    rounds: NonZeroUsize,
) -> Result<Restarts, Failed> {
    let mut restarts = Vec::with_capacity(rounds.get());
    for _ in 0..rounds.get() {
        let stopped = process.stop()?;
        let watch = Stopwatch::start();
        process = program.start()?;
        index = index.moved_to(&process.address);
        let search = index.search(dataset, &[0], Effort::Ef(K), None);
        index.connect(1)?.remove(0).send(&search)?.expect_success()?;
        restarts.push(Restart {
            seconds_to_stop: stopped.as_secs_f64(),
            seconds_until_ready: process.until_ready.as_secs_f64(),
            seconds_until_answer: watch.seconds(),
        });
    }
    let of = |figure: fn(&Restart) -> f64| median(restarts.iter().map(figure)).expect("at least one restart");
    Ok(Restarts {
        seconds_until_ready: of(|restart| restart.seconds_until_ready),
        seconds_until_answer: of(|restart| restart.seconds_until_answer),
        rounds: restarts,
    })
}
