//! Whole clusters, each in one thread and in simulated time, from one seed.
//!
//! ```text
//! life ── cluster: a machine for each process, which runs the code of the program (programs)
//!   │        │ store_client            │ reach, desk              │ folder, replica_folder, durable
//!   │        ▼                         ▼                          ▼
//!   │     truth (coordination store)  network (routers, shards)  disks, shelf (dumps)
//!   ├─ nemesis, weather: what goes wrong        all of it in a world, by the dice and the schedule of the seed
//!   ├─ clients, readers, operator: who uses it
//!   └─ witness, ledger, catalogue_rules, moves, rollouts, authors, certainty, epilogue: what must hold
//! ```
//!
//! A seed that fails is printed with the command that lives it again. `ANNULI_SEEDS` says how many are lived,
//! `ANNULI_SEED` which one alone, with its trace.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "a panic in a test is the test's answer")]

mod dice;
mod schedule;
mod trace;
mod weather;
mod world;

mod store_client;
mod truth;

mod desk;
mod network;
mod reach;

mod contents;
mod durable;
mod folder;
mod held;
mod replica_folder;
mod shelf;

mod authors;
mod catalogue_rules;
mod certainty;
mod ledger;
mod moves;
mod rollouts;
mod watched;
mod witness;

mod machine;
mod origins;
mod panics;
mod programs;

mod clients;
mod operator;
mod readers;

mod cluster;
mod epilogue;
mod life;
mod nemesis;

use life::{Report, live};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

/// Seeds that are lived unless it is said how many.
const SEEDS: u64 = 500;

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("`{variable}` is `{text}`, which is no number")))
}

fn said(seed: u64, report: &Report) -> String {
    let Report { violations, tail, .. } = report;
    let again = format!("ANNULI_SEED={seed} cargo test -p annuli-sim --test sim keeps_its_promises -- --nocapture");
    format!("{tail}seed {seed}: {}\nto live it again: {again}\n", violations.join("\n    "))
}

#[test]
fn a_cluster_keeps_its_promises_whatever_happens() {
    if let Some(seed) = number("ANNULI_SEED") {
        let report = live(seed, true);
        assert!(report.violations.is_empty(), "{}", said(seed, &report));
        return;
    }
    let seeds = number("ANNULI_SEEDS").unwrap_or(SEEDS);
    let (next, failed, tally) = (AtomicU64::new(0), Mutex::new(Vec::new()), Mutex::new(BTreeMap::new()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Relaxed);
                    if seed >= seeds {
                        return;
                    }
                    let report = live(seed, false);
                    let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
                    report.tally.iter().for_each(|(what, times)| *tally.entry(*what).or_insert(0) += times);
                    if !report.violations.is_empty() {
                        eprintln!("{}", said(seed, &report));
                        failed.lock().unwrap_or_else(PoisonError::into_inner).push(seed);
                    }
                }
            });
        }
    });
    let tally = tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    eprintln!("of {seeds} lives: {tally:?}");
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    assert!(failed.is_empty(), "{} of {seeds} seeds failed: {failed:?}", failed.len());
}

#[test]
fn the_same_seed_is_the_same_life() {
    for seed in 1_000..1_006 {
        let (one, other) = (live(seed, false), live(seed, false));
        assert_eq!(one.digest, other.digest, "seed {seed} is lived in two ways");
    }
}
