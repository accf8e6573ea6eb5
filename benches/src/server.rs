//! The program under test as a process of its own: started, waited for, stopped as an operator would, and killed
//! when the benchmark ends early.

use crate::clock::{Patience, Stopwatch, poll};
use crate::connection::{Connection, request};
use crate::tool::{self, ToolFailed};
use crate::watchdog::{Watchdog, in_group_of_its_own};
use annuli_api::v1::path::READYZ;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// Opening reads back what was not yet in a segment; with the largest set here that is well under a minute.
const UNTIL_READY: Patience = Patience { every: Duration::from_millis(2), at_most: Duration::from_secs(600) };

/// Stopping finishes what is under way.
const UNTIL_STOPPED: Patience = Patience { every: Duration::from_millis(2), at_most: Duration::from_secs(60) };

/// Why the program does not run, or did not stop.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServerFailed {
    #[error("there is no program at {}: build it with `cargo build --release -p annuli`, or name it with --program", path.display())]
    NoProgram { path: PathBuf },
    #[error("cannot start {}: {source}", path.display())]
    Start { path: PathBuf, source: io::Error },
    #[error("the program ended before it was ready ({status}); it said: {log}")]
    Ended { status: ExitStatus, log: String },
    #[error("the program is not ready after {} s; it said: {log}", UNTIL_READY.at_most.as_secs())]
    NeverReady { log: String },
    #[error("the program has not stopped {} s after SIGTERM; it said: {log}", UNTIL_STOPPED.at_most.as_secs())]
    NeverStopped { log: String },
    #[error("the program was stopped by SIGTERM and ended with {status}; it said: {log}")]
    Stopped { status: ExitStatus, log: String },
    #[error(transparent)]
    Tool(#[from] ToolFailed),
    #[error("cannot watch the program: {0}")]
    Watch(#[from] io::Error),
}

/// The program with a workspace that lives as long as this value.
#[derive(Debug)]
pub(crate) struct Program {
    path: PathBuf,
    shards: u32,
    folder: TempDir,
}

/// The program while it runs.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
    started: Stopwatch,
    /// Where it listens.
    pub address: String,
    /// From the start of the process to its first 200 on `/readyz`.
    pub until_ready: Duration,
    _watchdog: Watchdog,
}

impl Program {
    /// The program at `path`, with a fresh workspace.
    pub(crate) fn new(path: &Path, shards: u32) -> Result<Self, ServerFailed> {
        let folder = tempfile::Builder::new().prefix("annuli-bench-").tempdir()?;
        Ok(Self { path: path.to_owned(), shards, folder })
    }

    /// Starts it on the workspace and waits until it is ready.
    pub(crate) fn start(&self) -> Result<Process, ServerFailed> {
        let mut arguments = vec!["serve".into(), "--workspace".into(), self.workspace().into()];
        arguments.extend(["--shards".into(), self.shards.to_string().into()]);
        let mut process = Process::spawn(&self.path, &arguments, self.folder.path().join("log"))?;
        process.wait_until_ready()?;
        Ok(process)
    }

    /// The folder that holds every index.
    pub(crate) fn workspace(&self) -> PathBuf {
        self.folder.path().join("workspace")
    }

    /// A folder beside it, which goes when it does.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Process {
    /// Starts the program with these arguments and an address of its own to listen on. What it says goes to `log`.
    pub(crate) fn spawn(program: &Path, arguments: &[OsString], log: PathBuf) -> Result<Self, ServerFailed> {
        let failed = |source| ServerFailed::Start { path: program.to_owned(), source };
        let address = free_address().map_err(failed)?;
        let file = File::create(&log).map_err(failed)?;
        let mut command = Command::new(program);
        command.args(arguments).args(["--listen", &address]);
        command.stdin(Stdio::null()).stdout(file.try_clone().map_err(failed)?).stderr(file);
        let started = Stopwatch::start();
        let child = in_group_of_its_own(&mut command).spawn().map_err(failed)?;
        let watchdog = Watchdog::over(child.id())?;
        Ok(Self { child, log, started, address, until_ready: Duration::ZERO, _watchdog: watchdog })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to stop, as an operator does, and returns how long that took.
    pub(crate) fn stop(mut self) -> Result<Duration, ServerFailed> {
        let watch = Stopwatch::start();
        tool::output(Command::new("kill").args(["-TERM", &self.pid().to_string()]))?;
        let Some(status) = poll(UNTIL_STOPPED, || self.child.try_wait())? else {
            return Err(ServerFailed::NeverStopped { log: self.last_words() });
        };
        if status.success() {
            Ok(watch.elapsed())
        } else {
            Err(ServerFailed::Stopped { status, log: self.last_words() })
        }
    }

    /// Waits for its first 200 on `/readyz`.
    pub(crate) fn wait_until_ready(&mut self) -> Result<(), ServerFailed> {
        let ask = request("GET", &self.address, READYZ, &[]);
        let ready = poll(UNTIL_READY, || {
            if let Some(status) = self.child.try_wait()? {
                return Err(ServerFailed::Ended { status, log: self.last_words() });
            }
            // Until it listens there is nobody to connect to: that is not ready, not a failure.
            let reply = Connection::open(&self.address).and_then(|mut connection| connection.send(&ask));
            Ok(reply.is_ok_and(|reply| reply.status == 200).then_some(()))
        })?;
        ready.ok_or_else(|| ServerFailed::NeverReady { log: self.last_words() })?;
        self.until_ready = self.started.elapsed();
        Ok(())
    }

    /// The end of its log.
    fn last_words(&self) -> String {
        const LINES: usize = 20;
        let log = std::fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log).into_owned();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LINES)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // After `stop` it has ended already and both calls say so; else there is nobody left to tell.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What the program says of itself.
pub(crate) fn version_of(program: &Path) -> Result<String, ServerFailed> {
    if !program.is_file() {
        return Err(ServerFailed::NoProgram { path: program.to_owned() });
    }
    let version = tool::output(Command::new(program).arg("--version"))?;
    Ok(String::from_utf8_lossy(&version).trim().to_owned())
}

/// A port that is free now. Another process might take it before the program does; the program then says so.
fn free_address() -> io::Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn program(script: &str) -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("program");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        (folder, path)
    }

    #[test]
    fn a_program_that_ends_at_once_is_quoted() {
        let (_folder, path) = program("echo the workspace is locked >&2; exit 7");
        let error = Program::new(&path, 2).unwrap().start().unwrap_err().to_string();
        assert_eq!(error, "the program ended before it was ready (exit status: 7); it said: the workspace is locked");
    }

    #[test]
    fn a_program_is_asked_for_its_version() {
        let (_folder, path) = program("echo annuli 1.2.3");
        assert_eq!(version_of(&path).unwrap(), "annuli 1.2.3");
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = version_of(Path::new("no/such/annuli")).unwrap_err().to_string();
        assert!(error.starts_with("there is no program at no/such/annuli: build it"), "{error}");
    }
}
