//! A cluster on this machine, each part a process of its own. Nothing is dumped or rolled out unless it is asked for.

use crate::server::{Process, ServerFailed};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// How many processes of each kind.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub shards: u32,
    /// Of each shard.
    pub replicas: u32,
    pub routers: u32,
}

/// Its processes. They are killed when this is dropped, then their folders go.
#[derive(Debug)]
pub(super) struct Cluster {
    pub routers: Vec<Process>,
    pub replicas: Vec<Process>,
    _primaries: Vec<Process>,
    _home: Home,
}

/// What every process of a cluster is told.
#[derive(Debug)]
struct Home {
    program: PathBuf,
    shards: u32,
    folder: TempDir,
}

impl Cluster {
    /// Starts all of it, and waits until every process is ready.
    pub(super) fn start(program: &Path, size: Size) -> Result<Self, ServerFailed> {
        let folder = tempfile::Builder::new().prefix("annuli-bench-").tempdir()?;
        let home = Home { program: program.to_owned(), shards: size.shards, folder };
        let shards = || 0..size.shards;
        let routers = (0..size.routers).map(|number| home.router(number)).collect::<Result<_, _>>()?;
        let primaries = shards().map(|shard| home.primary(shard)).collect::<Result<_, _>>()?;
        let replicas = shards().flat_map(|shard| (0..size.replicas).map(move |place| (shard, place)));
        let replicas =
            replicas.map(|(shard, place)| home.replica(shard, &place.to_string())).collect::<Result<_, _>>()?;
        let mut cluster = Self { routers, replicas, _primaries: primaries, _home: home };
        let Self { routers, replicas, _primaries: primaries, .. } = &mut cluster;
        primaries.iter_mut().chain(replicas).chain(routers).try_for_each(Process::wait_until_ready)?;
        Ok(cluster)
    }

    /// Where a router takes requests.
    pub(super) fn address(&self, router: usize) -> &str {
        &self.routers[router].address
    }
}

impl Home {
    fn router(&self, number: u32) -> Result<Process, ServerFailed> {
        self.spawn(&format!("router-{number}"), &["router", "--dump-every", "never"])
    }

    fn primary(&self, shard: u32) -> Result<Process, ServerFailed> {
        self.indexer(&format!("primary-{shard}"), "primary", shard)
    }

    fn replica(&self, shard: u32, place: &str) -> Result<Process, ServerFailed> {
        self.indexer(&format!("replica-{shard}-{place}"), "replica", shard)
    }

    fn indexer(&self, name: &str, role: &str, shard: u32) -> Result<Process, ServerFailed> {
        let (shard, shards) = (shard.to_string(), self.shards.to_string());
        self.spawn(name, &["indexer", "--role", role, "--shard", &shard, "--shards", &shards])
    }

    fn spawn(&self, name: &str, words: &[&str]) -> Result<Process, ServerFailed> {
        let folder = |name: &str| self.folder.path().join(name);
        let mut arguments: Vec<OsString> = words.iter().map(OsString::from).collect();
        arguments.extend(["--workspace".into(), folder(name).into()]);
        arguments.extend(["--coordination".into(), folder("coordination").into()]);
        arguments.extend(["--dumps".into(), folder("dumps").into()]);
        Process::spawn(&self.program, &arguments, folder(&format!("{name}.log")))
    }
}
