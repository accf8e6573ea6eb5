//! The machine that figures were measured on, and when: without them a figure says nothing.

use crate::tool;
use crate::usage::kibibytes;
use annuli_core::kernel;
use serde::Serialize;
use std::fs;
use std::process::Command;
use std::thread;

/// What the benchmark ran on; of a program at another address, only the clients' side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Machine {
    pub cpu: Option<String>,
    pub cores: Option<usize>,
    pub memory_bytes: Option<u64>,
    pub kernel: Option<String>,
    /// Forms of the distance kernels that the processor runs, the one in use last.
    pub simd: Vec<&'static str>,
}

impl Machine {
    /// This one.
    pub(crate) fn this() -> Self {
        let read = |path| fs::read_to_string(path).ok();
        Self {
            cpu: read("/proc/cpuinfo").as_deref().and_then(cpu_model),
            cores: thread::available_parallelism().ok().map(usize::from),
            memory_bytes: read("/proc/meminfo").and_then(|lines| Some(kibibytes(&lines, "MemTotal:")? * 1024)),
            kernel: read("/proc/sys/kernel/osrelease").map(|release| release.trim().to_owned()),
            simd: kernel::available().iter().map(|form| form.name).collect(),
        }
    }
}

/// Processes that wanted to run, on average over the last minute.
pub(crate) fn load_average() -> Option<f64> {
    fs::read_to_string("/proc/loadavg").ok()?.split_whitespace().next()?.parse().ok()
}

/// The revision of the checkout that this benchmark was built in; marked where files differ from it.
pub(crate) fn revision() -> Option<String> {
    let mut command = Command::new("git");
    command.args(["-C", env!("CARGO_MANIFEST_DIR"), "describe", "--always", "--dirty", "--abbrev=12"]);
    first_line(&mut command)
}

/// Now, in UTC.
pub(crate) fn date() -> Option<String> {
    first_line(Command::new("date").args(["-u", "+%Y-%m-%dT%H:%M:%SZ"]))
}

fn first_line(command: &mut Command) -> Option<String> {
    let output = tool::output(command).ok()?;
    let line = String::from_utf8_lossy(&output).lines().next()?.trim().to_owned();
    (!line.is_empty()).then_some(line)
}

fn cpu_model(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_is_that_of_the_first_processor() {
        let cpuinfo = "processor\t: 0\nmodel name\t: AMD EPYC\n\nprocessor\t: 1\nmodel name\t: other\n";
        assert_eq!(cpu_model(cpuinfo).as_deref(), Some("AMD EPYC"));
        assert_eq!(cpu_model("processor : 0\n"), None);
    }
}
