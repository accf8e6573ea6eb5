//! Sets of replicas that answer, fail or hang as a test says, in a time that passes when nothing else is to be done.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is a failed test")]

mod contract;
mod ejection;
mod failover;
mod fake;
mod hedging;
mod late;
mod mishaps;
mod routing;
mod served;
mod world;
