//! `annuli dump …`

use super::{Cli, shards};
use crate::config::DumpPlace;
use annuli_core::{IndexName, ShardCount};
use annuli_dump::{DumpId, DumpStore};
use annuli_dump_s3::OpenS3Error;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Args, CommandFactory, Subcommand};
use std::path::{Path, PathBuf};

/// Dumps.
#[derive(Debug, Subcommand)]
pub enum DumpCommand {
    /// Dump an index: of a running server, or of a workspace that no server has open
    Create(DumpCreate),
    /// List the dumps of a store, or those that a server knows
    List(DumpList),
    /// Show what a dump holds
    Inspect(DumpInspect),
    /// Read a dump from end to end and check every byte
    Verify(DumpVerify),
    /// Make an index of a dump: in a running cluster, or in a workspace that no server has open
    Restore(DumpRestore),
    /// Delete a dump
    Delete(DumpDelete),
}

/// Refuses a place of dumps that would be passed over: where a server dumps or a cluster restores, which take the server's
/// own, and a server with buckets where dumps are in a folder. A variable may stand there for other commands; a flag is
/// meant for this one.
pub(super) fn check_place(matches: &ArgMatches) -> Result<(), clap::Error> {
    let Some((verb, command)) = matches.subcommand_matches("dump").and_then(ArgMatches::subcommand) else {
        return Ok(());
    };
    let is_said = |name| command.value_source(name) == Some(ValueSource::CommandLine);
    let is_of_server = !command.contains_id("workspace");
    let message = match verb {
        "create" if is_of_server && (is_said("dumps") || is_said("dumps_endpoint")) => {
            "--dumps goes with --workspace: a server keeps its dumps in a place of its own, so leave it out, or name the \
             workspace that the index is in"
        }
        "restore" if is_of_server && (is_said("dumps") || is_said("dumps_endpoint")) => {
            "--dumps goes with --workspace: a cluster restores from the place where it keeps its dumps, so leave it out, or \
             name the workspace that the index is to be made in"
        }
        _ if is_said("dumps_endpoint") && !is_in_bucket(command) => {
            "--dumps-endpoint goes with a bucket: name that too, by --dumps s3://bucket/prefix or ANNULI_DUMPS"
        }
        _ => return Ok(()),
    };
    Err(Cli::command().error(ErrorKind::ArgumentConflict, message))
}

fn is_in_bucket(command: &ArgMatches) -> bool {
    matches!(command.get_one("dumps"), Some(DumpPlace::S3(_)))
}

/// Where dumps are kept. The variables are those of the server, so that both look into the same place.
#[derive(Debug, Clone, Args)]
pub struct StoreArgs {
    /// The place.
    #[command(flatten)]
    pub place: PlaceArgs,

    /// Workspace whose dumps are meant
    #[arg(long, value_name = "DIR", env = "ANNULI_WORKSPACE", default_value = "./workspace")]
    pub workspace: PathBuf,
}

/// A place of dumps.
#[derive(Debug, Clone, Args)]
pub struct PlaceArgs {
    /// Where dumps are kept: a folder, or s3://bucket/prefix [default: .dumps in the workspace]
    #[arg(long, alias = "store", value_name = "PLACE", env = "ANNULI_DUMPS")]
    pub dumps: Option<DumpPlace>,

    /// URL of the server that has the bucket of dumps [default: AWS_ENDPOINT_URL, else AWS]
    #[arg(long, value_name = "URL", env = "ANNULI_DUMPS_ENDPOINT")]
    pub dumps_endpoint: Option<String>,
}

impl StoreArgs {
    /// The dumps that are meant.
    pub fn open(&self) -> Result<DumpStore, OpenS3Error> {
        self.place.open(&self.workspace)
    }
}

impl PlaceArgs {
    /// The dumps that are meant, with that workspace.
    pub fn open(&self, workspace: &Path) -> Result<DumpStore, OpenS3Error> {
        let place = self.dumps.clone().unwrap_or_else(|| DumpPlace::of_workspace(workspace));
        place.open(self.dumps_endpoint.as_deref())
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

    /// Where, with --workspace: a server knows where its dumps are.
    #[command(flatten)]
    pub place: PlaceArgs,

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

    /// Ask the server at --url instead: a cluster says which generation each of its dumps is
    #[arg(long)]
    pub online: bool,
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

    /// Where, with --workspace: a cluster knows where its dumps are.
    #[command(flatten)]
    pub place: PlaceArgs,

    /// Make the index in this workspace, which no server has open, instead of in the cluster at --url
    #[arg(long, value_name = "DIR")]
    pub workspace: Option<PathBuf>,

    /// Name of the new index
    #[arg(long, value_name = "NAME", value_parser = IndexName::new)]
    pub index: IndexName,

    /// Shards of the new index, with --workspace [default: as many as the dump has]. A cluster's indexes have the
    /// cluster's number of shards
    #[arg(long, value_name = "M", value_parser = shards(), requires = "workspace")]
    pub shards: Option<ShardCount>,

    /// Wait until the index is there
    #[arg(long, action = ArgAction::Set, default_value_t = true, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", conflicts_with = "workspace")]
    pub wait: bool,
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

    /// Let the server at --url delete it: a cluster has to know, and refuses what its replicas serve
    #[arg(long)]
    pub online: bool,

    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}
