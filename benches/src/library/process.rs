//! A peer's index in a process of its own: asked by lines, watched, killed when it is not needed any more.

use super::protocol::{Hello, Reply, Request};
use crate::clock::{Patience, poll};
use serde::de::DeserializeOwned;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::time::Duration;

/// The longest line that is read: answers to all queries of a large set are a few MiB.
const LINE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Freeing an index of a million rows takes seconds.
const UNTIL_ENDED: Patience = Patience { every: Duration::from_millis(5), at_most: Duration::from_secs(10) };

/// Why a peer gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WorkerFailed {
    #[error("cannot start `{command}`: {source}")]
    Start { command: String, source: io::Error },
    #[error("its process ended ({status})")]
    Ended { status: ExitStatus },
    #[error("its process cannot be talked to: {0}")]
    Talk(#[from] io::Error),
    #[error("its process said no JSON: {0}")]
    Malformed(#[from] serde_json::Error),
    #[error("it said: {0}")]
    Refused(String),
    #[error("it answered {answered} of {asked} queries")]
    Answers { answered: usize, asked: usize },
}

/// A running worker.
pub(crate) struct Process {
    child: Child,
    /// Until the worker is let go.
    requests: Option<ChildStdin>,
    replies: BufReader<ChildStdout>,
    /// The library and its version, by its own account.
    pub version: String,
}

impl Process {
    /// Starts `command` and waits for its first line.
    pub(crate) fn start(command: &mut Command) -> Result<Self, WorkerFailed> {
        let failed = |command: &Command, source| WorkerFailed::Start {
            command: command.get_program().to_string_lossy().into_owned(),
            source,
        };
        // Standard error goes where ours goes only if somebody asks for it: some libraries tell every thousand rows.
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|source| failed(command, source))?;
        let requests = child.stdin.take();
        let replies = BufReader::new(child.stdout.take().expect("piped just above"));
        let mut process = Self { child, requests, replies, version: String::new() };
        process.version = process.read::<Hello>()?.version;
        Ok(process)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks and waits.
    pub(crate) fn ask(&mut self, request: &Request) -> Result<Reply, WorkerFailed> {
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        let requests = self.requests.as_mut().expect("the worker is let go when this value is");
        requests.write_all(&line)?;
        requests.flush()?;
        let mut reply: Reply = self.read()?;
        match reply.error.take() {
            Some(error) => Err(WorkerFailed::Refused(error)),
            None => Ok(reply),
        }
    }

    fn read<T: DeserializeOwned>(&mut self) -> Result<T, WorkerFailed> {
        let mut line = Vec::new();
        self.replies.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Err(WorkerFailed::Ended { status: self.child.wait()? });
        }
        Ok(serde_json::from_slice(&line)?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // At the end of its input a worker ends and removes its files; one that is stuck is killed.
        drop(self.requests.take());
        if !matches!(poll(UNTIL_ENDED, || self.child.try_wait()), Ok(Some(_))) {
            // Whatever these say, there is nobody left to tell.
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(script: &str) -> Result<Process, WorkerFailed> {
        Process::start(Command::new("sh").args(["-c", script]))
    }

    const CONFIGURE: Request = Request::Configure { ef: 10, threads: 1, parts_below: None };

    #[test]
    fn a_worker_says_its_version_and_answers() {
        let mut process =
            start(r#"echo '{"version": "x 1"}'; read line; echo '{"seconds": 0.5, "cpu_seconds": 0.25}'"#).unwrap();
        assert_eq!(process.version, "x 1");
        let reply = process.ask(&CONFIGURE).unwrap();
        assert_eq!((reply.seconds.to_bits(), reply.cpu_seconds.to_bits()), (0.5_f64.to_bits(), 0.25_f64.to_bits()));
    }

    #[test]
    fn what_a_peer_complains_of_is_told() {
        let mut process = start(r#"echo '{"version": "x 1"}'; read line; echo '{"error": "no memory"}'"#).unwrap();
        assert_eq!(process.ask(&CONFIGURE).unwrap_err().to_string(), "it said: no memory");
    }

    #[test]
    fn a_worker_that_is_let_go_may_clear_up() {
        let folder = tempfile::tempdir().unwrap();
        let left = folder.path().join("left");
        let script = format!(r#"touch {0}; echo '{{"version": "x 1"}}'; cat > /dev/null; rm {0}"#, left.display());
        let process = start(&script).unwrap();
        assert!(left.exists());
        drop(process);
        assert!(!left.exists());
    }

    #[test]
    fn a_worker_that_ends_is_told() {
        let error = start("exit 3").err().unwrap().to_string();
        assert_eq!(error, "its process ended (exit status: 3)");
    }
}
