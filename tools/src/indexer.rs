//! The role `indexer`: one shard of every index of a cluster, for routers to ask.

use crate::cli::{IndexerArgs, NodeRole};
use crate::config::Settings;
use crate::membership::{Membership, MembershipError};
use crate::serve::{self, ServeError};
use crate::told::Told;
use annuli_api::{Failure, ShardApi};
use annuli_cluster::decide::{FolderTerm, OlderFolder};
use annuli_cluster::reconcile::HeldShard;
use annuli_cluster::record::NodeId;
use annuli_cluster::{Agent, Guarded, Holder, Post, Serving};
use annuli_coordination::Epoch;
use annuli_core::{Generation, HistoryId, IndexName, IndexSchema, IndexUuid, ShardId};
use annuli_indexer::node::{NewShard, OpenNodeError, Place, Term};
use annuli_indexer::{CpuPool, Node, clock};
use annuli_wire::peer::{InvalidAddress, Peer, PeerSettings};
use annuli_wire::server::{self, ServerSettings, ShardServer, Shards};
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

/// Changes of the folder that wait for their turn: the agent makes one at a time.
const CHANGES_QUEUE_MAX: usize = 4;

/// Why a process that holds a shard did not start, or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum IndexerError {
    /// There is no such shard.
    #[error("there is no shard {shard} of {shards}: --shard goes from 0 to {}", shards - 1)]
    NoSuchShard {
        /// Asked for.
        shard: u32,
        /// Shards of the cluster.
        shards: u32,
    },
    /// The folder cannot be used.
    #[error(transparent)]
    Node(#[from] OpenNodeError),
    /// The address that routers are to be told is none.
    #[error("--advertise: {0}")]
    Advertise(#[from] InvalidAddress),
    /// Nobody can be told where it listens.
    #[error(
        "{listening} is every address of this machine: say with --advertise at which one routers reach this process"
    )]
    Unspecified {
        /// Where it listens.
        listening: SocketAddr,
    },
    /// The cluster cannot be joined.
    #[error(transparent)]
    Membership(#[from] MembershipError),
    /// The cluster does not take it.
    #[error("cannot join the cluster: {0}")]
    Join(Failure),
    /// The process cannot listen or start threads.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

/// Serves until the process is told to end by SIGTERM or SIGINT.
pub fn run(args: &IndexerArgs, settings: &Settings) -> Result<(), IndexerError> {
    let (shard, shards) = (args.shard, settings.shards);
    if shard >= shards.get() {
        return Err(IndexerError::NoSuchShard { shard, shards: shards.get() });
    }
    let NodeRole::Primary = args.role;
    let place = Place { shard: ShardId(shard), shards };
    let listener = serve::listen(settings.listen)?;
    let parts = serve::shard_parts(settings).map_err(ServeError::Start)?;
    let node = Node::open(&settings.workspace, place, parts)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_name("peers")
        .enable_all()
        .build()
        .map_err(ServeError::Start)?;
    let ended = runtime.block_on(serve_shard(args, settings, listener, node.clone()));
    tracing::info!("closing the shards");
    runtime.shutdown_background();
    node.close();
    tracing::info!("ended");
    ended
}

async fn serve_shard(
    args: &IndexerArgs,
    settings: &Settings,
    listener: TcpListener,
    node: Node,
) -> Result<(), IndexerError> {
    let Membership { store, secret } = Membership::open(&args.cluster).await?;
    let listener = tokio::net::TcpListener::from_std(listener).map_err(ServeError::Start)?;
    let address = listener.local_addr().map_err(ServeError::Start)?;
    let place = node.place();
    let advertised = advertised(args, address)?;
    let serving = Arc::new(Serving::new(place.shard));
    let post = Post {
        node: NodeId(clock::new_uuid()),
        address: advertised,
        shard: place.shard,
        shards: place.shards,
        older: if args.take_over { OlderFolder::TakeOver } else { OlderFolder::Refuse },
    };
    let holder = Arc::new(Folder { node: node.clone(), changes: CpuPool::start("catalogue", 1, CHANGES_QUEUE_MAX) });
    let agent = Agent::join(store, holder, post, Arc::clone(&serving)).await.map_err(IndexerError::Join)?;
    let served = Arc::new(Served { node, serving });
    let told = Told::new(args.cluster.stdin()).map_err(ServeError::Start)?;
    let server = ShardServer::new(served, secret, ServerSettings::default());
    tracing::info!(url = %format_args!("http://{address}"), "serving");
    let drain = Duration::from_millis(settings.drain_ms);
    // In one task: an agent that ended in a panic must not leave a process behind that goes on without it.
    tokio::select! {
        () = server::serve(listener, server, told.wait(), drain) => {}
        () = agent.run() => {}
    }
    Ok(())
}

/// The address at which routers reach this process.
fn advertised(args: &IndexerArgs, listening: SocketAddr) -> Result<String, IndexerError> {
    match &args.advertise {
        Some(address) => {
            Peer::new(address, None, PeerSettings::default())?;
            Ok(address.clone())
        }
        None if listening.ip().is_unspecified() => Err(IndexerError::Unspecified { listening }),
        None => Ok(listening.to_string()),
    }
}

/// The folder, as the agent changes it.
struct Folder {
    node: Node,
    /// One thread: what takes the disk's time does not take the runtime's.
    changes: CpuPool,
}

#[async_trait]
impl Holder for Folder {
    fn held(&self) -> BTreeMap<IndexName, HeldShard> {
        let held = self.node.held().into_iter();
        held.map(|held| (held.name, HeldShard { uuid: held.uuid, state: held.state })).collect()
    }

    async fn make(&self, name: &IndexName, uuid: IndexUuid, schema: &IndexSchema) -> Result<HistoryId, Failure> {
        let (node, new) = (self.node.clone(), NewShard { name: name.clone(), uuid, schema: *schema });
        self.changes.run(move || node.make(&new)).await?
    }

    fn term(&self) -> FolderTerm {
        let Term { served, begun } = self.node.term();
        FolderTerm { served: served.map(Epoch), begun: begun.map(Epoch) }
    }

    async fn keep_term(&self, term: FolderTerm) -> Result<(), Failure> {
        let node = self.node.clone();
        let term = Term { served: term.served.map(|epoch| epoch.0), begun: term.begun.map(|epoch| epoch.0) };
        self.changes.run(move || node.keep_term(term)).await?
    }

    async fn remove(&self, name: &IndexName, uuid: IndexUuid) -> Result<(), Failure> {
        let (node, name) = (self.node.clone(), name.clone());
        self.changes.run(move || node.remove(&name, uuid)).await?
    }
}

/// The shards, as routers ask for them.
struct Served {
    node: Node,
    serving: Arc<Serving>,
}

impl Shards for Served {
    fn shard(
        &self,
        index: IndexUuid,
        shard: ShardId,
        generation: Option<Generation>,
    ) -> Result<Arc<dyn ShardApi>, Failure> {
        if let Some(generation) = generation {
            return Err(self.serving.not_a_replica(index, generation));
        }
        self.serving.check(index, shard)?;
        let shard = self.node.shard(index).ok_or_else(|| self.serving.unknown(index))?;
        Ok(Arc::new(Guarded::new(shard, Arc::clone(&self.serving))))
    }
}
