//! Reading ahead what the first searches would wait for.

use super::Segment;
use super::format::Section;
use std::hint::black_box;

/// The least page of the systems that we run on: a byte of each brings all of it.
const PAGE_BYTES: usize = 4096;

/// What a search reads of the mapped file for the rows that it ends at, the most needed first. Codes and links are in
/// memory since the file was opened.
const READ_BY_SEARCHES: [Section; 7] = [
    Section::Vectors,
    Section::LowerHalves,
    Section::Lengths,
    Section::IdEnds,
    Section::Ids,
    Section::PayloadEnds,
    Section::Payloads,
];

impl Segment {
    /// Has the system bring up to `bytes_max` of what searches read from the file; returns how much that is.
    pub fn touch(&self, bytes_max: usize) -> usize {
        let mut touched = 0;
        for section in READ_BY_SEARCHES {
            let bytes = self.file.section(section);
            let some = &bytes[..bytes.len().min(bytes_max - touched)];
            black_box(some.iter().step_by(PAGE_BYTES).fold(0, |sum, byte| sum ^ byte));
            touched += some.len();
        }
        touched
    }
}
