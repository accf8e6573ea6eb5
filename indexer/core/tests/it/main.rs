//! Segments from the outside, over many made-up sets: what holds of every one of them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is a failed test")]

mod documents;
mod numbers;

mod choices;
mod forge;
mod hostile;
mod probe;
mod samples;
