//! Creating and deleting an index.

use super::check_readable;
use crate::change::Change;
use crate::record::{ClusterRecord, IndexRecord, IndexState, Key, Layout, LeftBehind, Moving, Tombstone};
use crate::records::{Records, Stored};
use annuli_api::catalogue::refusal;
use annuli_api::{ErrorCode, Failure};
use annuli_core::limits::INDEXES_MAX;
use annuli_core::{IndexName, IndexSchema, IndexUuid};

/// Aliases of an index that are removed with it, at most: a transaction has its limit. More of them stand for nothing from then
/// on, and the coordinator removes them one by one.
const ALIASES_REMOVED_MAX: usize = 28;

/// What a request to create an index comes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Creation {
    /// It is there already, with an equal schema.
    Existing {
        /// Which.
        uuid: IndexUuid,
        /// How far it is.
        state: IndexState,
    },
    /// To be written; the primaries then make their shards.
    New(Change),
}

/// Creates the index `name`, which gets `uuid` if it is new.
pub fn create_index(
    records: &Records,
    name: &IndexName,
    schema: &IndexSchema,
    uuid: IndexUuid,
) -> Result<Creation, Failure> {
    if records.gone.contains_key(&uuid) {
        // A look after a commit whose answer was lost.
        let message = format!("index `{name}` was created, and somebody has deleted it at once");
        return Err(Failure::new(ErrorCode::IndexNotFound, message).with("index", name.as_str()));
    }
    check_shards(records, schema)?;
    check_name(records, name)?;
    if let Some(found) = records.indexes.get(name) {
        let found = &found.record;
        // Who asks for as many shards as the cluster has need not know which indexes have moved to another number.
        if found.schema == (IndexSchema { shards: found.schema.shards, ..*schema }) {
            return Ok(Creation::Existing { uuid: found.uuid, state: found.state() });
        }
        return Err(refusal::index_exists(name, &found.schema, schema));
    }
    put_new(records, name, IndexRecord::new(uuid, *schema)).map(Creation::New)
}

/// Writes the record of a new index, whose name is not that of another, if there may be one more. Two that are made at the
/// same moment do not count each other. It is of the layout of today, also if the cluster is about to move: then the
/// cluster's record is written again as it is, so that it cannot be found at the same time that every index has moved.
pub(super) fn put_new(records: &Records, name: &IndexName, record: IndexRecord) -> Result<Change, Failure> {
    if records.indexes.len() >= INDEXES_MAX {
        return Err(refusal::too_many_indexes(records.indexes.len()));
    }
    let cluster = cluster(records)?;
    let record = IndexRecord { layout: cluster.record.layout.id, ..record };
    let (index, alias) = (Key::Index(name.clone()), Key::Alias(name.clone()));
    let change = as_it_is(cluster).if_absent(index.clone()).put(index, record.encode());
    match records.aliases.get(name) {
        Some(_) if records.alias(name).is_some() => Err(refusal::name_is_an_alias(name)),
        // Left behind by an index that was deleted: it stands for nothing, and may not stand for the new one.
        Some(left) => Ok(change.if_at(alias.clone(), left.revision).delete(alias)),
        None => Ok(change.if_absent(alias)),
    }
}

/// What stands under that name can be read: as an index, and as an alias.
pub(super) fn check_name(records: &Records, name: &IndexName) -> Result<(), Failure> {
    check_readable(records, &Key::Index(name.clone()))?;
    check_readable(records, &Key::Alias(name.clone()))
}

/// What the cluster is.
pub(super) fn cluster(records: &Records) -> Result<&Stored<ClusterRecord>, Failure> {
    check_readable(records, &Key::Cluster)?;
    let message = "no process that holds a shard has joined this cluster yet: start `annuli indexer`";
    records.cluster.as_ref().ok_or_else(|| Failure::new(ErrorCode::ShardUnavailable, message))
}

/// What holds only while the cluster is what it is; and while it moves to another layout, of two such changes that are
/// decided at the same time one is decided again.
pub(super) fn as_it_is(cluster: &Stored<ClusterRecord>) -> Change {
    let change = Change::new().if_at(Key::Cluster, cluster.revision);
    if cluster.record.next.is_some() { change.put(Key::Cluster, cluster.record.encode()) } else { change }
}

fn check_shards(records: &Records, schema: &IndexSchema) -> Result<(), Failure> {
    let Layout { shards, .. } = cluster(records)?.record.layout;
    if schema.shards == shards {
        return Ok(());
    }
    let message = format!(
        "every index of this cluster has {shards} shards, {} were asked for: leave `shards` out",
        schema.shards
    );
    Err(Failure::new(ErrorCode::InvalidSchema, message))
}

/// A deletion, which may be decided several times until it is known to be done.
#[derive(Debug, Default)]
pub struct Removal {
    /// The index that had the name at first, by the identity that it keeps when it moves to another layout.
    target: Option<IndexUuid>,
}

impl Removal {
    /// What is to be written; nothing, if the index of the first time is gone. A look after a commit whose answer was lost
    /// may find the next index of the name, which nobody has asked to delete.
    pub fn decide(&mut self, records: &Records, name: &IndexName) -> Result<Option<Change>, Failure> {
        let found = records.indexes.get(name).map(|stored| stored.record.first);
        if self.target.is_some() && self.target != found {
            return Ok(None);
        }
        self.target = found;
        remove_index(records, name).map(Some)
    }
}

/// Deletes the index `name`: from now on it is there no longer, and the primaries remove their shards.
pub fn remove_index(records: &Records, name: &IndexName) -> Result<Change, Failure> {
    let key = Key::Index(name.clone());
    check_readable(records, &key)?;
    let Some(stored) = records.indexes.get(name) else {
        return Err(match records.alias(name) {
            Some(index) => refusal::delete_by_alias(name, index),
            None => refusal::index_not_found(name),
        });
    };
    let IndexRecord { uuid, first, layout, schema, moving, .. } = &stored.record;
    let parts = [
        Some(LeftBehind { uuid: *uuid, layout: *layout, shards: schema.shards }),
        moving.as_ref().map(about_to_be),
        // The name is free again, also on the layout before, for as long as that has processes.
        stored.record.behind().filter(|behind| records.layout(behind.layout).is_some()),
    ];
    let change = Change::new().if_at(key.clone(), stored.revision).delete(key);
    let change = parts.into_iter().flatten().fold(change, |change, part| bury(name, part, change));
    let aliases = records.aliases.iter().filter(|(_, alias)| alias.record.uuid == *first).take(ALIASES_REMOVED_MAX);
    Ok(aliases.fold(change, |change, (alias, stored)| {
        let alias = Key::Alias(alias.clone());
        change.if_at(alias.clone(), stored.revision).delete(alias)
    }))
}

/// What processes of the next layout have of an index that is about to move there.
pub(super) fn about_to_be(moving: &Moving) -> LeftBehind {
    LeftBehind { uuid: moving.uuid, layout: moving.layout, shards: moving.shards }
}

/// What the processes of a layout have of an index is to be removed.
pub(super) fn bury(name: &IndexName, part: LeftBehind, change: Change) -> Change {
    let tombstone = Tombstone { name: name.clone(), layout: part.layout, left: part.shards.shards().collect() };
    change.put(Key::Gone(part.uuid), tombstone.encode())
}
