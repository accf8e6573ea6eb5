//! `annuli cluster reshard`: divides every index of a cluster into another number of shards.

use super::cluster::ShowError;
use crate::cli::{OutputFormat, ReshardArgs};
use crate::client::{Client, Server};
use crate::clock;
use crate::output;
use annuli_api::v1::cluster::{NextShards, Resharding};
use std::time::Duration;

/// Between two looks at how far the cluster is: it takes minutes at least.
const PAUSE: Duration = Duration::from_secs(1);

/// Asks for it, or for what there is to stay.
pub(super) fn run(args: &ReshardArgs, server: &Server, format: OutputFormat) -> Result<(), ShowError> {
    let client = Client::of(server, 1)?;
    let mut resharding = match args.shards {
        Some(shards) => client.reshard(shards.get())?,
        // The command line has one or the other.
        None => client.cancel_reshard()?,
    };
    while args.wait && resharding.next.is_some() {
        clock::pause(PAUSE);
        let cluster = client.cluster()?;
        resharding = Resharding { shards: cluster.shards, next: cluster.next };
    }
    match format {
        OutputFormat::Table => output::text(&text(&resharding))?,
        OutputFormat::Json => output::json(&resharding)?,
    }
    Ok(())
}

/// How far the cluster is.
pub(super) fn text(Resharding { shards, next }: &Resharding) -> String {
    let now = match shards {
        Some(shards) => format!("every index has {shards} shards\n"),
        None => "no process that holds a shard has joined yet\n".to_owned(),
    };
    let Some(NextShards { shards, primaries, indexes_moved, indexes_total, waits_for }) = next else { return now };
    let waits = if primaries < shards {
        format!("; {primaries} of the {shards} primaries are there that hold them: start the others")
    } else {
        String::new()
    };
    let moved = format!("{indexes_moved} of {indexes_total} indexes have moved to {shards} shards{waits}\n");
    waits_for.iter().fold(moved, |text, obstacle| text + obstacle + "\n")
}
