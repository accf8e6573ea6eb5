//! No document is lost in the graph, however the vectors lie.

use crate::documents::{Documents, open, vector};
use crate::forge::Forge;
use crate::numbers::Numbers;
use annuli_core::metric::PreparedQuery;
use annuli_core::segment::{Allowed, Breadth, Scratch};
use annuli_core::{HnswParams, Metric, Quantization};
use proptest::prelude::*;

/// How vectors lie.
#[derive(Debug, Clone, Copy)]
enum Shape {
    Scattered,
    /// Groups of some thirty equal ones.
    Duplicates,
    /// Whole numbers, most distances shared by many pairs.
    Lattice,
    /// A few are so far out that, with one step for all rows, the others would share their codes.
    ClusterWithOutliers,
    AllEqual,
}

const SHAPES: [Shape; 5] =
    [Shape::Scattered, Shape::Duplicates, Shape::Lattice, Shape::ClusterWithOutliers, Shape::AllEqual];

impl Shape {
    /// None of the vectors is zero, so that each has a direction.
    fn vectors(self, rows: usize, dim: usize, seed: u64) -> Vec<Vec<f32>> {
        let mut numbers = Numbers(seed);
        let distinct: Vec<_> = (0..rows.div_ceil(30)).map(|_| numbers.vector(dim)).collect();
        let mut vector = |row: usize| match self {
            Self::Scattered => numbers.vector(dim),
            Self::Duplicates => distinct[row % distinct.len()].clone(),
            Self::Lattice => (0..dim).map(|_| numbers.below(3) as f32 + 1.0).collect(),
            Self::ClusterWithOutliers => {
                let far = if row.is_multiple_of(40) { 1e4 } else { 1.0 };
                numbers.vector(dim).iter().map(|component| component * far + 1.0).collect()
            }
            Self::AllEqual => vec![0.3; dim],
        };
        (0..rows).map(&mut vector).collect()
    }
}

/// Slots of a segment's file that no way leads to from the first, where every walk over the lowest level may begin.
fn unreachable(file: &[u8], m: usize) -> Vec<usize> {
    const LINKS: usize = 4;
    let mut forge = Forge::of(file);
    let links: Vec<u32> = forge.section(LINKS).as_chunks().0.iter().map(|link| u32::from_le_bytes(*link)).collect();
    let mut reached = vec![false; links.len() / (2 * m)];
    let mut next: Vec<usize> = (0..reached.len().min(1)).collect();
    while let Some(slot) = next.pop() {
        if !std::mem::replace(&mut reached[slot], true) {
            let row = &links[slot * 2 * m..][..2 * m];
            next.extend(row.iter().take_while(|&&link| link != u32::MAX).map(|&link| link as usize));
        }
    }
    (0..reached.len()).filter(|&slot| !reached[slot]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn links_lead_to_every_document(
        shape in prop::sample::select(&SHAPES[..]),
        metric in prop::sample::select(&Metric::ALL[..]),
        quantization in prop::sample::select(&Quantization::ALL[..]),
        m in prop::sample::select(&[4_usize, 16][..]),
        rows in 0_usize..500,
        dim in 1_usize..71,
        seed in any::<u64>(),
    ) {
        let documents = Documents::new(shape.vectors(rows, dim, seed));
        let hnsw = HnswParams::new(Some(m), Some(40)).unwrap();
        let file = documents.to_bytes_by(2, metric, quantization, hnsw);
        prop_assert_eq!(unreachable(&file, m), Vec::<usize>::new());
        prop_assert_eq!(open(&file).unwrap().len(), rows);
    }
}

/// As many rows as make looking at all of them dearer than a walk of this width.
const WALKED_ROWS: usize = 4_000;
const WALKED_EF: usize = 24;

#[test]
fn a_walk_with_a_documents_own_vector_finds_it() {
    for (shape, dim) in SHAPES.into_iter().zip([24, 40, 70, 33, 65]) {
        for quantization in Quantization::ALL {
            let documents = Documents::new(shape.vectors(WALKED_ROWS, dim, 5));
            let segment = documents.segment(Metric::Euclidean, quantization);
            let mut scratch = Scratch::default();
            let everything = Allowed { words: None, count: segment.len() };
            let mut found = 0;
            let asked = (0..WALKED_ROWS).step_by(7);
            for row in asked.clone() {
                let own = &documents.vectors[row];
                let query = PreparedQuery::new(Metric::Euclidean, &vector(own));
                let hits = segment.search(&query, Breadth { k: 1, ef: WALKED_EF }, everything, &mut scratch);
                // Of equal vectors any is as good.
                let slot = usize::try_from(segment.point(hits[0].slot).0 / 10).unwrap();
                found += usize::from(documents.vectors[slot] == *own);
            }
            let share = found as f64 / asked.len() as f64;
            assert!(share >= 0.97, "{shape:?} {quantization:?}: {share}");
        }
    }
}
