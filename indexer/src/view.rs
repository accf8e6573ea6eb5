//! What a search holds: an immutable state of a shard.

use crate::deadline::{Deadline, DeadlinePassed};
use crate::head::Head;
use crate::settings::{SCAN_POINTS_MAX, SHORT_SEARCH_COMPONENTS_MAX};
use crate::table::{Row, Table};
use annuli_api::shard_api::{Position, SearchMode, ShardHit, ShardSearch};
use annuli_core::metric::PreparedQuery;
use annuli_core::{DocId, Filter, IndexSchema, Seq, TopK, Vector};
use std::cmp::Ordering;
use std::sync::Arc;

/// A state of a shard, as of one seq. Cheap to clone.
#[derive(Debug, Clone)]
pub struct View {
    /// What the index holds.
    pub schema: IndexSchema,
    /// The state that this is.
    pub position: Position,
    /// Every point.
    pub table: Table,
    /// The graph of the first `covered` slots. It may hold more: those are looked at as if it did not.
    pub head: Arc<Head>,
    /// Slots below this are in the graph.
    pub covered: usize,
}

/// How much longer a walk takes for a point that it returns than a scan for a point that it looks at. Measured on
/// Fashion-MNIST: a walk compares with some twenty points for each that it returns, out of order in memory.
const WALK_COST: usize = 30;

impl View {
    /// Points that the graph should hold and does not yet.
    pub fn pending(&self) -> usize {
        if self.table.len() <= SCAN_POINTS_MAX { 0 } else { self.table.len() - self.covered }
    }

    /// Which slots a search may answer with.
    pub fn allowed(&self, filter: Option<&Filter>, deadline: Deadline) -> Result<Allowed, DeadlinePassed> {
        let Some(filter) = filter else { return Ok(Allowed { slots: None, count: self.table.live() }) };
        let mut slots = vec![0_u64; self.table.len().div_ceil(64)];
        let mut count = 0;
        for row in self.matches(filter, deadline) {
            let (slot, _) = row?;
            slots[slot / 64] |= 1 << (slot % 64);
            count += 1;
        }
        Ok(Allowed { slots: Some(slots), count })
    }

    /// The nearest allowed documents of one query, nearest first.
    pub fn nearest(
        &self,
        query: &Vector,
        search: &ShardSearch,
        allowed: &Allowed,
        deadline: Deadline,
    ) -> Result<Vec<ShardHit>, DeadlinePassed> {
        let query = PreparedQuery::new(self.schema.metric, query);
        // One more, in place of the document that is no answer.
        let k = (search.k + usize::from(search.except.is_some())).min(allowed.count);
        let mut nearest = Nearest::new(k);
        match self.walk_width(k, search.mode, allowed) {
            None => self.scan(&query, 0, allowed, deadline, &mut nearest)?,
            Some(width) => {
                deadline.check()?;
                self.walk(&query, width, allowed, &mut nearest);
                self.scan(&query, self.covered, allowed, deadline, &mut nearest)?;
                // A walk may end in a corner of the graph, or find mostly what is not allowed.
                if nearest.len() < k {
                    nearest = Nearest::new(k);
                    self.scan(&query, 0, allowed, deadline, &mut nearest)?;
                }
            }
        }
        Ok(nearest.into_hits(search))
    }

    /// Whether a search takes less than about half a millisecond, the other shards of the index included: a request may
    /// run on one thread for all of them, one after the other. Not one with a filter: that looks at every document.
    pub fn is_short(&self, search: &ShardSearch) -> bool {
        if search.filter.is_some() {
            return false;
        }
        let everything = Allowed { slots: None, count: self.table.live() };
        let comparisons = match self.walk_width(search.k, search.mode, &everything) {
            None => self.table.len(),
            Some(width) => width * WALK_COST + self.table.len() - self.covered,
        };
        let searches = search.queries.len() * self.schema.shards.get() as usize;
        comparisons.saturating_mul(self.schema.dim.get()).saturating_mul(searches) <= SHORT_SEARCH_COMPONENTS_MAX
    }

    /// How wide to walk so that about `ef` allowed points are found; `None` where a scan is asked for, or cheaper.
    fn walk_width(&self, k: usize, mode: SearchMode, allowed: &Allowed) -> Option<usize> {
        let SearchMode::Approximate { ef } = mode else { return None };
        if allowed.count <= SCAN_POINTS_MAX || self.covered <= SCAN_POINTS_MAX {
            return None;
        }
        // One point in `table.len() / allowed.count` of those that a walk finds is allowed.
        let width = ef.max(k).saturating_mul(self.table.len()).div_ceil(allowed.count);
        (width.saturating_mul(WALK_COST) < allowed.count).then_some(width)
    }

    fn walk<'a>(&'a self, query: &PreparedQuery, width: usize, allowed: &Allowed, nearest: &mut Nearest<'a>) {
        for slot in self.head.nearest(query, width, width) {
            // The graph may have grown since this view was made.
            if slot < self.covered && allowed.holds(&self.table, slot) {
                nearest.offer(query, self.table.row(slot));
            }
        }
    }

    fn scan<'a>(
        &'a self,
        query: &PreparedQuery,
        from: usize,
        allowed: &Allowed,
        deadline: Deadline,
        nearest: &mut Nearest<'a>,
    ) -> Result<(), DeadlinePassed> {
        for (slot, row) in self.table.live_from(from) {
            deadline.look_at(slot)?;
            if allowed.holds(&self.table, slot) {
                nearest.offer(query, row);
            }
        }
        Ok(())
    }

    /// The seq and id of every document that matches.
    pub fn matching(&self, filter: &Filter, deadline: Deadline) -> Result<Vec<(DocId, Seq)>, DeadlinePassed> {
        self.matches(filter, deadline).map(|row| row.map(|(_, row)| (row.id.clone(), row.seq))).collect()
    }

    /// How many documents match.
    pub fn count(&self, filter: Option<&Filter>, deadline: Deadline) -> Result<usize, DeadlinePassed> {
        match filter {
            None => Ok(self.table.live()),
            Some(filter) => self.matches(filter, deadline).try_fold(0, |count, row| row.map(|_| count + 1)),
        }
    }

    fn matches<'a>(
        &'a self,
        filter: &'a Filter,
        deadline: Deadline,
    ) -> impl Iterator<Item = Result<(usize, &'a Arc<Row>), DeadlinePassed>> {
        self.table.live_from(0).filter_map(move |(slot, row)| match deadline.look_at(slot) {
            Ok(()) => filter.matches(&row.metadata).then_some(Ok((slot, row))),
            Err(passed) => Some(Err(passed)),
        })
    }
}

/// Slots that a search may answer with.
#[derive(Debug)]
pub struct Allowed {
    /// `None`: every live one.
    slots: Option<Vec<u64>>,
    count: usize,
}

impl Allowed {
    fn holds(&self, table: &Table, slot: usize) -> bool {
        match &self.slots {
            None => table.is_live(slot),
            Some(slots) => slots[slot / 64] & (1 << (slot % 64)) != 0,
        }
    }
}

/// The nearest rows so far. Ordered as hits are, by distance and id, without a copy of the id for each.
struct Nearest<'a> {
    top: TopK<Candidate<'a>>,
    len: usize,
}

struct Candidate<'a> {
    distance: f32,
    row: &'a Row,
}

impl<'a> Nearest<'a> {
    fn new(k: usize) -> Self {
        Self { top: TopK::new(k), len: 0 }
    }

    fn len(&self) -> usize {
        self.len
    }

    fn offer(&mut self, query: &PreparedQuery, row: &'a Row) {
        let distance = query.distance(&row.vector);
        if self.top.bound().is_none() {
            self.len += 1;
        }
        self.top.offer(Candidate { distance, row });
    }

    fn into_hits(self, search: &ShardSearch) -> Vec<ShardHit> {
        let include = search.read.include;
        let hit = |candidate: Candidate<'_>| ShardHit {
            id: candidate.row.id.clone(),
            distance: candidate.distance,
            metadata: include.metadata.then(|| candidate.row.metadata.clone()),
            vector: include.vector.then(|| candidate.row.vector.clone()),
        };
        let is_answer = |candidate: &Candidate<'_>| search.except.as_ref() != Some(&candidate.row.id);
        self.top.into_sorted().into_iter().filter(is_answer).take(search.k).map(hit).collect()
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
        self.distance.total_cmp(&other.distance).then_with(|| self.row.id.cmp(&other.row.id))
    }
}
