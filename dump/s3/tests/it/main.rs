//! Dumps in buckets of real servers.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is a failed test")]

mod contract;
mod cuts;
mod faults;
mod objects;

use annuli_dump::DumpStore;
use annuli_dump_s3::{S3Files, S3Place, S3Settings};
use std::sync::Arc;
use std::time::Duration;

/// A store at that place, which gives up soon.
fn store(place: &str, variables: Vec<(String, String)>) -> DumpStore {
    let settings = S3Settings { endpoint: None, patience: Duration::from_secs(5), variables };
    DumpStore::new(Arc::new(S3Files::open(S3Place::parse(place).unwrap(), &settings).unwrap()))
}
