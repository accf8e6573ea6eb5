//! The generations that a replica has: those that serve, and those that do not open.

use super::failure::{OpenGenerationError, rotten};
use super::{folders, generation_file};
use crate::node::Place;
use crate::shard::{FrozenShard, ShardParts};
use crate::store::meta::Identity;
use crate::workspace::disk::DiskFault;
use crate::workspace::indexes;
use annuli_api::Failure;
use annuli_api::shard_api::Position;
use annuli_core::{Generation, IndexName, IndexSchema, IndexUuid};
use annuli_dump::DumpId;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// By index and number.
pub(super) type Held = BTreeMap<(IndexUuid, Generation), Entry>;

#[derive(Clone)]
pub(super) struct Entry {
    pub(super) name: IndexName,
    /// Unknown when the folder does not even tell that.
    pub(super) dump: Option<DumpId>,
    pub(super) state: Result<Arc<FrozenShard>, Failure>,
}

/// A generation that a replica has in its folder.
#[derive(Debug, Clone, PartialEq)]
pub struct HeldGeneration {
    /// The index.
    pub index: IndexUuid,
    /// The name of its folder.
    pub name: IndexName,
    /// The number.
    pub generation: Generation,
    /// The dump, unless the folder does not even tell that.
    pub dump: Option<DumpId>,
    /// Where it stands; or why it does not serve.
    pub state: Result<Position, Failure>,
}

impl Entry {
    pub(super) fn described(&self, (index, generation): (IndexUuid, Generation)) -> HeldGeneration {
        let Self { name, dump, state } = self.clone();
        HeldGeneration { index, name, generation, dump, state: state.map(|shard| shard.position()) }
    }
}

/// Opens what is in the folder of an index.
pub(super) fn open_index(
    root: &Path,
    name: &IndexName,
    place: Place,
    parts: &ShardParts,
    held: &mut Held,
) -> Result<(), DiskFault> {
    let (uuid, schema) = match indexes::describe(root, name) {
        Ok(described) => described,
        Err(error) => {
            tracing::error!(index = %name, %error, "the generations of an index are left alone, the others are opened");
            return Ok(());
        }
    };
    for generation in folders::generations(root, name, place.shard)? {
        let folder = folders::generation(root, name, place.shard, generation);
        held.insert((uuid, generation), open(&folder, name, (uuid, schema), generation, place, parts));
    }
    Ok(())
}

fn open(
    folder: &Path,
    name: &IndexName,
    (index, schema): (IndexUuid, IndexSchema),
    generation: Generation,
    place: Place,
    parts: &ShardParts,
) -> Entry {
    let (dump, opened) = match generation_file::read(folder) {
        Ok(kept) => {
            let identity = Identity { index, history: kept.history, shard: place.shard, schema };
            let opened = FrozenShard::open(folder, &identity, kept.seq, parts);
            (Some(kept.dump), opened.map_err(OpenGenerationError::from))
        }
        Err(error) => (None, Err(error.into())),
    };
    let state = opened.map(Arc::new).map_err(|error| {
        tracing::error!(index = %name, generation = generation.0, %error, "a generation does not open, the others do");
        rotten(name, generation, &error)
    });
    Entry { name: name.clone(), dump, state }
}
