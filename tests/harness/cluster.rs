//! A cluster: primaries and routers as processes of their own, over one coordination store.

use crate::client::Client;
use crate::etcd::Etcd;
use crate::server::{Ended, Launch, Role, Server};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Processes of one cluster. They are killed when this is dropped.
pub struct Cluster {
    routers: Vec<Server>,
    primaries: Vec<Option<Server>>,
    folder: TempDir,
    coordination: String,
    /// Killed last.
    _etcd: Option<Etcd>,
}

impl Cluster {
    /// A cluster of that many shards, each with its primary, and routers.
    #[track_caller]
    pub fn start(shards: usize, routers: usize) -> Self {
        let mut cluster = Self::of_routers(shards, routers);
        (0..shards).for_each(|shard| cluster.start_primary(shard));
        cluster
    }

    /// The same, over an etcd.
    #[track_caller]
    pub fn over_etcd(shards: usize, routers: usize) -> Self {
        let etcd = Etcd::start();
        let mut cluster = Self::begin(shards, routers, etcd.place(), tempfile::tempdir().unwrap(), Some(etcd));
        (0..shards).for_each(|shard| cluster.start_primary(shard));
        cluster
    }

    /// A cluster whose primaries are yet to be started.
    #[track_caller]
    pub fn of_routers(shards: usize, routers: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let coordination = folder.path().join("coordination").to_str().expect("a plain name").to_owned();
        Self::begin(shards, routers, coordination, folder, None)
    }

    #[track_caller]
    fn begin(shards: usize, routers: usize, coordination: String, folder: TempDir, etcd: Option<Etcd>) -> Self {
        let launch = || Launch::new().role(Role::Router).argument("--coordination").argument(&coordination);
        let routers = (0..routers).map(|_| launch().start()).collect();
        Self { routers, primaries: (0..shards).map(|_| None).collect(), folder, coordination, _etcd: etcd }
    }

    /// A client of a router.
    pub fn client(&self, router: usize) -> Client {
        self.routers[router].client()
    }

    /// A router.
    pub fn router(&mut self, router: usize) -> &mut Server {
        &mut self.routers[router]
    }

    /// The primary of a shard.
    ///
    /// # Panics
    /// When it does not run.
    #[track_caller]
    pub fn primary(&self, shard: usize) -> &Server {
        self.primaries[shard].as_ref().expect("the primary runs")
    }

    /// Starts the primary of a shard, over the folder that it had.
    #[track_caller]
    pub fn start_primary(&mut self, shard: usize) {
        let launch = self.launch_primary(shard, &self.primary_folder(shard));
        self.primaries[shard] = Some(launch.start());
    }

    /// Starts a process of a cluster of another number of shards, and returns how it has ended.
    #[track_caller]
    pub fn refused_primary(&self, shard: usize, shards: usize) -> Ended {
        self.launch(shard, shards, &self.beside("another cluster")).refused()
    }

    /// How the primary of a shard is started over a folder.
    pub fn launch_primary(&self, shard: usize, folder: &Path) -> Launch {
        self.launch(shard, self.primaries.len(), folder)
    }

    fn launch(&self, shard: usize, shards: usize, folder: &Path) -> Launch {
        Launch::new()
            .role(Role::Indexer)
            .over(folder)
            .argument("--coordination")
            .argument(&self.coordination)
            .argument("--shard")
            .argument(&shard.to_string())
            .argument("--shards")
            .argument(&shards.to_string())
    }

    /// Kills the primary of a shard.
    #[track_caller]
    pub fn kill_primary(&mut self, shard: usize) {
        self.primaries[shard].take().expect("the primary runs").kill9();
    }

    /// The folder of the primary of a shard.
    pub fn primary_folder(&self, shard: usize) -> PathBuf {
        self.folder.path().join(format!("primary-{shard}"))
    }

    /// A folder beside those of the cluster.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}
