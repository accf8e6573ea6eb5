//! Documents that are not as a store has them: in a generation that follows its primary, what has changed since the dump.
//!
//! Cheap to clone, and a clone does not change when the original does. Sorted maps are shared, each at least twice as large
//! as the next: to add a few documents copies few, most of the time.

use crate::followed_memory::Share;
use crate::table::Row;
use annuli_core::{DocId, Seq};
use std::collections::BTreeMap;
use std::iter;
use std::ops::Bound;
use std::sync::Arc;

/// What has become of a document.
#[derive(Debug, Clone)]
pub(crate) enum Became {
    /// It is this.
    Is(Arc<Row>),
    /// It was deleted: at that seq or before. To know that takes memory.
    Gone { by: Seq, _share: Arc<Share> },
}

impl Became {
    /// The document, if it is there.
    pub(crate) fn row(&self) -> Option<&Arc<Row>> {
        match self {
            Self::Is(row) => Some(row),
            Self::Gone { .. } => None,
        }
    }

    /// Who stands there knows of it.
    pub(crate) fn seq(&self) -> Seq {
        match self {
            Self::Is(row) => row.seq,
            Self::Gone { by, .. } => *by,
        }
    }
}

/// Documents by id.
pub(crate) type Level = BTreeMap<DocId, Became>;

/// What has become of documents since a store was written last.
#[derive(Debug, Clone, Default)]
pub struct Overlay {
    /// The oldest and largest first. Of two that know a document the later is right.
    levels: Vec<Arc<Level>>,
    documents: usize,
}

impl Overlay {
    /// Documents of which it knows, those that are gone included.
    pub(crate) fn len(&self) -> usize {
        self.documents
    }

    /// What has become of a document; `None`: it is as the store has it.
    pub(crate) fn get(&self, id: &DocId) -> Option<&Became> {
        self.levels.iter().rev().find_map(|level| level.get(id))
    }

    /// Takes in what has become of some documents since.
    pub(crate) fn add(&mut self, mut newest: Level) {
        if newest.is_empty() {
            return;
        }
        self.documents += newest.keys().filter(|id| self.get(id).is_none()).count();
        while let Some(last) = self.levels.pop_if(|last| last.len() < 2 * newest.len()) {
            let mut merged = Arc::unwrap_or_clone(last);
            merged.append(&mut newest);
            newest = merged;
        }
        self.levels.push(Arc::new(newest));
    }

    /// Lets go of what documents were before they became what they are.
    pub(crate) fn forget_what_was(&mut self) {
        let merge = |mut merged: Level, later: Arc<Level>| {
            merged.append(&mut Arc::unwrap_or_clone(later));
            merged
        };
        let mut levels = std::mem::take(&mut self.levels).into_iter();
        let Some(first) = levels.next() else { return };
        self.levels.push(Arc::new(levels.fold(Arc::unwrap_or_clone(first), merge)));
    }

    /// What has become of documents behind that seq. What was said later of one is of a later seq.
    pub(crate) fn since(&self, here: Seq) -> Level {
        let mut since = Level::new();
        for level in &self.levels {
            let behind = level.iter().filter(|(_, became)| became.seq() > here);
            since.extend(behind.map(|(id, became)| (id.clone(), became.clone())));
        }
        since
    }

    /// Every document of which it knows and whose id is behind `behind`, by id.
    pub(crate) fn documents<'a>(&'a self, behind: Option<&'a DocId>) -> impl Iterator<Item = (&'a DocId, &'a Became)> {
        let mut last = behind;
        iter::from_fn(move || {
            let from = last.map_or(Bound::Unbounded, Bound::Excluded);
            let next_of = |level: &'a Arc<Level>| level.range::<DocId, _>((from, Bound::Unbounded)).next();
            let (id, _) = self.levels.iter().filter_map(next_of).min_by_key(|(id, _)| *id)?;
            last = Some(id);
            Some((id, self.get(id)?))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::followed_memory::FollowedMemory;
    use crate::table::tests::row;
    use annuli_core::IndexUuid;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn id(number: u64) -> DocId {
        row(number).id.clone()
    }

    fn gone(by: u64) -> Became {
        let memory = FollowedMemory::new(0).of(IndexUuid(Uuid::from_u128(1)));
        Became::Gone { by: Seq(by), _share: Arc::new(memory.take(0)) }
    }

    fn plain(overlay: &Overlay, behind: Option<&DocId>) -> Vec<(DocId, Option<u64>)> {
        let documents = overlay.documents(behind);
        documents.map(|(id, became)| (id.clone(), became.row().map(|row| row.point.0))).collect()
    }

    proptest! {
        /// Each step adds documents, by number, of which some are gone.
        #[test]
        fn the_last_that_was_said_of_a_document_is_right(
            steps in prop::collection::vec(prop::collection::btree_map(0_u64..60, any::<bool>(), 0..20), 0..30),
            behind in 0_u64..60,
        ) {
            let (mut overlay, mut model) = (Overlay::default(), BTreeMap::new());
            let mut earlier = (overlay.clone(), model.clone());
            for (number, step) in steps.into_iter().enumerate() {
                if number == 7 {
                    earlier = (overlay.clone(), model.clone());
                }
                // Another point in each step: who is told of an earlier row is found out.
                let point = |document: u64| 100 * number as u64 + document;
                let of = |(document, is_there): (u64, bool)| (id(document), is_there.then(|| point(document)));
                let told: BTreeMap<_, _> = step.into_iter().map(of).collect();
                let became = |point: &Option<u64>| point.map_or(gone(7), |point| Became::Is(row(point)));
                overlay.add(told.iter().map(|(id, point)| (id.clone(), became(point))).collect());
                model.extend(told);
                if number == 20 {
                    overlay.forget_what_was();
                    prop_assert!(overlay.levels.len() <= 1);
                }
            }
            let all: Vec<_> = model.clone().into_iter().collect();
            prop_assert_eq!((overlay.len(), plain(&overlay, None)), (all.len(), all));
            let rest: Vec<_> = model.clone().into_iter().filter(|(known, _)| *known > id(behind)).collect();
            prop_assert_eq!(plain(&overlay, Some(&id(behind))), rest);
            let of_model = model.get(&id(behind)).copied();
            prop_assert_eq!(overlay.get(&id(behind)).map(|became| became.row().map(|row| row.point.0)), of_model);
            let (overlay, model) = earlier;
            prop_assert_eq!(plain(&overlay, None), model.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn of_what_was_said_behind_a_seq_the_last_is_right() {
        let mut overlay = Overlay::default();
        // The row of a point was written as the next number.
        overlay.add([(id(1), Became::Is(row(1))), (id(2), Became::Is(row(2))), (id(9), Became::Is(row(9)))].into());
        overlay.add([(id(2), gone(12)), (id(3), gone(12))].into());
        let since = |here| -> Vec<_> {
            let since = overlay.since(Seq(here)).into_iter();
            since.map(|(id, became)| (id, became.row().is_some())).collect()
        };
        assert_eq!(since(0), [(id(1), true), (id(2), false), (id(3), false), (id(9), true)]);
        assert_eq!(since(9), [(id(2), false), (id(3), false), (id(9), true)]);
        assert!(since(12).is_empty());
    }

    #[test]
    fn what_is_added_bit_by_bit_stays_in_few_maps() {
        let mut overlay = Overlay::default();
        (0..10_000).for_each(|number| overlay.add([(id(number), Became::Is(row(number)))].into()));
        assert!(overlay.levels.len() <= 14, "{} maps", overlay.levels.len());
        assert_eq!(overlay.documents(None).count(), 10_000);
    }
}
