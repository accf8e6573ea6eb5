//! Who types commands: a shell in a folder that looks like the repository after it was built, on a machine of its own as
//! far as ports go.

use super::page::Block;
use annuli_tests::free_ports;
use annuli_tests::program::program;
use annuli_tests::wait::PATIENCE;
use annuli_tests_s3::S3Server;
use std::fmt::Write;
use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use tempfile::TempDir;

/// `annuli`, as the reader has it: servers are left running in a terminal of their own.
const ANNULI: &str = include_str!("annuli.sh");

/// What stands before everything that is typed.
const BEFORE: &str = include_str!("before.sh");

/// Ports of pages are those from 7700 on.
const PORTS: u16 = 40;

/// Types commands. Whatever was started ends when this is dropped.
pub(super) struct Reader {
    folder: TempDir,
    script: String,
    first_port: u16,
    bucket: Arc<S3Server>,
    shell: Option<Child>,
}

impl Reader {
    pub(super) fn new(repository: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let release = folder.path().join("target/release");
        fs::create_dir_all(&release).unwrap();
        fs::write(release.join("annuli"), ANNULI).unwrap();
        fs::set_permissions(release.join("annuli"), fs::Permissions::from_mode(0o755)).unwrap();
        for known in ["tests", "deploy"] {
            symlink(repository.join(known), folder.path().join(known)).unwrap();
        }
        let (script, first_port) = (BEFORE.to_owned(), free_ports(PORTS));
        Self { folder, script, first_port, bucket: S3Server::moto(), shell: None }
    }

    /// Adds a block to what is typed.
    pub(super) fn will_type(&mut self, block: &Block) {
        let mut text = block.text.clone();
        for port in 0..PORTS {
            text = text.replace(&format!(":77{port:02}"), &format!(":{}", self.first_port + port));
        }
        // Names that every reader has others for.
        text = text.replace("s3://bucket/prefix", &self.bucket.new_place()).replace("01a1f7a5-…", "$(newest_dump)");
        writeln!(self.script, "at='{}'\n{text}", block.place).unwrap();
    }

    /// Types it all.
    #[track_caller]
    pub(super) fn types(&mut self) {
        let folder = self.folder.path();
        let said = File::create(folder.join("said")).unwrap();
        fs::write(folder.join("typed"), &self.script).unwrap();
        let first = format!("127.0.0.1:{}", self.first_port);
        let path = format!("{}:{}", folder.join("target/release").display(), std::env::var("PATH").unwrap());
        let mut shell = Command::new("bash");
        shell
            .arg("typed")
            .current_dir(folder)
            .env("PATH", path)
            .env("PROGRAM", program())
            .envs(self.bucket.variables());
        shell.env("ANNULI_LISTEN", &first).env("ANNULI_URL", format!("http://{first}"));
        // A reader takes a minute to read on; this one does not.
        shell.env("ANNULI_RETIRE_AFTER", "15s");
        shell.env("PATIENCE", PATIENCE.as_secs().to_string());
        shell.stdin(Stdio::null()).stderr(said.try_clone().unwrap()).stdout(said).process_group(0);
        let status = self.shell.insert(shell.spawn().unwrap()).wait().unwrap();
        let said = fs::read_to_string(folder.join("said")).unwrap();
        assert!(status.success(), "the commands of a page failed\n{said}");
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if let Some(shell) = &self.shell {
            // All that it started is of its group; none of it may be left.
            let _ = Command::new("kill").args(["-KILL", "--", &format!("-{}", shell.id())]).output();
        }
    }
}
