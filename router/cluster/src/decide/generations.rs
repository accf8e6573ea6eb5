//! Other generations of an index.

use crate::change::Change;
use crate::record::{Generations, IndexRecord, Key};
use crate::records::Stored;
use annuli_core::IndexName;

/// Gives the index other generations, if it still is as it was.
pub(super) fn put_generations(name: &IndexName, index: &Stored<IndexRecord>, generations: Generations) -> Change {
    let key = Key::Index(name.clone());
    let record = IndexRecord { generations, ..index.record.clone() };
    Change::new().if_at(key.clone(), index.revision).put(key, record.encode())
}
