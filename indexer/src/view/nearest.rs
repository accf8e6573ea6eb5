//! The nearest documents of a view: every segment and the tail are asked, and all that they find is measured exactly.

use super::allowed::{Allowed, PartAllowed};
use super::planner::{self, Wish};
use super::{View, doc_id, metadata_in};
use crate::deadline::{Deadline, DeadlinePassed};
use crate::part::Part;
use crate::table::Row;
use annuli_api::shard_api::{Include, ShardHit, ShardSearch};
use annuli_core::metric::PreparedQuery;
use annuli_core::segment::{Breadth, Found, Scratch, Segment};
use annuli_core::{TopK, Vector};
use std::cell::RefCell;
use std::cmp::Ordering;

thread_local! {
    /// What walks of this thread need, kept from one to the next.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Hits that an exact search asks a segment for beyond those that it wants, so that hits as far as each other are most
/// often found at once.
const TIES: usize = 6;

/// The nearest allowed documents of one query, nearest first.
pub(super) fn nearest(
    view: &View,
    query: &Vector,
    search: &ShardSearch,
    allowed: &Allowed,
    deadline: Deadline,
) -> Result<Vec<ShardHit>, DeadlinePassed> {
    let query = PreparedQuery::new(view.schema.metric, query);
    // One more, in place of the document that is no answer.
    let k = (search.k + usize::from(search.except.is_some())).min(allowed.count());
    let asked = Asked { query: &query, wish: Wish { mode: search.mode, k, allowed: allowed.count() }, deadline };
    let mut found = Vec::new();
    for (part, allowed) in view.parts.iter().zip(allowed.parts()) {
        asked.of_part(part, allowed, &mut found)?;
    }
    asked.of_tail(view, allowed, &mut found)?;
    found.sort_unstable();
    let is_answer =
        |candidate: &Candidate<'_>| search.except.as_ref().is_none_or(|except| candidate.place.id() != except.as_str());
    let hits = found.iter().filter(|candidate| is_answer(candidate)).take(search.k);
    Ok(hits.map(|candidate| candidate.hit(search.read.include)).collect())
}

/// What is looked for.
struct Asked<'q> {
    query: &'q PreparedQuery,
    wish: Wish,
    deadline: Deadline,
}

impl Asked<'_> {
    /// The nearest of a segment.
    fn of_part<'a>(
        &self,
        part: &'a Part,
        allowed: &PartAllowed,
        found: &mut Vec<Candidate<'a>>,
    ) -> Result<(), DeadlinePassed> {
        let (segment, k) = (part.segment(), self.wish.k.min(allowed.count()));
        if k == 0 {
            return Ok(());
        }
        self.deadline.check()?;
        SCRATCH.with_borrow_mut(|scratch| {
            let hits = match planner::width(self.wish) {
                Some(ef) => segment.search(self.query, Breadth { k, ef }, allowed.as_bits(), scratch),
                None => self.exactly(segment, k, allowed, scratch)?,
            };
            let candidate = |hit: Found| Candidate { distance: hit.distance, place: Place::Slot(part, hit.slot) };
            found.extend(hits.into_iter().map(candidate));
            Ok(())
        })
    }

    /// At least the `k` nearest of a segment, with all that are as far as the last of them: which of those are hits,
    /// their ids say.
    fn exactly(
        &self,
        segment: &Segment,
        k: usize,
        allowed: &PartAllowed,
        scratch: &mut Scratch,
    ) -> Result<Vec<Found>, DeadlinePassed> {
        let mut wanted = k + TIES;
        loop {
            let found = segment.exact(self.query, wanted, allowed.as_bits(), scratch, || self.deadline.check())?;
            let ends_in_tie = found[k - 1].distance.total_cmp(&found[found.len() - 1].distance).is_eq();
            if found.len() == allowed.count() || !ends_in_tie {
                return Ok(found);
            }
            wanted *= 4;
        }
    }

    /// The nearest of the tail.
    fn of_tail<'a>(
        &self,
        view: &'a View,
        allowed: &Allowed,
        found: &mut Vec<Candidate<'a>>,
    ) -> Result<(), DeadlinePassed> {
        let (tail, table, allowed) = (&view.tail, &view.tail.table, allowed.tail());
        let k = self.wish.k.min(allowed.count());
        if k == 0 {
            return Ok(());
        }
        let candidate = |row: &'a Row| Candidate { distance: self.query.distance(&row.vector), place: Place::Row(row) };
        let mut scanned_from = table.first();
        let mut top = TopK::new(k);
        if let Some(width) = planner::head_width(self.wish, tail.walkable(), table.len(), allowed.count()) {
            for slot in tail.head.nearest(self.query, width, width) {
                // The graph may have grown since this view was made.
                if slot < tail.covered && allowed.holds(table, slot) {
                    top.offer(candidate(table.row(slot)));
                }
            }
            scanned_from = tail.covered;
        }
        for scanned_from in [scanned_from, table.first()] {
            for (slot, row) in table.live_from(scanned_from) {
                self.deadline.look_at(slot)?;
                if allowed.holds(table, slot) {
                    top.offer(candidate(row));
                }
            }
            // A walk may end in a corner of the graph, or find mostly what is not allowed: then all are scanned.
            if top.bound().is_some() {
                break;
            }
            top = TopK::new(k);
        }
        found.extend(top.into_sorted());
        Ok(())
    }
}

/// A document and its distance. Ordered as hits are, by distance and id, without a copy of the id for each.
struct Candidate<'a> {
    distance: f32,
    place: Place<'a>,
}

/// Where a document is.
#[derive(Clone, Copy)]
pub(super) enum Place<'a> {
    Slot(&'a Part, u32),
    Row(&'a Row),
}

impl Place<'_> {
    fn id(&self) -> &str {
        match self {
            Self::Slot(part, slot) => part.segment().id(*slot),
            Self::Row(row) => row.id.as_str(),
        }
    }

    /// The vector as it was sent.
    pub(super) fn vector(self) -> Vector {
        match self {
            Self::Slot(part, slot) => {
                let mut components = Vec::new();
                part.segment().read_vector(slot, &mut components);
                Vector::new(components).expect("its components were checked when the segment was opened")
            }
            Self::Row(row) => row.vector.clone(),
        }
    }
}

impl Candidate<'_> {
    fn hit(&self, include: Include) -> ShardHit {
        let distance = self.distance;
        match self.place {
            Place::Slot(part, slot) => ShardHit {
                id: doc_id(part, slot),
                distance,
                metadata: include.metadata.then(|| metadata_in(part.segment(), slot)),
                vector: include.vector.then(|| self.place.vector()),
            },
            Place::Row(row) => ShardHit {
                id: row.id.clone(),
                distance,
                metadata: include.metadata.then(|| row.metadata.clone()),
                vector: include.vector.then(|| self.place.vector()),
            },
        }
    }
}

impl PartialEq for Candidate<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Candidate<'_> {}

impl PartialOrd for Candidate<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Candidate<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.distance.total_cmp(&other.distance).then_with(|| self.place.id().cmp(other.place.id()))
    }
}
