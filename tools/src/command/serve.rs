//! `annuli serve`: configuration and log, then the server.

use super::CommandError;
use crate::config::{Config, Flags};
use crate::{logging, serve};

/// Runs a server until it is told to stop.
pub fn run(flags: &Flags) -> Result<(), CommandError> {
    let config = Config::load(flags)?;
    logging::open(&config.settings.log, config.settings.log_format)?;
    for variable in &config.ignored_variables {
        tracing::warn!("environment variable {variable} is no setting and has no effect");
    }
    Ok(serve::run(&config.settings)?)
}
