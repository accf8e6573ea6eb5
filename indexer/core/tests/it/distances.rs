//! How a segment holds its vectors does not show in the distances that it reports.

use crate::documents::{Documents, vector};
use crate::numbers::Numbers;
use annuli_core::metric::PreparedQuery;
use annuli_core::segment::{Precision, Rows};
use annuli_core::{HnswParams, Metric};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_precisions_give_the_same_distances(
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
        let [codes, full] = [Precision::Codes8, Precision::Full]
            .map(|precision| crate::documents::open(&documents.to_bytes(metric, precision, hnsw)).unwrap());
        let query = vector(&components());
        let prepared = PreparedQuery::new(metric, &query);
        let mut buffer = Vec::new();
        for row in 0..rows {
            let want = prepared.distance(&vector(&documents.vectors[row]));
            for segment in [&codes, &full] {
                let slot = segment.slot_of(documents.point(row)).unwrap();
                let got = segment.distance(&prepared, slot, &mut buffer);
                prop_assert_eq!(got.to_bits(), want.to_bits(), "{:?}: {} and {}", segment.precision(), got, want);
            }
        }
    }
}
