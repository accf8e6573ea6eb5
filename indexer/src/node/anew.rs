//! A node gives its shard of an index a history of its own.

use super::{Entry, Node, open_entry};
use crate::clock;
use crate::store::meta::Identity;
use crate::store::{Store, StoreError};
use crate::workspace::indexes;
use annuli_api::{ErrorCode, Failure};
use annuli_core::{HistoryId, IndexName, IndexUuid};
use std::path::Path;

impl Node {
    /// Lets its shard of an index go on in a history that no other has, from where it stands: what was counted in the one
    /// before elsewhere is counted there alone. Its documents and segments stay as they are. Who reads from it meanwhile
    /// gets errors. Blocks until it is on the disk.
    ///
    /// # Errors
    /// When the shard is not here, or its store cannot be written; then it has the history that it had.
    pub fn begin_anew(&self, name: &IndexName, index: IndexUuid) -> Result<HistoryId, Failure> {
        let _changing = self.changing();
        let held = self.0.held.load_full();
        let shard = match held.by_name.get(name) {
            Some(Entry::Open { uuid, shard, .. }) if *uuid == index => shard,
            Some(Entry::Damaged { failure, .. }) => return Err(failure.clone()),
            Some(Entry::Open { .. }) | None => {
                let message = format!("this process has no shard of the index {index} in a folder `{name}`");
                return Err(Failure::new(ErrorCode::IndexUnavailable, message).with("index", name.as_str()));
            }
        };
        shard.close();
        let folder = indexes::shard_folder(&indexes::folder(&self.0.root, name), self.0.place.shard);
        let begun = write_history(&folder.join("db"), HistoryId(clock::new_uuid()));
        let entry = open_entry(&self.0.root, name, self.0.place, &self.0.parts);
        let opened = match &entry {
            Entry::Open { shard, .. } => Ok(shard.view().position.history),
            Entry::Damaged { failure, .. } => Err(failure.clone()),
        };
        self.change(|held| {
            held.remove(name);
            held.insert(name.clone(), entry.clone());
        });
        begun.map_err(|error| Failure::new(ErrorCode::StorageFailed, error).with("index", name.as_str()))?;
        opened
    }
}

fn write_history(db: &Path, history: HistoryId) -> Result<(), StoreError> {
    let (store, identity, _) = Store::open_uncompacted(db)?;
    store.adopt(&Identity { history, ..identity }, &[])
}
