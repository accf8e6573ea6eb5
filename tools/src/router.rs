//! The role `router`: the HTTP API of a cluster, whose shards are held by other processes.

use crate::cli::RouterArgs;
use crate::config::Settings;
use crate::membership::{Membership, MembershipError};
use crate::peers::Peers;
use crate::serve::{self, ServeError};
use annuli_cluster::ClusterCatalogue;
use annuli_indexer::clock;
use annuli_router::Router;
use std::sync::Arc;

/// Serves until the process is told to end by SIGTERM or SIGINT.
pub fn run(args: &RouterArgs, settings: &Settings) -> Result<(), ServeError> {
    let polling = serve::polling_table(settings)?;
    let listener = serve::listen(settings.listen)?;
    // What follows the coordination store lives here; requests live on the threads of their connections.
    let following = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("cluster")
        .enable_all()
        .build()
        .map_err(ServeError::Start)?;
    let catalogue = following.block_on(async {
        let Membership { store, secret } = Membership::open(&args.cluster).await?;
        let peers = Arc::new(Peers::new(secret));
        Ok::<_, MembershipError>(ClusterCatalogue::start(store, peers, clock::new_uuid).await?)
    })?;
    let router = Router::new(Arc::new(catalogue), serve::limits(settings), polling, settings.shards);
    let ended = serve::serve_router(listener, Arc::new(router), args.cluster.stdin(), settings);
    following.shutdown_background();
    tracing::info!("ended");
    ended
}
