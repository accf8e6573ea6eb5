//! Where segments are made and handed over to the writer. On the threads of the builder, which may wait; the writer
//! never waits for them.

use crate::build_pool::BuildPool;
use crate::builds::{BuildKind, Builds, UnderWay};
use crate::clock;
use crate::gathered::{MergedRows, TailRows};
use crate::meters::Meters;
use crate::part::Part;
use crate::segment_file::{SaveError, SegmentFolder};
use crate::settings::{DEATHS_AT_SWAP_MAX, SEGMENT_POINTS_MAX, SEGMENT_VECTOR_BYTES_MAX};
use crate::shard::StoreSlot;
use crate::stop::Stop;
use crate::store::Store;
use crate::view::View;
use crate::writer::{Command, WriteError};
use annuli_core::segment::{BuildOptions, Rows, SegmentOptions, WriteSegmentError};
use annuli_core::{Dim, ShardId};
use arc_swap::ArcSwap;
use crossbeam_channel::{RecvError, Sender, bounded, select};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What it takes to make segments of one shard. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Workshop {
    pub(crate) shard: ShardId,
    pub(crate) folder: SegmentFolder,
    /// The number of the next segment.
    pub(crate) next: Arc<AtomicU64>,
    pub(crate) store: Arc<StoreSlot>,
    pub(crate) views: Arc<ArcSwap<View>>,
    pub(crate) writer: Sender<Command>,
    pub(crate) pool: BuildPool,
    /// Where it says what it is at.
    pub(crate) builds: Arc<Builds>,
    pub(crate) meters: Meters,
    pub(crate) stop: Stop,
}

/// Why a build came to nothing. Searches go on with what there was before.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BuildError {
    /// The shard is closing.
    #[error("the shard is closing")]
    Stopped,
    /// A defect; the log says where.
    #[error("it ended in a panic, the log says where")]
    Panicked,
    /// No file was made.
    #[error(transparent)]
    Save(SaveError),
    /// The store did not take it.
    #[error("the store did not take it: {0}")]
    Refused(WriteError),
}

/// What takes the place of rows and segments in a view.
pub struct Replacement {
    /// A state that the builder has seen. `part` knows what had died by then.
    known: Arc<View>,
    /// The new segment; `None` when nothing of what it was to be made of lives.
    part: Option<Part>,
    /// Segments that leave.
    pub(crate) merged: Vec<u64>,
    /// Rows of slots below this leave the tail.
    pub(crate) sealed_to: Option<usize>,
}

/// What the writer has no more use for. To drop it frees every row that was sealed, which takes long.
pub struct Retired {
    /// The view that was published before.
    pub(crate) _view: Arc<View>,
    /// With the state that the builder had seen.
    pub(crate) _replacement: Box<Replacement>,
}

/// Most documents of a segment whose vectors have that dimension.
pub(crate) fn segment_points_max(dim: Dim) -> usize {
    SEGMENT_POINTS_MAX.min(SEGMENT_VECTOR_BYTES_MAX / (4 * dim.get()))
}

impl Workshop {
    /// Makes a segment of the oldest rows of the tail, of all of them if they fit.
    pub(crate) fn seal(&self, view: Arc<View>) -> Result<(), BuildError> {
        let table = &view.tail.table;
        let to = table.end().min(table.first() + segment_points_max(view.schema.dim));
        let rows = TailRows::of(table, to);
        let under_way = self.builds.begin(BuildKind::Seal, rows.len());
        let _turn = self.pool.turn_to_seal(&self.stop).ok_or(BuildError::Stopped)?;
        let part = self.build(&rows, &view, &under_way)?;
        drop(rows);
        self.hand_over(Replacement { known: view, part, merged: Vec::new(), sealed_to: Some(to) })
    }

    /// Makes one segment of several, without the dead.
    pub(crate) fn merge(&self, view: Arc<View>, places: &[usize]) -> Result<(), BuildError> {
        let parts: Vec<_> = places.iter().map(|&place| view.parts[place].clone()).collect();
        let merged = parts.iter().map(Part::number).collect();
        let under_way = self.builds.begin(BuildKind::Merge, parts.iter().map(Part::live).sum());
        let _turn = self.pool.turn_to_merge(&self.stop).ok_or(BuildError::Stopped)?;
        let rows = MergedRows::of(parts);
        let part = self.build(&rows, &view, &under_way)?;
        drop(rows);
        self.hand_over(Replacement { known: view, part, merged, sealed_to: None })
    }

    /// Has the store remember what is dead, so that the next opening has less to go through.
    pub(crate) fn checkpoint(&self, view: Arc<View>) -> Result<(), BuildError> {
        self.hand_over(Replacement { known: view, part: None, merged: Vec::new(), sealed_to: None })
    }

    /// Has the store write out its log: the next opening would go through all of it.
    pub(crate) fn flush(&self) -> Result<(), BuildError> {
        let flushed = self.store.with(Store::flush).ok_or(BuildError::Stopped)?;
        flushed.map_err(|error| BuildError::Refused(error.into()))
    }

    fn build(&self, rows: &impl Rows, view: &View, build: &UnderWay<'_>) -> Result<Option<Part>, BuildError> {
        if rows.is_empty() {
            return Ok(None);
        }
        build.begins();
        let began = clock::now();
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let options = SegmentOptions {
            dim: view.schema.dim,
            metric: view.schema.metric,
            quantization: view.schema.quantization,
            build: BuildOptions {
                hnsw: view.schema.hnsw,
                threads: self.pool.threads(),
                seed: number,
                cancelled: self.stop.flag(),
                inserted: build.done(),
            },
        };
        let file = self.folder.save(number, rows, options).map_err(|error| match error {
            SaveError::Write(WriteSegmentError::Cancelled(_)) => BuildError::Stopped,
            SaveError::Write(_) | SaveError::Disk(_) | SaveError::Open(_) => BuildError::Save(error),
        })?;
        let (shard, documents) = (self.shard.0, rows.len());
        let took = clock::now().duration_since(began);
        self.meters.built(build.kind(), documents, took);
        let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        match build.kind() {
            BuildKind::Seal => {
                tracing::info!(shard, segment = number, documents, ms, "sealed new documents into a segment");
            }
            BuildKind::Merge => tracing::info!(shard, segment = number, documents, ms, "merged segments"),
        }
        Ok(Some(Part::new(Arc::new(file))))
    }

    /// Gives the writer what was made, and removes the files that it has replaced.
    fn hand_over(&self, mut replacement: Replacement) -> Result<(), BuildError> {
        // A long build has many deaths to take over; this thread may take the time.
        while replacement.take_over_deaths(&self.views.load_full()) > DEATHS_AT_SWAP_MAX {}
        let made = replacement.made();
        let merged = replacement.merged.clone();
        let (reply, answer) = bounded(1);
        let replace = Command::Replace { replacement: Box::new(replacement), reply };
        self.writer.send(replace).map_err(|_| BuildError::Stopped)?;
        // A writer that has ended leaves what it has not taken in the queue, and an answer would never come.
        let answer = select! {
            recv(answer) -> answer => answer,
            recv(self.stop.told()) -> _ => Err(RecvError),
        };
        match answer {
            Ok(Ok(retired)) => {
                drop(retired);
                merged.into_iter().for_each(|number| self.folder.remove(number));
                Ok(())
            }
            Ok(Err(error)) => {
                made.into_iter().for_each(|number| self.folder.remove(number));
                Err(BuildError::Refused(error))
            }
            // Whether the store knows it by now is found out when the shard is opened again.
            Err(_) => Err(BuildError::Stopped),
        }
    }
}

impl Replacement {
    /// Marks dead in the new segment what has died since the state that it knows. Returns how many that were.
    pub(crate) fn take_over_deaths(&mut self, now: &Arc<View>) -> usize {
        let known = std::mem::replace(&mut self.known, Arc::clone(now));
        let Some(part) = &mut self.part else { return 0 };
        let mut died = Vec::new();
        for number in &self.merged {
            let by_number = |view: &View| view.parts.iter().find(|part| part.number() == *number).cloned();
            if let (Some(now), Some(known)) = (by_number(now), by_number(&known)) {
                died.extend(now.died_since(&known));
            }
        }
        if let Some(to) = self.sealed_to {
            let table = &now.tail.table;
            died.extend(table.died_since(&known.tail.table, to).map(|slot| table.row(slot).point));
        }
        for &point in &died {
            part.kill(point);
        }
        died.len()
    }

    /// The number of the new segment.
    pub(crate) fn made(&self) -> Option<u64> {
        self.part.as_ref().map(Part::number)
    }

    /// The view with what was made in place of what it was made of.
    pub(crate) fn apply(&mut self, view: &mut View) {
        view.parts.retain(|part| !self.merged.contains(&part.number()));
        view.parts.extend(self.part.take());
        if let Some(to) = self.sealed_to {
            view.tail.leave(to, &view.schema);
        }
    }
}
