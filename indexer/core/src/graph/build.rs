//! The build: every row is inserted once, by several threads (algorithm 1 of the paper).

use super::growing::Layer;
use super::levels::Levels;
use super::select::Select;
use super::walk::{Ground, Walk};
use crate::schema::HnswParams;
use crate::space::RowSpace;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering::Relaxed};
use std::thread;

/// A graph while it grows: level 0 holds every row, level l the first rows only.
pub(crate) struct Growing {
    pub(crate) layers: Vec<Layer>,
}

/// How to build.
#[derive(Debug, Clone, Copy)]
pub struct BuildOptions<'a> {
    /// M and the width of the build's walks.
    pub hnsw: HnswParams,
    /// Threads that insert. With one, the same rows and seed give the same graph.
    pub threads: usize,
    /// Where levels are drawn from.
    pub seed: u64,
    /// Set from outside to give the build up.
    pub cancelled: &'a AtomicBool,
    /// Counts the rows that have entered the graph, for who looks on from outside.
    pub inserted: &'a AtomicUsize,
}

/// The build was given up, as was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the build was cancelled")]
pub struct Cancelled;

/// Rows that are inserted one after the other at the start: rows that enter an almost empty graph side by side do not
/// see each other.
const SEQUENTIAL_START: u32 = 256;

/// Rows that a thread takes at a time.
const TAKE: u32 = 16;

/// Builds the graph of a space's rows, numbered as `levels` has ordered them.
pub(crate) fn build<S: RowSpace>(space: &S, levels: &Levels, options: BuildOptions<'_>) -> Result<Growing, Cancelled> {
    let rows = u32::try_from(levels.order.len()).expect("rows are numbered in 32 bits");
    let m = options.hnsw.m();
    let mut layers = vec![Layer::new(rows, 2 * m)];
    layers.extend(levels.counts.iter().map(|&count| Layer::new(count, m)));
    let growing = Growing { layers };
    // Row 0 is where walks start; it needs no insertion.
    let next = AtomicU32::new(1);
    options.inserted.fetch_add(rows.min(1) as usize, Relaxed);
    let work = |until: u32| {
        let mut inserter = Inserter::new(space, &growing, options.hnsw);
        loop {
            let first = next.fetch_add(TAKE, Relaxed).min(until);
            let taken = first..(first + TAKE).min(until);
            let count = taken.len();
            taken.for_each(|row| inserter.insert(row));
            options.inserted.fetch_add(count, Relaxed);
            if first >= until || options.cancelled.load(Relaxed) {
                return;
            }
        }
    };
    work(SEQUENTIAL_START.min(rows));
    next.store(SEQUENTIAL_START.min(rows), Relaxed);
    thread::scope(|scope| {
        for _ in 1..options.threads {
            scope.spawn(|| work(rows));
        }
        work(rows);
    });
    if options.cancelled.load(Relaxed) { Err(Cancelled) } else { Ok(growing) }
}

struct Inserter<'a, S: RowSpace> {
    space: &'a S,
    growing: &'a Growing,
    hnsw: HnswParams,
    walk: Walk,
    query: S::Query,
    select: Select<S::Query>,
    /// For each level.
    chosen: Vec<Vec<(f32, u32)>>,
    others: Vec<(f32, u32)>,
}

impl<'a, S: RowSpace> Inserter<'a, S> {
    fn new(space: &'a S, growing: &'a Growing, hnsw: HnswParams) -> Self {
        Self {
            space,
            growing,
            hnsw,
            walk: Walk::default(),
            query: space.new_query(),
            select: Select::new(space.new_query()),
            chosen: vec![Vec::new(); growing.layers.len()],
            others: Vec::new(),
        }
    }

    /// Chooses on every level first, from the top, and connects then, from the bottom: nobody finds a row that leads
    /// nowhere yet, and none finds itself.
    fn insert(&mut self, row: u32) {
        self.space.ask_row(row, &mut self.query);
        let mut rank = [0.0];
        self.space.ranks(&self.query, &[0], &mut rank);
        let mut nearest = (rank[0], 0);
        for (layer, chosen) in self.growing.layers.iter().zip(&mut self.chosen).rev() {
            let ground = Ground { space: self.space, links: &layer, rows: layer.rows() };
            if row as usize >= layer.rows() {
                nearest = self.walk.descend(ground, &self.query, nearest);
                continue;
            }
            self.walk.collect(ground, &self.query, nearest, self.hnsw.ef_construction());
            nearest = self.walk.pool.nearest().next().unwrap_or(nearest);
            self.select.diverse(self.space, self.walk.pool.nearest(), self.hnsw.m());
            chosen.clear();
            chosen.extend(self.select.chosen_ranks.iter().copied().zip(self.select.chosen.iter().copied()));
        }
        for (layer, chosen) in self.growing.layers.iter().zip(&self.chosen) {
            if row as usize >= layer.rows() {
                return;
            }
            layer.link_row(row, chosen);
            for &(rank, link) in chosen {
                layer.link_back(self.space, &mut self.select, link, (rank, row), &mut self.others);
            }
        }
    }
}
