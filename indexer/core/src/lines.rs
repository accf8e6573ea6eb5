//! Memory for what a search reads all over the place.

use crate::kernel::code::LINE;
use memmap2::{MmapMut, MmapOptions};
use std::fmt;
use std::io;

/// Zeroed bytes, aligned to a page, in huge pages where the system has them.
///
/// A walk through a graph reads some hundred rows that lie far apart. With pages of 4 KiB each of them costs a look
/// into the page table besides; with 2 MiB nearly none does.
pub(crate) struct Lines(Option<MmapMut>);

/// Smaller regions live in few pages anyway.
const HUGE_FROM: usize = 2 * 1024 * 1024;

impl Lines {
    /// `len` bytes, all zero.
    pub(crate) fn zeroed(len: usize) -> io::Result<Self> {
        if len == 0 {
            return Ok(Self(None));
        }
        let map = MmapOptions::new().len(len).map_anon()?;
        #[cfg(target_os = "linux")]
        if len >= HUGE_FROM {
            // A system without huge pages refuses the advice; small ones serve as well, only slower.
            let _ = map.advise(memmap2::Advice::HugePage);
        }
        debug_assert!(map.as_ptr().align_offset(LINE) == 0);
        Ok(Self(Some(map)))
    }

    /// A copy of `bytes`.
    pub(crate) fn copied(bytes: &[u8]) -> io::Result<Self> {
        let mut lines = Self::zeroed(bytes.len())?;
        lines.bytes_mut().copy_from_slice(bytes);
        Ok(lines)
    }

    /// The bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }

    /// The bytes, to write.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        self.0.as_deref_mut().unwrap_or_default()
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lines({} bytes)", self.bytes().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_start_as_zeros_and_keep_what_is_written() {
        for len in [0, 1, 64, HUGE_FROM, HUGE_FROM + 1] {
            let mut lines = Lines::zeroed(len).unwrap();
            assert!(lines.bytes().len() == len && lines.bytes().iter().all(|&byte| byte == 0));
            lines.bytes_mut().fill(7);
            assert_eq!(Lines::copied(lines.bytes()).unwrap().bytes(), vec![7; len]);
        }
    }
}
