//! Our own engine as a library: one segment, as a shard holds them.

use crate::dataset::row;
use annuli_core::metric::PreparedQuery;
use annuli_core::schema::InvalidHnswParams;
use annuli_core::segment::{
    Allowed, Breadth, BuildOptions, OpenSegmentError, Precision, Rows, Scratch, Segment, SegmentOptions,
    WriteSegmentError, write_segment,
};
use annuli_core::vector::InvalidDim;
use annuli_core::{Dim, HnswParams, Metadata, Metric, Point, Seq, Vector};
use ndarray::Array2;
use std::fs::File;
use std::io;
use std::sync::atomic::AtomicBool;
use std::thread;
use tempfile::TempDir;

/// Levels are drawn from this seed, so that every run builds about the same graph.
const SEED: u64 = 1;

/// Why there is no index.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoIndex {
    #[error(transparent)]
    Dim(#[from] InvalidDim),
    #[error(transparent)]
    Hnsw(#[from] InvalidHnswParams),
    #[error("the segment's file: {0}")]
    File(#[from] io::Error),
    #[error(transparent)]
    Write(#[from] WriteSegmentError),
    #[error(transparent)]
    Open(#[from] OpenSegmentError),
}

/// How to build.
#[derive(Debug, Clone, Copy)]
pub(super) struct Options {
    pub metric: Metric,
    pub precision: Precision,
    pub m: usize,
    pub ef_construction: usize,
    pub threads: usize,
}

/// A segment, and what searching it takes.
pub(super) struct Index {
    segment: Segment,
    /// The number of each row's part, by slot.
    parts: Vec<i32>,
    allowed: Option<(Vec<u64>, usize)>,
    scratches: Vec<Scratch>,
    _folder: TempDir,
}

impl Index {
    /// Builds, writes and opens a segment: all that it takes until the first search.
    pub(super) fn build(base: &Array2<f32>, parts: Option<&Array2<i32>>, options: Options) -> Result<Self, NoIndex> {
        let folder = tempfile::Builder::new().prefix("annuli-segment-").tempdir()?;
        let path = folder.path().join("segment");
        let build = BuildOptions {
            hnsw: HnswParams::new(Some(options.m), Some(options.ef_construction))?,
            threads: options.threads,
            seed: SEED,
            cancelled: &AtomicBool::new(false),
        };
        let dim = Dim::new(base.ncols() as u64)?;
        let segment_options = SegmentOptions { dim, metric: options.metric, precision: options.precision, build };
        write_segment(&Documents::new(base), segment_options, &mut File::create_new(&path)?)?;
        let segment = Segment::open(&path)?;
        let slots = (0..).take(segment.len());
        let part = |slot| usize::try_from(segment.point(slot).0).ok().and_then(|row| parts?.get((row, 0)).copied());
        let parts = slots.map(|slot| part(slot).unwrap_or_default()).collect();
        Ok(Self { segment, parts, allowed: None, scratches: Vec::new(), _folder: folder })
    }

    /// Searches on so many threads from now on, among the rows whose part is less than `parts_below`.
    pub(super) fn configure(&mut self, threads: usize, parts_below: Option<u8>) {
        self.scratches.resize_with(threads, Scratch::default);
        self.allowed = parts_below.map(|below| {
            let mut words = vec![0_u64; self.parts.len().div_ceil(64)];
            let mut count = 0;
            for (slot, _) in self.parts.iter().enumerate().filter(|(_, part)| **part < i32::from(below)) {
                words[slot / 64] |= 1 << (slot % 64);
                count += 1;
            }
            (words, count)
        });
    }

    /// Each thread takes an equal share of the queries.
    pub(super) fn search(&mut self, queries: &[Vector], k: usize, ef: usize) -> Vec<Vec<usize>> {
        let Self { segment, allowed, scratches, .. } = self;
        let allowed = match allowed {
            Some((words, count)) => Allowed { words: Some(words), count: *count },
            None => Allowed { words: None, count: segment.len() },
        };
        let one = |query: &Vector, scratch: &mut Scratch| {
            let query = PreparedQuery::new(segment.metric(), query);
            let found = segment.walk(&query, Breadth { k, ef }, allowed, scratch);
            found.iter().filter_map(|found| usize::try_from(segment.point(found.slot).0).ok()).collect()
        };
        if let [scratch] = scratches.as_mut_slice() {
            return queries.iter().map(|query| one(query, scratch)).collect();
        }
        let share = queries.len().div_ceil(scratches.len().max(1)).max(1);
        thread::scope(|scope| {
            let shares = queries.chunks(share).zip(scratches);
            let one = &one;
            let threads: Vec<_> = shares
                .map(|(queries, scratch)| {
                    scope.spawn(move || queries.iter().map(|query| one(query, scratch)).collect::<Vec<_>>())
                })
                .collect();
            let found =
                threads.into_iter().flat_map(|thread| thread.join().expect("a panic of a thread is one of all"));
            found.collect()
        })
    }
}

/// Vectors as documents: the number of a row is its id and its point.
struct Documents<'a> {
    base: &'a Array2<f32>,
    ids: Vec<String>,
}

impl<'a> Documents<'a> {
    fn new(base: &'a Array2<f32>) -> Self {
        Self { base, ids: (0..base.nrows()).map(|row| row.to_string()).collect() }
    }
}

impl Rows for Documents<'_> {
    fn len(&self) -> usize {
        self.base.nrows()
    }

    fn id(&self, row: usize) -> &str {
        &self.ids[row]
    }

    fn point(&self, row: usize) -> Point {
        Point(row as u64)
    }

    fn seq(&self, row: usize) -> Seq {
        Seq(row as u64)
    }

    fn read_vector(&self, number: usize, vector: &mut Vec<f32>) {
        vector.clear();
        vector.extend_from_slice(row(self.base, number));
    }

    fn read_payload(&self, _row: usize, payload: &mut Vec<u8>) {
        payload.clear();
    }

    fn metadata(&self, _row: usize) -> Metadata {
        Metadata::default()
    }
}
