//! How a request came.

use annuli_core::vector::Dim;
use std::time::Instant;

/// How a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// When it was there whole: its deadline counts from then.
    pub at: Instant,
    /// Bytes of its body. Whatever is in it, metadata too, is work in proportion to them.
    pub bytes: usize,
}

impl Arrival {
    /// Bytes to work on, in the body or in the vectors that it holds.
    pub(crate) fn bytes_of_vectors(self, vectors: usize, dim: Dim) -> usize {
        self.bytes.max(vectors * dim.get() * size_of::<f32>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_of_few_vectors_and_much_metadata_is_large_work() {
        let at = tokio::time::Instant::now().into_std();
        let bytes = |bytes| Arrival { at, bytes }.bytes_of_vectors(10, Dim::new(2).unwrap());
        assert_eq!(bytes(1_000_000), 1_000_000);
        assert_eq!(bytes(10), 80);
    }
}
