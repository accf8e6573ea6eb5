//! The role `indexer`: one shard of every index of a cluster, for routers to ask.

mod figures;
mod primary;
mod replica;

use crate::cli::{IndexerArgs, NodeRole};
use crate::config::{Flags, Settings};
use crate::membership::{self, Membership, MembershipError};
use crate::peers::Peers;
use crate::process_figures::RunsAs;
use crate::serve::{self, ServeError};
use crate::told::Told;
use crate::traces;
use annuli_api::Failure;
use annuli_cluster::decide::OlderFolder;
use annuli_cluster::record::NodeId;
use annuli_cluster::{Post, Reach};
use annuli_core::ShardId;
use annuli_indexer::node::{OpenNodeError, Place};
use annuli_indexer::shard::ShardParts;
use annuli_indexer::{Node, Replica, clock};
use annuli_threads::Urgency;
use annuli_traces::{Sending, Traces};
use annuli_wire::ClusterSecret;
use annuli_wire::peer::{InvalidAddress, Peer, PeerSettings};
use annuli_wire::server::{self, ServerSettings, ShardServer, Shards, Watched};
use figures::Figures;
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

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
    /// Nobody has said which.
    #[error("say with --shard which shard this process holds, or with --topology which file says so")]
    NoShard,
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
    /// A flag about clients, which it does not answer.
    #[error("{flag} is for routers: an indexer answers who has the cluster's secret, and nobody else")]
    OfRouters {
        /// Which.
        flag: &'static str,
    },
    /// A replica has nothing but dumps.
    #[error("a replica serves what is in dumps: say with --dumps where the cluster keeps them")]
    NoDumps,
    /// A primary has what others follow.
    #[error("--follow is for replicas: a primary has everything that was written")]
    FollowsNobody,
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

/// The folder of the process, by what it does.
#[derive(Clone)]
enum Folder {
    Primary(Node),
    Replica(Replica),
}

/// A process that has joined its cluster.
struct Ready {
    /// What it answers from.
    shards: Arc<dyn Shards>,
    /// What it tells those who watch over it.
    watched: Arc<dyn Watched>,
    /// What keeps it in step with the catalogue.
    agent: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Folder {
    fn open(args: &IndexerArgs, settings: &Settings, place: Place, parts: ShardParts) -> Result<Self, IndexerError> {
        if args.role == NodeRole::Replica && settings.dumps.is_none() {
            return Err(IndexerError::NoDumps);
        }
        if args.role == NodeRole::Primary && args.follow {
            return Err(IndexerError::FollowsNobody);
        }
        let workspace = &settings.workspace;
        Ok(match args.role {
            NodeRole::Primary => Self::Primary(Node::open(workspace, place, parts)?),
            NodeRole::Replica => Self::Replica(Replica::open(workspace, place, parts)?),
        })
    }

    fn close(&self) {
        match self {
            Self::Primary(node) => node.close(),
            Self::Replica(replica) => replica.close(),
        }
    }
}

/// Refuses flags that would be passed over by a process that has no clients: whoever gives them takes it to be guarded by
/// them. As variables they are meant for all processes of a machine.
pub fn check_flags(args: &IndexerArgs) -> Result<(), IndexerError> {
    let Flags { api_keys, audit_log, tls_cert, tls_key, .. } = &args.flags;
    let given = [
        ("--api-keys", api_keys.is_some()),
        ("--audit-log", audit_log.is_some()),
        ("--tls-cert", tls_cert.is_some()),
        ("--tls-key", tls_key.is_some()),
    ];
    match given.into_iter().find(|(_, is_given)| *is_given) {
        Some((flag, _)) => Err(IndexerError::OfRouters { flag }),
        None => Ok(()),
    }
}

/// Serves until the process is told to end by SIGTERM or SIGINT.
pub fn run(args: &IndexerArgs, settings: &Settings) -> Result<(), IndexerError> {
    let (shard, shards) = (args.shard.ok_or(IndexerError::NoShard)?, settings.shards);
    if shard >= shards.get() {
        return Err(IndexerError::NoSuchShard { shard, shards: shards.get() });
    }
    let place = Place { shard: ShardId(shard), shards };
    // Before shards are opened, which may take long.
    let secret = membership::secret(&args.cluster)?;
    let listener = serve::listen(settings.listen, "--listen")?;
    let parts = serve::shard_parts(settings).map_err(ServeError::Start)?;
    let figures = Figures::new(runs_as(args.role), &parts);
    let sending = traces::start(settings, runs_as(args.role), figures.registry()).map_err(ServeError::Traces)?;
    let folder = Folder::open(args, settings, place, parts)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_name("peers")
        .on_thread_start(|| Urgency::Prompt.take())
        .enable_all()
        .build()
        .map_err(ServeError::Start)?;
    let traces = sending.as_ref().map(Sending::traces);
    let held = Held { place, secret, folder: folder.clone(), figures, traces };
    let ended = runtime.block_on(serve_shard(args, settings, listener, held));
    tracing::info!("closing the shards");
    runtime.shutdown_background();
    drop(sending);
    folder.close();
    tracing::info!("ended");
    ended
}

fn runs_as(role: NodeRole) -> RunsAs {
    match role {
        NodeRole::Primary => RunsAs::Primary,
        NodeRole::Replica => RunsAs::Replica,
    }
}

/// The folder, who may ask, what is counted of it, and who begins the spans of what is asked of it.
struct Held {
    place: Place,
    secret: Option<ClusterSecret>,
    folder: Folder,
    figures: Figures,
    traces: Option<Traces>,
}

async fn serve_shard(
    args: &IndexerArgs,
    settings: &Settings,
    listener: TcpListener,
    Held { place, secret, folder, figures, traces }: Held,
) -> Result<(), IndexerError> {
    let Membership { store, secret } = Membership::open(&args.cluster, secret).await?;
    let listener = tokio::net::TcpListener::from_std(listener).map_err(ServeError::Start)?;
    let address = listener.local_addr().map_err(ServeError::Start)?;
    let post = Post {
        node: NodeId(clock::new_uuid()),
        address: advertised(args, address)?,
        shard: place.shard,
        shards: place.shards,
        older: if args.take_over { OlderFolder::TakeOver } else { OlderFolder::Refuse },
    };
    let dumps = settings.cluster_dumps().map_err(ServeError::Dumps)?;
    let calls = figures.calls.clone();
    let joined = match (folder, dumps) {
        (Folder::Primary(node), dumps) => {
            let reach = Arc::new(Peers::new(secret.clone()));
            primary::join(node, store, dumps, post, figures, reach).await
        }
        (Folder::Replica(replica), Some(dumps)) => {
            let reach = args.follow.then(|| Arc::new(Peers::new(secret.clone())) as Arc<dyn Reach>);
            replica::join(replica, store, dumps, post, figures, reach).await
        }
        (Folder::Replica(_), None) => return Err(IndexerError::NoDumps),
    };
    let Ready { shards, watched, agent } = joined.map_err(IndexerError::Join)?;
    let told = Told::new(args.cluster.stdin()).map_err(ServeError::Start)?;
    let server = ShardServer::watched(shards, secret, ServerSettings::default(), watched, calls, traces);
    tracing::info!(url = %format_args!("http://{address}"), "serving");
    let drain = Duration::from_millis(settings.drain_ms);
    // In one task: an agent that ended in a panic must not leave a process behind that goes on without it.
    tokio::select! {
        () = server::serve(listener, server, told.wait(), drain) => {}
        () = agent => {}
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
