//! The file of a segment, written from its start to its end.

use super::format::{ALIGNMENT, Extent, HEADER_BYTES, Header, Section, Shape};
use std::io::{self, Seek, SeekFrom, Write};
use twox_hash::XxHash3_64;

/// Writes sections one after the other, and the header at last.
pub(super) struct SectionWriter<'a, F: Write> {
    file: io::BufWriter<&'a mut F>,
    at: u64,
    extents: [Extent; Section::ALL.len()],
    current: Option<(Section, XxHash3_64)>,
}

impl<'a, F: Write + Seek> SectionWriter<'a, F> {
    /// Leaves room for the header at the start of the file.
    pub(super) fn new(file: &'a mut F) -> io::Result<Self> {
        let mut file = io::BufWriter::with_capacity(1024 * 1024, file);
        file.write_all(&[0; HEADER_BYTES])?;
        Ok(Self { file, at: HEADER_BYTES as u64, extents: Default::default(), current: None })
    }

    /// Ends the section before, and begins this one. Sections come in the order of their kinds.
    pub(super) fn begin(&mut self, section: Section) -> io::Result<()> {
        self.end();
        self.current = Some((section, XxHash3_64::new()));
        let start = self.at.next_multiple_of(ALIGNMENT as u64);
        let padding = [0; ALIGNMENT];
        self.file.write_all(&padding[..usize::try_from(start - self.at).expect("less than the alignment")])?;
        self.at = start;
        self.extents[section.place()].offset = start;
        Ok(())
    }

    /// Adds to the section that was begun.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let (_, hash) = self.current.as_mut().expect("a section has begun");
        std::hash::Hasher::write(hash, bytes);
        self.at += bytes.len() as u64;
        self.file.write_all(bytes)
    }

    fn end(&mut self) {
        if let Some((section, hash)) = self.current.take() {
            let extent = &mut self.extents[section.place()];
            extent.len = self.at - extent.offset;
            extent.checksum = std::hash::Hasher::finish(&hash);
        }
    }

    /// Ends the last section, and writes the header over the place that was left for it.
    pub(super) fn finish(mut self, shape: Shape) -> io::Result<()> {
        self.end();
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&Header { shape, extents: self.extents }.to_bytes())?;
        self.file.flush()
    }
}
