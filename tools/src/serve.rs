//! The role `serve`: a workspace, a router over it and the HTTP API, in one process.

use crate::config::{Durability as DurabilitySetting, MetricSetting, PollingRule, Settings};
use crate::keys::{self, Guarded, KeysError};
use crate::membership::MembershipError;
use crate::open_files;
use crate::process_figures::{self, RunsAs};
use crate::tls::{self, Shown, TlsError};
use crate::told::{Told, UntilStdinCloses};
use crate::traces;
use annuli_core::Metric;
use annuli_dump_s3::OpenS3Error;
use annuli_indexer::settings::SEARCH_QUEUE_MAX;
use annuli_indexer::shard::ShardParts;
use annuli_indexer::workspace::OpenWorkspaceError;
use annuli_indexer::{BuildPool, CpuPool, Durability, Meters, ShardSettings, Workspace};
use annuli_router::http::server::{End, Ended, Port, serve};
use annuli_router::http::threads::ConnectionThreads;
use annuli_router::http::{api_with, dialect};
use annuli_router::polling::InvalidPolling;
use annuli_router::{Limits, Polling, PollingTable, Router};
use annuli_threads::Urgency;
use annuli_traces::Sending;
use opentelemetry_otlp::ExporterBuildError;
use std::collections::BTreeMap;
use std::future::pending;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Why the server did not start, or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address is taken or not of this machine.
    #[error("cannot listen on {address}: {reason}; choose another address with {flag}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        reason: io::Error,
        /// Where it is chosen.
        flag: &'static str,
    },
    /// The workspace does not open.
    #[error(transparent)]
    Workspace(#[from] OpenError),
    /// The polling would break indexes.
    #[error(transparent)]
    Polling(#[from] InvalidPolling),
    /// The operating system gives no threads or signals.
    #[error("cannot start: {0}")]
    Start(io::Error),
    /// The bucket of dumps cannot be asked.
    #[error(transparent)]
    Dumps(#[from] OpenS3Error),
    /// The cluster cannot be joined.
    #[error(transparent)]
    Membership(#[from] MembershipError),
    /// A part of the process without which it would serve by what it once knew has ended.
    #[error("{0}: the log says where; start the process again")]
    PartEnded(PartEnded),
    /// There is no certificate although there should be one.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// There are no API keys although there should be some.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// A variable of OpenTelemetry's says what cannot be done.
    #[error("spans cannot be sent as the OTEL_… variables say: {0}")]
    Traces(#[from] ExporterBuildError),
    /// Requests were still under way when the time was over.
    #[error("some requests were not finished within {drain_ms} ms (`drain_ms`)")]
    NotDrained {
        /// The time that they had.
        drain_ms: u64,
    },
}

/// A part of a router that goes on for as long as the process does, and has ended: in a panic, for it ends in no other way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PartEnded {
    /// What follows the records of the cluster.
    #[error("what follows the coordination store has ended in a panic")]
    Mirror,
    /// What coordinates, or stands by to.
    #[error("the coordinator has ended in a panic")]
    Coordinator,
}

/// Why a workspace does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The operating system gives no threads.
    #[error("cannot start threads: {0}")]
    Threads(io::Error),
    /// The bucket of dumps cannot be asked.
    #[error(transparent)]
    Dumps(#[from] OpenS3Error),
    /// The folder belongs to other processes.
    #[error(
        "`{}` is the folder of a whole cluster (`annuli cluster up`): ask its routers, or choose another folder",
        root.display()
    )]
    Cluster {
        /// The folder.
        root: PathBuf,
    },
    /// The workspace cannot be used.
    #[error(transparent)]
    Workspace(#[from] OpenWorkspaceError),
}

/// Serves until the process is told to end by SIGTERM or SIGINT.
pub fn run(settings: &Settings) -> Result<(), ServeError> {
    let polling = polling_table(settings)?;
    let Guarded { access, _reload } = keys::guard(settings)?;
    // Before the workspace is opened, which may take long: a port in use and a bad certificate are said at once.
    let ports = Ports::open(settings)?;
    let parts = shard_parts(settings).map_err(OpenError::Threads)?;
    let (meters, search_pool) = (parts.meters.clone(), parts.search_pool.clone());
    let workspace = open_with(settings, parts)?;
    let router = Router::new(Arc::new(workspace.clone()), limits(settings), polling, settings.shards);
    let router = router.guarded_by(access);
    meters.register(router.registry(), &search_pool);
    process_figures::register(router.registry(), RunsAs::Serve);
    drop(search_pool);
    let sending = traces::start(settings, RunsAs::Serve, router.registry())?;
    let router = router.traced_by(sending.as_ref().map(Sending::traces));
    let ended = serve_router(ports, &Arc::new(router), UntilStdinCloses::No, settings, pending());
    drop(sending);
    tracing::info!("closing the workspace");
    workspace.close();
    tracing::info!("ended");
    ended
}

/// Serves the HTTP API until the process is told to end or a part of it has ended, and answers what is under way then.
pub(crate) fn serve_router(
    ports: Ports,
    router: &Arc<Router>,
    stdin: UntilStdinCloses,
    settings: &Settings,
    ends: impl Future<Output = PartEnded>,
) -> Result<(), ServeError> {
    // It accepts connections and hands them over; what is done for a request is done on the threads below.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(ServeError::Start)?;
    let threads = ConnectionThreads::start(cores()).map_err(ServeError::Start)?;
    let (ended, part_ended) = runtime.block_on(async {
        let told = Told::new(stdin).map_err(ServeError::Start)?;
        let mut part_ended = None;
        let end = async {
            tokio::select! {
                biased;
                () = told.wait() => {}
                part = ends => part_ended = Some(part),
            }
            router.drain();
        };
        let ended = serve_until(ports, router, &threads, end, settings).await?;
        Ok::<_, ServeError>((ended, part_ended))
    })?;
    drop(threads);
    runtime.shutdown_background();
    if let Some(part) = part_ended {
        tracing::error!("{part}");
        return Err(ServeError::PartEnded(part));
    }
    match ended {
        Ended::Drained => Ok(()),
        Ended::TimedOut => Err(ServeError::NotDrained { drain_ms: settings.drain_ms }),
    }
}

/// Opens the workspace of the settings for a command that needs no server, with the threads that they ask for.
pub fn open_workspace(settings: &Settings) -> Result<Workspace, OpenError> {
    open_files::ask_for_all();
    open_with(settings, shard_parts(settings).map_err(OpenError::Threads)?)
}

fn open_with(settings: &Settings, parts: ShardParts) -> Result<Workspace, OpenError> {
    let root = &settings.workspace;
    // Who opens a workspace removes the unfinished dumps in it: here they are those that the cluster's processes write.
    if root.join("coordination/lock").exists() {
        return Err(OpenError::Cluster { root: root.clone() });
    }
    let dumps = settings.dump_place().open(settings.dumps_endpoint.as_deref())?;
    Ok(Workspace::open(root, dumps, parts)?)
}

/// What the shards of a process share.
pub(crate) fn shard_parts(settings: &Settings) -> io::Result<ShardParts> {
    let durability = match settings.durability {
        DurabilitySetting::Fsync => Durability::Fsync,
        DurabilitySetting::Os => Durability::Os,
    };
    Ok(ShardParts {
        settings: ShardSettings { durability, seal_points: settings.seal_points },
        search_pool: CpuPool::start_as(Urgency::Prompt, "search", settings.search_threads.get(), SEARCH_QUEUE_MAX),
        build_pool: BuildPool::start(cores())?,
        meters: Meters::default(),
    })
}

fn cores() -> usize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN).get()
}

async fn serve_until(
    ports: Ports,
    router: &Arc<Router>,
    threads: &ConnectionThreads,
    told: impl Future<Output = ()>,
    settings: &Settings,
) -> Result<Ended, ServeError> {
    let Ports { api, qdrant, shown } = ports;
    let scheme = if shown.is_some() { "https" } else { "http" };
    let accepting = |listener: TcpListener| {
        let address = listener.local_addr().map_err(ServeError::Start)?;
        let listener = tokio::net::TcpListener::from_std(listener).map_err(ServeError::Start)?;
        let port = match &shown {
            Some(Shown { tls, .. }) => Port::with_tls(listener, Arc::clone(tls)),
            None => Port::from(listener),
        };
        Ok::<_, ServeError>((port, format!("{scheme}://{address}")))
    };
    let ((port, url), qdrant) = (accepting(api)?, qdrant.map(accepting).transpose()?);
    tracing::info!(%url, "serving");
    let drain = Duration::from_millis(settings.drain_ms);
    let service = api_with(Arc::clone(router), vec![annuli_jina::dialect(metric(settings.jina_metric))]);
    let main = serve(port, service, threads, End { told, idle: router.idle(), drain });
    let Some((port, url)) = qdrant else { return Ok(main.await) };
    tracing::info!(%url, "serving the REST API of Qdrant");
    let service = dialect::alone(Arc::clone(router), annuli_qdrant::dialect());
    let end = End { told: router.told_to_drain(), idle: router.idle(), drain };
    let beside = serve(port, service, threads, end);
    Ok(match tokio::join!(main, beside) {
        (Ended::Drained, Ended::Drained) => Ended::Drained,
        (Ended::TimedOut, _) | (_, Ended::TimedOut) => Ended::TimedOut,
    })
}

/// Where a server listens, and what it shows there.
pub(crate) struct Ports {
    /// For our own API, and Jina's.
    pub(crate) api: TcpListener,
    /// For Qdrant's, if it is to be served.
    qdrant: Option<TcpListener>,
    /// Its certificate, if it has one.
    shown: Option<Shown>,
}

impl Ports {
    /// The ports of the settings. What they are to show is read first: files that are wrong are said before anything is begun.
    pub(crate) fn open(settings: &Settings) -> Result<Self, ServeError> {
        let shown = tls::show(settings)?;
        let beside = |port| listen(SocketAddr::new(settings.listen.ip(), port), "--qdrant-port");
        let api = listen(settings.listen, "--listen")?;
        Ok(Self { api, qdrant: settings.qdrant_port.map(beside).transpose()?, shown })
    }
}

fn metric(setting: MetricSetting) -> Metric {
    match setting {
        MetricSetting::Cosine => Metric::Cosine,
        MetricSetting::Euclidean => Metric::Euclidean,
        MetricSetting::InnerProduct => Metric::InnerProduct,
    }
}

/// Listens on an address that is chosen by `flag`.
pub(crate) fn listen(address: SocketAddr, flag: &'static str) -> Result<TcpListener, ServeError> {
    let bind = || {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    bind().map_err(|reason| ServeError::Listen { address, reason, flag })
}

pub(crate) fn limits(settings: &Settings) -> Limits {
    let limits = &settings.limits;
    Limits {
        body_bytes_max: limits.body_bytes_max,
        batch_documents_max: limits.batch_documents_max,
        queries_max: limits.queries_max,
        k_max: limits.k_max,
        ef_max: limits.ef_max,
        page_documents_max: limits.page_documents_max,
        concurrent_requests_max: limits.concurrent_requests_max,
        timeout_ms_default: limits.timeout_ms_default,
        timeout_ms_max: limits.timeout_ms_max,
    }
}

/// Which shards a request goes to.
pub(crate) fn polling_table(settings: &Settings) -> Result<PollingTable, InvalidPolling> {
    PollingTable::new(&polling(settings))
}

fn polling(settings: &Settings) -> BTreeMap<String, Polling> {
    let polling = |rule| match rule {
        PollingRule::Any => Polling::Any,
        PollingRule::All => Polling::All,
    };
    settings.polling.rules().map(|(endpoint, rule)| (endpoint.name().to_owned(), polling(rule))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use annuli_core::ShardCount;

    /// The process went on, by what it had known last.
    #[test]
    fn a_process_ends_with_a_part_of_it_and_says_which() {
        let folder = tempfile::tempdir().unwrap();
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let settings = Settings { workspace: folder.path().to_owned(), listen, ..Settings::default() };
        let workspace = open_workspace(&settings).unwrap();
        let polling = polling_table(&settings).unwrap();
        let router = Router::new(Arc::new(workspace.clone()), limits(&settings), polling, ShardCount::ONE);
        let ports = Ports::open(&settings).unwrap();
        let ends = async { PartEnded::Coordinator };
        let ended = serve_router(ports, &Arc::new(router), UntilStdinCloses::No, &settings, ends).unwrap_err();
        assert!(ended.to_string().starts_with("the coordinator has ended in a panic: "), "{ended}");
        workspace.close();
    }

    /// It was said once the workspace was open, or the cluster joined, after whatever was wrong there.
    #[test]
    fn a_certificate_that_cannot_be_shown_is_said_before_anybody_is_listened_to() {
        let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let file = || Some("nowhere.pem".into());
        let listen = taken.local_addr().unwrap();
        let settings = Settings { listen, tls_cert: file(), tls_key: file(), ..Settings::default() };
        let said = Ports::open(&settings).map(drop).unwrap_err().to_string();
        assert!(said.starts_with("cannot read `nowhere.pem`: "), "{said}");
    }
}
