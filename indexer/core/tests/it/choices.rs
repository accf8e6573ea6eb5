//! Decisions read from bytes that come from outside: a fuzzer changes the bytes and thereby the decisions.

/// Bytes to decide by. Where they end, every decision is the first one.
pub(crate) struct Choices<'a>(pub(crate) &'a [u8]);

impl Choices<'_> {
    /// Returns whether bytes are left.
    pub(crate) fn more(&self) -> bool {
        !self.0.is_empty()
    }

    /// The next number of N bytes.
    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        let taken = self.0.len().min(N);
        bytes[..taken].copy_from_slice(&self.0[..taken]);
        self.0 = &self.0[taken..];
        bytes
    }

    /// A byte.
    pub(crate) fn byte(&mut self) -> u8 {
        u8::from_le_bytes(self.bytes())
    }

    /// A number of 32 bits.
    pub(crate) fn number(&mut self) -> u32 {
        u32::from_le_bytes(self.bytes())
    }

    /// A place among so many, at least one.
    pub(crate) fn place(&mut self, count: usize) -> usize {
        // Two bytes reach every place of what is small, and cost the fuzzer two bytes.
        let wide = if count > 1 << 16 { self.number() } else { u32::from(u16::from_le_bytes(self.bytes())) };
        wide as usize % count
    }

    /// One of these.
    pub(crate) fn one_of<T: Copy, const N: usize>(&mut self, items: [T; N]) -> T {
        items[usize::from(self.byte()) % N]
    }
}
