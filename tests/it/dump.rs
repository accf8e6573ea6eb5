//! Dumps: taken while writes go on, restored onto other numbers of shards, refused when they are damaged.

mod archive;
mod buckets;
pub(crate) mod cli;
mod commands;
mod damage;
mod forged;
mod interrupted;
mod prefix;
mod refusals;
pub(crate) mod repartition;
mod segments;
pub(crate) mod task;
