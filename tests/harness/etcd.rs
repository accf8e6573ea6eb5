//! A real etcd as a child process.

use crate::wait::wait_for;
use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// Ports that were free a moment ago may be taken: as often another pair is tried.
const TRIES: u32 = 5;

/// An etcd of one member. It is killed when this is dropped.
pub struct Etcd {
    child: Child,
    address: String,
    _folder: TempDir,
}

impl Etcd {
    /// Starts one, and waits until it serves.
    ///
    /// # Panics
    /// When there is no etcd here: `tools/setup/etcd` sees to one.
    pub fn start() -> Self {
        (0..TRIES).find_map(|_| Self::try_start()).expect("etcd starts on one of several pairs of free ports")
    }

    /// How processes of a cluster name it.
    pub fn place(&self) -> String {
        format!("etcd://{}", self.address)
    }

    fn try_start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let log = File::create(folder.path().join("log")).unwrap();
        // Held together, so that they are two.
        let free = [0, 1].map(|_| TcpListener::bind("127.0.0.1:0").unwrap());
        let [clients, peers] = free.map(|listener| listener.local_addr().unwrap().to_string());
        let [client_url, peer_url] = [&clients, &peers].map(|address| format!("http://{address}"));
        let mut child = Command::new(program())
            .arg("--data-dir")
            .arg(folder.path().join("data"))
            .args(["--listen-client-urls", &client_url, "--advertise-client-urls", &client_url])
            .args(["--listen-peer-urls", &peer_url, "--initial-advertise-peer-urls", &peer_url])
            .args(["--initial-cluster", &format!("default={peer_url}")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        // It listens once it can serve; where a port was taken, it ends instead.
        let serves = wait_for("an etcd that serves", || match child.try_wait().unwrap() {
            Some(_) => Some(false),
            None => TcpStream::connect(&clients).is_ok().then_some(true),
        });
        serves.then_some(Self { child, address: clients, _folder: folder })
    }
}

/// The places in which `tools/setup/etcd` looks, and where it puts one.
fn program() -> PathBuf {
    let variable = |name| std::env::var_os(name).map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let installed = std::env::split_paths(&path).map(|folder| folder.join("etcd"));
    let cache = variable("XDG_CACHE_HOME").or_else(|| variable("HOME").map(|home| home.join(".cache")));
    let cached = cache.map(|cache| cache.join("annuli/etcd/etcd"));
    let found = variable("ANNULI_ETCD").into_iter().chain(installed).chain(cached).find(|program| program.is_file());
    found.expect("no etcd here: `tools/setup/etcd` sees to one, and `make test` calls it")
}

impl Drop for Etcd {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
