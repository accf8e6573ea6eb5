//! How a segment holds its vectors does not show in the distances that it reports.

use crate::documents::{Documents, vector};
use crate::numbers::Numbers;
use annuli_core::metric::PreparedQuery;
use annuli_core::segment::{Allowed, Breadth, Rows, Scratch};
use annuli_core::{HnswParams, Metric, Quantization};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_quantization_gives_the_same_distances(
        metric in prop::sample::select(&Metric::ALL[..]),
        whole in any::<bool>(),
        rows in 1_usize..60,
        dim in 1_usize..140,
        seed in any::<u64>(),
    ) {
        let mut numbers = Numbers(seed);
        // Whole numbers of a byte's range are held as codes alone.
        let mut components = || -> Vec<f32> {
            let scaled = |component: f32| if whole { (component * 100.0).round() + 120.0 } else { component };
            numbers.vector(dim).into_iter().map(scaled).collect()
        };
        let documents = Documents::new((0..rows).map(|_| components()).collect());
        let hnsw = HnswParams::new(None, Some(20)).unwrap();
        let segments = Quantization::ALL
            .map(|quantization| crate::documents::open(&documents.to_bytes(metric, quantization, hnsw)).unwrap());
        let query = vector(&components());
        let prepared = PreparedQuery::new(metric, &query);
        let mut buffer = Vec::new();
        for row in 0..rows {
            let want = prepared.distance(&vector(&documents.vectors[row]));
            for segment in &segments {
                let slot = segment.slot_of(documents.point(row)).unwrap();
                let got = segment.distance(&prepared, slot, &mut buffer);
                prop_assert_eq!(got.to_bits(), want.to_bits(), "{:?}: {} and {}", segment.precision(), got, want);
            }
        }
    }

    /// Some are known from ranks alone, of which nobody should be able to tell.
    #[test]
    fn a_hit_has_the_distance_that_its_document_has(
        rows in 1_usize..60,
        dim in 1_usize..1_100,
        spread in prop::sample::select(vec![1.0_f32, 20.0, 127.0]),
        off in prop::sample::select(vec![0.0_f32, 0.0, 0.0, 0.5, 1e-9, 300.0]),
        seed in any::<u64>(),
        quantization in prop::sample::select(vec![Quantization::Int8, Quantization::Int4]),
    ) {
        let mut numbers = Numbers(seed);
        let mut components = || -> Vec<f32> {
            numbers.vector(dim).into_iter().map(|component| (component.clamp(-1.0, 1.0) * spread).round()).collect()
        };
        let documents = Documents::new((0..rows).map(|_| components()).collect());
        let hnsw = HnswParams::new(None, Some(20)).unwrap();
        let bytes = documents.to_bytes(Metric::Euclidean, quantization, hnsw);
        let segment = crate::documents::open(&bytes).unwrap();
        // One of the documents themselves, or another.
        let mut query = if seed % 2 == 0 { components() } else { documents.vectors[0].clone() };
        query[dim / 2] += off;
        let prepared = PreparedQuery::new(Metric::Euclidean, &vector(&query));
        let everything = Allowed { words: None, count: rows };
        let hits = segment.search(&prepared, Breadth { k: rows, ef: 10 }, everything, &mut Scratch::default());
        prop_assert_eq!(hits.len(), rows);
        for hit in hits {
            let row = usize::try_from((segment.point(hit.slot).0 - 3) / 10).unwrap();
            let want = prepared.distance(&vector(&documents.vectors[row]));
            prop_assert_eq!(hit.distance.to_bits(), want.to_bits(), "{} and {}", hit.distance, want);
        }
    }
}
