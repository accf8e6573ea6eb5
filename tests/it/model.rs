//! Random operations against a plain in-memory model: the service always answers as the model does, across restarts.

pub(crate) mod condition;
mod names;
pub(crate) mod nearest;
pub(crate) mod plain;
mod reads;
mod run;
pub(crate) mod seed;
pub(crate) mod vectors;
mod writes;

use run::Run;

/// Operations of one run, restarts among them.
const OPERATIONS: usize = 300;

/// One run for each number of shards, on one metric.
fn check(metric: &'static str, default_seed: u64) {
    let seed = seed::seed(default_seed);
    for shards in 1..=4 {
        let mut run = Run::start(metric, shards, seed);
        for _ in 0..OPERATIONS {
            run.do_something();
        }
        run.check_everything();
    }
}

#[test]
fn the_service_agrees_with_a_plain_model_under_cosine() {
    check("cosine", 11);
}

#[test]
fn the_service_agrees_with_a_plain_model_under_euclidean() {
    check("euclidean", 22);
}

#[test]
fn the_service_agrees_with_a_plain_model_under_inner_product() {
    check("inner_product", 33);
}
