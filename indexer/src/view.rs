//! What a search holds: an immutable state of a shard.

mod allowed;
mod nearest;
mod planner;

use crate::deadline::{Deadline, DeadlinePassed};
use crate::gathered::metadata_in;
use crate::overlay::Overlay;
use crate::part::Part;
use crate::plan::{self, Bounds, PartShape, Shape};
use crate::settings::{SHORT_SEARCH_COMPONENTS_MAX, ShardSettings};
use crate::tail::Tail;
use crate::workshop::segment_points_max;
pub use allowed::Allowed;
use annuli_api::shard_api::{Position, SegmentsStatus, ShardHit, ShardSearch, TailStatus};
use annuli_core::{DocId, Filter, IndexSchema, Point, Seq, Vector};
use nearest::Place;
use planner::Wish;

/// A state of a shard, as of one seq. Cheap to clone.
#[derive(Debug, Clone)]
pub struct View {
    /// What the index holds.
    pub schema: IndexSchema,
    /// The state that this is.
    pub position: Position,
    /// The segments. Their documents are in no other, and not in the tail.
    pub parts: Vec<Part>,
    /// What is in no segment.
    pub tail: Tail,
    /// What the store says of the same name.
    pub replay_after: Option<Seq>,
    /// Documents that the store does not have as they are: of a replica that follows, and of nobody else.
    pub overlay: Overlay,
}

impl View {
    /// Live documents.
    pub fn live(&self) -> usize {
        self.tail.table.live() + self.parts.iter().map(Part::live).sum::<usize>()
    }

    /// Documents that would be put elsewhere if no more writes came: into a segment, or from several into one.
    pub fn pending(&self, settings: ShardSettings) -> usize {
        plan::pending(&self.shape(), self.bounds(settings))
    }

    /// What is in segments.
    pub fn segments_status(&self) -> SegmentsStatus {
        let sum = |count: fn(&Part) -> u64| self.parts.iter().map(count).sum();
        SegmentsStatus {
            count: self.parts.len() as u64,
            live: sum(|part| part.live() as u64),
            dead: sum(|part| part.dead() as u64),
            bytes: sum(Part::bytes),
        }
    }

    /// What is in none.
    pub fn tail_status(&self) -> TailStatus {
        TailStatus { documents: self.tail.table.len() as u64, in_head: self.tail.walkable() as u64 }
    }

    /// Marks a point dead, wherever it is.
    pub(crate) fn kill(&mut self, point: Point) {
        if !self.tail.table.kill(point) {
            let _ = self.parts.iter_mut().any(|part| part.kill(point));
        }
    }

    pub(crate) fn shape(&self) -> Shape {
        Shape {
            tail: self.tail.table.len(),
            uncovered: self.tail.uncovered(),
            replay: self.position.seq.0 - self.replay_after.map_or(0, |seq| seq.0),
            parts: self.parts.iter().map(|part| PartShape { live: part.live(), dead: part.dead() }).collect(),
        }
    }

    pub(crate) fn bounds(&self, settings: ShardSettings) -> Bounds {
        Bounds { seal_points: settings.seal_points.get(), segment_points_max: segment_points_max(self.schema.dim) }
    }

    /// Which documents a search may answer with.
    pub fn allowed(&self, filter: Option<&Filter>, deadline: Deadline) -> Result<Allowed, DeadlinePassed> {
        Allowed::of(self, filter, deadline)
    }

    /// The nearest allowed documents of one query, nearest first.
    pub fn nearest(
        &self,
        query: &Vector,
        search: &ShardSearch,
        allowed: &Allowed,
        deadline: Deadline,
    ) -> Result<Vec<ShardHit>, DeadlinePassed> {
        nearest::nearest(self, query, search, allowed, deadline)
    }

    /// Whether a search takes less than about half a millisecond, the other shards of the index included: a request may
    /// run on one thread for all of them, one after the other. Not one with a filter: how much is to be looked at is
    /// known only when it has been evaluated. Nor one over segments with many dead documents: a walk may then widen.
    pub fn is_short(&self, search: &ShardSearch) -> bool {
        if search.filter.is_some() || self.parts.iter().any(|part| planner::may_widen(part.live(), part.dead())) {
            return false;
        }
        let wish = Wish { mode: search.mode, k: search.k, allowed: self.live() };
        let in_parts: usize = self.parts.iter().map(|part| planner::comparisons(wish, part.segment().len())).sum();
        let comparisons = in_parts + planner::head_comparisons(wish, &self.tail);
        let hits = planner::hits_components(search.k, search.read.include);
        let components = comparisons.saturating_mul(self.schema.dim.get()).saturating_add(hits);
        let searches = search.queries.len() * self.schema.shards.get() as usize;
        components.saturating_mul(searches) <= SHORT_SEARCH_COMPONENTS_MAX
    }

    /// The seq and id of every document that matches.
    pub fn matching(&self, filter: &Filter, deadline: Deadline) -> Result<Vec<(DocId, Seq)>, DeadlinePassed> {
        let allowed = self.allowed(Some(filter), deadline)?;
        let mut matching = Vec::with_capacity(allowed.count());
        for (part, allowed) in self.parts.iter().zip(allowed.parts()) {
            let segment = part.segment();
            matching.extend(allowed.as_bits().slots(segment.len()).map(|slot| (doc_id(part, slot), segment.seq(slot))));
        }
        let table = &self.tail.table;
        matching.extend(allowed.tail().slots(table).map(|slot| (table.row(slot).id.clone(), table.row(slot).seq)));
        Ok(matching)
    }

    /// How many documents match.
    pub fn count(&self, filter: Option<&Filter>, deadline: Deadline) -> Result<usize, DeadlinePassed> {
        Ok(self.allowed(filter, deadline)?.count())
    }

    /// Vectors of about `count` live documents, spread over all.
    pub(crate) fn sample(&self, count: usize) -> Vec<Vector> {
        let step = (self.live() / count).max(1);
        let in_parts = self.parts.iter().flat_map(|part| part.live_slots().map(move |slot| Place::Slot(part, slot)));
        let in_tail = self.tail.table.live_from(0).map(|(_, row)| Place::Row(row));
        in_parts.chain(in_tail).step_by(step).take(count).map(|place| place.vector()).collect()
    }
}

fn doc_id(part: &Part, slot: u32) -> DocId {
    DocId::new(part.segment().id(slot)).expect("its length was checked when the segment was opened")
}
