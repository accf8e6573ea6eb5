//! A process of a cluster with fixed hosts: what the file says of it, below what the environment, its configuration and its
//! command line say.

use crate::cli::{ClusterArgs, IndexerArgs, RouterArgs};
use crate::config::{Flags, Settings};
use crate::topology::{Topology, TopologyError};
use std::net::SocketAddr;

/// What the file says of the settings of a process: where it listens, and where dumps are. Anybody else may say otherwise.
#[derive(Debug, Default)]
pub(super) struct Placed {
    topology: Option<Topology>,
    place: String,
    below: Flags,
}

/// The router as the file has it.
///
/// # Errors
/// When the file is wrong, or has no such router.
pub(super) fn router(args: &mut RouterArgs) -> Result<Placed, TopologyError> {
    let Some((topology, at)) = placed(&args.cluster)? else { return Ok(Placed::default()) };
    topology.router(at)?;
    Ok(Placed::at(topology, at, &mut args.cluster))
}

/// The process of a shard as the file has it.
///
/// # Errors
/// When the file is wrong, has no such process, or has it for another shard than is said.
pub(super) fn indexer(args: &mut IndexerArgs) -> Result<Placed, TopologyError> {
    let Some((topology, at)) = placed(&args.cluster)? else { return Ok(Placed::default()) };
    let place = topology.indexer(at)?;
    if let Some(said) = args.shard {
        topology.agree("--shard", said, place.shard)?;
    }
    (args.shard, args.role) = (Some(place.shard), place.role);
    args.advertise.get_or_insert_with(|| at.to_string());
    Ok(Placed::at(topology, at, &mut args.cluster))
}

fn placed(args: &ClusterArgs) -> Result<Option<(Topology, SocketAddr)>, TopologyError> {
    let Some(file) = &args.topology else { return Ok(None) };
    let at = args.at.ok_or(TopologyError::Unsaid)?;
    Ok(Some((Topology::read(file)?, at)))
}

impl Placed {
    fn at(topology: Topology, at: SocketAddr, cluster: &mut ClusterArgs) -> Self {
        cluster.coordination = Some(topology.coordination.clone());
        cluster.cluster_secret_file = cluster.cluster_secret_file.take().or_else(|| topology.secret_file.clone());
        let below = Flags {
            listen: Some(at.to_string()),
            dumps: topology.dumps.as_ref().map(ToString::to_string),
            shards: Some(topology.shards().get()),
            ..Flags::default()
        };
        Self { place: format!("file {}", topology.path().display()), topology: Some(topology), below }
    }

    /// What it says of the settings, and where.
    pub(super) fn layer(&self) -> Option<(&str, &Flags)> {
        self.topology.as_ref().map(|_| (self.place.as_str(), &self.below))
    }

    /// Checks what nobody may say otherwise: into how many shards the cluster is divided.
    ///
    /// # Errors
    /// When it was said otherwise.
    pub(super) fn check(&self, settings: &Settings) -> Result<(), TopologyError> {
        let Some(topology) = &self.topology else { return Ok(()) };
        topology.agree("--shards", settings.shards.get(), topology.shards().get())
    }
}
