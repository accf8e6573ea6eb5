//! A share of the processors for one process: on one machine, what a machine of its own would be.
//!
//! A cgroup is all that it takes, of version 1 or 2, whichever the system has; it needs the right to make one.

use crate::files::FileFailed;
use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

/// Where version 1 has the controller of processors.
const OF_VERSION_1: &str = "/sys/fs/cgroup/cpu";

/// Where version 2 has everything.
const OF_VERSION_2: &str = "/sys/fs/cgroup";

/// In which the share is given out: as short as a router forgives. Who waits longer for the next share than ten
/// milliseconds is taken for one who is slower than the others, and left out.
const PERIOD_US: u64 = 10_000;

/// The kernel takes no smaller one.
const QUOTA_US_MIN: u64 = 1_000;

/// What folders here begin with; then comes the number of the process that made them.
const PREFIX: &str = "annuli-bench-";

/// There are no quotas on this machine, or not for us.
#[derive(Debug, thiserror::Error)]
#[error("no quota of processors can be set here, which takes root and a writable cgroup with the cpu controller: {0}")]
pub(super) struct NoQuota(#[from] FileFailed);

/// A share. It ends with this value, which whoever has it must not outlive.
#[derive(Debug)]
pub(super) struct Quota {
    folder: PathBuf,
    /// What it is of: at least the smallest that the kernel takes.
    pub cores: f64,
}

impl Quota {
    /// A share of that many cores, which nobody has yet.
    pub(super) fn of(cores: f64) -> Result<Self, NoQuota> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let (period, quota) = (PERIOD_US.to_string(), micros(cores).to_string());
        let (root, files) = if Path::new(OF_VERSION_1).is_dir() {
            (Path::new(OF_VERSION_1), vec![("cpu.cfs_period_us", period), ("cpu.cfs_quota_us", quota)])
        } else {
            (Path::new(OF_VERSION_2), vec![("cpu.max", format!("{quota} {period}"))])
        };
        sweep(root);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let folder = root.join(format!("{PREFIX}{}-{number}", process::id()));
        fs::create_dir(&folder).map_err(|source| FileFailed { path: folder.clone(), source })?;
        let quota = Self { folder, cores: micros(cores) as f64 / PERIOD_US as f64 };
        files.into_iter().try_for_each(|(name, value)| quota.put(name, &value))?;
        Ok(quota)
    }

    /// Lets a process have it, with all its threads.
    pub(super) fn give(&self, pid: u32) -> Result<(), NoQuota> {
        Ok(self.put("cgroup.procs", &pid.to_string())?)
    }

    /// Files of a cgroup are there already, and are written at once.
    fn put(&self, name: &str, value: &str) -> Result<(), FileFailed> {
        let path = self.folder.join(name);
        fs::write(&path, value).map_err(|source| FileFailed { path, source })
    }
}

impl Drop for Quota {
    fn drop(&mut self) {
        // With a process in it still, it stays, and the next benchmark sweeps it.
        drop(fs::remove_dir(&self.folder));
    }
}

/// Of each period.
fn micros(cores: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small positive number")]
    let micros = (cores * PERIOD_US as f64).round() as u64;
    micros.max(QUOTA_US_MIN)
}

/// Removes what a benchmark has left that was killed.
fn sweep(root: &Path) {
    for entry in fs::read_dir(root).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let maker = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split('-').next());
        if maker.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            // Who has processes in it cannot be removed, and is not ours.
            drop(fs::remove_dir(entry.path()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_of_each_period() {
        assert_eq!([micros(0.2), micros(1.5), micros(0.01)], [2_000, 15_000, QUOTA_US_MIN]);
    }

    #[test]
    fn who_is_not_there_gets_no_share() {
        // Where there are no quotas at all, that is said in the same words.
        let refused = Quota::of(0.5).and_then(|quota| quota.give(u32::MAX)).unwrap_err().to_string();
        assert!(refused.starts_with("no quota of processors can be set here"), "{refused}");
        assert!(refused.contains("/sys/fs/cgroup"), "{refused}");
    }

    #[test]
    fn what_a_killed_benchmark_has_left_is_swept() {
        let root = tempfile::tempdir().unwrap();
        let names = [format!("{PREFIX}{}-0", u32::MAX), format!("{PREFIX}{}-0", process::id()), "other".to_owned()];
        let [left, alive, other] = names.map(|name| root.path().join(name));
        for folder in [&left, &alive, &other] {
            fs::create_dir(folder).unwrap();
        }
        sweep(root.path());
        assert_eq!([left, alive, other].map(|folder| folder.exists()), [false, true, true]);
    }
}
