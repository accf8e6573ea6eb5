//! `annuli cluster show` and `annuli coordinator …`: who is in a cluster.

use super::reshard;
use crate::cli::{CoordinatorCommand, OutputFormat};
use crate::client::{Client, ClientError, InvalidUrl, Server};
use crate::output::{self, Align};
use annuli_api::v1::cluster::{ClusterIndex, ClusterInfo, ClusterReplica, ClusterShard, Resharding, SteppedDown};
use serde_json::json;
use std::io;

/// Why nobody can say who is there.
#[derive(Debug, thiserror::Error)]
pub enum ShowError {
    /// The URL is none.
    #[error(transparent)]
    Url(#[from] InvalidUrl),
    /// The server could not be asked, or refused.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The answer could not be printed.
    #[error(transparent)]
    Output(#[from] io::Error),
}

/// `annuli cluster show`
pub fn show(server: &Server, format: OutputFormat) -> Result<(), ShowError> {
    let cluster = Client::of(server, 1)?.cluster()?;
    match format {
        OutputFormat::Table => output::text(&cluster_text(&cluster))?,
        OutputFormat::Json => output::json(&cluster)?,
    }
    Ok(())
}

/// `annuli coordinator …`
pub fn run_coordinator(command: CoordinatorCommand, server: &Server, format: OutputFormat) -> Result<(), ShowError> {
    let client = Client::of(server, 1)?;
    match command {
        CoordinatorCommand::Show => {
            let cluster = client.cluster()?;
            match format {
                OutputFormat::Table => output::text(&coordinator_text(&cluster))?,
                OutputFormat::Json => {
                    output::json(&json!({"coordinator": cluster.coordinator, "epoch": cluster.epoch}))?;
                }
            }
        }
        CoordinatorCommand::StepDown => {
            let stepped = client.step_down()?;
            match format {
                OutputFormat::Table => output::text(&stepped_text(&stepped))?,
                OutputFormat::Json => output::json(&stepped)?,
            }
        }
    }
    Ok(())
}

fn coordinator_text(cluster: &ClusterInfo) -> String {
    match &cluster.coordinator {
        Some(name) => format!("the {name} coordinates, in epoch {}\n", cluster.epoch),
        None => format!("nobody coordinates at the moment; the last epoch was {}\n", cluster.epoch),
    }
}

fn stepped_text(SteppedDown { coordinator, epoch }: &SteppedDown) -> String {
    match coordinator {
        Some(name) => format!("the {name} coordinates no longer; that was epoch {epoch}\n"),
        None => format!("nobody coordinates at the moment; the last epoch was {epoch}\n"),
    }
}

fn cluster_text(cluster: &ClusterInfo) -> String {
    const COLUMNS: [(&str, Align); 6] = [
        ("index", Align::Left),
        ("generation", Align::Right),
        ("shard", Align::Right),
        ("role", Align::Left),
        ("address", Align::Left),
        ("state", Align::Left),
    ];
    let next = cluster.next.as_ref().map_or_else(String::new, |_| {
        reshard::text(&Resharding { shards: cluster.shards, next: cluster.next.clone() })
    });
    if cluster.indexes.is_empty() {
        return format!("{}{next}\nno indexes\n", coordinator_text(cluster));
    }
    let rows = cluster.indexes.iter().flat_map(|(name, index)| rows(name, index));
    let table = output::table(&COLUMNS, rows, output::width());
    let notes: String = cluster.indexes.iter().filter_map(|(name, index)| note(name, index)).collect();
    format!("{}{next}\n{table}{notes}", coordinator_text(cluster))
}

/// What the table has no column for.
pub(super) fn note(name: &str, index: &ClusterIndex) -> Option<String> {
    if let Some(preparing) = index.preparing {
        return Some(format!("\ngeneration {preparing} of index `{name}` is being rolled out\n"));
    }
    let held = "was rolled back: nothing is rolled out until somebody starts a rollout";
    index.held.then(|| format!("\nindex `{name}` {held}\n"))
}

fn rows(name: &str, index: &ClusterIndex) -> Vec<Vec<String>> {
    index.shards.iter().flat_map(|shard| shard_rows(name, index, shard)).collect()
}

fn shard_rows(name: &str, index: &ClusterIndex, shard: &ClusterShard) -> Vec<Vec<String>> {
    let generation = index.generation.map_or_else(|| "-".to_owned(), |generation| generation.to_string());
    let row = |role: &str, address: &str, state: String| {
        let (role, address) = (role.to_owned(), address.to_owned());
        vec![name.to_owned(), generation.clone(), shard.shard.to_string(), role, address, state]
    };
    let primary = match &shard.primary {
        Some(primary) => row("primary", &primary.address, primary.state.clone()),
        None => row("primary", "-", "down".to_owned()),
    };
    let replicas = shard.replicas.iter().map(|replica| row("replica", &replica.address, state(replica)));
    std::iter::once(primary).chain(replicas).collect()
}

fn state(replica: &ClusterReplica) -> String {
    if replica.generations.is_empty() {
        return "serves nothing yet".to_owned();
    }
    let of = |(generation, how): (&u64, &String)| format!("{generation} {how}");
    replica.generations.iter().map(of).collect::<Vec<_>>().join("; ")
}
