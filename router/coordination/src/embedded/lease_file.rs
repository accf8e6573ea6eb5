//! A lease as a file: locked by who holds it, with a counter in it that the holder moves on.
//!
//! The lock ends with the process, in whatever way that ends; the counter stands still while the process is stopped.

use super::disk::DiskFault;
use super::pulse::{Pulse, Sign};
use crate::lease::{LeaseId, Ttl};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The files of all leases, as one process sees them.
#[derive(Debug)]
pub(super) struct LeaseFiles {
    folder: PathBuf,
    held: BTreeMap<LeaseId, HeldLease>,
    seen: BTreeMap<LeaseId, SeenLease>,
}

#[derive(Debug)]
struct HeldLease {
    file: File,
    beat: u64,
}

#[derive(Debug)]
struct SeenLease {
    /// `None` for one of ours, and for one that was gone when it was first looked at.
    file: Option<File>,
    pulse: Pulse,
}

impl LeaseFiles {
    pub(super) fn of(folder: &Path) -> Result<Self, DiskFault> {
        let folder = folder.join("leases");
        super::disk::make_folder(&folder)?;
        Ok(Self { folder, held: BTreeMap::new(), seen: BTreeMap::new() })
    }

    /// Takes the file of a lease that is about to be granted. The caller holds the commit lock, so that nobody else takes
    /// it; the lease is looked for by others only once the log tells of it.
    pub(super) fn hold(&mut self, lease: LeaseId) -> Result<(), DiskFault> {
        let path = self.path(lease);
        // One may be there already, of somebody who was killed before the log told of it.
        let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path);
        let file = file.map_err(DiskFault::of("create", &path))?;
        file.write_all_at(&1_u64.to_le_bytes(), 0).map_err(DiskFault::of("write", &path))?;
        file.lock().map_err(DiskFault::of("lock", &path))?;
        self.held.insert(lease, HeldLease { file, beat: 1 });
        Ok(())
    }

    /// Whether this process holds it.
    pub(super) fn holds(&self, lease: LeaseId) -> bool {
        self.held.contains_key(&lease)
    }

    /// Moves the counter on. Harmless for a lease that this process does not hold.
    pub(super) fn beat(&mut self, lease: LeaseId) -> Result<(), DiskFault> {
        let path = self.path(lease);
        if let Some(held) = self.held.get_mut(&lease) {
            held.beat += 1;
            held.file.write_all_at(&held.beat.to_le_bytes(), 0).map_err(DiskFault::of("write", &path))?;
        }
        Ok(())
    }

    /// Those of the standing leases that are to be ended: whose holder is gone, or has been silent for too long.
    pub(super) fn lapsed(&mut self, standing: &BTreeMap<LeaseId, Ttl>, now: Duration) -> Vec<LeaseId> {
        self.held.retain(|lease, _| standing.contains_key(lease));
        self.seen.retain(|lease, _| standing.contains_key(lease));
        let mut lapsed = Vec::new();
        for (lease, ttl) in standing {
            let own = self.held.get(lease);
            if own.is_none() && !self.seen.contains_key(lease) {
                let file = match File::open(self.path(*lease)) {
                    Ok(file) => Some(file),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                    // Too many open files, most often: that says nothing of the lease. It is looked at again.
                    Err(_) => continue,
                };
                self.seen.insert(*lease, SeenLease { file, pulse: Pulse::default() });
            }
            let seen = self.seen.entry(*lease).or_insert_with(|| SeenLease { file: None, pulse: Pulse::default() });
            let beat = match own {
                Some(held) => Some(held.beat),
                None => seen.file.as_ref().and_then(beat_of_the_living),
            };
            let sign = beat.map_or(Sign::Lapsed, |beat| seen.pulse.look(beat, now, ttl.duration()));
            if sign == Sign::Lapsed {
                lapsed.push(*lease);
            }
        }
        lapsed
    }

    /// Lets go of a lease that has ended, and removes its file.
    pub(super) fn forget(&mut self, lease: LeaseId) {
        self.held.remove(&lease);
        self.seen.remove(&lease);
        // Its number is never given again, so a file that stays is in nobody's way.
        let _ = fs::remove_file(self.path(lease));
    }

    /// Removes files of leases that the log knows nothing of. The caller holds the commit lock.
    pub(super) fn sweep(&self, standing: &BTreeMap<LeaseId, Ttl>) {
        for row in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let lease = row.file_name().to_str().and_then(|name| name.parse().ok()).map(LeaseId);
            if lease.is_some_and(|lease| !standing.contains_key(&lease)) {
                let _ = fs::remove_file(row.path());
            }
        }
    }

    fn path(&self, lease: LeaseId) -> PathBuf {
        self.folder.join(lease.to_string())
    }
}

/// The counter, or `None` if nobody holds the file.
fn beat_of_the_living(file: &File) -> Option<u64> {
    if file.try_lock_shared().is_ok() {
        // Shared, so that two observers do not take each other for the holder.
        let _ = file.unlock();
        return None;
    }
    let mut beat = [0; 8];
    // What cannot be read has not moved.
    let _ = file.read_exact_at(&mut beat, 0);
    Some(u64::from_le_bytes(beat))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn standing(leases: &[u64]) -> BTreeMap<LeaseId, Ttl> {
        let ttl = Ttl::new(Duration::from_secs(5)).unwrap();
        leases.iter().map(|&lease| (LeaseId(lease), ttl)).collect()
    }

    /// A process that had too many files open once took the leases of others for gone, and ended them.
    #[test]
    fn a_file_that_cannot_be_opened_says_nothing_of_its_lease() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = LeaseFiles::of(folder.path()).unwrap();
        // A link to itself can be opened by nobody, and is there all the same.
        symlink(files.path(LeaseId(1)), files.path(LeaseId(1))).unwrap();
        for second in 0..60 {
            assert_eq!(files.lapsed(&standing(&[1, 2]), Duration::from_secs(second)), [LeaseId(2)]);
        }
    }
}
