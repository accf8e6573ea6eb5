//! `annuli rollout …`

use annuli_core::IndexName;
use clap::{Args, Subcommand};
use std::num::ParseIntError;
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

    /// Let each replica let go of what it serves before it prepares, where there is no room for two; meanwhile shards answer
    /// from different generations, and nothing is at hand for a rollback
    #[arg(long, conflicts_with_all = ["canary", "approve"])]
    pub drain: bool,

    /// Wait for `annuli rollout resume` before it is served
    #[arg(long)]
    pub approve: bool,

    /// Once every replica has it, make that share of the live searches in it as well, and compare: 5%
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub canary: Option<u32>,

    /// Fewer common hits than that stop the rollout [default: 80%]
    #[arg(long, value_name = "PERCENT", value_parser = percent, requires = "canary")]
    pub canary_floor: Option<u32>,

    /// Searches of each shard that are compared [default: 100]
    #[arg(long, value_name = "N", requires = "canary")]
    pub canary_searches: Option<u32>,

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

/// A share of a hundred, with its sign or without. Its bounds are the server's to know.
fn percent(text: &str) -> Result<u32, ParseIntError> {
    text.strip_suffix('%').unwrap_or(text).parse()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_is_a_whole_number_with_its_sign_or_without() {
        assert_eq!([percent("5%"), percent("5"), percent("100%")], [Ok(5), Ok(5), Ok(100)]);
        for text in ["", "%", "5 %", "0.5%", "-5%", "5%%"] {
            assert!(percent(text).is_err(), "{text}");
        }
    }
}
