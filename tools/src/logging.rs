//! The log: to stderr, so that stdout holds answers only.

use crate::config::LogFormat;
use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use tracing_subscriber::filter::{LevelFilter, ParseError, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

/// Why the log cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The filter cannot be read.
    #[error("`{filter}` is no filter of the log: {error}")]
    Filter {
        /// The filter.
        filter: String,
        /// What is wrong with it.
        error: ParseError,
    },
    /// The file of admin actions cannot be opened.
    #[error("cannot write admin actions to `{}`: {reason}", path.display())]
    Audit {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// There is a log already.
    #[error("the log was opened twice")]
    Twice,
}

/// Opens the log of a command that talks to a server: the flag's filter, else that of `ANNULI_LOG`, else warnings.
pub fn open_for_client(filter: Option<&str>, format: Option<LogFormat>) -> Result<(), LoggingError> {
    let variable = std::env::var("ANNULI_LOG").ok();
    let filter = filter.or(variable.as_deref()).unwrap_or("warn");
    open(filter, format.unwrap_or(LogFormat::Text), None)
}

/// Opens the log of the process, and the file to which admin actions are added, whatever the filter says of them.
pub fn open(filter: &str, format: LogFormat, audit: Option<&Path>) -> Result<(), LoggingError> {
    // The graph's crate tells its parameters at every start of one, at the level of what an operator wants to know.
    let env_filter = EnvFilter::builder()
        .parse(format!("hnsw_rs=warn,{filter}"))
        .map_err(|error| LoggingError::Filter { filter: filter.to_owned(), error })?;
    let log = fmt::layer().with_writer(io::stderr);
    let log = match format {
        LogFormat::Text => log.with_ansi(io::stderr().is_terminal()).boxed(),
        LogFormat::Json => log.json().boxed(),
    };
    let audit = audit.map(audit_file).transpose()?.map(|file| {
        let lines = fmt::layer().json().flatten_event(true).with_writer(Mutex::new(file));
        lines.with_filter(Targets::new().with_target("audit", LevelFilter::INFO))
    });
    let opened = tracing_subscriber::registry().with(log.with_filter(env_filter)).with(audit).try_init();
    opened.map_err(|_| LoggingError::Twice)
}

/// Lines are added at its end, so that whoever rotates it may cut it.
fn audit_file(path: &Path) -> Result<File, LoggingError> {
    let failed = |reason| LoggingError::Audit { path: path.to_owned(), reason };
    OpenOptions::new().create(true).append(true).open(path).map_err(failed)
}
