//! A real etcd as child processes.

use crate::client::Client;
use crate::network::Host;
use crate::wait::wait_for;
use serde_json::json;
use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// Ports that were free a moment ago may be taken: as often others are tried.
const TRIES: u32 = 5;

/// An etcd of one member or of several. They are killed when this is dropped.
pub struct Etcd {
    members: Vec<Member>,
    _folder: TempDir,
}

struct Member {
    child: Child,
    address: String,
}

impl Etcd {
    /// Starts one of one member, and waits until it serves.
    ///
    /// # Panics
    /// When there is no etcd here: `tools/setup/etcd` sees to one.
    pub fn start() -> Self {
        Self::of_members(1)
    }

    /// Starts one of that many members, and waits until each serves.
    ///
    /// # Panics
    /// When there is no etcd here: `tools/setup/etcd` sees to one.
    pub fn of_members(members: usize) -> Self {
        (0..TRIES).find_map(|_| Self::try_start(members)).expect("etcd starts on one of several sets of free ports")
    }

    /// Starts one of one member on a host where there is no other, and waits until it serves.
    ///
    /// # Panics
    /// When there is no etcd here: `tools/setup/etcd` sees to one.
    pub fn on(host: &Host) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [clients, peers] = [2379, 2380].map(|port| format!("{}:{port}", host.address()));
        let all = format!("member-0=http://{peers}");
        let member = Member::spawn(folder.path(), 0, &host.enter(), (&clients, &peers), &all);
        let mut etcd = Self { members: vec![member], _folder: folder };
        assert!(etcd.members[0].serves(), "its ports are free");
        etcd
    }

    /// How processes of a cluster name it.
    pub fn place(&self) -> String {
        let addresses: Vec<_> = self.members.iter().map(|member| member.address.as_str()).collect();
        format!("etcd://{}", addresses.join(","))
    }

    /// The member that leads the others; waits until one does.
    pub fn leader(&self) -> usize {
        wait_for("a member that leads", || self.members.iter().position(Member::leads))
    }

    /// Kills a member by SIGKILL.
    pub fn kill(&mut self, member: usize) {
        self.members[member].kill();
    }

    fn try_start(members: usize) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        // Held together, so that no two are the same.
        let free: Vec<_> = (0..2 * members).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let addresses: Vec<_> = free.iter().map(|listener| listener.local_addr().unwrap().to_string()).collect();
        drop(free);
        let (clients, peers) = addresses.split_at(members);
        let named = |(number, peer): (usize, &String)| format!("member-{number}=http://{peer}");
        let all = peers.iter().enumerate().map(named).collect::<Vec<_>>().join(",");
        let member =
            |number: usize| Member::spawn(folder.path(), number, &[], (&clients[number], &peers[number]), &all);
        let mut etcd = Self { members: (0..members).map(member).collect(), _folder: folder };
        // One listens once it can serve; where a port was taken, it ends instead.
        etcd.members.iter_mut().all(Member::serves).then_some(etcd)
    }
}

impl Member {
    fn spawn(folder: &Path, number: usize, enter: &[String], (clients, peers): (&str, &str), all: &str) -> Self {
        let name = format!("member-{number}");
        let log = File::create(folder.join(format!("{name}.log"))).unwrap();
        let [client_url, peer_url] = [clients, peers].map(|address| format!("http://{address}"));
        let mut command = match enter.split_first() {
            Some((enter, arguments)) => {
                let mut command = Command::new(enter);
                command.args(arguments).arg(program());
                command
            }
            None => Command::new(program()),
        };
        let child = command
            .args(["--name", &name, "--data-dir"])
            .arg(folder.join(&name))
            .args(["--listen-client-urls", &client_url, "--advertise-client-urls", &client_url])
            .args(["--listen-peer-urls", &peer_url, "--initial-advertise-peer-urls", &peer_url])
            .args(["--initial-cluster", all])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { child, address: clients.to_owned() }
    }

    fn serves(&mut self) -> bool {
        wait_for("an etcd that serves", || match self.child.try_wait().unwrap() {
            Some(_) => Some(false),
            None => TcpStream::connect(&self.address).is_ok().then_some(true),
        })
    }

    fn leads(&self) -> bool {
        let status = Client::new(&format!("http://{}", self.address)).post("/v3/maintenance/status", &json!({})).json;
        status["leader"].is_string() && status["leader"] == status["header"]["member_id"]
    }

    fn kill(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.kill();
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
