//! The thread that keeps a shard's graph up with its table: extends it by new points, and rebuilds table and graph
//! when too many points are dead. It changes nothing itself: what it made, the writer takes over.

use crate::clock::Every;
use crate::head::Head;
use crate::settings::{BUILD_STEP_POINTS, DEAD_PERCENT_MAX, DEAD_POINTS_MIN, SCAN_POINTS_MAX};
use crate::table::Table;
use crate::view::View;
use crate::writer::{Command, Rebuilt};
use annuli_core::ShardId;
use arc_swap::ArcSwap;
use crossbeam_channel::{Receiver, Sender, bounded};
use rayon::ThreadPool;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Between two lines about a long build in the log.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(5);

/// Tells the builder that there is a new view.
#[derive(Debug, Clone)]
pub struct Wake(Sender<()>);

impl Wake {
    /// A waker and what it wakes.
    pub(crate) fn new() -> (Self, Receiver<()>) {
        let (sender, receiver) = bounded(1);
        (Self(sender), receiver)
    }

    /// Wakes the builder, now or when it has finished what it is at.
    pub fn wake(&self) {
        // A full channel means that it is about to look anyway.
        let _ = self.0.try_send(());
    }
}

/// The builder of one shard.
pub(crate) struct Builder {
    pub(crate) shard: ShardId,
    pub(crate) views: Arc<ArcSwap<View>>,
    pub(crate) wakes: Receiver<()>,
    pub(crate) writer: Sender<Command>,
    pub(crate) pool: Arc<ThreadPool>,
    pub(crate) stop: Arc<AtomicBool>,
}

/// What there is to do.
#[derive(Debug, PartialEq, Eq)]
enum Work {
    Nothing,
    Extend { from: usize, to: usize },
    Rebuild,
}

impl Builder {
    /// Works until it is told to stop, or the writer is gone.
    pub(crate) fn run(self) {
        let mut replaced: Option<Arc<Head>> = None;
        // Slots that are in the graph. The view learns of them later, when the writer comes to it; to insert them
        // again would make a search find them twice.
        let mut inserted: Option<(Arc<Head>, usize)> = None;
        while self.wakes.recv().is_ok() {
            let mut progress = Progress::new(self.shard);
            loop {
                if self.stopped() {
                    return;
                }
                let view = self.views.load_full();
                if replaced.as_ref().is_some_and(|head| Arc::ptr_eq(head, &view.head)) {
                    // The writer has not yet taken over what replaces this; it wakes us when it has.
                    break;
                }
                // A graph that is no longer in use is dropped here, which takes long, and not kept until the next.
                replaced = None;
                inserted = inserted.filter(|(head, _)| Arc::ptr_eq(head, &view.head));
                let covered = match &inserted {
                    Some((head, covered)) if Arc::ptr_eq(head, &view.head) => *covered,
                    Some(_) | None => view.covered,
                };
                let command = match next_work(&view.table, covered) {
                    Work::Nothing => break,
                    Work::Extend { from, to } => {
                        insert(&view.head, &view.table, from, to, &self.pool);
                        progress.report(to, view.table.len());
                        inserted = Some((Arc::clone(&view.head), to));
                        Command::Extended { head: Arc::clone(&view.head), covered: to }
                    }
                    Work::Rebuild => {
                        let Some(rebuilt) = self.rebuild(&view) else { return };
                        replaced = Some(Arc::clone(&view.head));
                        Command::Rebuilt(rebuilt)
                    }
                };
                if self.writer.send(command).is_err() {
                    return;
                }
            }
            progress.finish();
        }
    }

    /// A table and a graph of the live rows alone; `None` when it is time to stop.
    fn rebuild(&self, view: &View) -> Option<Rebuilt> {
        let table = view.table.compacted();
        let head = Arc::new(Head::new(view.schema.metric, view.schema.hnsw));
        let mut progress = Progress::new(self.shard);
        let mut covered = 0;
        while let Work::Extend { from, to } = next_work(&table, covered) {
            if self.stopped() {
                return None;
            }
            insert(&head, &table, from, to, &self.pool);
            progress.report(to, table.len());
            covered = to;
        }
        Some(Rebuilt { base: view.clone(), table, head, covered })
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }
}

fn next_work(table: &Table, covered: usize) -> Work {
    if table.dead() >= DEAD_POINTS_MIN && table.dead() * 100 >= table.len() * DEAD_PERCENT_MAX {
        return Work::Rebuild;
    }
    if table.len() <= SCAN_POINTS_MAX || covered == table.len() {
        return Work::Nothing;
    }
    Work::Extend { from: covered, to: table.len().min(covered + BUILD_STEP_POINTS) }
}

fn insert(head: &Head, table: &Table, from: usize, to: usize, pool: &ThreadPool) {
    // A point that died before it got here is of no use to the graph.
    let rows: Vec<_> =
        table.live_from(from).take_while(|(slot, _)| *slot < to).map(|(slot, row)| (slot, Arc::clone(row))).collect();
    head.insert(&rows, pool);
}

/// Lines in the log while a build takes long.
struct Progress {
    shard: ShardId,
    every: Every,
    reported: bool,
}

impl Progress {
    fn new(shard: ShardId) -> Self {
        Self { shard, every: Every::new(PROGRESS_INTERVAL), reported: false }
    }

    fn report(&mut self, done: usize, total: usize) {
        if self.every.is_due() {
            self.reported = true;
            tracing::info!(shard = self.shard.0, points = done, of = total, "building the graph");
        }
    }

    fn finish(&self) {
        if self.reported {
            tracing::info!(shard = self.shard.0, "the graph holds every document");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::tests::row;
    use annuli_core::Point;

    fn table(rows: u64, dead: u64) -> Table {
        let mut table = Table::default();
        (0..rows).for_each(|point| table.push(row(point)));
        (0..dead).for_each(|point| table.kill(Point(point)));
        table
    }

    #[test]
    fn a_small_table_needs_no_graph() {
        assert_eq!(next_work(&table(2_000, 0), 0), Work::Nothing);
        assert_eq!(next_work(&table(2_001, 0), 0), Work::Extend { from: 0, to: 512 });
    }

    #[test]
    fn the_last_step_ends_with_the_table() {
        assert_eq!(next_work(&table(2_050, 0), 2_048), Work::Extend { from: 2_048, to: 2_050 });
        assert_eq!(next_work(&table(2_050, 0), 2_050), Work::Nothing);
    }

    #[test]
    fn dead_points_past_their_share_are_cleared_away() {
        assert_eq!(next_work(&table(3_000, 999), 3_000), Work::Nothing);
        assert_eq!(next_work(&table(3_000, 1_000), 3_000), Work::Rebuild);
        assert_eq!(next_work(&table(4_000, 1_000), 4_000), Work::Nothing);
        assert_eq!(next_work(&table(1_000, 1_000), 0), Work::Rebuild);
    }
}
