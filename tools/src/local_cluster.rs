//! A whole cluster on one machine: `annuli cluster up`.
//!
//! Each part is a process of its own, as it would be on machines of its own, so that one can be killed and the others be
//! watched. A process that ends is started again, as Kubernetes or systemd would.

mod child;
mod layouts;
mod parts;

use crate::cli::ClusterUp;
use crate::config::{Callers, Config, ConfigError, Flags};
use crate::keys::{self, KeysError};
use crate::output;
use annuli_cluster::Records;
use annuli_cluster::mirror::Mirror;
use annuli_cluster::record::LayoutId;
use annuli_coordination::{EmbeddedSettings, EmbeddedStore, StoreError, SystemClock};
use annuli_router::access::Access;
use child::Child;
use layouts::{founded, layouts, unreadable};
use parts::{Part, coordination, holders, routers};
use std::collections::BTreeMap;
use std::env;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Between two questions whether the cluster is ready.
const READY_PAUSE: Duration = Duration::from_millis(50);

/// Longest wait for the answer to one.
const READY_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a cluster does not run.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// Its folder cannot be made.
    #[error("cannot make the folder `{}`: {reason}", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// An address that other machines reach.
    #[error(
        "{address} can be reached from other machines, and there are no API keys: name a file of them with --api-keys, \
         or listen on 127.0.0.1"
    )]
    Public {
        /// The address.
        address: SocketAddr,
    },
    /// Routers that would speak TLS, which nothing here does.
    #[error(
        "the routers of this cluster would speak TLS, by ANNULI_TLS_CERT or the file that ANNULI_CONFIG names, and this \
         command does not: leave it out, or start each process by `annuli router` and `annuli indexer`"
    )]
    Encrypted,
    /// The settings of its routers are wrong.
    #[error(transparent)]
    Settings(#[from] ConfigError),
    /// There are no API keys although there should be some.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// A port that is chosen by the system cannot be told to others.
    #[error("choose a port for the first router: 0 names none")]
    NoPort,
    /// There are not as many ports as routers.
    #[error("{routers} routers need as many ports from {first} on, the last port is 65535")]
    Ports {
        /// Routers.
        routers: u32,
        /// The first port.
        first: u16,
    },
    /// A process cannot be started.
    #[error("cannot start {part}: {reason}")]
    Start {
        /// Which part.
        part: String,
        /// Why.
        reason: io::Error,
    },
    /// What its processes agree by cannot be followed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A release that this one does not know has written what the cluster has.
    #[error(
        "the record of the cluster in `{}` cannot be read, nothing is started: {reason}; use the release that has written it",
        .workspace.display()
    )]
    Unreadable {
        /// The folder of the cluster.
        workspace: PathBuf,
        /// Why.
        reason: String,
    },
    /// The operating system gives no threads or signals.
    #[error("cannot start: {0}")]
    System(io::Error),
    /// Nobody reads what is said.
    #[error("cannot write to stdout: {0}")]
    Output(#[from] io::Error),
}

/// Runs the cluster until the process is told to end by SIGTERM or SIGINT.
pub fn up(args: &ClusterUp) -> Result<(), ClusterError> {
    check_access(args)?;
    let routers = routers(args)?;
    for folder in [args.workspace.clone(), args.workspace.join("logs")] {
        std::fs::create_dir_all(&folder).map_err(|reason| ClusterError::Folder { path: folder, reason })?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(ClusterError::System)?;
    runtime.block_on(run(args, routers))
}

/// Whether the routers would ask for keys, which they may have from a file or variables that they inherit. A key that is
/// none is said here, and not again and again in the log of a router.
fn check_access(args: &ClusterUp) -> Result<(), ClusterError> {
    let flags = Flags {
        config: env::var_os("ANNULI_CONFIG").map(PathBuf::from),
        listen: Some(args.listen.to_string()),
        api_keys: args.api_keys.clone(),
        // Whether the address may be taken is said below: this command has no such flag.
        insecure: true,
        ..Flags::default()
    };
    let settings = Config::load(&flags, Callers::Clients)?.settings;
    if settings.tls_cert.is_some() {
        return Err(ClusterError::Encrypted);
    }
    match keys::guard(&settings)?.access {
        Access::Open if !args.listen.ip().is_loopback() => Err(ClusterError::Public { address: args.listen }),
        Access::Open | Access::Keys { .. } => Ok(()),
    }
}

async fn run(args: &ClusterUp, routers: Vec<Part>) -> Result<(), ClusterError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(ClusterError::System)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(ClusterError::System)?;
    let urls: Vec<_> = routers.iter().filter_map(|part| part.url.clone()).collect();
    let clock = Arc::new(SystemClock::new());
    let store = EmbeddedStore::open(&coordination(args), EmbeddedSettings::default(), clock)?;
    let mirror = Mirror::start(Arc::new(store), |_, _| {}).await?;
    if let Some(reason) = unreadable(&mirror.seen().records) {
        return Err(ClusterError::Unreadable { workspace: args.workspace.clone(), reason: reason.to_owned() });
    }
    let mut crew = Crew::default();
    crew.routers = Some(crew.start(routers, &args.workspace)?);
    crew.keep_to(args, &mirror.seen().records)?;
    let ran = tokio::select! {
        ready = say_when_ready(args, &mirror, &urls) => match ready {
            Ok(()) => tokio::select! {
                () = crew.follow(args, &mirror) => Ok(()),
                _ = terminate.recv() => Ok(()),
                _ = interrupt.recv() => Ok(()),
            },
            Err(error) => Err(error),
        },
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    };
    crew.end().await;
    ran
}

/// Waits for the routers, and says where they are. A request that needs a shard which is not there yet says so, and the
/// creation of an index waits for all of them.
async fn say_when_ready(args: &ClusterUp, mirror: &Mirror, routers: &[String]) -> Result<(), ClusterError> {
    for url in routers {
        while !is_ready(url).await {
            tokio::time::sleep(READY_PAUSE).await;
        }
    }
    let layouts = layouts(&mirror.seen().records).unwrap_or_else(|| founded(args.shards));
    output::text(&format!(
        "The routers of a cluster of {} shards are up, in `{}`; each process has its log in `{}`.\n{}Ctrl-C ends it.\n",
        layouts.values().next().unwrap_or(&args.shards),
        args.workspace.display(),
        args.workspace.join("logs").display(),
        routers.iter().map(|url| format!("  router  {url}\n")).collect::<String>(),
    ))?;
    Ok(())
}

/// The processes that run.
#[derive(Default)]
struct Crew {
    children: JoinSet<()>,
    /// As long as they are here, the processes of the routers and of each layout are kept.
    routers: Option<watch::Sender<bool>>,
    layouts: BTreeMap<LayoutId, watch::Sender<bool>>,
}

impl Crew {
    /// Starts processes, and starts each again that ends, until what is returned is dropped.
    fn start(&mut self, parts: Vec<Part>, workspace: &Path) -> Result<watch::Sender<bool>, ClusterError> {
        let (end, ending) = watch::channel(false);
        for part in parts {
            let name = part.name.clone();
            let child = Child::start(part, workspace).map_err(|reason| ClusterError::Start { part: name, reason })?;
            self.children.spawn(child.keep(ending.clone()));
        }
        Ok(end)
    }

    /// Starts the processes of layouts that are new, and ends those of layouts that are over: their folders stay.
    fn keep_to(&mut self, args: &ClusterUp, records: &Records) -> Result<(), ClusterError> {
        let layouts = match layouts(records) {
            Some(layouts) => layouts,
            None if self.layouts.is_empty() => founded(args.shards),
            // What cannot be read any longer ends nobody.
            None => return Ok(()),
        };
        for (layout, shards) in &layouts {
            if !self.layouts.contains_key(layout) {
                let end = self.start(holders(args, *layout, *shards), &args.workspace)?;
                self.layouts.insert(*layout, end);
            }
        }
        self.layouts.retain(|layout, _| layouts.contains_key(layout));
        Ok(())
    }

    /// Has processes for the shards that there are, and for those that there will be, for as long as it is polled.
    async fn follow(&mut self, args: &ClusterUp, mirror: &Mirror) {
        let mut changes = mirror.changes();
        loop {
            let seen = Arc::clone(&changes.borrow_and_update());
            // What runs is not ended for what does not start; it is tried again when anything changes.
            if let Err(error) = self.keep_to(args, &seen.records) {
                tracing::error!(%error, "not every process is started");
            }
            changes.changed().await.expect("the mirror outlives this");
        }
    }

    /// Ends every process, and waits until they have.
    async fn end(mut self) {
        drop(self.routers.take());
        self.layouts.clear();
        while self.children.join_next().await.is_some() {}
    }
}

/// Asks `GET /readyz`. A router that is not there yet is not ready.
async fn is_ready(url: &str) -> bool {
    let url = format!("{url}{}", annuli_api::v1::path::READYZ);
    // A blocking client on a thread of its own: it is asked a few times, and this one has other processes to mind.
    let (says, ready) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let answer = ureq::get(&url).config().proxy(None).timeout_global(Some(READY_TIMEOUT)).build().call();
        // Nobody waits for it when the cluster is told to end.
        let _ = says.send(answer.is_ok());
    });
    ready.await.unwrap_or(false)
}
