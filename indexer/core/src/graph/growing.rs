//! One level of a graph while it is built by several threads.

use super::NO_LINK;
use super::select::Select;
use super::walk::Links;
use crate::kernel::code;
use crate::space::RowSpace;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Links of each row, from the left, and their ranks. Readers take no lock: they may see a row between two states, in
/// which every link is still a row of the graph. Writers of one row exclude each other.
pub(crate) struct Layer {
    degree: usize,
    links: Vec<AtomicU32>,
    /// The rank of each link as an f32, so that a full row need not be measured again.
    ranks: Vec<AtomicU32>,
    locks: Box<[Mutex<()>]>,
}

/// Many more than threads, so that two rarely want the same.
const LOCKS: usize = 1024;

impl Layer {
    pub(crate) fn new(rows: u32, degree: usize) -> Self {
        let cells = |fill| (0..rows as usize * degree).map(|_| AtomicU32::new(fill)).collect();
        let locks = (0..LOCKS.min(rows as usize).max(1)).map(|_| Mutex::new(())).collect();
        Self { degree, links: cells(NO_LINK), ranks: cells(0), locks }
    }

    /// Most links of a row.
    pub(crate) fn degree(&self) -> usize {
        self.degree
    }

    /// Rows of the level.
    pub(crate) fn rows(&self) -> usize {
        self.links.len() / self.degree
    }

    fn cells(&self, row: u32) -> impl Iterator<Item = (&AtomicU32, &AtomicU32)> {
        let range = row as usize * self.degree..(row as usize + 1) * self.degree;
        self.links[range.clone()].iter().zip(&self.ranks[range])
    }

    /// The links of a row with their ranks.
    pub(crate) fn ranked(&self, row: u32) -> impl Iterator<Item = (f32, u32)> {
        self.cells(row)
            .map(|(link, rank)| (f32::from_bits(rank.load(Relaxed)), link.load(Relaxed)))
            .take_while(|&(_, link)| link != NO_LINK)
    }

    fn lock(&self, row: u32) -> MutexGuard<'_, ()> {
        // It guards nothing that a panic could leave half done.
        self.locks[row as usize % self.locks.len()].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a row that nobody knows yet its links.
    pub(crate) fn link_row(&self, row: u32, links: &[(f32, u32)]) {
        self.write(row, links.iter().copied());
    }

    /// Gives `row` one more link. A full row keeps those that lie in different directions (the heuristic of the paper
    /// again, where many implementations drop the farthest and lose points that nothing else leads to).
    pub(crate) fn link_back<S: RowSpace>(
        &self,
        space: &S,
        select: &mut Select<S::Query>,
        row: u32,
        link: (f32, u32),
        links: &mut Vec<(f32, u32)>,
    ) {
        let _guard = self.lock(row);
        links.clear();
        links.extend(self.ranked(row));
        if links.iter().any(|&(_, known)| known == link.1) {
            return;
        }
        if links.len() < self.degree {
            self.set(row, links.len(), link);
            return;
        }
        links.push(link);
        self.replace(space, select, row, links);
    }

    fn replace<S: RowSpace>(&self, space: &S, select: &mut Select<S::Query>, row: u32, links: &mut [(f32, u32)]) {
        // Equals are taken in an order of the row's own: were it the same for all rows, they would all lead to the same
        // few of a crowd of duplicates.
        let shuffled = |link: u32| (link ^ row.wrapping_mul(0x9e37_79b9)).wrapping_mul(0x85eb_ca6b);
        links.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then_with(|| shuffled(a.1).cmp(&shuffled(b.1))));
        select.diverse(space, links.iter().copied(), self.degree);
        self.write(row, select.chosen_ranks.iter().copied().zip(select.chosen.iter().copied()));
    }

    fn write(&self, row: u32, links: impl Iterator<Item = (f32, u32)>) {
        let rest = std::iter::repeat((0.0, NO_LINK));
        for ((cell, rank_cell), (rank, link)) in self.cells(row).zip(links.chain(rest)) {
            rank_cell.store(rank.to_bits(), Relaxed);
            cell.store(link, Relaxed);
        }
    }

    /// Puts a link into one place of a row.
    pub(crate) fn set(&self, row: u32, place: usize, (rank, link): (f32, u32)) {
        let cell = row as usize * self.degree + place;
        self.ranks[cell].store(rank.to_bits(), Relaxed);
        self.links[cell].store(link, Relaxed);
    }
}

impl Links for &Layer {
    fn neighbours<'a>(&'a self, row: u32, buffer: &'a mut Vec<u32>) -> &'a [u32] {
        let start = row as usize * self.degree;
        buffer.clear();
        buffer.extend(self.links[start..start + self.degree].iter().map(|link| link.load(Relaxed)));
        let len = buffer.iter().position(|&link| link == NO_LINK).unwrap_or(self.degree);
        &buffer[..len]
    }

    fn prefetch(&self, row: u32) {
        let start = row as usize * self.degree;
        code::best().prefetch(&self.links[start..start + self.degree]);
    }
}
