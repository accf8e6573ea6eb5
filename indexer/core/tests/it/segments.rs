//! Segments from the outside: built, written, opened, searched.

use crate::documents::{Documents, open};
use annuli_core::metric::PreparedQuery;
use annuli_core::segment::{Allowed, Breadth, Precision, Rows, Scratch, Segment};
use annuli_core::{HnswParams, Metric, Point, Quantization, Vector};

/// Components that look random, the same in every run.
struct Numbers(crate::numbers::Numbers);

impl Numbers {
    fn new(seed: u64) -> Self {
        Self(crate::numbers::Numbers(seed))
    }

    fn next(&mut self) -> f32 {
        self.0.component()
    }

    /// Vectors around a few centres, as embeddings are.
    fn vectors(&mut self, rows: usize, dim: usize) -> Vec<Vec<f32>> {
        let centres: Vec<Vec<f32>> = (0..20).map(|_| (0..dim).map(|_| self.next()).collect()).collect();
        (0..rows).map(|row| centres[row % 20].iter().map(|centre| centre + 0.4 * self.next()).collect()).collect()
    }
}

fn everything(segment: &Segment) -> Allowed<'static> {
    Allowed { words: None, count: segment.len() }
}

/// The distance of the `k`-th nearest document.
fn farthest_of(documents: &Documents, query: &PreparedQuery, k: usize) -> f32 {
    let distance = |vector: &Vec<f32>| query.distance(&Vector::new(vector.clone()).unwrap());
    let mut distances: Vec<_> = documents.vectors.iter().map(distance).collect();
    distances.sort_by(f32::total_cmp);
    distances[k - 1]
}

/// Recall of ten; a hit as near as the tenth nearest counts, whichever of equals it is.
fn recall(segment: &Segment, documents: &Documents, queries: &[Vec<f32>], ef: usize) -> f64 {
    let mut scratch = Scratch::default();
    let mut found = 0;
    for query in queries {
        let query = PreparedQuery::new(segment.metric(), &Vector::new(query.clone()).unwrap());
        let hits = segment.search(&query, Breadth { k: 10, ef }, everything(segment), &mut scratch);
        assert!(hits.is_sorted_by(|a, b| a.distance <= b.distance));
        let bound = farthest_of(documents, &query, 10);
        found += hits.iter().filter(|hit| hit.distance <= bound + bound.abs() * 1e-4 + 1e-6).count();
    }
    found as f64 / (10 * queries.len()) as f64
}

#[test]
fn a_walk_finds_the_nearest_under_every_metric_and_precision() {
    for dim in [1, 3, 63, 64, 65, 100] {
        let documents = Documents::new(Numbers::new(1).vectors(2_000, dim));
        let queries = Numbers::new(2).vectors(50, dim);
        for metric in Metric::ALL {
            for quantization in Quantization::ALL {
                let segment = documents.segment(metric, quantization);
                // The nearest by inner product are the same few far rows, whose neighbourhoods hold little of each other.
                let floor = if metric == Metric::InnerProduct || dim < 3 { 0.8 } else { 0.95 };
                let recall = recall(&segment, &documents, &queries, 100);
                assert!(recall >= floor, "{metric} {quantization:?} {dim}: {recall}");
            }
        }
    }
}

#[test]
fn an_exact_search_misses_nothing() {
    for dim in [2, 30, 64] {
        let documents = Documents::new(Numbers::new(10).vectors(3_000, dim));
        let mut queries = Numbers::new(11).vectors(20, dim);
        queries.push(vec![50.0; dim]);
        queries.push(documents.vectors[7].clone());
        for metric in Metric::ALL {
            let segment = documents.segment(metric, Quantization::Int8);
            for query in &queries {
                let query = PreparedQuery::new(metric, &Vector::new(query.clone()).unwrap());
                for k in [1, 10, 2_000] {
                    let go_on = || Ok::<_, std::convert::Infallible>(());
                    let Ok(hits) = segment.exact(&query, k, everything(&segment), &mut Scratch::default(), go_on);
                    assert!(hits.len() == k && hits.is_sorted_by(|a, b| a.distance <= b.distance));
                    let bound = farthest_of(&documents, &query, k);
                    let last = hits[k - 1].distance;
                    assert!(last <= bound + bound.abs() * 1e-6, "{metric} {dim} {k}: {last} beyond {bound}");
                }
            }
        }
    }
}

/// Steps of a query were as long as those of the rows: a query much shorter than they lost all its digits.
#[test]
fn short_queries_and_queries_between_whole_rows_keep_their_digits() {
    let long = Documents::new(
        Numbers::new(12).vectors(3_000, 96).into_iter().map(|row| row.iter().map(|x| 40.0 * x).collect()).collect(),
    );
    let bits = Documents::new(
        (0..3_000)
            .map({
                let mut numbers = Numbers::new(13);
                move |_| (0..24).map(|_| f32::from(u8::from(numbers.next() > 0.0))).collect()
            })
            .collect(),
    );
    let unit: Vec<Vec<f32>> =
        Numbers::new(14).vectors(40, 96).into_iter().map(|row| row.iter().map(|x| 0.1 * x).collect()).collect();
    for (documents, metric, queries) in [
        (&long, Metric::InnerProduct, &unit),
        (&bits, Metric::Euclidean, &Numbers::new(15).vectors(40, 24)),
        (&bits, Metric::InnerProduct, &Numbers::new(15).vectors(40, 24)),
    ] {
        let segment = documents.segment(metric, Quantization::Int8);
        let recall = recall(&segment, documents, queries, 200);
        assert!(recall >= 0.9, "{metric}: {recall}");
    }
}

/// A component of 128 steps was taken for one of 127, and the bound of the error for half a step.
#[test]
fn an_exact_search_allows_for_a_query_just_beyond_the_range() {
    let documents = Documents::new(vec![vec![168.0, 54.0], vec![255.0, 200.0], vec![0.0, 0.0]]);
    let segment = documents.segment(Metric::Euclidean, Quantization::Int8);
    let query = PreparedQuery::new(Metric::Euclidean, &Vector::new(vec![256.0, 100.5]).unwrap());
    let go_on = || Ok::<_, std::convert::Infallible>(());
    let Ok(hits) = segment.exact(&query, 1, everything(&segment), &mut Scratch::default(), go_on);
    let nearest = farthest_of(&documents, &query, 1);
    assert!((hits[0].distance - nearest).abs() < 1e-4, "{} is not {nearest}", hits[0].distance);
}

#[test]
fn documents_come_back_as_they_were() {
    for metric in Metric::ALL {
        // One set whose codes hold it exactly, and one whose codes do not.
        for scale in [1.0, 0.37] {
            let whole = |number: f32| (number * 100.0).round() * scale;
            let vectors: Vec<Vec<f32>> = (0..500)
                .map(|row| (0..17).map(|column| whole(((row * 31 + column * 17) as f32).sin())).collect())
                .collect();
            let documents = Documents::new(vectors);
            let segment = documents.segment(metric, Quantization::Int8);
            let mut vector = Vec::new();
            for row in 0..500 {
                let slot = segment.slot_of(documents.point(row)).unwrap();
                segment.read_vector(slot, &mut vector);
                let same = vector.iter().zip(&documents.vectors[row]).all(|(a, b)| (a - b).abs() < f32::MIN_POSITIVE);
                assert!(same, "{metric} {scale}: {vector:?}");
                assert_eq!(segment.id(slot), documents.id(row));
                assert_eq!((segment.point(slot), segment.seq(slot)), (documents.point(row), documents.seq(row)));
                assert_eq!(segment.payload(slot), row.to_string().as_bytes());
            }
            assert_eq!(segment.slot_of(Point(4)), None);
        }
    }
}

#[test]
fn one_thread_and_one_seed_give_one_file() {
    let documents = Documents::new(Numbers::new(3).vectors(1_500, 20));
    let hnsw = HnswParams::new(None, None).unwrap();
    let files = [(); 2].map(|()| documents.to_bytes(Metric::Euclidean, Quantization::Int8, hnsw));
    assert!(files[0] == files[1]);
}

#[test]
fn every_document_finds_itself_even_among_duplicates() {
    // A hundred groups of thirty equal vectors: lists of links would fill with equals, and nothing would lead away.
    let distinct = Numbers::new(4).vectors(100, 12);
    let documents = Documents::new((0..3_000).map(|row| distinct[row % 100].clone()).collect());
    let ways =
        Quantization::ALL.map(|quantization| [Metric::Euclidean, Metric::Cosine].map(|metric| (metric, quantization)));
    for (metric, quantization) in ways.into_iter().flatten() {
        let segment = documents.segment(metric, quantization);
        let mut scratch = Scratch::default();
        for (group, vector) in distinct.iter().enumerate() {
            let query = PreparedQuery::new(metric, &Vector::new(vector.clone()).unwrap());
            let hits = segment.search(&query, Breadth { k: 30, ef: 128 }, everything(&segment), &mut scratch);
            let of_group = hits.iter().filter(|hit| hit.distance <= 1e-6).count();
            assert!(of_group >= 29, "{quantization:?} group {group}: {of_group}");
        }
    }
}

#[test]
fn few_documents_and_none_make_a_segment() {
    for rows in [0, 1, 2, 33] {
        let documents = Documents::new(Numbers::new(5).vectors(rows, 3));
        for quantization in Quantization::ALL {
            let segment = documents.segment(Metric::Cosine, quantization);
            let query = PreparedQuery::new(Metric::Cosine, &Vector::new(vec![1.0, 2.0, 3.0]).unwrap());
            let breadth = Breadth { k: 100, ef: 100 };
            assert_eq!(segment.search(&query, breadth, everything(&segment), &mut Scratch::default()).len(), rows);
        }
    }
}

#[test]
fn what_is_not_allowed_is_not_found() {
    let documents = Documents::new(Numbers::new(6).vectors(1_000, 8));
    let segment = documents.segment(Metric::Euclidean, Quantization::Int8);
    let mut words = vec![0_u64; 1_000_usize.div_ceil(64)];
    (0..1_000_usize).step_by(3).for_each(|slot| words[slot / 64] |= 1 << (slot % 64));
    let allowed = Allowed { words: Some(&words), count: 334 };
    let query = PreparedQuery::new(Metric::Euclidean, &Vector::new(vec![0.1; 8]).unwrap());
    let hits = segment.search(&query, Breadth { k: 20, ef: 50 }, allowed, &mut Scratch::default());
    assert_eq!(hits.len(), 20);
    assert!(hits.iter().all(|hit| hit.slot % 3 == 0));
}

#[test]
fn a_far_value_does_not_make_neighbours_the_same() {
    // One component so far away that all others share a few codes.
    let mut vectors = Numbers::new(8).vectors(3_000, 16);
    vectors[1_234][5] = 1e6;
    let documents = Documents::new(vectors);
    let segment = documents.segment(Metric::Euclidean, Quantization::Int8);
    assert_eq!(segment.precision(), Precision::Full);
    let recall = recall(&segment, &documents, &Numbers::new(9).vectors(50, 16), 64);
    assert!(recall >= 0.95, "{recall}");
}

/// What a few numbers decide leaves neighbours far apart, in however many dimensions; what every dimension decides by
/// itself does not.
#[test]
fn halves_are_walked_where_they_tell_neighbours_apart() {
    const DIM: usize = 256;
    let mut numbers = Numbers::new(10);
    let directions: Vec<[f32; 3]> = (0..DIM).map(|_| [(); 3].map(|()| numbers.next())).collect();
    let mut pictures = |rows: usize| -> Vec<Vec<f32>> {
        let mut picture = || {
            let place = [(); 3].map(|()| 3.0 * numbers.next());
            let brightness = |direction: &[f32; 3]| {
                let phase: f32 = direction.iter().zip(place).map(|(direction, place)| direction * place).sum();
                (phase.sin() * 120.0).round()
            };
            directions.iter().map(brightness).collect()
        };
        (0..rows).map(|_| picture()).collect()
    };
    let documents = Documents::new(pictures(3_000));
    let queries = pictures(50);
    for metric in Metric::ALL {
        let segment = documents.segment(metric, Quantization::Int8);
        assert_eq!(segment.precision(), Precision::Halves, "{metric}");
        let recall = recall(&segment, &documents, &queries, 64);
        assert!(recall >= 0.95, "{metric}: {recall}");
    }
    // One wide dimension leaves few codes to the others, and of their halves one or two.
    let mut noise = || (0..DIM).map(|place| if place == 0 { 12.0 } else { 1.0 } * numbers.next()).collect();
    let noise = Documents::new((0..3_000).map(|_| noise()).collect());
    for metric in Metric::ALL {
        assert_eq!(noise.segment(metric, Quantization::Int8).precision(), Precision::Codes8, "{metric}");
        assert_eq!(noise.segment(metric, Quantization::Int4).precision(), Precision::Halves, "{metric}");
    }
}

#[test]
fn any_damage_is_refused() {
    let documents = Documents::new(Numbers::new(7).vectors(50, 5));
    let whole = documents.to_bytes(Metric::Cosine, Quantization::Int4, HnswParams::new(None, None).unwrap());
    let refuses = |bytes: &[u8]| open(bytes).is_none();
    for len in (0..whole.len()).step_by(37).chain([whole.len() - 1]) {
        assert!(refuses(&whole[..len]), "cut to {len} bytes");
    }
    for byte in (0..whole.len()).step_by(3) {
        let mut bytes = whole.clone();
        bytes[byte] ^= 1 << (byte % 8);
        assert!(refuses(&bytes), "byte {byte}");
    }
    assert!(refuses(&[whole.as_slice(), b"more"].concat()));
}

#[test]
fn no_more_of_a_segment_is_read_ahead_than_is_asked_for() {
    let documents = Documents::new(Numbers::new(5).vectors(300, 64));
    for quantization in Quantization::ALL {
        let segment = documents.segment(Metric::Euclidean, quantization);
        let all = segment.touch(usize::MAX);
        // Vectors and ids at least.
        assert!(all > 300, "{all}");
        for bytes_max in [0, 1, 5_000, all, all + 1] {
            assert_eq!(segment.touch(bytes_max), bytes_max.min(all));
        }
    }
}
