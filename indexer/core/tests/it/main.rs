//! Segments from the outside, over many made-up sets: what holds of every one of them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is a failed test")]

mod documents;
mod numbers;

#[path = "../../../../tests/harness/npy.rs"]
#[allow(unreachable_pub, dead_code, reason = "it is a module of a library elsewhere")]
mod npy;

mod choices;
mod forge;
mod hostile;
mod probe;
mod samples;

mod distances;
mod filters;
mod reachability;
mod recall;
mod segments;
