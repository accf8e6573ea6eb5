//! What a process has used so far, as the kernel counts it. `None` where there is no `/proc`, or no such process.

use serde::Serialize;
use std::fs;

/// The unit of times in `/proc/<pid>/stat`: a hundredth of a second on every Linux that Annuli runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// Memory of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Memory {
    /// Now (VmRSS).
    pub resident_bytes: u64,
    /// At most, since the process started (VmHWM).
    pub peak_resident_bytes: u64,
}

/// The memory of a process.
pub(crate) fn memory(pid: u32) -> Option<Memory> {
    memory_in(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
}

/// Memory of a process, with what it shares with others counted in parts (Pss): also files that it has mapped.
pub(crate) fn proportional_bytes(pid: u32) -> Option<u64> {
    Some(kibibytes(&fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?, "Pss:")? * 1024)
}

/// Processor time of a process, of all its threads, in user and kernel mode.
pub(crate) fn cpu_seconds(pid: u32) -> Option<f64> {
    cpu_seconds_in(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

fn memory_in(status: &str) -> Option<Memory> {
    Some(Memory {
        resident_bytes: kibibytes(status, "VmRSS:")? * 1024,
        peak_resident_bytes: kibibytes(status, "VmHWM:")? * 1024,
    })
}

/// The figure of a line such as `VmRSS:   1234 kB`.
pub(crate) fn kibibytes(lines: &str, name: &str) -> Option<u64> {
    let figure = lines.lines().find_map(|line| line.strip_prefix(name))?;
    figure.trim().strip_suffix("kB")?.trim().parse().ok()
}

fn cpu_seconds_in(stat: &str) -> Option<f64> {
    // The second field, the program's name in parentheses, may hold spaces and parentheses itself.
    let (_, from_third_field) = stat.rsplit_once(')')?;
    let mut fields = from_third_field.split_whitespace().skip(14 - 3);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) as f64 / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_in_bytes() {
        let status = "Name:\tannuli\nVmPeak:\t 9000 kB\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        assert_eq!(
            memory_in(status),
            Some(Memory { resident_bytes: 1024 * 1024, peak_resident_bytes: 2 * 1024 * 1024 })
        );
        assert_eq!(memory_in("Name:\tkthreadd\n"), None);
    }

    #[test]
    fn processor_time_is_that_of_user_and_kernel() {
        let stat = "42 (a) b)) S 1 42 42 0 -1 4194560 10 20 30 40 150 25 7 8 20 0 4 0 100 200 300";
        assert_eq!(cpu_seconds_in(stat), Some(1.75));
        assert_eq!(cpu_seconds_in("42 (x) S 1"), None);
    }
}
