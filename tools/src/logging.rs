//! The log: to stderr, so that stdout holds answers only.

use crate::config::LogFormat;
use std::io::{self, IsTerminal};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

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
    /// There is a log already.
    #[error("the log was opened twice")]
    Twice,
}

/// Opens the log of a command that talks to a server: the flag's filter, else that of `ANNULI_LOG`, else warnings.
pub fn open_for_client(filter: Option<&str>, format: Option<LogFormat>) -> Result<(), LoggingError> {
    let variable = std::env::var("ANNULI_LOG").ok();
    let filter = filter.or(variable.as_deref()).unwrap_or("warn");
    open(filter, format.unwrap_or(LogFormat::Text))
}

/// Opens the log of the process.
pub fn open(filter: &str, format: LogFormat) -> Result<(), LoggingError> {
    // The graph's crate tells its parameters at every start of one, at the level of what an operator wants to know.
    let env_filter = EnvFilter::builder()
        .parse(format!("hnsw_rs=warn,{filter}"))
        .map_err(|error| LoggingError::Filter { filter: filter.to_owned(), error })?;
    let log = tracing_subscriber::fmt().with_env_filter(env_filter).with_writer(io::stderr);
    let opened = match format {
        LogFormat::Text => log.with_ansi(io::stderr().is_terminal()).try_init(),
        LogFormat::Json => log.json().try_init(),
    };
    opened.map_err(|_| LoggingError::Twice)
}
