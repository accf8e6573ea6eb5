//! The first bytes of a zstd frame (RFC 8878, section 3.1.1.1), read before anything is allocated or decoded.

use crate::limits::WINDOW_LOG_MAX;

const MAGIC: u32 = 0xFD2F_B528;
const SKIPPABLE_MAGIC: u32 = 0x184D_2A50;
const SKIPPABLE_MASK: u32 = 0xFFFF_FFF0;
const WINDOW_BYTES_MAX: u64 = 1 << WINDOW_LOG_MAX;

/// A frame that this crate has not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameHeaderFault {
    /// Too few bytes for any frame.
    #[error("its zstd frame is shorter than a frame's header")]
    TooShort,
    /// Some other format.
    #[error("no zstd frame starts where one is recorded")]
    NotZstd,
    /// Bytes that every decoder jumps over, and so a place to hide something.
    #[error("a skippable zstd frame stands where its frame is recorded")]
    Skippable,
    /// Bits that mean nothing yet.
    #[error("its zstd frame has reserved bits set")]
    ReservedBits,
    /// A frame that cannot be decoded by itself.
    #[error("its zstd frame needs a dictionary")]
    Dictionary,
    /// A frame that zstd cannot check.
    #[error("its zstd frame has no checksum")]
    NoChecksum,
    /// A frame of unknown length.
    #[error("its zstd frame does not declare its length")]
    NoContentBytes,
    /// A frame of another length than recorded.
    #[error("its zstd frame declares {declared} bytes of header, content and padding, the record needs {recorded}")]
    ContentBytes {
        /// The length in the frame's header.
        declared: u64,
        /// The length that follows from the manifest.
        recorded: u64,
    },
    /// A frame that takes too much memory to decode.
    #[error("its zstd frame needs a window of {bytes} bytes, the limit is {WINDOW_BYTES_MAX}")]
    Window {
        /// What it needs.
        bytes: u64,
    },
}

/// Accepts the header of a frame that expands to exactly so many bytes, in bounded memory, under a checksum.
pub(crate) fn check_frame_header(start: &[u8], recorded: u64) -> Result<(), FrameHeaderFault> {
    let (magic, rest) = split_number(start, 4)?;
    if magic & u64::from(SKIPPABLE_MASK) == u64::from(SKIPPABLE_MAGIC) {
        return Err(FrameHeaderFault::Skippable);
    }
    if magic != u64::from(MAGIC) {
        return Err(FrameHeaderFault::NotZstd);
    }
    let (descriptor, rest) = split_number(rest, 1)?;
    if descriptor & 0b0001_1000 != 0 {
        return Err(FrameHeaderFault::ReservedBits);
    }
    if descriptor & 0b0000_0011 != 0 {
        return Err(FrameHeaderFault::Dictionary);
    }
    if descriptor & 0b0000_0100 == 0 {
        return Err(FrameHeaderFault::NoChecksum);
    }
    let single_segment = descriptor & 0b0010_0000 != 0;
    let (window, rest) = if single_segment {
        (None, rest)
    } else {
        let (window, rest) = split_number(rest, 1)?;
        (Some(window_bytes(window)), rest)
    };
    let declared = declared_bytes(descriptor >> 6, single_segment, rest)?;
    if declared != recorded {
        return Err(FrameHeaderFault::ContentBytes { declared, recorded });
    }
    // A single segment is its own window.
    match window.unwrap_or(declared) {
        bytes if bytes > WINDOW_BYTES_MAX => Err(FrameHeaderFault::Window { bytes }),
        _ => Ok(()),
    }
}

fn declared_bytes(flag: u64, single_segment: bool, rest: &[u8]) -> Result<u64, FrameHeaderFault> {
    match (flag, single_segment) {
        (0, false) => Err(FrameHeaderFault::NoContentBytes),
        (0, true) => split_number(rest, 1).map(|(bytes, _)| bytes),
        // Two bytes count from 256, because one byte holds what is less.
        (1, _) => split_number(rest, 2).map(|(bytes, _)| bytes + 256),
        (2, _) => split_number(rest, 4).map(|(bytes, _)| bytes),
        _ => split_number(rest, 8).map(|(bytes, _)| bytes),
    }
}

/// Five bits of exponent, three of mantissa.
fn window_bytes(descriptor: u64) -> u64 {
    let base = 1 << (10 + (descriptor >> 3));
    base + base / 8 * (descriptor & 0b111)
}

/// Takes a little-endian number of up to eight bytes off the front.
fn split_number(bytes: &[u8], length: usize) -> Result<(u64, &[u8]), FrameHeaderFault> {
    let (number, rest) = bytes.split_at_checked(length).ok_or(FrameHeaderFault::TooShort)?;
    Ok((number.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)), rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn frame(content: &[u8], level: i32) -> Vec<u8> {
        let mut frame = zstd::Encoder::new(Vec::new(), level).unwrap();
        frame.include_checksum(true).unwrap();
        frame.set_pledged_src_size(Some(content.len() as u64)).unwrap();
        frame.write_all(content).unwrap();
        frame.finish().unwrap()
    }

    #[test]
    fn what_zstd_writes_is_accepted_with_its_own_length_only() {
        for bytes in [0_u32, 1, 255, 256, 257, 65_791, 65_792, 3_000_000] {
            let content = vec![7; bytes as usize];
            for level in [1, 3, 19] {
                let frame = frame(&content, level);
                assert_eq!(check_frame_header(&frame, u64::from(bytes)), Ok(()));
                assert_eq!(
                    check_frame_header(&frame, u64::from(bytes) + 1),
                    Err(FrameHeaderFault::ContentBytes { declared: u64::from(bytes), recorded: u64::from(bytes) + 1 })
                );
            }
        }
    }

    #[track_caller]
    fn check(start: &[u8], recorded: u64, expected: Result<(), FrameHeaderFault>) {
        assert_eq!(check_frame_header(start, recorded), expected, "{start:x?}");
    }

    #[test]
    fn foreign_frames_are_refused_by_their_first_bytes() {
        let magic = MAGIC.to_le_bytes();
        let with = |rest: &[u8]| [&magic, rest].concat();
        check(&with(&[0b0010_0100, 9]), 9, Ok(()));
        check(&[], 0, Err(FrameHeaderFault::TooShort));
        check(&with(&[]), 0, Err(FrameHeaderFault::TooShort));
        check(&with(&[0b0010_0100]), 0, Err(FrameHeaderFault::TooShort));
        check(&with(&[0b1110_0100, 1, 2, 3, 4, 5, 6, 7]), 0, Err(FrameHeaderFault::TooShort));
        check(b"PK\x03\x04....", 0, Err(FrameHeaderFault::NotZstd));
        check(&0x184D_2A5F_u32.to_le_bytes(), 0, Err(FrameHeaderFault::Skippable));
        check(&with(&[0b0010_1100, 9]), 9, Err(FrameHeaderFault::ReservedBits));
        check(&with(&[0b0011_0100, 9]), 9, Err(FrameHeaderFault::ReservedBits));
        check(&with(&[0b0010_0101, 1, 9]), 9, Err(FrameHeaderFault::Dictionary));
        check(&with(&[0b0010_0000, 9]), 9, Err(FrameHeaderFault::NoChecksum));
        check(&with(&[0b0000_0100, 0]), 9, Err(FrameHeaderFault::NoContentBytes));
    }

    #[test]
    fn a_window_has_at_most_128_mib() {
        let frame = |window: u8| [&MAGIC.to_le_bytes()[..], &[0b1000_0100, window, 9, 0, 0, 0]].concat();
        check(&frame(17 << 3), 9, Ok(()));
        check(&frame((17 << 3) + 1), 9, Err(FrameHeaderFault::Window { bytes: (1 << 27) + (1 << 24) }));
        check(&frame(0xFF), 9, Err(FrameHeaderFault::Window { bytes: (1 << 41) + 7 * (1 << 38) }));
        let single_segment = |bytes: u32| [&MAGIC.to_le_bytes()[..], &[0b1010_0100], &bytes.to_le_bytes()].concat();
        check(&single_segment(1 << 27), 1 << 27, Ok(()));
        check(&single_segment(1 + (1 << 27)), 1 + (1 << 27), Err(FrameHeaderFault::Window { bytes: 1 + (1 << 27) }));
    }
}
