//! Sets to grow by: 128 dimensions, from ten thousand rows to a million. No registry carries a real set of a million
//! vectors, so these are the images of Fashion-MNIST under a seeded projection, again and again, each time with other
//! noise. Reports call them by that name, and nothing but growth should be read from them.

use super::cache::Cache;
use super::fashion_mnist::{self, NoFashionMnist};
use super::split::splitmix64;
use super::{Dataset, Name, row};
use annuli_core::Metric;
use ndarray::{Array2, s};
use serde::Serialize;

const DIM: usize = 128;
const QUERIES: usize = 2000;

/// Of the noise, relative to the standard deviation of a component: enough to tell the copies of an image apart, and
/// little enough that they stay neighbours.
const NOISE: f32 = 0.3;

/// How many rows: half a decade from each to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(into = "&'static str")]
pub(crate) enum Growth {
    Thousands10,
    Thousands32,
    Thousands100,
    Thousands316,
    Million,
}

impl Growth {
    /// From the smallest on.
    pub(crate) const ALL: [Self; 5] =
        [Self::Thousands10, Self::Thousands32, Self::Thousands100, Self::Thousands316, Self::Million];

    /// Those that a graph is built of in seconds.
    pub(crate) const SMALL: [Self; 3] = [Self::Thousands10, Self::Thousands32, Self::Thousands100];

    pub(crate) const fn rows(self) -> usize {
        match self {
            Self::Thousands10 => 10_000,
            Self::Thousands32 => 31_600,
            Self::Thousands100 => 100_000,
            Self::Thousands316 => 316_000,
            Self::Million => 1_000_000,
        }
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Thousands10 => "noise-10k",
            Self::Thousands32 => "noise-32k",
            Self::Thousands100 => "noise-100k",
            Self::Thousands316 => "noise-316k",
            Self::Million => "noise-1m",
        }
    }
}

impl From<Growth> for &'static str {
    fn from(growth: Growth) -> Self {
        growth.as_str()
    }
}

/// The set of this size; a smaller one is the start of a larger one.
pub(crate) fn load(growth: Growth, cache: &Cache) -> Result<Dataset, NoFashionMnist> {
    let images = fashion_mnist::load(cache)?;
    let projection = projection(images.base.ncols());
    let base = images.base.dot(&projection);
    let queries = images.queries.slice(s![..QUERIES, ..]).dot(&projection);
    let deviation = deviation(&base);
    let noisy = |of: &Array2<f32>, rows: usize, stream: u64| {
        let mut noise = Noise { state: splitmix64(stream) };
        let mut vectors = Vec::with_capacity(rows * DIM);
        for number in 0..rows {
            let image = row(of, number % of.nrows());
            vectors.extend(image.iter().map(|component| component + noise.next() * NOISE * deviation));
        }
        Array2::from_shape_vec((rows, DIM), vectors).expect("a row for each number")
    };
    let (base, queries) = (noisy(&base, growth.rows(), 1), noisy(&queries, QUERIES, 2));
    Ok(Dataset::of_vectors(Name::Noise(growth), Metric::Euclidean, base, queries))
}

/// Signs at random: distances after it are those before it, but for some stretching.
fn projection(from: usize) -> Array2<f32> {
    let sign = |at: usize| if splitmix64((3 << 32) + at as u64) & 1 == 0 { 1.0 } else { -1.0 };
    Array2::from_shape_fn((from, DIM), |(component, column)| sign(component * DIM + column))
}

/// Of all components together.
fn deviation(vectors: &Array2<f32>) -> f32 {
    let mean = vectors.mean_axis(ndarray::Axis(0)).expect("there are images");
    let squares = vectors.rows().into_iter().map(|row| (&row - &mean).mapv(|difference| difference * difference).sum());
    #[expect(clippy::cast_precision_loss, reason = "a count of components is a good enough float")]
    let count = vectors.len() as f32;
    (squares.sum::<f32>() / count).sqrt()
}

/// Numbers about 0 with a deviation of 1, nearly normal.
struct Noise {
    state: u64,
}

impl Noise {
    /// The sum of the four 16-bit parts of a hash: each is uniform, with a variance of 65536² / 12.
    fn next(&mut self) -> f32 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let hash = splitmix64(self.state).to_le_bytes();
        let (parts, _) = hash.as_chunks();
        let sum: f32 = parts.iter().map(|part| f32::from(u16::from_le_bytes(*part))).sum();
        let deviation = 65536.0 / 3.0_f32.sqrt();
        (sum - 2.0 * 65535.0) / deviation
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_has_a_mean_of_0_and_a_deviation_of_1() {
        let mut noise = Noise { state: 5 };
        let numbers: Vec<f64> = (0..100_000).map(|_| f64::from(noise.next())).collect();
        let mean = numbers.iter().sum::<f64>() / 1e5;
        let variance = numbers.iter().map(|number| number * number).sum::<f64>() / 1e5;
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.02, "{mean}, {variance}");
    }

    #[test]
    fn a_projection_is_of_signs_evenly() {
        let projection = projection(784);
        let sum: f32 = projection.sum();
        assert!(projection.iter().all(|sign| sign.abs().to_bits() == 1.0_f32.to_bits()));
        assert!(sum.abs() < 2000.0, "{sum}");
    }
}
