//! The floor of recall on real text, with what is set when nobody sets anything.

use crate::documents::{Documents, vector};
use crate::npy;
use annuli_core::limits::{EF_DEFAULT, LIMIT_DEFAULT};
use annuli_core::metric::PreparedQuery;
use annuli_core::segment::{Allowed, Breadth, Scratch};
use annuli_core::{Metric, Quantization};
use std::path::Path;

#[test]
fn the_shipped_packages_are_found_at_the_default_width() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/debian-packages");
    let vectors = npy::floats(&folder.join("vectors.npy"));
    let queries = npy::floats(&folder.join("queries.npy"));
    let distances = npy::floats(&folder.join("distances.npy"));
    let documents = Documents::new(vectors.rows().map(<[f32]>::to_vec).collect());
    for quantization in Quantization::ALL {
        let segment = documents.segment(Metric::Cosine, quantization);
        let everything = Allowed { words: None, count: segment.len() };
        let mut scratch = Scratch::default();
        let mut found = 0;
        for (place, query) in queries.rows().enumerate() {
            let query = PreparedQuery::new(Metric::Cosine, &vector(query));
            let breadth = Breadth { k: LIMIT_DEFAULT, ef: EF_DEFAULT };
            let hits = segment.search(&query, breadth, everything, &mut scratch);
            // A hit as near as the last of the true ones counts, whichever of equals it is.
            let farthest = distances.row(place)[LIMIT_DEFAULT - 1] + 1e-6;
            found += hits.iter().filter(|hit| hit.distance <= farthest).count();
        }
        let recall = found as f64 / (LIMIT_DEFAULT * queries.rows().len()) as f64;
        assert!(recall >= 0.95, "{quantization:?}: {recall}");
    }
}
