//! A real etcd as a child process.

use crate::patience::PATIENCE;
use crate::stage::Stage;
use annuli_coordination::etcd::EtcdSettings;
use annuli_coordination::{CoordinationStore, EtcdStore, Prefix};
use async_trait::async_trait;
use etcd_client::Client;
use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;
use tempfile::TempDir;

/// Ports that were free a moment ago may be taken: as often another pair is tried.
const TRIES: u32 = 5;

/// One etcd. Each test has its own: revisions are counted for all of an etcd, and forgotten for all of it.
pub(crate) struct Etcd {
    child: Child,
    url: String,
    _folder: TempDir,
}

#[async_trait]
impl Stage for Etcd {
    async fn store(&self) -> Arc<dyn CoordinationStore> {
        let (root, endpoints) = (Prefix::new("annuli/").unwrap(), std::slice::from_ref(&self.url));
        Arc::new(EtcdStore::connect(endpoints, &root, EtcdSettings::default()).await.unwrap())
    }

    async fn compact(&self) {
        let store = self.store().await;
        let latest = i64::try_from(store.list(&Prefix::all()).await.unwrap().revision.0).unwrap();
        let mut client = Client::connect([&self.url], None).await.unwrap();
        client.compact(latest, None).await.unwrap();
    }
}

/// The places in which `tools/setup/etcd` looks, and where it puts one.
fn program() -> PathBuf {
    let named = std::env::var_os("ANNULI_ETCD").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let installed = std::env::split_paths(&path).map(|folder| folder.join("etcd"));
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or(home);
    let cached = cache.map(|cache| cache.join("annuli/etcd/etcd"));
    let found = named.into_iter().chain(installed).chain(cached).find(|program| program.is_file());
    found.expect("no etcd here: `tools/setup/etcd` sees to one, and `make test` calls it")
}

impl Etcd {
    pub(crate) fn start() -> Self {
        (0..TRIES).find_map(|_| Self::try_start()).expect("etcd starts on one of several pairs of free ports")
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    fn try_start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let log = fs::File::create(folder.path().join("log")).unwrap();
        // Held together, so that they are two.
        let free = [0, 1].map(|_| TcpListener::bind("127.0.0.1:0").unwrap());
        let [url, peers] = free.map(|listener| format!("http://{}", listener.local_addr().unwrap()));
        let child = Command::new(program())
            .arg("--data-dir")
            .arg(folder.path().join("data"))
            .args(["--listen-client-urls", &url, "--advertise-client-urls", &url])
            .args(["--listen-peer-urls", &peers, "--initial-advertise-peer-urls", &peers])
            .args(["--initial-cluster", &format!("default={peers}")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut server = Self { child, url, _folder: folder };
        server.wait().then_some(server)
    }

    /// Waits until it serves; says no if it has ended instead.
    fn wait(&mut self) -> bool {
        let (_nobody, silence) = sync_channel::<()>(1);
        let pause = Duration::from_millis(20);
        let address = self.url.trim_start_matches("http://").to_owned();
        let mut waited = Duration::ZERO;
        // It listens once it can serve.
        while std::net::TcpStream::connect(&address).is_err() {
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            assert!(waited < PATIENCE, "etcd does not serve within {PATIENCE:?}");
            // Nobody sends: this is a pause.
            let _ = silence.recv_timeout(pause);
            waited += pause;
        }
        true
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
