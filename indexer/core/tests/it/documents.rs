//! Documents in memory, and segments of them.

use annuli_core::segment::{BuildOptions, Rows, Segment, SegmentOptions, write_segment};
use annuli_core::{Dim, HnswParams, Metadata, Metric, Point, Quantization, Seq, Vector};
use std::fs;
use std::io::Cursor;
use std::sync::atomic::{AtomicBool, AtomicUsize};

/// A document for each vector. The point of a row is 10 · row + 3, its seq row + 1, its payload its number.
pub(crate) struct Documents {
    ids: Vec<String>,
    pub(crate) vectors: Vec<Vec<f32>>,
    pub(crate) metadata: Vec<Metadata>,
}

impl Documents {
    /// Without metadata.
    pub(crate) fn new(vectors: Vec<Vec<f32>>) -> Self {
        Self::with_metadata(vectors, |_| Metadata::default())
    }

    /// With metadata made from the row's number.
    pub(crate) fn with_metadata(vectors: Vec<Vec<f32>>, metadata: impl FnMut(usize) -> Metadata) -> Self {
        let ids = (0..vectors.len()).map(|row| format!("doc-{row}")).collect();
        Self { ids, metadata: (0..vectors.len()).map(metadata).collect(), vectors }
    }

    /// The bytes of a segment of them, built on one thread and so the same in every run.
    pub(crate) fn to_bytes(&self, metric: Metric, quantization: Quantization, hnsw: HnswParams) -> Vec<u8> {
        self.to_bytes_by(1, metric, quantization, hnsw)
    }

    /// The bytes of a segment of them, built on so many threads.
    pub(crate) fn to_bytes_by(
        &self,
        threads: usize,
        metric: Metric,
        quantization: Quantization,
        hnsw: HnswParams,
    ) -> Vec<u8> {
        let mut file = Cursor::new(Vec::new());
        let options = SegmentOptions {
            dim: Dim::new(self.vectors.first().map_or(3, Vec::len) as u64).unwrap(),
            metric,
            quantization,
            build: BuildOptions {
                hnsw,
                threads,
                seed: 42,
                cancelled: &AtomicBool::new(false),
                inserted: &AtomicUsize::new(0),
            },
        };
        write_segment(self, options, &mut file).unwrap();
        file.into_inner()
    }

    /// A segment of them with the default graph, built on two threads.
    pub(crate) fn segment(&self, metric: Metric, quantization: Quantization) -> Segment {
        let hnsw = HnswParams::new(None, None).unwrap();
        open(&self.to_bytes_by(2, metric, quantization, hnsw)).unwrap()
    }
}

/// The segment in these bytes, if it is one.
pub(crate) fn open(file: &[u8]) -> Option<Segment> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("segment");
    fs::write(&path, file).unwrap();
    // The mapping outlives the name.
    Segment::open(&path).ok()
}

impl Rows for Documents {
    fn len(&self) -> usize {
        self.vectors.len()
    }

    fn id(&self, row: usize) -> &str {
        &self.ids[row]
    }

    fn point(&self, row: usize) -> Point {
        Point(10 * row as u64 + 3)
    }

    fn seq(&self, row: usize) -> Seq {
        Seq(row as u64 + 1)
    }

    fn read_vector(&self, row: usize, vector: &mut Vec<f32>) {
        vector.clear();
        vector.extend_from_slice(&self.vectors[row]);
    }

    fn read_payload(&self, row: usize, payload: &mut Vec<u8>) {
        payload.clear();
        payload.extend_from_slice(row.to_string().as_bytes());
    }

    fn metadata(&self, row: usize) -> Metadata {
        self.metadata[row].clone()
    }
}

/// A query of these components.
pub(crate) fn vector(components: &[f32]) -> Vector {
    Vector::new(components.to_vec()).unwrap()
}
