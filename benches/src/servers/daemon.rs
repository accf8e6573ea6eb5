//! A server's processes: started in a group of their own, measured as a whole, and gone when the benchmark is.

use crate::clock::{Patience, poll};
use crate::usage;
use crate::watchdog::{Watchdog, in_group_of_its_own};
use rustix::process::{Pid, Signal, kill_process_group};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Even Milvus is up after a minute.
const UNTIL_READY: Patience = Patience { every: Duration::from_millis(5), at_most: Duration::from_secs(300) };

/// Who has not stopped by then is killed, as an operator would.
const UNTIL_STOPPED: Patience = Patience { every: Duration::from_millis(5), at_most: Duration::from_secs(30) };

/// Why a server does not run.
#[derive(Debug, thiserror::Error)]
pub(super) enum DaemonFailed {
    #[error("cannot start `{program}`: {source}")]
    Start { program: String, source: io::Error },
    #[error("it ended before it was ready; it said: {log}")]
    Ended { log: String },
    #[error("it is not ready after {} s; it said: {log}", UNTIL_READY.at_most.as_secs())]
    NeverReady { log: String },
    #[error("its process cannot be watched: {0}")]
    Watch(#[from] io::Error),
}

/// A running server.
pub(super) struct Daemon {
    child: Child,
    log: PathBuf,
    _watchdog: Watchdog,
}

impl Daemon {
    /// Starts `command` and waits until `is_ready`; what it says goes to `log`.
    pub(super) fn start(
        command: &mut Command,
        log: &Path,
        mut is_ready: impl FnMut() -> bool,
    ) -> Result<Self, DaemonFailed> {
        let program = command.get_program().to_string_lossy().into_owned();
        let failed = |source| DaemonFailed::Start { program: program.clone(), source };
        let file = File::options().create(true).append(true).open(log).map_err(failed)?;
        command.stdin(Stdio::null()).stdout(file.try_clone().map_err(failed)?).stderr(file);
        let child = in_group_of_its_own(command).spawn().map_err(failed)?;
        let watchdog = Watchdog::over(child.id())?;
        let mut daemon = Self { child, log: log.to_owned(), _watchdog: watchdog };
        let ready = poll(UNTIL_READY, || {
            if daemon.child.try_wait()?.is_some() {
                return Err(DaemonFailed::Ended { log: daemon.last_words() });
            }
            Ok(is_ready().then_some(()))
        })?;
        match ready {
            Some(()) => Ok(daemon),
            None => Err(DaemonFailed::NeverReady { log: daemon.last_words() }),
        }
    }

    /// Memory of all its processes (Pss).
    pub(super) fn memory_bytes(&self) -> Option<u64> {
        let root = usage::proportional_bytes(self.child.id())?;
        // A child that has ended since it was seen has none.
        let children = tree(self.child.id()).into_iter().skip(1).filter_map(usage::proportional_bytes);
        Some(root + children.sum::<u64>())
    }

    /// Asks it to stop and waits; kills it after a while.
    pub(super) fn stop(mut self) -> Result<(), DaemonFailed> {
        self.signal(Signal::TERM);
        poll(UNTIL_STOPPED, || self.child.try_wait())?;
        Ok(())
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // Who has ended already cannot be told anything.
            kill_process_group(group, signal).unwrap_or_default();
        }
    }

    fn last_words(&self) -> String {
        const LINES: usize = 10;
        let log = fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log).into_owned();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LINES)..].join("\n")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        drop(self.child.wait());
    }
}

/// A process and all that it has started.
fn tree(root: u32) -> Vec<u32> {
    let mut found = vec![root];
    let mut at = 0;
    while let Some(&pid) = found.get(at) {
        let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        for thread in threads {
            let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            found.extend(children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
        }
        at += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_ends_is_quoted() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "echo the port is taken; exit 1"]);
        let error = Daemon::start(&mut command, &folder.path().join("log"), || false).err().unwrap();
        assert_eq!(error.to_string(), "it ended before it was ready; it said: the port is taken");
    }

    #[test]
    fn memory_is_that_of_all_its_processes() {
        let folder = tempfile::tempdir().unwrap();
        // Nobody writes to the pipe: the child waits until it is killed.
        let mut command = Command::new("sh");
        command.args(["-c", "mkfifo pipe && { cat pipe & wait; }"]).current_dir(folder.path());
        let daemon = Daemon::start(&mut command, &folder.path().join("log"), || true).unwrap();
        let both = poll(UNTIL_READY, || Ok::<_, DaemonFailed>((tree(daemon.child.id()).len() == 2).then_some(())));
        assert_eq!(both.unwrap(), Some(()));
        assert!(daemon.memory_bytes().unwrap() > 0);
    }
}
