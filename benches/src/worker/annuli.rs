//! Our own engine as a library: one segment, as a shard holds them.

use crate::dataset::row;
use annuli_api::v1::filter::{self, UnreadableFilter};
use annuli_core::column::Slots;
use annuli_core::metric::PreparedQuery;
use annuli_core::schema::InvalidHnswParams;
use annuli_core::segment::{
    Allowed, Breadth, BuildOptions, OpenSegmentError, Rows, Scratch, Segment, SegmentOptions, WriteSegmentError,
    write_segment,
};
use annuli_core::vector::InvalidDim;
use annuli_core::{Dim, Filter, HnswParams, Metadata, Metric, Number, Point, Quantization, Seq, Value, Vector};
use ndarray::Array2;
use serde_json::json;
use std::convert::Infallible;
use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::thread;
use tempfile::TempDir;

/// Levels are drawn from this seed, so that every run builds about the same graph.
const SEED: u64 = 1;

/// Why there is no index.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoIndex {
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
pub(crate) struct Options {
    pub metric: Metric,
    pub quantization: Quantization,
    pub m: usize,
    pub ef_construction: usize,
    pub threads: usize,
}

/// A segment, and what searching it takes.
pub(crate) struct Index {
    segment: Segment,
    /// Of each row.
    parts: Vec<i32>,
    filter: Option<Filter>,
    scratches: Vec<Scratch>,
    _folder: TempDir,
}

impl Index {
    /// Builds, writes and opens a segment: all that it takes until the first search.
    pub(crate) fn build(base: &Array2<f32>, parts: Option<&Array2<i32>>, options: Options) -> Result<Self, NoIndex> {
        let folder = tempfile::Builder::new().prefix("annuli-segment-").tempdir()?;
        let path = folder.path().join("segment");
        let build = BuildOptions {
            hnsw: HnswParams::new(Some(options.m), Some(options.ef_construction))?,
            threads: options.threads,
            seed: SEED,
            cancelled: &AtomicBool::new(false),
            inserted: &AtomicUsize::new(0),
        };
        let dim = Dim::new(base.ncols() as u64)?;
        let segment_options = SegmentOptions { dim, metric: options.metric, quantization: options.quantization, build };
        let parts = parts.map_or_else(Vec::new, |parts| parts.column(0).to_vec());
        write_segment(&Documents::new(base, &parts), segment_options, &mut File::create_new(&path)?)?;
        let segment = Segment::open(&path)?;
        Ok(Self { segment, parts, filter: None, scratches: Vec::new(), _folder: folder })
    }

    /// Searches on so many threads from now on, among the rows whose part is less than `parts_below`.
    pub(crate) fn configure(&mut self, threads: usize, parts_below: Option<u8>) -> Result<(), UnreadableFilter> {
        self.scratches.resize_with(threads, Scratch::default);
        let filter = |below| filter::parse(&json!({"part": {"$lt": below}}));
        self.filter = parts_below.map(filter).transpose()?;
        Ok(())
    }

    /// The nearest rows of a query, none of which is missed, on this thread.
    pub(crate) fn exact(&mut self, query: &Vector, k: usize) -> Vec<usize> {
        if self.scratches.is_empty() {
            self.scratches.push(Scratch::default());
        }
        let Self { segment, scratches, .. } = self;
        let query = PreparedQuery::new(segment.metric(), query);
        let allowed = Allowed { words: None, count: segment.len() };
        let Ok(found) = segment.exact(&query, k, allowed, &mut scratches[0], || Ok::<_, Infallible>(()));
        found.iter().map(|found| row_of(segment, found.slot)).collect()
    }

    /// Each thread takes an equal share of the queries.
    pub(crate) fn search(&mut self, queries: &[Vector], k: usize, ef: usize) -> Vec<Vec<usize>> {
        let Self { segment, parts, filter, scratches, .. } = self;
        let one = |query: &Vector, scratch: &mut Scratch| {
            let query = PreparedQuery::new(segment.metric(), query);
            // Once for each search, as in the service: what a filter matches is part of the work.
            let selected = filter.as_ref().map(|filter| select(segment, parts, filter));
            let allowed = match &selected {
                Some(slots) => Allowed { words: Some(slots.words()), count: slots.count() as usize },
                None => Allowed { words: None, count: segment.len() },
            };
            let found = segment.search(&query, Breadth { k, ef }, allowed, scratch);
            found.iter().map(|found| row_of(segment, found.slot)).collect()
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

/// The slots that a filter matches, by the segment's columns; rows are asked where those are unsure.
fn select(segment: &Segment, parts: &[i32], filter: &Filter) -> Slots {
    let matches = |slot| Ok::<_, Infallible>(filter.matches(&metadata(parts[row_of(segment, slot)])));
    let Ok(slots) = segment.columns().select(filter).settle(matches);
    slots
}

fn row_of(segment: &Segment, slot: u32) -> usize {
    usize::try_from(segment.point(slot).0).expect("points are the numbers of rows")
}

fn metadata(part: i32) -> Metadata {
    let object = [("part".into(), Value::Number(Number::Integer(part.into())))];
    Metadata::new(object.into()).expect("one field is not deep")
}

/// Vectors as documents: the number of a row is its id and its point, its part is its metadata.
struct Documents<'a> {
    base: &'a Array2<f32>,
    parts: &'a [i32],
    ids: Vec<String>,
}

impl<'a> Documents<'a> {
    fn new(base: &'a Array2<f32>, parts: &'a [i32]) -> Self {
        Self { base, parts, ids: (0..base.nrows()).map(|row| row.to_string()).collect() }
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

    fn metadata(&self, row: usize) -> Metadata {
        self.parts.get(row).map(|&part| metadata(part)).unwrap_or_default()
    }
}
