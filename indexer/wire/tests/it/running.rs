//! A server on a port of its own, and shards for it to serve.

use annuli_api::shard_api::{
    Changes, ChangesAsked, ConditionalWrite, Consistency, Counted, Deleted, Got, Include, Listed, Position, Read,
    SearchMode, SegmentsStatus, ShardHits, ShardList, ShardSearch, ShardStatus, TailStatus, Write, Written,
};
use annuli_api::{ErrorCode, Failure, ShardApi};
use annuli_core::{DocId, Filter, Generation, IndexUuid, Metadata, Seq, ShardId, Vector};
use annuli_wire::server::serve;
use annuli_wire::{ClusterSecret, Peer, PeerSettings, RemoteShard, ServerSettings, ShardServer, Shards};
use async_trait::async_trait;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;
use uuid::Uuid;

/// The one index that servers of these tests have.
pub(crate) const INDEX: IndexUuid = IndexUuid(Uuid::from_u128(7));

/// Every shard of the index is this one.
pub(crate) struct OneShard(Arc<dyn ShardApi>);

impl OneShard {
    pub(crate) fn of(shard: Arc<dyn ShardApi>) -> Arc<dyn Shards> {
        Arc::new(Self(shard))
    }
}

impl Shards for OneShard {
    fn shard(&self, index: IndexUuid, _: ShardId, _: Option<Generation>) -> Result<Arc<dyn ShardApi>, Failure> {
        let missing = || Failure::new(ErrorCode::IndexNotFound, "there is no such index here");
        (index == INDEX).then(|| Arc::clone(&self.0)).ok_or_else(missing)
    }
}

/// How a server is set up.
pub(crate) struct Setup {
    pub(crate) shards: Arc<dyn Shards>,
    pub(crate) secret: Option<&'static str>,
    pub(crate) settings: ServerSettings,
}

/// A server that runs until this is dropped.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
    tell: Option<oneshot::Sender<()>>,
}

impl Running {
    pub(crate) async fn start(shards: Arc<dyn Shards>) -> Self {
        Self::set_up(Setup { shards, secret: None, settings: ServerSettings::default() }).await
    }

    pub(crate) async fn set_up(setup: Setup) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), setup)
    }

    pub(crate) fn on(listener: TcpListener, Setup { shards, secret, settings }: Setup) -> Self {
        let secret = secret.map(|text| ClusterSecret::new(text).unwrap());
        Self::serving(listener, ShardServer::new(shards, secret, settings))
    }

    pub(crate) fn serving(listener: TcpListener, server: Arc<ShardServer>) -> Self {
        let address = listener.local_addr().unwrap();
        let (tell, told) = oneshot::channel::<()>();
        let told = async { drop(told.await) };
        let task = tokio::spawn(serve(listener, server, told, Duration::from_secs(60)));
        Self { address, task, tell: Some(tell) }
    }

    /// A handle of its shard 0, with connections of its own.
    pub(crate) fn remote(&self) -> Arc<dyn ShardApi> {
        remote(self.address, None, PeerSettings::default())
    }

    /// Ends it at once, as a crash would.
    pub(crate) async fn kill(mut self) {
        self.task.abort();
        assert!((&mut self.task).await.unwrap_err().is_cancelled());
    }

    /// Tells it to end.
    pub(crate) fn tell(&mut self) {
        drop(self.tell.take());
    }

    /// Waits until it has ended.
    pub(crate) async fn ended(mut self) {
        (&mut self.task).await.unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) fn remote(address: SocketAddr, secret: Option<&str>, settings: PeerSettings) -> Arc<dyn ShardApi> {
    let secret = secret.map(|text| ClusterSecret::new(text).unwrap());
    let peer = Peer::new(&address.to_string(), secret, settings).unwrap();
    Arc::new(RemoteShard::new(peer, INDEX, ShardId(0)))
}

/// An address where nobody listens.
pub(crate) async fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Longer than any call takes.
const SOON: Duration = Duration::from_secs(60);

pub(crate) fn soon() -> Instant {
    now() + SOON
}

/// Lets the time of [`soon`] pass at once.
pub(crate) async fn until_too_late() {
    tokio::time::pause();
    tokio::time::advance(SOON + Duration::from_secs(1)).await;
    tokio::time::resume();
}

pub(crate) fn one_write() -> Vec<ConditionalWrite> {
    let vector = Vector::new(vec![1.0]).unwrap();
    let write = Write::Put { id: DocId::new("a").unwrap(), vector, metadata: Metadata::default() };
    vec![ConditionalWrite { write, if_seq: None }]
}

pub(crate) fn one_search() -> ShardSearch {
    ShardSearch {
        queries: [Vector::new(vec![1.0]).unwrap()].into(),
        k: 1,
        mode: SearchMode::Exact,
        filter: None,
        except: None,
        read: any_read(),
    }
}

pub(crate) fn any_read() -> Read {
    Read { include: Include { metadata: false, vector: false }, after: None, consistency: Consistency::Replica }
}

/// A shard that never answers, but for its status, once it is released. It says when a call of it begins and when it is
/// dropped.
pub(crate) struct Hanging {
    notices: mpsc::Sender<Notice>,
    released: Semaphore,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    Begun,
    Dropped,
}

/// More notices than any test waits for.
const NOTICES_MAX: usize = 16;

impl Hanging {
    pub(crate) fn new() -> (Arc<Self>, mpsc::Receiver<Notice>) {
        let (notices, receiver) = mpsc::channel(NOTICES_MAX);
        (Arc::new(Self { notices, released: Semaphore::new(0) }), receiver)
    }

    pub(crate) fn release(&self) {
        self.released.add_permits(1);
    }

    async fn hang<A>(&self) -> Result<A, Failure> {
        struct OnDrop(mpsc::Sender<Notice>);
        impl Drop for OnDrop {
            fn drop(&mut self) {
                self.0.try_send(Notice::Dropped).unwrap();
            }
        }
        let _on_drop = OnDrop(self.notices.clone());
        self.notices.try_send(Notice::Begun).unwrap();
        std::future::pending().await
    }
}

#[async_trait]
impl ShardApi for Hanging {
    async fn write(&self, _: Vec<ConditionalWrite>, _: Instant) -> Result<Written, Failure> {
        self.hang().await
    }

    async fn delete_matching(&self, _: Arc<Filter>, _: Instant) -> Result<Deleted, Failure> {
        self.hang().await
    }

    async fn search(&self, _: ShardSearch, _: Instant) -> Result<ShardHits, Failure> {
        self.hang().await
    }

    async fn get(&self, _: Vec<DocId>, _: Read, _: Instant) -> Result<Got, Failure> {
        self.hang().await
    }

    async fn list(&self, _: ShardList, _: Read, _: Instant) -> Result<Listed, Failure> {
        self.hang().await
    }

    async fn count(&self, _: Option<Arc<Filter>>, _: Read, _: Instant) -> Result<Counted, Failure> {
        self.hang().await
    }

    async fn changes(&self, _: ChangesAsked, _: Instant) -> Result<Changes, Failure> {
        self.hang().await
    }

    async fn status(&self) -> Result<ShardStatus, Failure> {
        self.notices.try_send(Notice::Begun).unwrap();
        let _released = self.released.acquire().await.unwrap();
        let position = Position { history: annuli_contract::history(), seq: Seq(9) };
        Ok(ShardStatus {
            shard: ShardId(0),
            position,
            documents: 7,
            pending: 0,
            queued: 0,
            store_bytes: 0,
            segments: SegmentsStatus::default(),
            tail: TailStatus::default(),
            seal: None,
            merge: None,
        })
    }
}
