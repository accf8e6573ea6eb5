//! How a process is told to end.

use std::io::{self, Read};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

/// Whether the end of its stdin ends the process: it was started by another one, and shall not outlive it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UntilStdinCloses {
    /// It does.
    Yes,
    /// It does not.
    No,
}

/// Hears SIGTERM and SIGINT, from when it is made.
pub(crate) struct Told {
    terminate: Signal,
    interrupt: Signal,
    stdin_closed: oneshot::Receiver<()>,
    /// Never closes, where stdin does not count.
    _open: Option<oneshot::Sender<()>>,
}

impl Told {
    /// Begins to listen.
    ///
    /// # Errors
    /// When the operating system gives no signals or threads.
    pub(crate) fn new(stdin: UntilStdinCloses) -> io::Result<Self> {
        let (says, stdin_closed) = oneshot::channel();
        let open = match stdin {
            UntilStdinCloses::Yes => {
                // A thread of its own: a read of stdin cannot be called off, and ends with the process.
                std::thread::Builder::new().name("stdin".to_owned()).spawn(move || {
                    let closed = io::copy(&mut io::stdin().lock().by_ref(), &mut io::sink());
                    tracing::debug!(?closed, "stdin has come to its end");
                    drop(says);
                })?;
                None
            }
            UntilStdinCloses::No => Some(says),
        };
        let (terminate, interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        Ok(Self { terminate, interrupt, stdin_closed, _open: open })
    }

    /// Waits until the process is told to end.
    pub(crate) async fn wait(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => tracing::info!("told to end by SIGTERM"),
            _ = self.interrupt.recv() => tracing::info!("told to end by SIGINT"),
            _ = &mut self.stdin_closed => tracing::info!("told to end by the process that started this one"),
        }
    }
}
