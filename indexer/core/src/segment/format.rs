//! The file of a segment. All numbers are little-endian.
//!
//! ```text
//! 0      header: magic, version, shape, table of sections, checksum   HEADER_BYTES
//! 1024   sections, each from a multiple of 64 on, in the order of their kinds
//! ```
//!
//! A section is present or of length zero. The table gives each section's kind, offset, length and checksum (XXH3, 64
//! bits).

use crate::codes::{Quantiser, halves};
use crate::metric::Metric;
use crate::schema::HnswParams;
use crate::vector::Dim;
use twox_hash::XxHash3_64;

#[cfg(not(target_endian = "little"))]
compile_error!("segments are read as they lie in the file, which is little-endian");

/// The first bytes of every segment.
pub(super) const MAGIC: [u8; 8] = *b"ANNULSEG";

/// The version that this release writes, and the only one that it reads.
pub(super) const VERSION: u32 = 2;

/// Bytes before the first section.
pub(super) const HEADER_BYTES: usize = 1024;

/// Sections start at multiples of this.
pub(super) const ALIGNMENT: usize = 64;

/// How the vectors of a segment are compared during a walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Precision {
    /// By codes of 8 bits for each component; the best are measured again exactly.
    Codes8,
    /// By the upper halves of codes of 8 bits; the best are ranked again by whole codes, and the best of those measured.
    Halves,
    /// By the vectors themselves.
    Full,
}

/// Parts of a segment. Persisted: a number is never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    /// step: f32, error: f32, centres: \[f32; dim\]. Empty under [`Precision::Full`], as codes and terms are.
    Quantiser = 1,
    /// \[u8; stride\] for each slot; under [`Precision::Halves`] the upper halves of its codes.
    Codes = 2,
    /// f32 for each slot. Empty under the inner product, where terms serve the build alone.
    Terms = 3,
    /// \[u32; 2·M\] for each slot.
    Links = 4,
    /// u32 for each level above the lowest: how many slots it holds.
    LevelCounts = 5,
    /// \[u32; M\] for each slot of level 1, then level 2, …
    UpperLinks = 6,
    /// \[f32; dim\] for each slot. Empty where the codes hold the vectors exactly.
    Vectors = 7,
    /// f32 for each slot: the length of its vector. Empty but under cosine.
    Lengths = 8,
    /// u64 for each slot.
    Points = 9,
    /// u32 for each slot: all slots, in the order of their points.
    SlotsByPoint = 10,
    /// u64 for each slot.
    Seqs = 11,
    /// u64 for each slot: where its id ends.
    IdEnds = 12,
    /// UTF-8, one id after the other.
    Ids = 13,
    /// u64 for each slot: where its payload ends.
    PayloadEnds = 14,
    /// One payload after the other.
    Payloads = 15,
    /// The columns that answer filters.
    Columns = 16,
    /// \[u8; stride\] for each slot: the lower halves of its codes. Empty but under [`Precision::Halves`].
    LowerHalves = 17,
    /// f32 for each slot: its term where only upper halves are known. Empty where there are none, or no terms.
    UpperTerms = 18,
}

impl Section {
    /// Every section, in the order of the file.
    pub(super) const ALL: [Self; 18] = [
        Self::Quantiser,
        Self::Codes,
        Self::Terms,
        Self::Links,
        Self::LevelCounts,
        Self::UpperLinks,
        Self::Vectors,
        Self::Lengths,
        Self::Points,
        Self::SlotsByPoint,
        Self::Seqs,
        Self::IdEnds,
        Self::Ids,
        Self::PayloadEnds,
        Self::Payloads,
        Self::Columns,
        Self::LowerHalves,
        Self::UpperTerms,
    ];

    /// Its place in the table.
    pub(super) const fn place(self) -> usize {
        self as usize - 1
    }
}

/// What a segment is, as its header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) rows: u32,
    pub(super) dim: Dim,
    pub(super) metric: Metric,
    pub(super) precision: Precision,
    /// Whether codes alone give the vectors back exactly.
    pub(super) lossless: bool,
    pub(super) hnsw: HnswParams,
}

impl Shape {
    /// Bytes of a slot in the section of codes.
    pub(super) fn code_stride(&self) -> usize {
        match self.precision {
            Precision::Codes8 => Quantiser::stride(self.dim.get()),
            Precision::Halves => halves::stride(self.dim.get()),
            Precision::Full => 0,
        }
    }

    /// Returns whether there is a section of terms.
    pub(super) fn stores_terms(&self) -> bool {
        self.precision != Precision::Full && self.metric != Metric::InnerProduct
    }

    /// Returns whether there is a section of terms of upper halves.
    pub(super) fn stores_upper_terms(&self) -> bool {
        self.precision == Precision::Halves && self.stores_terms()
    }

    /// Returns whether there is a section of vectors. Under cosine codes are those of the normalised vectors, from
    /// which the vectors themselves do not come back.
    pub(super) fn stores_vectors(&self) -> bool {
        !self.lossless || self.metric == Metric::Cosine || self.precision == Precision::Full
    }
}

/// Where a section lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Extent {
    pub(super) offset: u64,
    pub(super) len: u64,
    pub(super) checksum: u64,
}

/// The header, read or to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) shape: Shape,
    pub(super) extents: [Extent; Section::ALL.len()],
}

/// Why bytes are no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidHeader {
    /// They are something else.
    #[error("it does not start like a segment")]
    NotASegment,
    /// A later release wrote it.
    #[error("it is of format {version}; this release reads format {VERSION}")]
    Version {
        /// The format that it says it has.
        version: u32,
    },
    /// It was cut or changed.
    #[error("its header is damaged")]
    Damaged,
}

const SHAPE_AT: usize = 16;
const TABLE_AT: usize = 64;
const EXTENT_BYTES: usize = 24;
const CHECKSUM_AT: usize = HEADER_BYTES - 8;
const _: () = assert!(TABLE_AT + Section::ALL.len() * EXTENT_BYTES <= CHECKSUM_AT);

impl Header {
    pub(super) fn to_bytes(&self) -> [u8; HEADER_BYTES] {
        let Shape { rows, dim, metric, precision, lossless, hnsw } = self.shape;
        let mut bytes = [0; HEADER_BYTES];
        let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
        put(0, &MAGIC);
        put(8, &VERSION.to_le_bytes());
        put(SHAPE_AT, &rows.to_le_bytes());
        put(SHAPE_AT + 4, &small(dim.get()).to_le_bytes());
        put(SHAPE_AT + 8, &small(hnsw.m()).to_le_bytes());
        put(SHAPE_AT + 12, &small(hnsw.ef_construction()).to_le_bytes());
        put(SHAPE_AT + 16, &[metric_number(metric), precision_number(precision), u8::from(lossless)]);
        for (place, extent) in self.extents.iter().enumerate() {
            let at = TABLE_AT + place * EXTENT_BYTES;
            put(at, &extent.offset.to_le_bytes());
            put(at + 8, &extent.len.to_le_bytes());
            put(at + 16, &extent.checksum.to_le_bytes());
        }
        let checksum = checksum(&bytes[..CHECKSUM_AT]);
        bytes[CHECKSUM_AT..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidHeader> {
        if !bytes.starts_with(&MAGIC) {
            return Err(InvalidHeader::NotASegment);
        }
        let Some(bytes) = bytes.first_chunk::<HEADER_BYTES>() else { return Err(InvalidHeader::Damaged) };
        let version = number32(bytes, 8);
        if version != VERSION {
            return Err(InvalidHeader::Version { version });
        }
        if checksum(&bytes[..CHECKSUM_AT]) != number64(bytes, CHECKSUM_AT) {
            return Err(InvalidHeader::Damaged);
        }
        let shape = shape(bytes).ok_or(InvalidHeader::Damaged)?;
        let extent = |place| {
            let at = TABLE_AT + place * EXTENT_BYTES;
            Extent { offset: number64(bytes, at), len: number64(bytes, at + 8), checksum: number64(bytes, at + 16) }
        };
        Ok(Self { shape, extents: std::array::from_fn(extent) })
    }
}

fn shape(bytes: &[u8; HEADER_BYTES]) -> Option<Shape> {
    let wide = |at| usize::try_from(number32(bytes, SHAPE_AT + at)).ok();
    Some(Shape {
        rows: number32(bytes, SHAPE_AT),
        dim: Dim::new(u64::from(number32(bytes, SHAPE_AT + 4))).ok()?,
        hnsw: HnswParams::new(Some(wide(8)?), Some(wide(12)?)).ok()?,
        metric: Metric::ALL.into_iter().find(|&metric| metric_number(metric) == bytes[SHAPE_AT + 16])?,
        precision: [Precision::Codes8, Precision::Full, Precision::Halves]
            .into_iter()
            .find(|&precision| precision_number(precision) == bytes[SHAPE_AT + 17])?,
        lossless: match bytes[SHAPE_AT + 18] {
            0 => false,
            1 => true,
            _ => return None,
        },
    })
}

/// The checksum of a section.
pub(super) fn checksum(bytes: &[u8]) -> u64 {
    XxHash3_64::oneshot(bytes)
}

fn number32(bytes: &[u8; HEADER_BYTES], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn number64(bytes: &[u8; HEADER_BYTES], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

fn small(number: usize) -> u32 {
    u32::try_from(number).expect("limits keep it below 4,096")
}

/// Persisted: keep stable.
const fn metric_number(metric: Metric) -> u8 {
    match metric {
        Metric::Cosine => 1,
        Metric::Euclidean => 2,
        Metric::InnerProduct => 3,
    }
}

/// Persisted: keep stable.
const fn precision_number(precision: Precision) -> u8 {
    match precision {
        Precision::Codes8 => 1,
        Precision::Full => 2,
        Precision::Halves => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header {
            shape: Shape {
                rows: 7,
                dim: Dim::new(100).unwrap(),
                metric: Metric::InnerProduct,
                precision: Precision::Codes8,
                lossless: true,
                hnsw: HnswParams::new(Some(24), Some(300)).unwrap(),
            },
            extents: std::array::from_fn(|place| Extent { offset: place as u64, len: 2, checksum: 3 }),
        }
    }

    #[test]
    fn a_header_is_read_back() {
        assert_eq!(Header::from_bytes(&header().to_bytes()), Ok(header()));
    }

    #[test]
    fn any_flipped_bit_and_any_cut_is_refused() {
        let bytes = header().to_bytes();
        for bit in 0..HEADER_BYTES * 8 {
            let mut damaged = bytes;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(Header::from_bytes(&damaged).is_err(), "bit {bit}");
        }
        for len in 0..HEADER_BYTES {
            assert!(Header::from_bytes(&bytes[..len]).is_err(), "{len} bytes");
        }
    }

    #[test]
    fn a_later_format_is_named() {
        let mut bytes = header().to_bytes();
        bytes[8] = 9;
        let refused = Header::from_bytes(&bytes).unwrap_err();
        assert_eq!(refused.to_string(), "it is of format 9; this release reads format 2");
    }

    #[test]
    fn sections_are_numbered_in_order() {
        assert!(Section::ALL.iter().enumerate().all(|(place, section)| section.place() == place));
    }
}
