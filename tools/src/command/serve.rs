//! The commands that run a server: configuration and log, then the server.

use super::CommandError;
use super::placed::{self, Placed};
use crate::cli::{Global, IndexerArgs, RouterArgs};
use crate::config::{Callers, Config, Flags, Settings};
use crate::{indexer, logging, router, serve};

/// `annuli serve`: runs a server until it is told to stop.
pub fn run(flags: &Flags) -> Result<(), CommandError> {
    Ok(serve::run(&settings(flags, Callers::Clients)?)?)
}

/// `annuli router`: runs a router until it is told to stop.
pub fn run_router(args: &RouterArgs, global: &Global) -> Result<(), CommandError> {
    let mut args = args.clone();
    let placed = placed::router(&mut args)?;
    Ok(router::run(&args, &placed_settings(&placed, &global.complete(args.flags.clone()), Callers::Clients)?)?)
}

/// `annuli indexer`: runs a process that holds a shard until it is told to stop.
pub fn run_indexer(args: &IndexerArgs, global: &Global) -> Result<(), CommandError> {
    indexer::check_flags(args)?;
    let mut args = args.clone();
    let placed = placed::indexer(&mut args)?;
    Ok(indexer::run(&args, &placed_settings(&placed, &global.complete(args.flags.clone()), Callers::Cluster)?)?)
}

/// The settings of a process that may have its place in a file of fixed hosts.
fn placed_settings(placed: &Placed, flags: &Flags, callers: Callers) -> Result<Settings, CommandError> {
    let settings = open_log(Config::load_over(placed.layer(), flags, callers)?)?;
    placed.check(&settings)?;
    Ok(settings)
}

/// Reads the configuration, and opens the log as it says.
fn settings(flags: &Flags, callers: Callers) -> Result<Settings, CommandError> {
    open_log(Config::load(flags, callers)?)
}

fn open_log(config: Config) -> Result<Settings, CommandError> {
    let Settings { log, log_format, audit_log, .. } = &config.settings;
    logging::open(log, *log_format, audit_log.as_deref())?;
    for variable in &config.ignored_variables {
        tracing::warn!("environment variable {variable} is no setting and has no effect");
    }
    if let Some(error) = &config.unusable_collector {
        tracing::warn!(
            "environment variable OTEL_EXPORTER_OTLP_ENDPOINT is passed over, and nothing is traced: {error}"
        );
    }
    Ok(config.settings)
}
