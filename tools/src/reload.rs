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

/// A file, and what is in it or why it cannot be read.
pub(crate) struct Found {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Its content.
    pub(crate) content: io::Result<Vec<u8>>,
}

/// What was in files when they were looked at last.
pub(crate) struct Seen<const N: usize> {
    files: [PathBuf; N],
    /// `None`: it could not be read.
    contents: [Option<Vec<u8>>; N],
}

impl<const N: usize> Seen<N> {
    /// What is in these files now. It is read once: what is used is what later looks are compared with.
    pub(crate) fn now(files: [PathBuf; N]) -> (Self, [Found; N]) {
        let found = files.each_ref().map(|path| Found { path: path.clone(), content: read(path) });
        (Self { files, contents: contents(&found) }, found)
    }

    /// What is in them, if it is something else than at the last look. A file that could not be read for a moment is
    /// another one once it can.
    fn look(&mut self) -> Option<[Found; N]> {
        let (seen, found) = Self::now(self.files.clone());
        (seen.contents != self.contents).then(|| {
            *self = seen;
            found
        })
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
    pub(crate) fn start<const N: usize>(
        name: &str,
        mut seen: Seen<N>,
        mut changed: impl FnMut([Found; N]) + Send + 'static,
    ) -> io::Result<Self> {
        // Nothing is ever sent: it ends, and that is heard.
        let (stop, stopped) = mpsc::sync_channel(0);
        let look = move || {
            while stopped.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
                if let Some(found) = seen.look() {
                    changed(found);
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
fn contents<const N: usize>(found: &[Found; N]) -> [Option<Vec<u8>>; N] {
    found.each_ref().map(|Found { content, .. }| content.as_ref().ok().cloned())
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// What the next look tells of a file: its content, or none where it cannot be read.
    fn told(seen: &mut Seen<1>) -> Option<Option<Vec<u8>>> {
        seen.look().map(|[found]| found.content.ok())
    }

    #[test]
    fn what_changes_is_told_once_with_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.toml");
        fs::write(&path, "one").unwrap();
        let (mut seen, [found]) = Seen::now([path.clone()]);
        assert_eq!(found.content.unwrap(), b"one");
        assert_eq!(told(&mut seen), None);
        fs::write(&path, "two").unwrap();
        assert_eq!(told(&mut seen), Some(Some(b"two".to_vec())));
        assert_eq!(told(&mut seen), None);
    }

    /// What could not be read for a moment was never asked for again, and the old keys stayed.
    #[test]
    fn what_can_be_read_again_is_told_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.toml");
        fs::write(&path, "one").unwrap();
        let (mut seen, _) = Seen::now([path.clone()]);
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert_eq!(told(&mut seen), Some(None));
        assert_eq!(told(&mut seen), None);
        fs::remove_dir(&path).unwrap();
        fs::write(&path, "two").unwrap();
        assert_eq!(told(&mut seen), Some(Some(b"two".to_vec())));
    }
}
