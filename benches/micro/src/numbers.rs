//! Numbers that are the same in every run.

/// A pseudo-random sequence (splitmix64).
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Components from −1 to 1.
    pub(crate) fn components(&mut self, count: usize) -> Vec<f32> {
        const HALF: f32 = 32_768.0;
        let mut component = || {
            let [low, high, ..] = self.next().to_le_bytes();
            f32::from(u16::from_le_bytes([low, high])) / HALF - 1.0
        };
        (0..count).map(|_| component()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_that_of_splitmix64() {
        let mut numbers = Numbers::new(1_234_567);
        assert_eq!(
            [numbers.next(), numbers.next(), numbers.next()],
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    #[test]
    fn components_are_bounded() {
        assert!(Numbers::new(1).components(1000).iter().all(|component| (-1.0..1.0).contains(component)));
    }
}
