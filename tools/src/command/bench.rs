//! `annuli bench`: becomes the benchmark harness, a program of its own.
//!
//! What measures depends on what is measured, never the other way round; so the harness is found when it is asked for,
//! as `cargo` finds its subcommands.

use crate::cli::BenchArgs;
use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The harness.
const HARNESS: &str = "annuli-benches";

/// Tells the harness which program to measure.
const PROGRAM: &str = "ANNULI_PROGRAM";

/// Why there is no benchmark.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// Where this program lies cannot be told.
    #[error("cannot tell where this program is: {0}")]
    Nowhere(io::Error),
    /// There is no harness.
    #[error(
        "there is no program `{HARNESS}` in {} or on PATH: build it in a checkout with `cargo build --release -p {HARNESS}`, \
         and put it there",
        beside.display()
    )]
    NoHarness {
        /// The folder of this program.
        beside: PathBuf,
    },
    /// It does not start.
    #[error("cannot start {}: {source}", path.display())]
    Start {
        /// Where it is.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// Becomes the harness: its exit code, its signals and its terminal are this process's. Returns only if it cannot.
pub fn run(args: &BenchArgs) -> BenchError {
    let program = match env::current_exe() {
        Ok(program) => program,
        Err(error) => return BenchError::Nowhere(error),
    };
    let beside = program.parent().unwrap_or(Path::new("/"));
    let Some(path) = find(beside, env::var_os("PATH").as_deref()) else {
        return BenchError::NoHarness { beside: beside.to_owned() };
    };
    let mut command = Command::new(&path);
    command.args(&args.arguments);
    if env::var_os(PROGRAM).is_none() {
        command.env(PROGRAM, &program);
    }
    let source = command.exec();
    BenchError::Start { path, source }
}

/// The harness in the folder `beside`, else in one of those of `search_path`.
fn find(beside: &Path, search_path: Option<&OsStr>) -> Option<PathBuf> {
    let on_path = search_path.into_iter().flat_map(env::split_paths);
    let folders = [beside.to_owned()].into_iter().chain(on_path);
    folders.map(|folder| folder.join(HARNESS)).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_harness_beside_this_program_is_preferred_to_one_on_the_path() {
        let [beside, empty, on_path] = [(); 3].map(|()| tempfile::tempdir().unwrap());
        let search_path = env::join_paths([empty.path(), on_path.path()]).unwrap();
        let found = || find(beside.path(), Some(&search_path));
        assert_eq!(found(), None);
        assert_eq!(find(beside.path(), None), None);

        let [first, second] = [&beside, &on_path].map(|folder| folder.path().join(HARNESS));
        fs::write(&second, "").unwrap();
        assert_eq!(found(), Some(second));
        fs::write(&first, "").unwrap();
        assert_eq!(found(), Some(first));
    }

    #[test]
    fn a_folder_of_that_name_is_no_harness() {
        let beside = tempfile::tempdir().unwrap();
        fs::create_dir(beside.path().join(HARNESS)).unwrap();
        assert_eq!(find(beside.path(), None), None);
    }
}
