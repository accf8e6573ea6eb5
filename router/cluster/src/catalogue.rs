//! The catalogue of a cluster, as a router asks it.

use crate::canaries::Canaries;
use crate::change::Change;
use crate::commit::{Decision, decide, write_if_it_stands};
use crate::coordinator;
use crate::decide::{AliasRemoval, Creation, DumpRemoval, Removal, create_index, dump_not_found, set_alias};
use crate::events::Past;
use crate::mirror::{Mirror, Seen, Then, read};
use crate::record::{DumpRecord, IndexState, NumberedDump, Origin, Place, Role, Served};
use crate::records::Records;
use crate::table::{Reach, Table};
use crate::turns::Turns;
use annuli_api::v1::dump::DumpInfo;
use annuli_api::{Catalogue, Created, DumpProgress, ErrorCode, Failure, Index, Operations, Position};
use annuli_coordination::election::{self, Leader};
use annuli_coordination::{CoordinationStore, Epoch, StoreError};
use annuli_core::{IndexName, IndexSchema, IndexUuid, ShardCount, ShardId};
use annuli_dump::{DumpId, DumpStore, FindDumpError, ReadManifestError};
use arc_swap::ArcSwap;
use async_trait::async_trait;
use futures_util::future::join_all;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};
use uuid::Uuid;

/// Longest wait of a creation for the primaries. What is not made by then is made when its primary is back.
const CREATION_WAIT: Duration = Duration::from_secs(10);

/// Longest wait until this router sees what it has written.
const CATCH_UP_WAIT: Duration = Duration::from_secs(2);

/// Longest wait for what another router may have changed a moment ago.
const REFRESH_WAIT: Duration = Duration::from_millis(500);

/// A catalogue that many routers share. Look-ups answer from the table that follows the coordination store; changes
/// are transactions of the store.
pub struct ClusterCatalogue {
    store: Arc<dyn CoordinationStore>,
    mirror: Mirror,
    /// What this process has seen happen.
    past: Arc<Past>,
    table: Arc<ArcSwap<Table>>,
    /// What this process compares for rollouts.
    canaries: Arc<Canaries>,
    /// Refreshes that requests ask for.
    refreshes: Turns,
    /// Makes the identity of a new index.
    new_uuid: fn() -> Uuid,
    dumps: Dumps,
}

/// Whether this router knows where the cluster keeps its dumps.
#[derive(Debug, Clone)]
pub enum Dumps {
    /// It does.
    Kept(DumpStore),
    /// It was not told: it coordinates nothing, and cannot know whether others do.
    Unknown,
}

impl ClusterCatalogue {
    /// Reads the records and follows them.
    pub async fn start(
        store: Arc<dyn CoordinationStore>,
        reach: Arc<dyn Reach>,
        new_uuid: fn() -> Uuid,
        dumps: Dumps,
    ) -> Result<Self, StoreError> {
        let table = Arc::new(ArcSwap::from_pointee(Table::default()));
        let current = Arc::clone(&table);
        let past = Arc::new(Past::default());
        let remembered = Arc::clone(&past);
        let canaries = Arc::new(Canaries::default());
        let compared = Arc::clone(&canaries);
        let publish = move |before: Option<&Seen>, seen: &Seen| {
            compared.forget_the_ended(&seen.records);
            current.store(Arc::new(Table::of(&seen.records, &*reach, &compared)));
            reach.made_anew();
            remembered.take_in(before, seen);
        };
        let mirror = Mirror::start(Arc::clone(&store), publish).await?;
        Ok(Self { store, mirror, past, table, canaries, refreshes: Turns::new(), new_uuid, dumps })
    }

    /// What this process has seen of the records.
    pub fn mirror(&self) -> &Mirror {
        &self.mirror
    }

    /// Where each shard of an index stands, by its primaries; `None` if one does not say.
    pub(crate) async fn positions(&self, name: &IndexName) -> Option<BTreeMap<ShardId, Position>> {
        let index = self.resolve(name).ok()?;
        // The status of a shard is its primary's.
        let statuses = join_all(index.shards.iter().map(|shard| shard.status())).await;
        let positions = statuses.into_iter().zip(index.schema.shards.shards());
        positions.map(|(status, shard)| Some((shard, status.ok()?.position))).collect()
    }

    /// What this process compares for rollouts.
    pub(crate) fn canaries(&self) -> &Canaries {
        &self.canaries
    }

    /// What this process has seen happen.
    pub(crate) fn past(&self) -> &Arc<Past> {
        &self.past
    }

    /// Makes a decision, and waits until this process sees what came of it.
    pub(crate) async fn decide<R>(
        &self,
        decision: impl FnMut(&Records) -> Result<Decision<R>, Failure>,
    ) -> Result<R, Failure> {
        let (result, then) = decide(&*self.store, decision).await?;
        self.catch_up(&then).await;
        Ok(result)
    }

    /// Writes what was decided by what this process has seen; says whether that still stood.
    pub(crate) async fn write_if_it_stands(&self, change: &Change) -> Result<bool, Failure> {
        write_if_it_stands(&*self.store, change).await
    }

    /// Who coordinates, and in which epoch; `None`: nobody ever did.
    pub(crate) async fn coordinator(&self) -> Result<Coordinating, Failure> {
        let standing = election::show(&*self.store, &coordinator::election()).await;
        let standing = standing.map_err(|error| Failure::new(ErrorCode::CoordinationUnavailable, error))?;
        let name = standing.leader.as_ref().map(|leader| leader.candidate.clone());
        Ok(Coordinating { name, epoch: standing.epoch })
    }

    /// Refuses what only a coordinator does, where it is not known whether there is one.
    pub(crate) fn check_dumps(&self) -> Result<&DumpStore, Failure> {
        match &self.dumps {
            Dumps::Kept(store) => Ok(store),
            Dumps::Unknown => {
                let message = "this router does not know where the cluster keeps its dumps: start it with --dumps";
                Err(Failure::new(ErrorCode::InvalidRequest, message))
            }
        }
    }

    /// Takes the seat from whoever coordinates. All that a coordinator does is done by fenced commits, so it does not
    /// matter that it learns of it only a moment later.
    pub(crate) async fn depose_coordinator(&self) -> Result<Coordinating, Failure> {
        let failed = |error| Failure::new(ErrorCode::CoordinationUnavailable, error);
        match election::depose(&*self.store, &coordinator::election()).await.map_err(failed)? {
            Some(Leader { candidate, epoch }) => Ok(Coordinating { name: Some(candidate), epoch }),
            None => self.coordinator().await,
        }
    }

    /// Looks for a dump in the store, whichever index it is of, and whether or not the catalogue knows it; returns what an
    /// index that is made of it is made with.
    pub(crate) async fn find_dump(&self, dump: DumpId) -> Result<(Origin, IndexSchema), Failure> {
        let store = self.check_dumps()?.clone();
        #[expect(clippy::disallowed_methods, reason = "a person asks for it now and then, and waits")]
        let found = tokio::task::spawn_blocking(move || store.find(dump)).await;
        let found = found.map_err(|error| Failure::new(ErrorCode::Internal, error))?;
        let stored = found.map_err(|error| match error {
            // Without a manifest it is none.
            FindDumpError::Absent(_) | FindDumpError::Manifest(ReadManifestError::Incomplete { .. }) => {
                dump_not_found(dump)
            }
            FindDumpError::Manifest(_) | FindDumpError::Store(_) => Failure::new(ErrorCode::StorageFailed, error),
        })?;
        let head = stored.manifest().head();
        let schema = head.schema.schema().map_err(|error| Failure::new(ErrorCode::InvalidSchema, error))?;
        Ok((Origin { index: head.index_uuid, dump }, schema))
    }

    pub(crate) fn new_uuid(&self) -> Uuid {
        (self.new_uuid)()
    }

    /// Waits until this process sees its own change, so that its next request does.
    async fn catch_up(&self, then: &Then) {
        if !self.mirror.wait_to_see(Instant::now() + CATCH_UP_WAIT, then).await {
            let (revision, seen) = (then.revision(), self.mirror.seen().revision);
            tracing::warn!(%revision, %seen, "a change of the catalogue is not seen here yet");
        }
    }

    /// Whether the coordination store was read, and this process has seen what was in it.
    async fn look(&self) -> bool {
        match read(&*self.store).await {
            Ok(seen) => {
                self.catch_up(&Then::Read(Box::new(seen))).await;
                true
            }
            Err(error) => {
                tracing::warn!(%error, "the coordination store is not read; what is known is served by");
                false
            }
        }
    }

    async fn wait_until_served(&self, name: &IndexName, uuid: IndexUuid) -> Result<(), Failure> {
        let deadline = Instant::now() + CREATION_WAIT;
        if self.mirror.wait_until(deadline, |seen| unserved(&seen.records, name, uuid).is_empty()).await {
            return Ok(());
        }
        let Seen { records, .. } = &*self.mirror.seen();
        let left: Vec<_> = unserved(records, name, uuid).iter().map(ToString::to_string).collect();
        let message = format!(
            "index `{name}` is created, but shard {} is not served yet: that follows by itself as soon as its primary \
             is there; repeat the request to wait for it",
            left.join(", ")
        );
        Err(Failure::new(ErrorCode::ShardUnavailable, message).with("index", name.as_str()))
    }
}

/// Who coordinates.
pub(crate) struct Coordinating {
    /// What it calls itself; `None`: nobody does at the moment.
    pub(crate) name: Option<String>,
    /// The last epoch in which somebody did.
    pub(crate) epoch: Epoch,
}

/// Shards of an index that no primary serves.
fn unserved(records: &Records, name: &IndexName, uuid: IndexUuid) -> Vec<ShardId> {
    let Some(stored) = records.indexes.get(name).filter(|stored| stored.record.uuid == uuid) else {
        // Deleted since: nobody waits for anything.
        return Vec::new();
    };
    let serves = |shard: ShardId| {
        records.nodes.values().any(|node| {
            let node = &node.record;
            let place = Place { layout: stored.record.layout, shard };
            (node.role, node.place) == (Role::Primary, place) && node.serves.get(&uuid) == Some(&Served::Ready)
        })
    };
    stored.record.schema.shards.shards().filter(|&shard| !serves(shard)).collect()
}

#[async_trait]
impl Catalogue for ClusterCatalogue {
    fn resolve(&self, name: &IndexName) -> Result<Arc<Index>, Failure> {
        self.table.load().resolve(name)
    }

    async fn find(&self, name: &IndexName) -> Result<Arc<Index>, Failure> {
        if !self.table.load().is_whole(name) {
            self.refresh().await;
        }
        self.resolve(name)
    }

    fn may_have_moved(&self, index: &Index) -> bool {
        let Seen { records, .. } = &*self.mirror.seen();
        records.indexes.get(&index.name).is_some_and(|stored| stored.record.moving.is_some())
    }

    async fn refresh(&self) {
        // A store that is slow must not fill this process with requests for what is not there.
        if timeout(REFRESH_WAIT, self.refreshes.take(self.look())).await.is_err() {
            tracing::warn!("the coordination store is slow; what is known is served by");
        }
    }

    fn indexes(&self) -> Vec<Result<Arc<Index>, Failure>> {
        self.table.load().indexes()
    }

    fn is_local(&self) -> bool {
        false
    }

    async fn fixed_shards(&self) -> Option<ShardCount> {
        let known = || self.mirror.seen().records.cluster.as_ref().map(|stored| stored.record.layout.shards);
        if known().is_none() {
            // The first process that holds a shard may have joined a moment ago.
            self.refresh().await;
        }
        known()
    }

    async fn create(&self, name: IndexName, schema: IndexSchema) -> Result<Created, Failure> {
        let new = IndexUuid((self.new_uuid)());
        let creation = |records: &Records| {
            Ok(match create_index(records, &name, &schema, new)? {
                Creation::Existing { uuid, state } => Decision::Stands((uuid, state)),
                Creation::New(change) => Decision::Write(change, (new, IndexState::Creating)),
            })
        };
        let ((uuid, state), then) = decide(&*self.store, creation).await?;
        self.catch_up(&then).await;
        // One that was made before is there, whether or not each of its shards is up.
        if state == IndexState::Creating {
            self.wait_until_served(&name, uuid).await?;
        }
        let index = self.resolve(&name)?;
        Ok(if uuid == new { Created::New(index) } else { Created::Existing(index) })
    }

    async fn remove(&self, name: IndexName) -> Result<(), Failure> {
        let mut removal = Removal::default();
        self.decide(|records| Ok(Decision::to(removal.decide(records, &name)?))).await
    }

    fn aliases(&self) -> BTreeMap<IndexName, IndexName> {
        self.table.load().aliases().clone()
    }

    async fn set_alias(&self, alias: IndexName, index: IndexName) -> Result<(), Failure> {
        let setting = |records: &Records| Ok(Decision::Write(set_alias(records, &alias, &index)?, ()));
        let ((), then) = decide(&*self.store, setting).await?;
        self.catch_up(&then).await;
        Ok(())
    }

    async fn remove_alias(&self, alias: IndexName) -> Result<(), Failure> {
        let mut removal = AliasRemoval::default();
        self.decide(|records| Ok(Decision::to(removal.decide(records, &alias)?))).await
    }

    fn operations(&self) -> Option<&dyn Operations> {
        Some(self)
    }

    async fn create_dump(&self, _: &Index, _: DumpProgress) -> Result<DumpInfo, Failure> {
        Err(Failure::new(ErrorCode::Internal, "a dump of a cluster is taken by its coordinator"))
    }

    async fn dumps(&self, index: &Index) -> Result<Vec<DumpInfo>, Failure> {
        let Seen { records, .. } = &*self.mirror.seen();
        let taken = records.dumps_of(index.uuid);
        Ok(taken.into_iter().map(|numbered| dump_info(numbered, &records.dumps[&numbered.dump].record)).collect())
    }

    async fn remove_dump(&self, index: &Index, dump: Uuid) -> Result<(), Failure> {
        let missing = |_| Failure::new(ErrorCode::DumpNotFound, format_args!("the index has no dump {dump}"));
        let dump = DumpId::new(dump).map_err(missing)?;
        let mut removal = DumpRemoval::default();
        self.decide(|records| Ok(Decision::to(removal.decide(records, index.uuid, dump)?))).await
    }
}

/// A dump in short.
pub(crate) fn dump_info(numbered: NumberedDump, record: &DumpRecord) -> DumpInfo {
    DumpInfo {
        dump: numbered.dump.uuid(),
        index: record.index.as_str().to_owned(),
        index_uuid: record.uuid.0,
        created_at: record.created_at.as_str().to_owned(),
        shards: u32::try_from(record.shards.len()).expect("as many as an index has shards"),
        documents: record.done().map(|(_, done)| done.documents).sum(),
        bytes: record.done().map(|(_, done)| done.bytes).sum(),
        generation: Some(numbered.generation.0),
    }
}
