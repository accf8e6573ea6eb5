//! Exact search beside a plain reading of as many bytes: a scan that compared every component of every vector could be
//! no faster than memory. Ours reads codes first, a quarter of the bytes, and may well be.

use super::Failed;
use super::results::Exact;
use crate::clock::own_cpu_seconds;
use crate::dataset::split::shuffled;
use crate::dataset::{Dataset, row};
use crate::figures::median;
use crate::recall::{Judge, K};
use crate::worker::annuli::{Index, Options};
use annuli_core::{Quantization, Vector};
use std::hint::black_box;
use std::thread;

/// Each reads everything once: more would tell nothing new.
const QUERIES: usize = 100;

/// Exact search does not walk the graph, so that the thinnest one will do.
const M: usize = 4;
const EF_CONSTRUCTION: usize = 8;

/// Searches and readings in turns, on one thread.
pub(super) fn measure(dataset: &Dataset, judge: &Judge<'_>) -> Result<Exact, Failed> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let (metric, quantization) = (dataset.metric, Quantization::Int8);
    let options = Options { metric, quantization, m: M, ef_construction: EF_CONSTRUCTION, threads };
    let mut index = Index::build(&dataset.base, None, options)?;
    let vectors = dataset.base.as_slice().expect("vectors stand row by row");
    let mut numbers = shuffled(dataset.queries.nrows());
    numbers.truncate(QUERIES);
    let queries = numbers.iter().map(|&number| Vector::new(row(&dataset.queries, number).to_vec()));
    let queries = queries.collect::<Result<Vec<_>, _>>()?;
    // Brings everything into memory.
    for query in queries.iter().take(2) {
        black_box(index.exact(query, K));
        black_box(sum(vectors));
    }
    let (mut searches, mut readings, mut found) = (Vec::new(), Vec::new(), Vec::new());
    for query in &queries {
        searches.push(seconds(|| found.push(index.exact(query, K))));
        readings.push(seconds(|| {
            black_box(sum(black_box(vectors)));
        }));
    }
    Ok(Exact {
        queries: queries.len(),
        tally: judge.judge_rows(&numbers, &found),
        bytes: size_of_val(vectors),
        seconds_per_search: median(searches).expect("every set has queries"),
        seconds_per_reading: median(readings).expect("every set has queries"),
    })
}

/// By the processor's clock: other work on the machine does not spoil it, and waiting for memory counts.
fn seconds(work: impl FnOnce()) -> f64 {
    let before = own_cpu_seconds();
    work();
    own_cpu_seconds() - before
}

/// Adds everything up in so many lanes at once that memory is what bounds it, not the addition.
fn sum(values: &[f32]) -> f32 {
    const LANES: usize = 64;
    let (chunks, rest) = values.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for chunk in chunks {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            *sum += value;
        }
    }
    sums.iter().sum::<f32>() + rest.iter().sum::<f32>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Name;
    use annuli_core::Metric;
    use ndarray::Array2;

    #[test]
    fn a_sum_is_of_everything() {
        let values: Vec<f32> = (0..200_u8).map(f32::from).collect();
        assert_eq!(sum(&values).to_bits(), 19_900.0_f32.to_bits());
    }

    #[test]
    fn every_neighbour_is_found_and_both_sides_take_time() {
        let base = Array2::from_shape_fn((500, 8), |(row, column)| (row * 31 % 97) as f32 + (column * row % 7) as f32);
        let queries = base.slice(ndarray::s![..20, ..]).mapv(|component| component + 0.25);
        let dataset = Dataset::of_vectors(Name::FashionMnist, Metric::Euclidean, base, queries);
        let neighbours = crate::truth::brute_force(dataset.metric, &dataset.base, &dataset.queries, K);
        let exact = measure(&dataset, &Judge::new(&dataset, &neighbours)).unwrap();
        assert_eq!((exact.queries, exact.tally.found, exact.tally.wanted), (20, 200, 200));
        assert_eq!(exact.bytes, 500 * 8 * 4);
        assert!(exact.compared_per_second() > 0.0 && exact.read_per_second() > 0.0, "{exact:?}");
    }
}
