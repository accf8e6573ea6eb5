//! A cluster: primaries and routers as processes of their own, over one coordination store.

use crate::cable::Cable;
use crate::client::Client;
use crate::etcd::Etcd;
use crate::network::Host;
use crate::server::{Ended, Launch, Role, Server};
use crate::wait::wait_for;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Processes of one cluster. They are killed when this is dropped.
pub struct Cluster {
    routers: Vec<Server>,
    primaries: Vec<Option<Server>>,
    /// Of the number of shards that the cluster moves to, by shard.
    next_primaries: BTreeMap<usize, Server>,
    /// By shard and place.
    replicas: BTreeMap<(usize, usize), Server>,
    folder: TempDir,
    dumps: PathBuf,
    coordination: String,
    /// What those who are asked from other hosts are told.
    secret: Option<PathBuf>,
    /// Killed last.
    etcd: Option<Etcd>,
}

impl Cluster {
    /// A cluster of that many shards, each with its primary, and routers.
    #[track_caller]
    pub fn start(shards: usize, routers: usize) -> Self {
        let mut cluster = Self::of_routers(shards, routers);
        (0..shards).for_each(|shard| cluster.start_primary(shard));
        cluster
    }

    /// A cluster whose shards have that many replicas each. Nothing is dumped unless it is asked for.
    #[track_caller]
    pub fn with_replicas(shards: usize, replicas: usize, routers: usize) -> Self {
        let mut cluster = Self::start(shards, routers);
        for shard in 0..shards {
            (0..replicas).for_each(|place| cluster.start_replica(shard, place));
        }
        cluster
    }

    /// The same, over an etcd.
    #[track_caller]
    pub fn over_etcd(shards: usize, routers: usize) -> Self {
        Self::over(Etcd::start(), shards, routers)
    }

    /// A cluster over that etcd.
    #[track_caller]
    pub fn over(etcd: Etcd, shards: usize, routers: usize) -> Self {
        let mut cluster = Self::begin(shards, routers, etcd.place(), tempfile::tempdir().unwrap(), Some(etcd));
        (0..shards).for_each(|shard| cluster.start_primary(shard));
        cluster
    }

    /// A cluster whose processes are on several hosts, over that etcd if there is one; they are yet to be started.
    #[track_caller]
    pub fn among_hosts(etcd: Option<Etcd>, shards: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let here = || folder.path().join("coordination").to_str().expect("a plain name").to_owned();
        let coordination = etcd.as_ref().map_or_else(here, Etcd::place);
        let secret = folder.path().join("secret");
        std::fs::write(&secret, "of-these-tests-alone").unwrap();
        let mut cluster = Self::begin(shards, 0, coordination, folder, etcd);
        cluster.secret = Some(secret);
        cluster
    }

    /// A cluster that keeps its dumps where another does.
    #[track_caller]
    pub fn over_dumps_of(other: &Self, shards: usize, routers: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let coordination = folder.path().join("coordination").to_str().expect("a plain name").to_owned();
        let mut cluster = Self::begin(shards, 0, coordination, folder, None);
        cluster.dumps = other.dumps();
        cluster.routers = (0..routers).map(|_| cluster.launch_router().start()).collect();
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
        let mut cluster = Self {
            routers: Vec::new(),
            primaries: (0..shards).map(|_| None).collect(),
            next_primaries: BTreeMap::new(),
            replicas: BTreeMap::new(),
            dumps: folder.path().join("dumps"),
            folder,
            coordination,
            secret: None,
            etcd,
        };
        cluster.routers = (0..routers).map(|_| cluster.launch_router().start()).collect();
        cluster
    }

    /// How a router is started that dumps nothing by itself.
    fn launch_router(&self) -> Launch {
        self.member(Launch::new().role(Role::Router)).argument("--dump-every").argument("never")
    }

    /// Starts one more router, with those arguments.
    #[track_caller]
    pub fn add_router(&mut self, arguments: &[&str]) {
        let launch = self.member(Launch::new().role(Role::Router));
        self.routers.push(arguments.iter().fold(launch, |launch, argument| launch.argument(argument)).start());
    }

    /// Starts one more router, which reaches the coordination store by a cable. The store is an etcd.
    #[track_caller]
    pub fn add_router_behind(&mut self, cable: &Cable) {
        let etcd = self.coordination.trim_start_matches("etcd://");
        cable.lead_to(etcd);
        let launch = self.member_of(Launch::new().role(Role::Router), &format!("etcd://{}", cable.address()));
        self.routers.push(launch.argument("--dump-every").argument("never").start());
    }

    /// Starts one more router, on another host.
    #[track_caller]
    pub fn add_router_on(&mut self, host: &Host) {
        self.routers.push(on(host, self.launch_router()).start());
    }

    /// With what every process of the cluster is told.
    fn member(&self, launch: Launch) -> Launch {
        self.member_of(launch, &self.coordination)
    }

    fn member_of(&self, launch: Launch, coordination: &str) -> Launch {
        let dumps = self.dumps.to_str().expect("a plain name");
        let launch = launch.argument("--coordination").argument(coordination).argument("--dumps").argument(dumps);
        match &self.secret {
            Some(path) => launch.argument("--cluster-secret-file").argument(path.to_str().expect("a plain name")),
            None => launch,
        }
    }

    /// Kills the member of the etcd that leads the others.
    ///
    /// # Panics
    /// When the cluster is over none.
    #[track_caller]
    pub fn kill_leader_of_etcd(&mut self) {
        let etcd = self.etcd.as_mut().expect("the cluster is over an etcd");
        etcd.kill(etcd.leader());
    }

    /// Where the cluster keeps its dumps.
    pub fn dumps(&self) -> PathBuf {
        self.dumps.clone()
    }

    /// A client of a router.
    pub fn client(&self, router: usize) -> Client {
        self.routers[router].client()
    }

    /// Where a router listens: `host:port`.
    pub fn router_address(&self, router: usize) -> &str {
        self.routers[router].address()
    }

    /// A router.
    pub fn router(&mut self, router: usize) -> &mut Server {
        &mut self.routers[router]
    }

    /// The number of the router that coordinates; waits until one does.
    pub fn coordinator(&self) -> usize {
        let answers = |router: &Server| router.client().try_get("/livez").is_some();
        let router = wait_for("a router that answers", || self.routers.iter().position(answers));
        self.coordinator_of(router)
    }

    /// The same, as one of the routers sees it.
    pub fn coordinator_of(&self, router: usize) -> usize {
        wait_for("a coordinator", || {
            let cluster = self.client(router).try_get("/v1/cluster")?.json;
            let name = cluster["coordinator"].as_str()?;
            self.routers.iter().position(|router| name.ends_with(router.address()))
        })
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

    /// Starts the primary of a shard, reached by a cable.
    #[track_caller]
    pub fn start_primary_behind(&mut self, cable: &Cable, shard: usize) {
        let launch = self.launch_primary(shard, &self.primary_folder(shard));
        let primary = launch.argument("--advertise").argument(&cable.address()).start();
        cable.lead_to(primary.address());
        self.primaries[shard] = Some(primary);
    }

    /// Starts the primary of a shard, on another host.
    #[track_caller]
    pub fn start_primary_on(&mut self, host: &Host, shard: usize) {
        let launch = self.launch_primary(shard, &self.primary_folder(shard));
        self.primaries[shard] = Some(on(host, launch).start());
    }

    /// Starts the primaries of another number of shards, over folders of their own.
    #[track_caller]
    pub fn start_next_primaries(&mut self, shards: usize) {
        (0..shards).for_each(|shard| self.start_next_primary(shard, shards));
    }

    /// Starts the primary of one of another number of shards, over the folder that it had.
    #[track_caller]
    pub fn start_next_primary(&mut self, shard: usize, shards: usize) {
        let launch = self.launch(shard, shards, &self.beside(&format!("primary-{shard}-of-{shards}")));
        self.next_primaries.insert(shard, launch.start());
    }

    /// One of them.
    #[track_caller]
    pub fn next_primary(&self, shard: usize) -> &Server {
        self.next_primaries.get(&shard).expect("the primary runs")
    }

    /// Kills one of them.
    #[track_caller]
    pub fn kill_next_primary(&mut self, shard: usize) {
        self.next_primaries.remove(&shard).expect("the primary runs").kill9();
    }

    /// The cluster has moved to those: what was there before is killed.
    pub fn only_next_primaries(&mut self) {
        self.primaries.drain(..).flatten().for_each(|mut primary| primary.kill9());
        self.replicas.clear();
        self.primaries = std::mem::take(&mut self.next_primaries).into_values().map(Some).collect();
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
        self.member(Launch::new().role(Role::Indexer).over(folder))
            .argument("--shard")
            .argument(&shard.to_string())
            .argument("--shards")
            .argument(&shards.to_string())
    }

    /// Starts the primary of a shard over a folder of which nothing is left, to go on from the last dump.
    #[track_caller]
    pub fn take_over(&mut self, shard: usize) {
        std::fs::remove_dir_all(self.primary_folder(shard)).expect("it had a folder");
        let launch = self.launch_primary(shard, &self.primary_folder(shard));
        self.primaries[shard] = Some(launch.argument("--take-over").start());
    }

    /// Kills the primary of a shard.
    #[track_caller]
    pub fn kill_primary(&mut self, shard: usize) {
        self.primaries[shard].take().expect("the primary runs").kill9();
    }

    /// Starts a replica of a shard, over the folder that it had.
    #[track_caller]
    pub fn start_replica(&mut self, shard: usize, place: usize) {
        let launch = self.launch_replica(shard, place);
        self.replicas.insert((shard, place), launch.start());
    }

    /// The same, and it follows its primary.
    #[track_caller]
    pub fn start_follower(&mut self, shard: usize, place: usize) {
        let launch = self.launch_replica(shard, place).argument("--follow");
        self.replicas.insert((shard, place), launch.start());
    }

    /// Starts a replica of a shard that is reached by a cable.
    #[track_caller]
    pub fn start_replica_behind(&mut self, cable: &Cable, shard: usize, place: usize) {
        let replica = self.launch_replica(shard, place).argument("--advertise").argument(&cable.address()).start();
        cable.lead_to(replica.address());
        self.replicas.insert((shard, place), replica);
    }

    /// The same, on another host.
    #[track_caller]
    pub fn start_replica_on(&mut self, host: &Host, shard: usize, place: usize) {
        self.replicas.insert((shard, place), on(host, self.launch_replica(shard, place)).start());
    }

    fn launch_replica(&self, shard: usize, place: usize) -> Launch {
        let folder = self.replica_folder(shard, place);
        self.launch(shard, self.primaries.len(), &folder).argument("--role").argument("replica")
    }

    /// A replica of a shard.
    #[track_caller]
    pub fn replica(&self, shard: usize, place: usize) -> &Server {
        self.replicas.get(&(shard, place)).expect("the replica runs")
    }

    /// Kills a replica of a shard.
    #[track_caller]
    pub fn kill_replica(&mut self, shard: usize, place: usize) {
        self.replicas.remove(&(shard, place)).expect("the replica runs").kill9();
    }

    /// The folder of a replica of a shard.
    pub fn replica_folder(&self, shard: usize, place: usize) -> PathBuf {
        self.folder.path().join(format!("replica-{shard}-{place}"))
    }

    /// Takes a dump of an index through a router, and waits until it is taken; returns its generation.
    #[track_caller]
    pub fn dump(&self, router: usize, index: &str) -> u64 {
        let task = self.begin_task(router, index, "dumps", &json!({}));
        let ended = self.wait(router, &task);
        assert_eq!(ended["status"], "succeeded", "{ended}");
        ended["result"]["generation"].as_u64().expect("a dump of a cluster has a generation")
    }

    /// Rolls out the newest dump of an index, and waits until replicas serve it.
    #[track_caller]
    pub fn roll_out(&self, router: usize, index: &str) {
        let task = self.begin_task(router, index, "rollouts", &json!({}));
        let ended = self.wait(router, &task);
        assert_eq!(ended["status"], "succeeded", "{ended}");
    }

    /// Starts a task over an index; returns its id.
    #[track_caller]
    pub fn begin_task(&self, router: usize, index: &str, what: &str, body: &Value) -> String {
        let started = self.client(router).post(&format!("/v1/indexes/{index}/{what}"), body).ok();
        started["task"].as_str().expect("a task has an id").to_owned()
    }

    /// Waits until a task is over, and returns how it ended.
    #[track_caller]
    pub fn wait(&self, router: usize, task: &str) -> Value {
        let client = self.client(router);
        wait_for("the end of a task", || {
            let task = client.get(&format!("/v1/tasks/{task}")).ok();
            let status = task["status"].as_str().expect("a task has a status").to_owned();
            let over = !["queued", "running", "paused"].contains(&status.as_str());
            over.then_some(task)
        })
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

/// On another host, which the others reach.
fn on(host: &Host, launch: Launch) -> Launch {
    let launch = launch.wrapped_by(&host.enter()).listening_on(&format!("{}:0", host.address()));
    launch.argument("--insecure")
}
