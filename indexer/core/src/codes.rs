//! 8-bit codes: a vector in a quarter of its size, near enough to walk a graph by.
//!
//! Component i of a row becomes the integer nearest to (xᵢ − centreᵢ) / step, between −128 and 127, stored with 128
//! added. One step for all dimensions keeps sums of squares of codes proportional to squared distances, so that
//! integers alone are compared; a centre for each dimension lets the step be as small as the widest dimension allows.
//! This is scalar quantisation as in faiss' `QT_8bit_uniform`, with centres.

pub(crate) mod halves;

pub(crate) use halves::UPPER_MIDDLE;

use crate::kernel::code::LINE;
use crate::kernel::quantise;

/// What turns vectors into codes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Quantiser {
    centres: Vec<f32>,
    step: f32,
    lossless: bool,
    error: f32,
}

/// Whole numbers are kept exactly if the least of them is no farther from zero: far beyond, floats have gaps.
const LOSSLESS_LOW_MAX: f32 = 1e6;

/// The middle code: the centre itself. Adding it to a step is flipping this bit.
const MIDDLE: u8 = 128;

impl Quantiser {
    /// A quantiser from its stored parts.
    pub(crate) fn from_parts(centres: Vec<f32>, step: f32, lossless: bool, error: f32) -> Self {
        Self { centres, step, lossless, error }
    }

    /// The largest distance of a row from what its codes stand for, of those that were [encoded](Self::encode_row).
    pub(crate) fn error(&self) -> f32 {
        self.error
    }

    /// Encodes a row, and takes note of how far it is from its codes.
    pub(crate) fn encode_row(&mut self, vector: &[f32], codes: &mut [u8]) {
        self.encode(vector, codes);
        if !self.lossless {
            self.error = self.error.max(self.distance_to_codes(vector, codes));
        }
    }

    /// In double precision: a decoded component is rounded, and may be nearer than what its code stands for.
    fn distance_to_codes(&self, vector: &[f32], codes: &[u8]) -> f32 {
        let step = f64::from(self.step);
        let offset = |((&component, &centre), &code): ((&f32, &f32), &u8)| {
            (f64::from(component) - f64::from(centre)) / step - f64::from(i32::from(code) - i32::from(MIDDLE))
        };
        let squares: f64 = vector.iter().zip(&self.centres).zip(codes).map(offset).map(|steps| steps * steps).sum();
        #[allow(clippy::cast_possible_truncation, reason = "rounded up just below")]
        let distance = (squares.sqrt() * step) as f32;
        distance.next_up()
    }

    /// The point that code 128 stands for, in every dimension.
    pub(crate) fn centres(&self) -> &[f32] {
        &self.centres
    }

    /// The distance of two neighbouring codes, in one dimension.
    pub(crate) fn step(&self) -> f32 {
        self.step
    }

    /// Returns whether every row that was fitted comes back from its codes exactly as it was.
    pub(crate) fn is_lossless(&self) -> bool {
        self.lossless
    }

    /// Returns whether codes stand for whole numbers next to each other, as those of a lossless quantiser do.
    pub(crate) fn is_of_whole_numbers(&self) -> bool {
        let is_whole = |number: f32| number.fract().to_bits() << 1 == 0;
        self.step.to_bits() == 1.0_f32.to_bits()
            && self
                .centres
                .iter()
                .all(|&centre| is_whole(centre) && centre.abs() <= LOSSLESS_LOW_MAX + f32::from(MIDDLE))
    }

    /// Bytes of a row of codes of `dim` components: whole lines.
    pub(crate) fn stride(dim: usize) -> usize {
        dim.next_multiple_of(LINE)
    }

    /// Writes the codes of `vector`; what lies outside the range takes its nearest code. Bytes beyond the dimension
    /// are left alone.
    pub(crate) fn encode(&self, vector: &[f32], codes: &mut [u8]) {
        let codes = &mut codes[..vector.len()];
        quantise::best().steps(vector, &self.centres, 1.0 / self.step, bytemuck::cast_slice_mut(codes));
        codes.iter_mut().for_each(|code| *code ^= MIDDLE);
    }

    /// Writes the vector that `codes` stand for.
    pub(crate) fn decode(&self, codes: &[u8], vector: &mut Vec<f32>) {
        vector.resize(self.centres.len(), 0.0);
        quantise::best().restore(codes, &self.centres, self.step, vector);
    }
}

/// What is learnt about rows while they pass by.
pub(crate) struct Ranges {
    lows: Vec<f32>,
    highs: Vec<f32>,
    whole: bool,
}

impl Ranges {
    pub(crate) fn new(dim: usize) -> Self {
        Self { lows: vec![f32::INFINITY; dim], highs: vec![f32::NEG_INFINITY; dim], whole: true }
    }

    pub(crate) fn include(&mut self, row: &[f32]) {
        for ((low, high), &component) in self.lows.iter_mut().zip(&mut self.highs).zip(row) {
            *low = low.min(component);
            *high = high.max(component);
        }
        // Minus zero is whole too, but would come back as zero.
        self.whole = self.whole
            && row
                .iter()
                .all(|&component| component.fract().to_bits() << 1 == 0 && component.to_bits() != (-0.0_f32).to_bits());
    }

    pub(crate) fn quantiser(self) -> Quantiser {
        let low = self.lows.iter().copied().fold(f32::INFINITY, f32::min);
        let high = self.highs.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        if self.whole && low.abs() < LOSSLESS_LOW_MAX && high - low <= 255.0 {
            // In the middle of each dimension, so that codes are small: their squares stay exact, and a query between
            // the rows can take finer steps.
            let middle = |(low, high): (&f32, &f32)| low + ((high - low) / 2.0).ceil();
            let centres = self.lows.iter().zip(&self.highs).map(middle).collect();
            return Quantiser { centres, step: 1.0, lossless: true, error: 0.0 };
        }
        let ranges = self.lows.iter().zip(&self.highs);
        let widest = ranges.clone().map(|(low, high)| high - low).fold(0.0, f32::max);
        let step = widest / 255.0;
        // All rows equal, or nothing to fit: any step will do.
        let step = if step.is_normal() { step } else { 1.0 };
        let centres = ranges.map(|(low, high)| if low <= high { f32::midpoint(*low, *high) } else { 0.0 }).collect();
        Quantiser { centres, step, lossless: false, error: 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fit<'a>(dim: usize, rows: impl Iterator<Item = &'a [f32]>) -> Quantiser {
        let mut ranges = Ranges::new(dim);
        rows.for_each(|row| ranges.include(row));
        ranges.quantiser()
    }

    fn round_trip(quantiser: &Quantiser, row: &[f32]) -> Vec<f32> {
        let mut codes = vec![0; row.len()];
        quantiser.encode(row, &mut codes);
        let mut back = Vec::new();
        quantiser.decode(&codes, &mut back);
        back
    }

    proptest! {
        #[test]
        fn a_component_comes_back_within_half_a_step(
            rows in prop::collection::vec(prop::collection::vec(-1000.0f32..1000.0, 7), 1..20)
        ) {
            let quantiser = fit(7, rows.iter().map(Vec::as_slice));
            for row in &rows {
                for (got, want) in round_trip(&quantiser, row).iter().zip(row) {
                    prop_assert!((got - want).abs() <= quantiser.step() * 0.51 + 1e-3, "{got} {want}");
                }
            }
        }

        #[test]
        fn whole_numbers_of_a_bytes_width_come_back_exactly(
            low in -1000i16..1000,
            rows in prop::collection::vec(prop::collection::vec(0i16..256, 5), 1..20),
        ) {
            let rows: Vec<Vec<f32>> =
                rows.iter().map(|row| row.iter().map(|&x| f32::from(x + low)).collect()).collect();
            let quantiser = fit(5, rows.iter().map(Vec::as_slice));
            prop_assert!(quantiser.is_lossless());
            for row in &rows {
                prop_assert_eq!(&round_trip(&quantiser, row), row);
            }
        }
    }

    #[test]
    fn equal_rows_and_extreme_rows_can_be_fitted() {
        for rows in [[[0.5; 3]; 2], [[1e15; 3], [-1e15; 3]], [[1e-30; 3], [0.0; 3]]] {
            let quantiser = fit(3, rows.iter().map(<[f32; 3]>::as_slice));
            assert!(quantiser.step().is_normal(), "{rows:?}");
            assert!(round_trip(&quantiser, &rows[0]).iter().all(|x| x.is_finite()), "{rows:?}");
        }
    }

    #[test]
    fn minus_zero_is_no_whole_number_of_a_byte() {
        assert!(!fit(1, [[-0.0_f32].as_slice(), &[3.0]].into_iter()).is_lossless());
    }
}
