//! The program under test.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The path of `annuli`, built with the profile that the tests were built with.
///
/// Cargo hands a test the binaries of its own package only; this one is of another, and so is built here, once a run.
///
/// # Panics
/// When it does not build.
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(build)
}

fn build() -> PathBuf {
    // `<target>/<profile>/deps/it-<hash>`
    let tests = env::current_exe().unwrap();
    let profile_folder = tests.parent().and_then(Path::parent).unwrap();
    let target = profile_folder.parent().unwrap();
    let profile = match profile_folder.file_name().and_then(|name| name.to_str()).unwrap() {
        "debug" => "dev",
        other => other,
    };
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--quiet", "--package", "annuli", "--bin", "annuli", "--profile", profile, "--target-dir"])
        .arg(target)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .status()
        .unwrap();
    assert!(status.success(), "`cargo build --package annuli` failed, see above");
    profile_folder.join("annuli")
}
