//! The log: to stderr, so that stdout holds answers only.

use crate::config::LogFormat;
use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use tracing::subscriber::Interest;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::{DynFilterFn, LevelFilter, ParseError};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Filter, SubscriberExt};
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
    let audit = audit.map(audit_file).transpose()?;
    let colours = io::stderr().is_terminal();
    log(filter, format, (io::stderr, colours), audit)?.try_init().map_err(|_| LoggingError::Twice)
}

/// What writes the log and the file of admin actions.
fn log<W>(
    filter: &str,
    format: LogFormat,
    (writer, colours): (W, bool),
    audit: Option<File>,
) -> Result<impl Subscriber + Send + Sync + use<W>, LoggingError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    // The graph's crate tells its parameters at every start of one, at the level of what an operator wants to know.
    let env_filter = EnvFilter::builder()
        .parse(format!("hnsw_rs=warn,{filter}"))
        .map_err(|error| LoggingError::Filter { filter: filter.to_owned(), error })?;
    let log = fmt::layer().with_writer(writer);
    let log = match format {
        LogFormat::Text => log.with_ansi(colours).boxed(),
        LogFormat::Json => log.json().boxed(),
    };
    let audit = audit.map(|file| {
        let lines = fmt::layer().json().flatten_event(true).with_writer(Mutex::new(file));
        lines.with_filter(admin_actions())
    });
    Ok(tracing_subscriber::registry().with(log.with_filter(env_filter)).with(audit))
}

/// Lets pass what is said of admin actions. It asks to be asked of each of them: of a line that every filter has once
/// agreed to, none is asked again, and what another line has left behind in the state of filters would decide instead.
fn admin_actions<S: 'static>() -> impl Filter<S> + 'static {
    let is_one = |line: &Metadata<'_>| line.target() == "audit" && *line.level() <= Level::INFO;
    DynFilterFn::new(move |line, _| is_one(line))
        .with_callsite_filter(move |line| if is_one(line) { Interest::sometimes() } else { Interest::never() })
        .with_max_level_hint(LevelFilter::INFO)
}

/// Lines are added at its end, so that whoever rotates it may cut it.
fn audit_file(path: &Path) -> Result<File, LoggingError> {
    let failed = |reason| LoggingError::Audit { path: path.to_owned(), reason };
    OpenOptions::new().create(true).append(true).open(path).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With a filter of `debug` on the log, who had asked whether a line of that level was wanted took the next admin
    /// action out of the file.
    #[test]
    fn an_admin_action_is_written_down_whatever_was_asked_of_the_log_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit");
        let subscriber = log("debug", LogFormat::Text, (io::sink, false), Some(audit_file(&path).unwrap())).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            for number in 0..3 {
                assert!(tracing::enabled!(Level::DEBUG));
                tracing::info!(target: "audit", number, "admin");
                tracing::info!(number, "something else");
            }
        });
        let written = std::fs::read_to_string(path).unwrap();
        let lines: Vec<serde_json::Value> = written.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.iter().map(|line| line["number"].as_u64()).collect::<Vec<_>>(), [Some(0), Some(1), Some(2)]);
    }
}
