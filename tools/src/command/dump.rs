//! `annuli dump …`

use super::confirm::{self, NotConfirmed};
use super::dump_offline::{self, OfflineError};
use super::progress::{Progress, Unit};
use super::task::wait_for;
use crate::cli::{DumpCommand, DumpCreate, DumpDelete, DumpInspect, DumpList, DumpRestore, DumpVerify, OutputFormat};
use crate::client::{Client, ClientError, InvalidServer, InvalidUrl, Server};
use crate::clock;
use crate::output::{self, Align};
use annuli_api::Failure;
use annuli_api::v1::dump::DumpInfo;
use annuli_api::v1::task::{TaskInfo, TaskStatus};
use annuli_core::IndexName;
use annuli_dump::{
    DeleteDumpError, DumpId, DumpState, DumpSummary, FindDumpError, ListedDump, Manifest, ReadManifestError,
    StoreFault, VerifyDumpError, verify_dump,
};
use annuli_dump_s3::OpenS3Error;
use serde::Serialize;
use serde_json::{Value, json};
use std::io;
use std::path::Path;
use uuid::Uuid;

/// Why a command on dumps has failed.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// The server cannot be talked to as was said.
    #[error(transparent)]
    Server(#[from] InvalidServer),
    /// The URL is none.
    #[error(transparent)]
    Url(#[from] InvalidUrl),
    /// The server could not be asked, or refused.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The server has tried, and failed.
    #[error("the dump of index `{index}` has failed: {}", told(reason.as_ref()))]
    Task {
        /// The index.
        index: IndexName,
        /// Why.
        reason: Option<Failure>,
    },
    /// The cluster has tried to restore, and failed, or was told to leave it.
    #[error("the restore of index `{index}` has failed: {}", told(reason.as_ref()))]
    Restore {
        /// The index.
        index: IndexName,
        /// Why.
        reason: Option<Failure>,
    },
    /// The workspace could not be dumped, or no index restored.
    #[error(transparent)]
    Offline(#[from] OfflineError),
    /// The dump cannot be used.
    #[error(transparent)]
    Find(#[from] FindDumpError),
    /// The bucket of dumps cannot be asked.
    #[error(transparent)]
    Open(#[from] OpenS3Error),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreFault),
    /// The dump is not sound.
    #[error(transparent)]
    Verify(#[from] VerifyDumpError),
    /// The dump was not deleted.
    #[error(transparent)]
    Delete(#[from] DeleteDumpError),
    /// The manifest could not be read again.
    #[error(transparent)]
    Manifest(#[from] ReadManifestError),
    /// The server knows of no such dump.
    #[error("no index of the server has dump {dump}: `annuli dump list --online` shows those that there are")]
    Unknown {
        /// The dump.
        dump: DumpId,
    },
    /// Nobody said yes.
    #[error(transparent)]
    NotConfirmed(#[from] NotConfirmed),
    /// The answer could not be printed.
    #[error(transparent)]
    Output(#[from] io::Error),
}

fn told(reason: Option<&Failure>) -> &str {
    reason.map_or("no reason was given", |failure| &failure.message)
}

/// Does what the command line says. `server` is asked for where one is talked to.
pub fn run(
    command: &DumpCommand,
    server: impl FnOnce() -> Result<Server, InvalidServer>,
    format: OutputFormat,
) -> Result<(), DumpError> {
    let client = || Ok::<_, DumpError>(Client::of(&server()?, 1)?);
    match command {
        DumpCommand::Create(args) if args.workspace.is_some() => print_dump(&dump_offline::create(args)?, format),
        DumpCommand::Create(args) => create(args, &client()?, format),
        DumpCommand::List(args) => list(args, client, format),
        DumpCommand::Inspect(args) => inspect(args, format),
        DumpCommand::Verify(args) => verify(args, format),
        DumpCommand::Restore(args) => match &args.workspace {
            Some(root) => restore_offline(root, args, format),
            None => restore(args, &client()?, format),
        },
        DumpCommand::Delete(args) => delete(args, client, format),
    }
}

fn create(args: &DumpCreate, client: &Client, format: OutputFormat) -> Result<(), DumpError> {
    let started = client.start_dump(&args.index)?;
    if !args.wait {
        return match format {
            OutputFormat::Table => Ok(output::text(&format!("the dump is task {}\n", started.task))?),
            OutputFormat::Json => Ok(output::json(&started)?),
        };
    }
    let task = wait_for(client, started.task)?;
    if task.status != TaskStatus::Succeeded {
        return Err(DumpError::Task { index: args.index.clone(), reason: task.error });
    }
    match (format, dump_of(&task)) {
        (OutputFormat::Table, Some(dump)) => print_dump(&dump, format),
        (OutputFormat::Table, None) => Ok(output::text(&format!("index `{}` is dumped\n", args.index))?),
        (OutputFormat::Json, _) => Ok(output::json(&task)?),
    }
}

fn dump_of(task: &TaskInfo) -> Option<DumpInfo> {
    serde_json::from_value(task.result.clone()?).ok()
}

fn list(
    args: &DumpList,
    client: impl FnOnce() -> Result<Client, DumpError>,
    format: OutputFormat,
) -> Result<(), DumpError> {
    let listing = if args.online {
        let dumps = known(&client()?, args.index.as_ref())?.into_iter().map(|(_, dump)| dump);
        Listing { dumps: dumps.collect(), unusable: Vec::new() }
    } else {
        Listing::of(args.store.open()?.list()?, args.index.as_ref())
    };
    match format {
        OutputFormat::Table => output::text(&listing.table())?,
        OutputFormat::Json => output::json(&listing)?,
    }
    Ok(())
}

/// The dumps that a server knows, of that index or of all.
fn known(client: &Client, index: Option<&IndexName>) -> Result<Vec<(IndexName, DumpInfo)>, ClientError> {
    let indexes = match index {
        Some(index) => vec![index.clone()],
        // A server has no index whose name is none.
        None => client.indexes()?.indexes.iter().filter_map(|info| IndexName::new(&info.name).ok()).collect(),
    };
    let mut dumps = Vec::new();
    for index in indexes {
        let of_index = client.dumps(&index)?.dumps;
        dumps.extend(of_index.into_iter().map(|dump| (index.clone(), dump)));
    }
    Ok(dumps)
}

/// What a store holds: the API's list of dumps, and beside it what is none.
#[derive(Debug, Serialize)]
struct Listing {
    dumps: Vec<DumpInfo>,
    unusable: Vec<Unusable>,
}

/// A folder of the store that is no dump, or no sound one.
#[derive(Debug, Serialize)]
struct Unusable {
    dump: Uuid,
    index_uuid: Uuid,
    reason: String,
}

impl Listing {
    fn of(listed: Vec<ListedDump>, index: Option<&IndexName>) -> Self {
        let mut listing = Self { dumps: Vec::new(), unusable: Vec::new() };
        for ListedDump { index: index_uuid, dump, state } in listed {
            let reason = match state {
                DumpState::Complete(summary) => {
                    if index.is_none_or(|index| *index == summary.head.index) {
                        listing.dumps.push(info_of(&summary));
                    }
                    continue;
                }
                DumpState::Incomplete => "incomplete: being written, cut off, or being deleted".to_owned(),
                DumpState::Damaged(error) => error.to_string(),
            };
            // Its name is in the manifest that it does not have: it may be of any index.
            listing.unusable.push(Unusable { dump: dump.uuid(), index_uuid: index_uuid.0, reason });
        }
        listing
    }

    fn table(&self) -> String {
        let mut text = if self.dumps.is_empty() { "no dumps\n".to_owned() } else { dump_table(&self.dumps) };
        if !self.unusable.is_empty() {
            const COLUMNS: [(&str, Align); 2] = [("unusable", Align::Left), ("reason", Align::Left)];
            let row = |unusable: &Unusable| vec![unusable.dump.to_string(), unusable.reason.clone()];
            text += &format!("\n{}", output::table(&COLUMNS, self.unusable.iter().map(row), output::width()));
        }
        text
    }
}

fn info_of(summary: &DumpSummary) -> DumpInfo {
    let DumpSummary { head, documents, archive_bytes, .. } = summary;
    DumpInfo {
        dump: head.dump.uuid(),
        index: head.index.to_string(),
        index_uuid: head.index_uuid.0,
        created_at: head.created_at.to_string(),
        shards: head.schema.shards.get(),
        documents: *documents,
        bytes: *archive_bytes,
        generation: None,
    }
}

fn print_dump(dump: &DumpInfo, format: OutputFormat) -> Result<(), DumpError> {
    match format {
        OutputFormat::Table => output::text(&dump_table(std::slice::from_ref(dump)))?,
        OutputFormat::Json => output::json(dump)?,
    }
    Ok(())
}

fn dump_table(dumps: &[DumpInfo]) -> String {
    const COLUMNS: [(&str, Align); 7] = [
        ("dump", Align::Left),
        ("index", Align::Left),
        ("generation", Align::Right),
        ("created at", Align::Left),
        ("shards", Align::Right),
        ("documents", Align::Right),
        ("bytes", Align::Right),
    ];
    let row = |dump: &DumpInfo| {
        vec![
            dump.dump.to_string(),
            dump.index.clone(),
            dump.generation.map_or_else(|| "-".to_owned(), |generation| generation.to_string()),
            dump.created_at.clone(),
            dump.shards.to_string(),
            dump.documents.to_string(),
            dump.bytes.to_string(),
        ]
    };
    output::table(&COLUMNS, dumps.iter().map(row), output::width())
}

fn inspect(args: &DumpInspect, format: OutputFormat) -> Result<(), DumpError> {
    let dump = args.store.open()?.find(args.dump)?;
    match format {
        OutputFormat::Table => output::text(&manifest_text(dump.manifest()))?,
        OutputFormat::Json => {
            // The manifest is JSON for programs already.
            let manifest: Value = serde_json::from_slice(&dump.manifest_json()?).map_err(io::Error::from)?;
            output::json(&manifest)?;
        }
    }
    Ok(())
}

fn manifest_text(manifest: &Manifest) -> String {
    const FACTS: [(&str, Align); 2] = [("dump", Align::Left), ("", Align::Left)];
    const COLUMNS: [(&str, Align); 7] = [
        ("shard", Align::Right),
        ("history", Align::Left),
        ("seq", Align::Right),
        ("documents", Align::Right),
        ("files", Align::Right),
        ("bytes", Align::Right),
        ("unpacked", Align::Right),
    ];
    let (head, schema) = (manifest.head(), &manifest.head().schema);
    let fact = |name: &str, value: String| vec![name.to_owned(), value];
    let facts = vec![
        fact("id", head.dump.to_string()),
        fact("index", head.index.to_string()),
        fact("index uuid", head.index_uuid.to_string()),
        fact("created at", head.created_at.to_string()),
        fact("dim", schema.dim.to_string()),
        fact("metric", schema.metric.clone()),
        fact("hnsw", format!("m {}, ef_construction {}", schema.hnsw.m, schema.hnsw.ef_construction)),
        fact("documents", manifest.documents().to_string()),
        fact("bytes", manifest.archive_bytes().to_string()),
        fact("unpacked", manifest.content_bytes().to_string()),
    ];
    let row = |shard: &annuli_dump::ShardRecord| {
        vec![
            shard.shard.to_string(),
            shard.history.to_string(),
            shard.seq.to_string(),
            shard.documents.to_string(),
            shard.archive.entries().len().to_string(),
            shard.archive.bytes().to_string(),
            shard.archive.content_bytes().to_string(),
        ]
    };
    let shards = output::table(&COLUMNS, manifest.shards().iter().map(row), output::width());
    format!("{}\n{shards}", output::table(&FACTS, facts, output::width()))
}

fn verify(args: &DumpVerify, format: OutputFormat) -> Result<(), DumpError> {
    let dump = args.store.open()?.find(args.dump)?;
    let bytes = dump.manifest().archive_bytes();
    let mut progress = Progress::open(Unit::Bytes, bytes, clock::now());
    let mut read = 0;
    let verified = verify_dump(&dump, &mut |portion| {
        read += portion;
        progress.show(read, clock::now());
    });
    progress.close();
    verified?;
    match format {
        OutputFormat::Table => output::text(&format!("dump {} is sound: {bytes} bytes were read\n", args.dump))?,
        OutputFormat::Json => output::json(&json!({"dump": args.dump.uuid(), "sound": true, "bytes": bytes}))?,
    }
    Ok(())
}

fn restore(args: &DumpRestore, client: &Client, format: OutputFormat) -> Result<(), DumpError> {
    let started = client.restore_dump(&args.index, args.dump.uuid())?;
    if !args.wait {
        return match format {
            OutputFormat::Table => Ok(output::text(&format!("the restore is task {}\n", started.task))?),
            OutputFormat::Json => Ok(output::json(&started)?),
        };
    }
    let task = wait_for(client, started.task)?;
    if task.status != TaskStatus::Succeeded {
        return Err(DumpError::Restore { index: args.index.clone(), reason: task.error });
    }
    match format {
        OutputFormat::Table => Ok(output::text(&format!("index `{}` is restored\n", args.index))?),
        OutputFormat::Json => Ok(output::json(&task)?),
    }
}

fn restore_offline(root: &Path, args: &DumpRestore, format: OutputFormat) -> Result<(), DumpError> {
    let restored = dump_offline::restore(root, args)?;
    match format {
        OutputFormat::Table => output::text(&format!(
            "index `{}` is restored: {} documents on {} shards\n",
            restored.index, restored.documents, restored.shards
        ))?,
        OutputFormat::Json => output::json(&restored)?,
    }
    Ok(())
}

fn delete(
    args: &DumpDelete,
    client: impl FnOnce() -> Result<Client, DumpError>,
    format: OutputFormat,
) -> Result<(), DumpError> {
    let DumpDelete { dump, yes, .. } = *args;
    if args.online {
        let client = client()?;
        let of_index = known(&client, None)?.into_iter().find(|(_, known)| known.dump == dump.uuid());
        let (index, _) = of_index.ok_or(DumpError::Unknown { dump })?;
        confirm::delete(&format!("dump {dump} of index `{index}`"), yes)?;
        client.delete_dump(&index, dump.uuid())?;
    } else {
        confirm::delete(&format!("dump {dump}"), yes)?;
        let store = args.store.open()?;
        store.delete(store.index_of(dump)?, dump)?;
    }
    match format {
        OutputFormat::Table => output::text(&format!("dump {dump} is deleted\n"))?,
        OutputFormat::Json => {}
    }
    Ok(())
}
