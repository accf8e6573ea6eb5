//! `annuli bench`: another program takes over.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// The binary in a folder of its own, so that no harness that was really built stands beside it.
struct Installed {
    folder: TempDir,
}

impl Installed {
    fn new() -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        fs::hard_link(env!("CARGO_BIN_EXE_annuli"), folder.path().join("annuli")).unwrap();
        Self { folder }
    }

    fn program(&self) -> PathBuf {
        self.folder.path().join("annuli")
    }

    /// Puts a harness beside it: a shell, which does what it is told.
    fn with_shell(self) -> Self {
        symlink("/bin/sh", self.folder.path().join("annuli-benches")).unwrap();
        self
    }

    fn bench(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(self.program());
        command.env_clear().stdin(Stdio::null()).arg("bench").args(arguments).output().unwrap()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_benchmark_gets_every_argument_and_this_program_and_its_exit_code_is_kept() {
    let installed = Installed::new().with_shell();
    let output = installed.bench(&["-c", r#"echo "$ANNULI_PROGRAM: $@"; exit 7"#, "sh", "compare", "--help"]);
    let expected = format!("{}: compare --help\n", installed.program().display());
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(7), expected));
}

#[test]
fn a_benchmark_that_is_killed_is_seen_to_be() {
    let output = Installed::new().with_shell().bench(&["-c", "kill -TERM $$"]);
    assert_eq!(output.status.signal(), Some(15));
}

#[test]
fn without_a_harness_the_error_says_how_to_have_one() {
    let installed = Installed::new();
    let output = installed.bench(&["run"]);
    assert_eq!(output.status.code(), Some(1));
    let expected = format!(
        "error: there is no program `annuli-benches` in {} or on PATH: build it in a checkout with `cargo build \
         --release -p annuli-benches`, and put it there\n",
        installed.folder.path().display()
    );
    assert_eq!(text(&output.stderr), expected);
}

#[test]
fn its_help_tells_where_the_harness_is_looked_for_and_how_to_ask_it() {
    let output = Installed::new().bench(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    let help = text(&output.stdout);
    assert!(help.contains("beside this one, then on PATH") && help.contains("annuli bench help compare"), "{help}");
}
