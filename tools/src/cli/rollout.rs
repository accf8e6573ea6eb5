//! `annuli rollout …`

use annuli_core::IndexName;
use clap::{Args, Subcommand};
use uuid::Uuid;

/// Rollouts.
#[derive(Debug, Subcommand)]
pub enum RolloutCommand {
    /// Let replicas prepare a dump, one after the other, then serve it, all at once
    Start(RolloutStart),
    /// Show how a rollout is, and where each replica is in it
    Status(RolloutArgs),
    /// Show it until it is over; the exit code is 0 if it has succeeded
    Watch(RolloutArgs),
    /// Let no further step be taken
    Pause(RolloutArgs),
    /// Go on with one that is paused; one that waits for approval has it by this
    Resume(RolloutArgs),
    /// Take back what was done: at once, while the replicas still hold what they served before
    Rollback(RolloutArgs),
}

/// `annuli rollout start`
#[derive(Debug, Args)]
pub struct RolloutStart {
    /// Index whose replicas are meant
    #[arg(value_parser = IndexName::new)]
    pub index: IndexName,

    /// Number of the dump that they are to serve [default: the newest]
    #[arg(long, value_name = "N")]
    pub generation: Option<u64>,

    /// Replicas of one shard that prepare it at once
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_unavailable: Option<u32>,

    /// Wait for `annuli rollout resume` before it is served
    #[arg(long)]
    pub approve: bool,

    /// Only print what would be done
    #[arg(long, conflicts_with_all = ["wait", "watch"])]
    pub plan: bool,

    /// Wait until it is over
    #[arg(long, conflicts_with = "watch")]
    pub wait: bool,

    /// Show how it goes until it is over
    #[arg(long)]
    pub watch: bool,
}

/// Which rollout is meant.
#[derive(Debug, Args)]
pub struct RolloutArgs {
    /// Index or alias
    #[arg(value_parser = IndexName::new)]
    pub index: IndexName,

    /// Id of the rollout [default: the newest of the index]
    pub id: Option<Uuid>,
}
