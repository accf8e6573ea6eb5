//! The file in memory.
#![allow(unsafe_code, reason = "a mapping is only as constant as its file; see `Mapped::open`")]

use super::format::{Extent, Header, InvalidHeader, Section, checksum};
use memmap2::{Mmap, UncheckedAdvice};
use std::fs::File;
use std::io;

/// A mapped file whose header was read and whose sections lie inside it, with their checksums.
pub(super) struct Mapped {
    map: Mmap,
    pub(super) header: Header,
}

/// Why a file cannot be mapped as a segment.
#[derive(Debug, thiserror::Error)]
pub(super) enum MapError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Header(#[from] InvalidHeader),
    #[error("its section {section:?} does not lie where it should")]
    Extent { section: Section },
    #[error("its section {section:?} does not have the bytes that were written")]
    Checksum { section: Section },
}

impl Mapped {
    /// Maps a file and checks all of its bytes.
    pub(super) fn open(file: &File) -> Result<Self, MapError> {
        // SAFETY: nothing of ours writes to or cuts a segment's file once it has its name: it is written under another
        // name, renamed, and at last unlinked, which leaves mappings whole. A stranger who writes into the files of a
        // running database can break it, as with any database.
        let map = unsafe { Mmap::map(file) }?;
        let header = Header::from_bytes(&map)?;
        let mapped = Self { map, header };
        mapped.check()?;
        Ok(mapped)
    }

    fn check(&self) -> Result<(), MapError> {
        let mut end = super::format::HEADER_BYTES as u64;
        for section in Section::ALL {
            let Extent { offset, len, checksum: stored } = self.header.extents[section.place()];
            let padding_from = end;
            let starts_well = offset == end.next_multiple_of(super::format::ALIGNMENT as u64);
            end = match offset.checked_add(len) {
                Some(end) if starts_well && end <= self.map.len() as u64 => end,
                Some(_) | None => return Err(MapError::Extent { section }),
            };
            let padding = &self.map[place(padding_from)..place(offset)];
            if checksum(self.section(section)) != stored || padding.iter().any(|&byte| byte != 0) {
                return Err(MapError::Checksum { section });
            }
        }
        // Nothing may hide behind the last section.
        if end == self.map.len() as u64 { Ok(()) } else { Err(MapError::Extent { section: Section::UpperTerms }) }
    }

    /// Lets go of the pages that checking has touched; those that are read again come back from the file.
    pub(super) fn release(&self) {
        // SAFETY: the map is of a file and never written to, so its pages hold nothing that the file does not.
        // Where the advice is refused nothing changes.
        let _ = unsafe { self.map.unchecked_advise(UncheckedAdvice::DontNeed) };
    }

    /// The whole file.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.map
    }

    /// The bytes of a section.
    pub(super) fn section(&self, section: Section) -> &[u8] {
        let Extent { offset, len, .. } = self.header.extents[section.place()];
        &self.map[place(offset)..place(offset + len)]
    }

    /// The numbers of a section.
    pub(super) fn numbers<T: bytemuck::AnyBitPattern>(&self, section: Section) -> &[T] {
        bytemuck::cast_slice(self.section(section))
    }
}

/// A place that is known to lie in a map.
fn place(offset: u64) -> usize {
    usize::try_from(offset).expect("inside the map")
}
