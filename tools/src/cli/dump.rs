//! `annuli dump …`

use super::shards;
use annuli_core::{IndexName, ShardCount};
use annuli_dump::DumpId;
use clap::{ArgAction, Args, Subcommand};
use std::path::PathBuf;

/// Dumps.
#[derive(Debug, Subcommand)]
pub enum DumpCommand {
    /// Dump an index: of a running server, or of a workspace that no server has open
    Create(DumpCreate),
    /// List the dumps of a store
    List(DumpList),
    /// Show what a dump holds
    Inspect(DumpInspect),
    /// Read a dump from end to end and check every byte
    Verify(DumpVerify),
    /// Make an index of a dump, in a workspace that no server has open
    Restore(DumpRestore),
    /// Delete a dump
    Delete(DumpDelete),
}

/// Where dumps are kept. The variables are those of the server, so that both look into the same folder.
#[derive(Debug, Clone, Args)]
pub struct StoreArgs {
    /// Folder that dumps are kept in [default: .dumps in the workspace]
    #[arg(long, value_name = "DIR", env = "ANNULI_DUMPS")]
    pub store: Option<PathBuf>,

    /// Workspace whose dumps are meant
    #[arg(long, value_name = "DIR", env = "ANNULI_WORKSPACE", default_value = "./workspace")]
    pub workspace: PathBuf,
}

impl StoreArgs {
    /// The folder that dumps are kept in.
    pub fn folder(&self) -> PathBuf {
        self.store.clone().unwrap_or_else(|| self.workspace.join(".dumps"))
    }
}

/// `annuli dump create`
#[derive(Debug, Args)]
pub struct DumpCreate {
    /// Index to dump
    #[arg(value_parser = IndexName::new)]
    pub index: IndexName,

    /// Take it from this workspace, which no server has open, instead of from the server at --url
    #[arg(long, value_name = "DIR")]
    pub workspace: Option<PathBuf>,

    /// Folder to keep the dump in, with --workspace [default: .dumps in the workspace]
    #[arg(long, value_name = "DIR", requires = "workspace")]
    pub store: Option<PathBuf>,

    /// Wait until the dump is done
    #[arg(long, action = ArgAction::Set, default_value_t = true, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", conflicts_with = "workspace")]
    pub wait: bool,
}

/// `annuli dump list`
#[derive(Debug, Args)]
pub struct DumpList {
    /// Where.
    #[command(flatten)]
    pub store: StoreArgs,

    /// Only dumps of the index that had this name
    #[arg(long, value_name = "NAME", value_parser = IndexName::new)]
    pub index: Option<IndexName>,
}

/// `annuli dump inspect`
#[derive(Debug, Args)]
pub struct DumpInspect {
    /// Id of the dump
    #[arg(value_parser = DumpId::parse)]
    pub dump: DumpId,

    /// Where.
    #[command(flatten)]
    pub store: StoreArgs,
}

/// `annuli dump verify`
#[derive(Debug, Args)]
pub struct DumpVerify {
    /// Id of the dump
    #[arg(value_parser = DumpId::parse)]
    pub dump: DumpId,

    /// Where.
    #[command(flatten)]
    pub store: StoreArgs,
}

/// `annuli dump restore`
#[derive(Debug, Args)]
pub struct DumpRestore {
    /// Id of the dump
    #[arg(value_parser = DumpId::parse)]
    pub dump: DumpId,

    /// Folder that the dump is kept in [default: .dumps in the workspace]
    #[arg(long, value_name = "DIR")]
    pub store: Option<PathBuf>,

    /// Workspace to make the index in
    #[arg(long, value_name = "DIR")]
    pub workspace: PathBuf,

    /// Name of the new index
    #[arg(long, value_name = "NAME", value_parser = IndexName::new)]
    pub index: IndexName,

    /// Shards of the new index [default: as many as the dump has]
    #[arg(long, value_name = "M", value_parser = shards())]
    pub shards: Option<ShardCount>,
}

impl DumpRestore {
    /// The folder that the dump is kept in.
    pub fn store_folder(&self) -> PathBuf {
        self.store.clone().unwrap_or_else(|| self.workspace.join(".dumps"))
    }
}

/// `annuli dump delete`
#[derive(Debug, Args)]
pub struct DumpDelete {
    /// Id of the dump
    #[arg(value_parser = DumpId::parse)]
    pub dump: DumpId,

    /// Where.
    #[command(flatten)]
    pub store: StoreArgs,

    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}
