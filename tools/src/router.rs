//! The role `router`: the HTTP API of a cluster, whose shards are held by other processes.

mod meters;

use crate::cli::{CoordinationArgs, RouterArgs};
use crate::config::Settings;
use crate::keys::{self, Guarded};
use crate::membership::{self, Membership, MembershipError};
use crate::peers::Peers;
use crate::process_figures::{self, RunsAs};
use crate::serve::{self, PartEnded, Ports, ServeError};
use crate::traces;
use annuli_cluster::record::Way;
use annuli_cluster::{ClusterCatalogue, Coordinator, CoordinatorSettings, Dumps, Keeping, Origins, Reach, Schedule};
use annuli_indexer::clock;
use annuli_router::Router;
use annuli_traces::Sending;
use meters::ClusterMeters;
use std::future::pending;
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::sync::Arc;
use tokio::task::JoinHandle;

/// Serves until the process is told to end by SIGTERM or SIGINT.
pub fn run(args: &RouterArgs, settings: &Settings) -> Result<(), ServeError> {
    let polling = serve::polling_table(settings)?;
    let Guarded { access, _reload } = keys::guard(settings)?;
    let secret = membership::secret(&args.cluster)?;
    let ports = Ports::open(settings)?;
    // What follows the coordination store lives here; requests live on the threads of their connections.
    let following = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("cluster")
        .enable_all()
        .build()
        .map_err(ServeError::Start)?;
    let dumps = settings.cluster_dumps()?;
    let kept = dumps.clone().map_or(Dumps::Unknown, Dumps::Kept);
    let (store, peers, catalogue) = following.block_on(async {
        let Membership { store, secret } = Membership::open(&args.cluster, secret).await?;
        let peers = Arc::new(Peers::new(secret));
        let reach = Arc::clone(&peers) as Arc<dyn Reach>;
        let catalogue = ClusterCatalogue::start(Arc::clone(&store), reach, clock::new_uuid, kept).await?;
        Ok::<_, MembershipError>((store, peers, Arc::new(catalogue)))
    })?;
    let (mut leading, mut coordinating) = (None, None);
    if let Some(dumps) = dumps {
        let address = ports.api.local_addr().map_err(ServeError::Start)?;
        let settings = coordinator_settings(args.coordination, address);
        let origins = Origins { new_uuid: clock::new_uuid, utc_now: clock::utc_now };
        let coordinator = Coordinator::new(store, Arc::clone(&catalogue), dumps, settings, origins);
        leading = Some(coordinator.leading());
        coordinating = Some(following.spawn(coordinator.run()));
    }
    let reporting = Arc::clone(&catalogue);
    following.spawn(async move { reporting.report_canaries().await });
    let ends = part_ended(Arc::clone(&catalogue), coordinating);
    let meters = ClusterMeters { peers, catalogue: Arc::clone(&catalogue), leading };
    let router = Router::new(catalogue, serve::limits(settings), polling, settings.shards).guarded_by(access);
    router.registry().register(Box::new(meters)).expect("it is the first that says none of its names before");
    process_figures::register(router.registry(), RunsAs::Router);
    let sending = traces::start(settings, RunsAs::Router, router.registry())?;
    let router = router.traced_by(sending.as_ref().map(Sending::traces));
    let ended = serve::serve_router(ports, &Arc::new(router), args.cluster.stdin(), settings, ends);
    following.shutdown_background();
    drop(sending);
    tracing::info!("ended");
    ended
}

/// Waits until a part has ended by which the process would only look well.
async fn part_ended(catalogue: Arc<ClusterCatalogue>, coordinating: Option<JoinHandle<()>>) -> PartEnded {
    let coordinator = async {
        match coordinating {
            // It goes on until it panics: what that says is in the log.
            Some(running) => drop(running.await),
            None => pending().await,
        }
    };
    tokio::select! {
        biased;
        () = catalogue.mirror().ended() => PartEnded::Mirror,
        () = coordinator => PartEnded::Coordinator,
    }
}

fn coordinator_settings(args: CoordinationArgs, address: SocketAddr) -> CoordinatorSettings {
    let CoordinationArgs { dump_every, dump_after_changes, drain, dumps_kept, retire_after, coordinator_term } = args;
    let way = if drain { Way::Drain } else { Way::Beside };
    CoordinatorSettings {
        name: format!("router at {address}"),
        keeping: Keeping { dumps: dumps_kept, retiring: retire_after },
        schedule: Schedule { every: dump_every.0, after_changes: dump_after_changes.map(NonZeroU64::get), way },
        term: coordinator_term.0,
    }
}
