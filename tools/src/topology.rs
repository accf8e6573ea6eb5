//! A cluster with fixed hosts, by one file that every process of it is started with.
//!
//! ```toml
//! coordination = "etcd://10.0.0.1:2379,10.0.0.2:2379,10.0.0.3:2379"
//! routers = ["10.0.0.1:7700", "10.0.0.2:7700"]
//! dumps = "s3://bucket/prefix"
//! secret_file = "cluster.secret"
//!
//! [[shards]]
//! primary = "10.0.0.1:7710"
//! replicas = ["10.0.0.2:7720", "10.0.0.3:7720"]
//! ```
//!
//! What a process does and which shard it holds is said by its address. Files and folders are named beside the file,
//! wherever a process is started.

mod error;

pub use error::TopologyError;

use crate::cli::{CoordinationPlace, NodeRole};
use crate::config::DumpPlace;
use annuli_core::ShardCount;
use error::Wrong;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use toml::Spanned;

/// What stands in the file, sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topology {
    path: PathBuf,
    /// What the cluster agrees by.
    pub coordination: CoordinationPlace,
    /// Where the cluster keeps its dumps, if it is said here.
    pub dumps: Option<DumpPlace>,
    /// The file of the cluster's secret.
    pub secret_file: Option<PathBuf>,
    routers: Vec<SocketAddr>,
    shards: Vec<Shard>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Shard {
    primary: SocketAddr,
    replicas: Vec<SocketAddr>,
}

/// What a process that holds a shard does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Which shard.
    pub shard: u32,
    /// What it does for it.
    pub role: NodeRole,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileText {
    coordination: Spanned<String>,
    routers: Spanned<Vec<Spanned<String>>>,
    #[serde(default)]
    dumps: Option<Spanned<String>>,
    #[serde(default)]
    secret_file: Option<PathBuf>,
    shards: Spanned<Vec<ShardText>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ShardText {
    primary: Spanned<String>,
    #[serde(default)]
    replicas: Vec<Spanned<String>>,
}

impl Topology {
    /// Reads a file, and checks all of it.
    ///
    /// # Errors
    /// When it cannot be read, or something in it is wrong.
    pub fn read(path: &Path) -> Result<Self, TopologyError> {
        let text = std::fs::read_to_string(path)
            .map_err(|reason| TopologyError::Unreadable { path: path.to_owned(), reason })?;
        Self::parse(path, &text)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, TopologyError> {
        let wrong = |at: usize, wrong: Wrong| {
            let line = 1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count();
            TopologyError::Wrong { path: path.to_owned(), line, wrong }
        };
        let file: FileText = toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            wrong(at, Wrong::Form { message: error.message().to_owned() })
        })?;
        if file.routers.get_ref().is_empty() {
            return Err(wrong(file.routers.span().start, Wrong::NoRouter));
        }
        let count = u32::try_from(file.shards.get_ref().len()).unwrap_or(u32::MAX);
        if let Err(error) = ShardCount::new(count) {
            return Err(wrong(file.shards.span().start, Wrong::Shards { error }));
        }
        let mut seen = Seen::default();
        let mut address = |key: String, text: &Spanned<String>| {
            seen.take(key, text.get_ref()).map_err(|refused| wrong(text.span().start, refused))
        };
        let routers = file.routers.get_ref().iter().map(|router| address("routers".to_owned(), router));
        let routers = routers.collect::<Result<_, _>>()?;
        let mut shards = Vec::new();
        for (number, shard) in file.shards.get_ref().iter().enumerate() {
            let primary = address(format!("primary of shard {number}"), &shard.primary)?;
            let replica = |replica| address(format!("replicas of shard {number}"), replica);
            shards.push(Shard { primary, replicas: shard.replicas.iter().map(replica).collect::<Result<_, _>>()? });
        }
        let beside = |named: &Path| path.parent().map_or_else(|| named.to_owned(), |folder| folder.join(named));
        let at = file.coordination.span().start;
        let coordination = match file.coordination.get_ref().parse() {
            Ok(CoordinationPlace::Folder(folder)) => {
                let folder = local(&folder, &seen.hosts()).map_err(|refused| wrong(at, refused))?;
                CoordinationPlace::Folder(beside(folder))
            }
            Ok(etcd @ CoordinationPlace::Etcd(_)) => etcd,
            Err(reason) => return Err(wrong(at, Wrong::Coordination { reason })),
        };
        let dumps = match &file.dumps {
            Some(text) => Some(match text.get_ref().parse() {
                Ok(DumpPlace::Folder(folder)) => DumpPlace::Folder(beside(&folder)),
                Ok(bucket @ DumpPlace::S3(_)) => bucket,
                Err(reason) => return Err(wrong(text.span().start, Wrong::Dumps { reason })),
            }),
            None => None,
        };
        let secret_file = file.secret_file.as_deref().map(beside);
        Ok(Self { path: path.to_owned(), coordination, dumps, secret_file, routers, shards })
    }

    /// Where it stands.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The number of its shards.
    pub fn shards(&self) -> ShardCount {
        let shards = ShardCount::new(u32::try_from(self.shards.len()).unwrap_or(u32::MAX));
        shards.expect("it was counted when the file was read")
    }

    /// Checks that there is a router at that address.
    ///
    /// # Errors
    /// When there is none.
    pub fn router(&self, at: SocketAddr) -> Result<(), TopologyError> {
        let is_there = self.routers.contains(&at);
        if is_there { Ok(()) } else { Err(self.absent("router", at, self.routers.iter())) }
    }

    /// What the process at that address does for which shard.
    ///
    /// # Errors
    /// When there is none.
    pub fn indexer(&self, at: SocketAddr) -> Result<Place, TopologyError> {
        for (shard, known) in self.shards().shards().zip(&self.shards) {
            let role = if known.primary == at {
                NodeRole::Primary
            } else if known.replicas.contains(&at) {
                NodeRole::Replica
            } else {
                continue;
            };
            return Ok(Place { shard: shard.0, role });
        }
        let known = self.shards.iter().flat_map(|shard| std::iter::once(&shard.primary).chain(&shard.replicas));
        Err(self.absent("indexer", at, known))
    }

    /// Checks that a value that was said elsewhere is the one that the file says.
    ///
    /// # Errors
    /// When it is another.
    pub fn agree(&self, what: &'static str, said: u32, here: u32) -> Result<(), TopologyError> {
        let path = self.path.clone();
        if said == here { Ok(()) } else { Err(TopologyError::Differs { path, what, said, here }) }
    }

    fn absent<'a>(
        &self,
        what: &'static str,
        at: SocketAddr,
        known: impl Iterator<Item = &'a SocketAddr>,
    ) -> TopologyError {
        let known = known.map(ToString::to_string).collect::<Vec<_>>().join(", ");
        TopologyError::Absent { path: self.path.clone(), what, at, known }
    }
}

/// The addresses that were met so far, with their keys.
#[derive(Default)]
struct Seen(BTreeMap<SocketAddr, String>);

impl Seen {
    /// Takes an address in: one of a process, as others reach it.
    fn take(&mut self, key: String, text: &str) -> Result<SocketAddr, Wrong> {
        let sound = |address: &SocketAddr| !address.ip().is_unspecified() && address.port() > 0;
        let Some(address) = text.parse().ok().filter(sound) else {
            return Err(Wrong::Address { key, address: text.to_owned() });
        };
        match self.0.insert(address, key.clone()) {
            Some(other) => Err(Wrong::Twice { key, other, address }),
            None => Ok(address),
        }
    }

    /// The machines, as far as addresses tell.
    fn hosts(&self) -> BTreeSet<String> {
        self.0.keys().map(|address| address.ip().to_string()).collect()
    }
}

/// A coordination store in a folder, if all processes run on the machine that has it.
fn local<'a>(folder: &'a Path, hosts: &BTreeSet<String>) -> Result<&'a Path, Wrong> {
    if hosts.len() < 2 {
        return Ok(folder);
    }
    let hosts = hosts.iter().cloned().collect::<Vec<_>>().join(", ");
    Err(Wrong::Apart { folder: folder.to_owned(), hosts })
}

#[cfg(test)]
mod tests;
