//! One process of a cluster, started again when it ends.

use super::parts::Part;
use std::env;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{self, ChildStdin, Command};
use tokio::sync::watch;

/// Before a process that ended is started again. One that cannot live does not keep the machine busy.
const RESTART_PAUSE: Duration = Duration::from_secs(1);

/// Longest wait for a process that was told to end: what it waits itself for its clients, and a little more.
const END_WAIT: Duration = Duration::from_secs(20);

/// A part of the cluster that runs.
pub(super) struct Child {
    part: Part,
    log: PathBuf,
    running: Running,
}

struct Running {
    process: process::Child,
    /// Closed to end it. Apart from the process, which would close it to wait.
    stdin: Option<ChildStdin>,
}

impl Child {
    /// Starts the part. What it says goes to its log, behind what it said before.
    pub(super) fn start(part: Part, workspace: &Path) -> io::Result<Self> {
        let log = workspace.join("logs").join(format!("{}.log", part.name));
        let running = spawn(&part, &log)?;
        Ok(Self { part, log, running })
    }

    /// Keeps the part running until `ending` says so, then ends it.
    pub(super) async fn keep(mut self, ending: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                status = self.running.process.wait() => {
                    let said = status.map_or_else(|error| error.to_string(), |status| status.to_string());
                    tracing::warn!(part = %self.part.name, log = %self.log.display(), "ended ({said}), is started again");
                }
                () = told(ending.clone()) => return self.end().await,
            }
            tokio::select! {
                () = tokio::time::sleep(RESTART_PAUSE) => {}
                () = told(ending.clone()) => return,
            }
            match spawn(&self.part, &self.log) {
                Ok(running) => self.running = running,
                Err(error) => tracing::error!(part = %self.part.name, %error, "cannot be started again"),
            }
        }
    }

    /// The end of its stdin is what tells the process to end.
    async fn end(mut self) {
        let Running { process, stdin } = &mut self.running;
        drop(stdin.take());
        if tokio::time::timeout(END_WAIT, process.wait()).await.is_err() {
            tracing::warn!(part = %self.part.name, "does not end and is killed");
            // It has ended in between, or cannot be killed: nothing more can be done.
            let _ = process.kill().await;
        }
    }
}

/// Waits until the cluster is to end.
async fn told(mut ending: watch::Receiver<bool>) {
    // Whoever could say so is gone: that is the end too.
    let _ = ending.wait_for(|&ending| ending).await;
}

fn spawn(part: &Part, log: &Path) -> io::Result<Running> {
    let log = OpenOptions::new().create(true).append(true).open(log)?;
    let said: [File; 2] = [log.try_clone()?, log];
    let [stdout, stderr] = said;
    let mut process = Command::new(env::current_exe()?)
        .args(&part.arguments)
        .stdin(Stdio::piped())
        .stdout(stdout)
        .stderr(stderr)
        .kill_on_drop(true)
        // An interrupt from the terminal is for the parent, which ends its children in order.
        .process_group(0)
        .spawn()?;
    let stdin = process.stdin.take();
    Ok(Running { process, stdin })
}
