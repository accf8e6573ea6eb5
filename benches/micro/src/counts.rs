//! Instructions instead of time: the same on a busy machine as on an idle one, so that a few percent can be seen.
//!
//! Each subject runs in a process of its own under valgrind's callgrind, which counts what happens inside
//! `counted` and nothing else. Valgrind shows programs a processor with AVX2 and without AVX-512, so the
//! counts are of those forms. They are compared with `counts.json` beside this crate.

mod baseline;
pub(crate) mod subject;

use baseline::{Baseline, Change};
use std::path::Path;
use std::process::{Command, ExitCode};
use std::{env, fs, io};
use subject::Subject;

/// Why nothing was counted.
#[derive(Debug)]
struct Failure(String);

/// Counts every subject and compares with the baseline; fails when a count has grown too much.
pub(crate) fn run() -> ExitCode {
    match count_all().and_then(|counts| Ok(counts.compare(&Baseline::read()?))) {
        Ok(changes) => report(&changes),
        Err(Failure(what)) => {
            eprintln!("{what}");
            ExitCode::from(2)
        }
    }
}

fn report(changes: &[Change]) -> ExitCode {
    println!("{:40} {:>12} {:>12} {:>9}", "instructions", "baseline", "now", "change");
    for change in changes {
        println!("{change}");
    }
    if changes.iter().any(Change::is_worse) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn count_all() -> Result<Baseline, Failure> {
    let folder = tempfile::tempdir().map_err(|error| Failure(format!("no temporary folder: {error}")))?;
    let segment = folder.path().join("segment");
    // Here and not under valgrind, where it would take minutes.
    subject::write_segment(&segment).map_err(|error| Failure(format!("no segment to search: {error}")))?;
    let mut counts = Baseline::default();
    for subject in Subject::all() {
        counts.put(&subject.to_string(), count(&subject, folder.path(), &segment)?);
    }
    if env::var_os("ANNULI_COUNTS").is_some_and(|wish| wish == "write") {
        counts.write()?;
    }
    Ok(counts)
}

fn count(subject: &Subject, folder: &Path, segment: &Path) -> Result<u64, Failure> {
    let failed = |error: io::Error| Failure(format!("cannot count {subject}: {error}; is valgrind installed?"));
    let out = folder.join("callgrind");
    let status = Command::new("valgrind")
        .args(["--quiet", "--tool=callgrind", "--toggle-collect=*counts*subject*counted*"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(env::current_exe().map_err(failed)?)
        .args(["subject", &subject.to_string()])
        .arg(segment)
        .status()
        .map_err(failed)?;
    if !status.success() {
        return Err(Failure(format!("{subject} under valgrind: {status}")));
    }
    let written = fs::read_to_string(&out).map_err(failed)?;
    written
        .lines()
        .find_map(|line| line.strip_prefix("summary: ")?.trim().parse().ok())
        .filter(|&count| count > 0)
        .ok_or_else(|| Failure(format!("callgrind counted nothing of {subject}")))
}
