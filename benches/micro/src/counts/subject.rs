//! What is counted.

use crate::numbers::Numbers;
use annuli_core::kernel::code::{self, CodeKernels, CodeRows, Formula, HalfRows};
use annuli_core::kernel::{self, Kernels};
use annuli_core::metric::PreparedQuery;
use annuli_core::segment::{
    self, Allowed, Breadth, BuildOptions, Rows, Scratch, Segment, SegmentOptions, WriteSegmentError,
};
use annuli_core::{Dim, HnswParams, Metadata, Metric, Point, Quantization, Seq, TopK, Vector};
use std::fmt;
use std::fs::File;
use std::hint::black_box;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize};

/// GloVe's, a common small one, and Fashion-MNIST's.
const DIMS: [usize; 3] = [100, 128, 784];

/// Forms that valgrind runs.
const FORMS: [&str; 2] = ["scalar", "avx2"];

/// One thing to count, named by what its text gives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Subject {
    /// Of floats, one pair.
    Dot { dim: usize, form: &'static str },
    /// Of floats, one pair.
    SquaredEuclidean { dim: usize, form: &'static str },
    /// Of codes, a node's neighbours.
    Ranks { dim: usize, form: &'static str },
    /// Of the upper halves of codes, a node's neighbours.
    UpperRanks { dim: usize, form: &'static str },
    /// A walk through a fixed segment.
    Search,
    /// The nearest of several shards' answers.
    Merge,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dot { dim, form } => write!(f, "dot {dim} {form}"),
            Self::SquaredEuclidean { dim, form } => write!(f, "squared_euclidean {dim} {form}"),
            Self::Ranks { dim, form } => write!(f, "ranks of 32 codes {dim} {form}"),
            Self::UpperRanks { dim, form } => write!(f, "ranks of 32 upper halves {dim} {form}"),
            Self::Search => write!(f, "search {SEARCH_ROWS} x {SEARCH_DIM} ef {SEARCH_EF}"),
            Self::Merge => write!(f, "merge {LISTS} x {LISTED}"),
        }
    }
}

/// Runs `work`. Its name and shape are what valgrind is told to count; it is one function for all.
#[inline(never)]
fn counted(work: &mut dyn FnMut()) {
    work();
    // Not the last thing, or the call above would become a jump, and the end of the count be missed.
    black_box(());
}

impl Subject {
    pub(crate) fn all() -> Vec<Self> {
        let kernels = |dim| {
            FORMS.into_iter().flat_map(move |form| {
                [
                    Self::Dot { dim, form },
                    Self::SquaredEuclidean { dim, form },
                    Self::Ranks { dim, form },
                    Self::UpperRanks { dim, form },
                ]
            })
        };
        DIMS.into_iter().flat_map(kernels).chain([Self::Search, Self::Merge]).collect()
    }

    /// Runs it, counted. Panics where this processor lacks the form.
    pub(crate) fn run(self, segment: &Path) {
        match self {
            Self::Dot { dim, form } => pair(dim, Kernels::dot, &float_kernels(form)),
            Self::SquaredEuclidean { dim, form } => pair(dim, Kernels::squared_euclidean, &float_kernels(form)),
            Self::Ranks { dim, form } => {
                let stride = dim.next_multiple_of(code::LINE);
                ranks(stride, stride, &code_kernels(form), CodeKernels::ranks);
            }
            Self::UpperRanks { dim, form } => {
                let stride = dim.div_ceil(2 * code::LINE) * code::LINE;
                ranks(stride, 2 * stride, &code_kernels(form), |kernels, rows, formula, wanted, ranks| {
                    kernels.upper_ranks(HalfRows { upper: rows, lower: rows }, formula, wanted, ranks);
                });
            }
            Self::Search => search(segment),
            Self::Merge => merge(),
        }
    }
}

fn float_kernels(form: &str) -> Kernels {
    kernel::available().into_iter().find(|kernels| kernels.name == form).expect("valgrind shows the form")
}

fn code_kernels(form: &str) -> CodeKernels {
    code::available().into_iter().find(|kernels| kernels.name == form).expect("valgrind shows the form")
}

fn pair(dim: usize, distance: fn(&Kernels, &[f32], &[f32]) -> f32, kernels: &Kernels) {
    let mut numbers = Numbers::new(1);
    let [a, b] = [numbers.components(dim), numbers.components(dim)];
    counted(&mut || _ = black_box(distance(kernels, black_box(&a), black_box(&b))));
}

type Ranking = fn(&CodeKernels, CodeRows<'_>, Formula<'_>, &[u32], &mut [f32]);

fn ranks(stride: usize, components: usize, kernels: &CodeKernels, rank: Ranking) {
    const ROWS: usize = 32;
    let mut numbers = Numbers::new(2);
    let mut bytes = |count: usize| -> Vec<u8> { (0..count).map(|_| numbers.next().to_le_bytes()[0]).collect() };
    let (rows, query) = (bytes(stride * ROWS), bytes(components));
    let codes: Vec<i8> = query.into_iter().map(u8::cast_signed).collect();
    let terms = [1.0; ROWS];
    let formula = Formula { codes: &codes, constant: 1.0, factor: -2.0 };
    let wanted: Vec<u32> = (0..).take(ROWS).collect();
    let mut ranks = [0.0; ROWS];
    counted(&mut || rank(kernels, CodeRows::new(&rows, stride, &terms), formula, black_box(&wanted), &mut ranks));
    black_box(ranks);
}

const LISTS: usize = 8;
const LISTED: usize = 100;

fn merge() {
    let mut numbers = Numbers::new(3);
    let lists: Vec<Vec<u64>> = (0..LISTS)
        .map(|_| {
            let mut list: Vec<_> = (0..LISTED).map(|_| numbers.next()).collect();
            list.sort_unstable();
            list
        })
        .collect();
    counted(&mut || {
        let mut nearest = TopK::new(LISTED);
        lists.iter().flatten().for_each(|&key| nearest.offer(key));
        black_box(nearest.into_sorted());
    });
}

/// As many rows as make a walk of this width cheaper than looking at all.
const SEARCH_ROWS: usize = 20_000;
const SEARCH_DIM: usize = 128;
const SEARCH_EF: usize = 64;

fn search(path: &Path) {
    let segment = Segment::open(path).expect("it was just written");
    let everything = Allowed { words: None, count: segment.len() };
    let mut scratch = Scratch::default();
    let mut vector = Vec::new();
    segment.read_vector(7, &mut vector);
    vector.iter_mut().for_each(|component| *component += 0.25);
    let query = Vector::new(vector).expect("finite");
    let mut ask = |query: &Vector| {
        let query = PreparedQuery::new(Metric::Euclidean, query);
        black_box(segment.search(&query, Breadth { k: 10, ef: SEARCH_EF }, everything, &mut scratch));
    };
    // What is made once in a thread's life is not counted.
    ask(&query);
    counted(&mut || ask(&query));
}

/// Writes the segment to search, the same in every run.
pub(crate) fn write_segment(path: &Path) -> Result<(), WriteSegmentError> {
    let hnsw = HnswParams::new(None, None).expect("the defaults are allowed");
    let options = SegmentOptions {
        dim: Dim::new(SEARCH_DIM as u64).expect("small"),
        metric: Metric::Euclidean,
        quantization: Quantization::Int8,
        build: BuildOptions {
            hnsw,
            threads: 1,
            seed: 42,
            cancelled: &AtomicBool::new(false),
            inserted: &AtomicUsize::new(0),
        },
    };
    segment::write_segment(&Clusters::new(), options, &mut File::create(path)?)
}

/// Vectors around some centres, as embeddings are.
struct Clusters(Vec<Vec<f32>>);

impl Clusters {
    fn new() -> Self {
        let mut numbers = Numbers::new(4);
        let centres: Vec<_> = (0..200).map(|_| numbers.components(SEARCH_DIM)).collect();
        let mut near = |centre: &Vec<f32>| {
            let offsets = numbers.components(SEARCH_DIM);
            centre.iter().zip(offsets).map(|(component, offset)| component + 0.5 * offset).collect()
        };
        Self((0..SEARCH_ROWS).map(|row| near(&centres[row % centres.len()])).collect())
    }
}

impl Rows for Clusters {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn id(&self, _: usize) -> &str {
        "some document"
    }

    fn point(&self, row: usize) -> Point {
        Point(row as u64)
    }

    fn seq(&self, row: usize) -> Seq {
        Seq(row as u64)
    }

    fn read_vector(&self, row: usize, vector: &mut Vec<f32>) {
        vector.clear();
        vector.extend_from_slice(&self.0[row]);
    }

    fn read_payload(&self, _: usize, payload: &mut Vec<u8>) {
        payload.clear();
    }

    fn metadata(&self, _: usize) -> Metadata {
        Metadata::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_subject_has_a_name_of_its_own() {
        let mut names: Vec<_> = Subject::all().iter().map(ToString::to_string).collect();
        names.sort_unstable();
        assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
        assert_eq!(names.len(), 26);
    }
}
