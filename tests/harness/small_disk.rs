//! A disk that is soon full: a file system in memory, in a mount namespace of its own, so that nothing is left behind
//! on the machine.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use tempfile::TempDir;

/// A small file system, mounted at the same path for all whom [`SmallDisk::enter`] lets in. It is gone, with all that
/// is on it, when this is dropped.
pub struct SmallDisk {
    holder: Child,
    /// The namespace lives until its holder reads the end of this.
    _stdin: ChildStdin,
    mount_point: TempDir,
    privileges: Privileges,
}

/// How the machine lets us mount.
#[derive(Clone, Copy)]
enum Privileges {
    /// As root.
    Root,
    /// As root of a user namespace.
    UserNamespace,
}

impl SmallDisk {
    /// Mounts a disk of `mebibytes`, or says why this machine does not let us.
    ///
    /// # Errors
    /// When neither root nor a user namespace may mount here.
    pub fn mount(mebibytes: u32) -> Result<Self, String> {
        let as_root = Self::mount_with(mebibytes, Privileges::Root);
        as_root.or_else(|first| {
            let second = Self::mount_with(mebibytes, Privileges::UserNamespace);
            second.map_err(|second| format!("as root: {first}; in a user namespace: {second}"))
        })
    }

    fn mount_with(mebibytes: u32, privileges: Privileges) -> Result<Self, String> {
        let mount_point = tempfile::tempdir().unwrap();
        let flags = match privileges {
            Privileges::Root => "-m",
            Privileges::UserNamespace => "-Urm",
        };
        let script = r#"mount -t tmpfs -o "size=$2m" annuli-test "$1" && echo mounted && exec cat"#;
        let mut holder = Command::new("unshare")
            .args([flags, "sh", "-c", script, "sh"])
            .arg(mount_point.path())
            .arg(mebibytes.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("unshare: {error}"))?;
        let mut said = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut said).unwrap();
        if said != "mounted\n" {
            let mut reason = String::new();
            holder.stderr.take().unwrap().read_to_string(&mut reason).unwrap();
            holder.wait().unwrap();
            return Err(reason.trim().to_owned());
        }
        let stdin = holder.stdin.take().unwrap();
        Ok(Self { holder, _stdin: stdin, mount_point, privileges })
    }

    /// Where it is mounted, for those who are in.
    pub fn path(&self) -> &Path {
        self.mount_point.path()
    }

    /// Makes the disk larger, whatever is on it.
    pub fn grow(&self, mebibytes: u32) {
        self.run(&format!(r#"mount -o "remount,size={mebibytes}m" "$1""#));
    }

    /// Writes a file that leaves no room at all.
    pub fn fill(&self) {
        self.run(r#"dd if=/dev/zero of="$1/ballast" bs=4k 2>/dev/null; dd if=/dev/zero of="$1/crumbs" bs=1 2>/dev/null; true"#);
    }

    /// Removes that file again, and makes the disk larger.
    pub fn empty_and_grow(&self, mebibytes: u32) {
        self.run(r#"rm "$1/ballast" "$1/crumbs""#);
        self.grow(mebibytes);
    }

    /// Runs a script inside, with the path of the disk as its argument.
    fn run(&self, script: &str) {
        let command = self.enter();
        let (enter, arguments) = command.split_first().unwrap();
        let mut shell = Command::new(enter);
        let status = shell.args(arguments).args(["sh", "-c", script, "sh"]).arg(self.path()).status().unwrap();
        assert!(status.success(), "{script}");
    }

    /// A command that becomes the command behind it, where the disk is mounted.
    pub fn enter(&self) -> Vec<String> {
        let pid = self.holder.id().to_string();
        let mut command = vec!["nsenter", "-t", &pid, "-m"];
        if let Privileges::UserNamespace = self.privileges {
            command.extend(["-U", "--preserve-credentials"]);
        }
        command.into_iter().map(str::to_owned).collect()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
