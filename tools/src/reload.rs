//! Files that are looked at again while a server runs: keys and certificates are replaced without a restart.
//!
//! Their contents are compared every second. A signal would have to reach the process, which who renews a certificate or
//! a secret of Kubernetes often cannot send; and times of files say nothing where a link is moved.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Pause between two looks. A key that was taken back is known a moment longer.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Largest file that is read: keys and certificates are some kilobytes, and whatever else is named is not taken into
/// memory.
pub(crate) const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// What is in files before they are read: what changes while they are is noticed.
pub(crate) struct Seen {
    files: Vec<PathBuf>,
    contents: Vec<Option<Vec<u8>>>,
}

impl Seen {
    /// In these files, now.
    pub(crate) fn now(files: Vec<PathBuf>) -> Self {
        Self { contents: contents(&files), files }
    }
}

/// Looks at files until it is dropped.
pub(crate) struct Reload {
    /// Dropped first: that is what the thread waits for.
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Reload {
    /// Calls `changed` on a thread of that name, each time that one of the files has another content than was seen.
    pub(crate) fn start(name: &str, seen: Seen, mut changed: impl FnMut() + Send + 'static) -> io::Result<Self> {
        // Nothing is ever sent: it ends, and that is heard.
        let (stop, stopped) = mpsc::sync_channel(0);
        let Seen { files, contents: mut before } = seen;
        let look = move || {
            while stopped.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
                let now = contents(&files);
                if now != before {
                    before = now;
                    changed();
                }
            }
        };
        let thread = thread::Builder::new().name(name.to_owned()).spawn(look)?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Reload {
    fn drop(&mut self) {
        drop(self.stop.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that looks at files ended in a panic");
        }
    }
}

/// What is in each, if it can be read.
fn contents(files: &[PathBuf]) -> Vec<Option<Vec<u8>>> {
    files.iter().map(|file| read(file).ok()).collect()
}

/// The content of a file, which has to be one and may not be larger than [`FILE_BYTES_MAX`].
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut content = Vec::new();
    let read = file.take(FILE_BYTES_MAX + 1).read_to_end(&mut content)?;
    if u64::try_from(read).is_ok_and(|read| read > FILE_BYTES_MAX) {
        return Err(io::Error::other(format!("it has more than {FILE_BYTES_MAX} bytes")));
    }
    Ok(content)
}
