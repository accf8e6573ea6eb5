//! The documents of a shard as of one moment: those of its store, but for what the view knows better.

use crate::overlay::Overlay;
use crate::store::document::StoredDocument;
use crate::store::{StoreError, StoreSnapshot};
use crate::table::Row;
use annuli_core::DocId;
use std::cmp::Ordering;
use std::iter;

/// The documents of a store with what has become of them since.
pub(super) struct Documents<'a> {
    pub(super) stored: StoreSnapshot<'a>,
    pub(super) since: &'a Overlay,
}

impl Documents<'_> {
    /// The document of that id.
    pub(super) fn get(&self, id: &DocId) -> Result<Option<StoredDocument>, StoreError> {
        match self.since.get(id) {
            Some(became) => Ok(became.row().map(|row| stored(row))),
            None => self.stored.document(id),
        }
    }

    /// Every document whose id is behind `behind`, by id.
    pub(super) fn behind<'b>(
        &'b self,
        behind: Option<&'b DocId>,
    ) -> impl Iterator<Item = Result<(DocId, StoredDocument), StoreError>> + 'b {
        let mut of_store = self.stored.documents(behind).peekable();
        let mut since = self.since.documents(behind).peekable();
        iter::from_fn(move || {
            loop {
                let order = match (of_store.peek(), since.peek()) {
                    (Some(Ok((stored, _))), Some((id, _))) => stored.cmp(id),
                    // An error is told where it comes up.
                    (Some(_), _) => Ordering::Less,
                    (None, _) => Ordering::Greater,
                };
                if order == Ordering::Less {
                    return of_store.next();
                }
                let (id, became) = since.next()?;
                if order == Ordering::Equal {
                    of_store.next();
                }
                if let Some(row) = became.row() {
                    return Some(Ok((id.clone(), stored(row))));
                }
            }
        })
    }
}

fn stored(row: &Row) -> StoredDocument {
    let Row { seq, point, vector, metadata, .. } = row;
    StoredDocument { seq: *seq, point: *point, vector: vector.clone(), metadata: metadata.clone() }
}
