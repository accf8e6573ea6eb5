//! `annuli index …`

use super::confirm::{self, NotConfirmed};
use crate::cli::{IndexCommand, IndexCreate, OutputFormat};
use crate::client::{Client, ClientError, InvalidUrl, Server};
use crate::output::{self, Align};
use annuli_api::v1::index::{BuildInfo, BuildKind, CreateIndex, IndexInfo, IndexStatus, ShardInfo, WireHnsw};
use annuli_core::ShardCount;
use std::io;

/// Why a command on indexes has failed.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The URL is none.
    #[error(transparent)]
    Url(#[from] InvalidUrl),
    /// The server could not be asked, or refused.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Nobody said yes.
    #[error(transparent)]
    NotConfirmed(#[from] NotConfirmed),
    /// The answer could not be printed.
    #[error(transparent)]
    Output(#[from] io::Error),
}

/// Does what the command line says.
pub fn run(command: &IndexCommand, server: &Server, format: OutputFormat) -> Result<(), IndexError> {
    let client = Client::of(server, 1)?;
    match command {
        IndexCommand::Create(args) => print(&client.create_index(&args.name, &schema(args))?, format)?,
        IndexCommand::Info(args) => print(&client.index(&args.name)?, format)?,
        IndexCommand::List => {
            let list = client.indexes()?;
            match format {
                OutputFormat::Table if list.indexes.is_empty() => output::text("no indexes\n")?,
                OutputFormat::Table => output::text(&list_table(&list.indexes))?,
                OutputFormat::Json => output::json(&list)?,
            }
        }
        IndexCommand::Delete(args) => {
            let info = client.index(&args.name)?;
            confirm::delete(&format!("index `{}` with its {} documents", info.name, info.documents), args.yes)?;
            client.delete_index(&args.name)?;
            if format == OutputFormat::Table {
                output::text(&format!("index `{}` is deleted\n", args.name))?;
            }
        }
    }
    Ok(())
}

fn schema(args: &IndexCreate) -> CreateIndex {
    CreateIndex {
        dim: args.dim.get() as u64,
        metric: args.metric.name().to_owned(),
        shards: args.shards.map(ShardCount::get),
        hnsw: hnsw(args.m, args.ef_construction),
        quantization: args.quantization.map(|quantization| quantization.name().to_owned()),
    }
}

/// How graphs are to be built, if anything was said of it.
pub(super) fn hnsw(m: Option<usize>, ef_construction: Option<usize>) -> Option<WireHnsw> {
    (m.is_some() || ef_construction.is_some()).then_some(WireHnsw { m, ef_construction })
}

fn print(info: &IndexInfo, format: OutputFormat) -> io::Result<()> {
    match format {
        OutputFormat::Table => output::text(&info_text(info)),
        OutputFormat::Json => output::json(info),
    }
}

fn list_table(indexes: &[IndexInfo]) -> String {
    const COLUMNS: [(&str, Align); 7] = [
        ("name", Align::Left),
        ("status", Align::Left),
        ("documents", Align::Right),
        ("dim", Align::Right),
        ("metric", Align::Left),
        ("shards", Align::Right),
        ("aliases", Align::Left),
    ];
    let row = |info: &IndexInfo| {
        vec![
            info.name.clone(),
            status(info.status).to_owned(),
            info.documents.to_string(),
            info.schema.dim.to_string(),
            info.schema.metric.clone(),
            or_dash(info.schema.shards),
            info.aliases.join(", "),
        ]
    };
    output::table(&COLUMNS, indexes.iter().map(row), output::width())
}

fn info_text(info: &IndexInfo) -> String {
    const FACTS: [(&str, Align); 2] = [("index", Align::Left), ("", Align::Left)];
    let hnsw = info.schema.hnsw.unwrap_or_default();
    let fact = |name: &str, value: String| vec![name.to_owned(), value];
    let facts = vec![
        fact("name", info.name.clone()),
        fact("uuid", info.uuid.to_string()),
        fact("status", status(info.status).to_owned()),
        fact("documents", info.documents.to_string()),
        fact("dim", info.schema.dim.to_string()),
        fact("metric", info.schema.metric.clone()),
        fact("hnsw", format!("m {}, ef_construction {}", or_dash(hnsw.m), or_dash(hnsw.ef_construction))),
        fact("quantization", or_dash(info.schema.quantization.as_ref())),
        fact("aliases", info.aliases.join(", ")),
    ];
    format!("{}\n{}", output::table(&FACTS, facts, output::width()), shard_table(&info.shard_status))
}

fn shard_table(shards: &[ShardInfo]) -> String {
    const COLUMNS: [(&str, Align); 8] = [
        ("shard", Align::Right),
        ("seq", Align::Right),
        ("documents", Align::Right),
        ("segments", Align::Right),
        ("tail", Align::Right),
        ("pending", Align::Right),
        ("builds", Align::Left),
        ("error", Align::Left),
    ];
    let row = |shard: &ShardInfo| {
        vec![
            shard.shard.to_string(),
            or_dash(shard.seq),
            or_dash(shard.documents),
            or_dash(shard.segments.map(|segments| segments.count)),
            or_dash(shard.tail.map(|tail| tail.documents)),
            or_dash(shard.pending),
            shard.builds.iter().map(build).collect::<Vec<_>>().join(", "),
            shard.error.as_ref().map(ToString::to_string).unwrap_or_default(),
        ]
    };
    output::table(&COLUMNS, shards.iter().map(row), output::width())
}

fn build(build: &BuildInfo) -> String {
    let kind = match build.kind {
        BuildKind::Seal => "seal",
        BuildKind::Merge => "merge",
    };
    if build.waits {
        return format!("{kind} of {} waits", build.documents);
    }
    let percent = build.done.saturating_mul(100) / build.documents.max(1);
    format!("{kind} of {} at {percent} %", build.documents)
}

fn status(status: IndexStatus) -> &'static str {
    match status {
        IndexStatus::Ready => "ready",
        IndexStatus::Building => "building",
        IndexStatus::Unavailable => "unavailable",
    }
}

fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}
