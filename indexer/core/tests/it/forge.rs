//! Segments with right checksums around wrong contents. The layout is that of `src/segment/format.rs`, written down
//! again here, so that what is persisted cannot change on both sides at once.

use crate::choices::Choices;
use twox_hash::XxHash3_64;

const HEADER_BYTES: usize = 1024;
const TABLE_AT: usize = 64;
const EXTENT_BYTES: usize = 24;
const CHECKSUM_AT: usize = HEADER_BYTES - 8;
const ALIGNMENT: usize = 64;
const SECTIONS: usize = 18;

/// Places of fields in the header.
const ROWS: usize = 16;
const DIM: usize = 20;
const M: usize = 24;
const EF: usize = 28;
const METRIC: usize = 32;
const PRECISION: usize = 33;
const LOSSLESS: usize = 34;

/// Numbers at which code goes wrong, as floats and as integers.
const EXTREMES: [u32; 26] = [
    0,
    1,
    2,
    3,
    63,
    64,
    65,
    0x7f,
    0xff,
    0x100,
    0xffff,
    0x7fff_ffff,
    u32::MAX - 1,
    u32::MAX,
    f32::NAN.to_bits(),
    f32::INFINITY.to_bits(),
    f32::NEG_INFINITY.to_bits(),
    f32::MAX.to_bits(),
    f32::MIN.to_bits(),
    f32::MIN_POSITIVE.to_bits(),
    1e15_f32.to_bits(),
    (-1e15_f32).to_bits(),
    1e-15_f32.to_bits(),
    1e30_f32.to_bits(),
    1.0_f32.to_bits(),
    (-0.0_f32).to_bits(),
];

/// A segment's file, taken apart.
#[derive(Clone)]
pub(crate) struct Forge {
    header: [u8; HEADER_BYTES],
    sections: [Vec<u8>; SECTIONS],
}

impl Forge {
    /// Takes apart what a writer has written.
    pub(crate) fn of(file: &[u8]) -> Self {
        let section = |place| {
            let extent = TABLE_AT + place * EXTENT_BYTES;
            let number = |at: usize| usize::try_from(u64::from_le_bytes(file[at..at + 8].try_into().unwrap())).unwrap();
            file[number(extent)..][..number(extent + 8)].to_vec()
        };
        Self { header: *file.first_chunk().unwrap(), sections: std::array::from_fn(section) }
    }

    /// A section by its number, from 1, as in the format.
    pub(crate) fn section(&mut self, number: usize) -> &mut Vec<u8> {
        &mut self.sections[number - 1]
    }

    /// Puts a number into a section, at the place of the `index`-th number of its size.
    pub(crate) fn put<const N: usize>(&mut self, number: usize, index: usize, bytes: [u8; N]) {
        self.section(number)[index * N..][..N].copy_from_slice(&bytes);
    }

    /// The file, with checksums that fit.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut file = self.header.to_vec();
        for (place, section) in self.sections.iter().enumerate() {
            file.resize(file.len().next_multiple_of(ALIGNMENT), 0);
            let extent = TABLE_AT + place * EXTENT_BYTES;
            let numbers = [file.len() as u64, section.len() as u64, XxHash3_64::oneshot(section)];
            file[extent..extent + EXTENT_BYTES].copy_from_slice(&numbers.map(u64::to_le_bytes).concat());
            file.extend_from_slice(section);
        }
        seal(&mut file);
        file
    }

    /// Changes one thing.
    pub(crate) fn change(&mut self, choices: &mut Choices<'_>) {
        match choices.byte() % 12 {
            0..4 => self.change_number(choices),
            4 => self.change_bit(choices),
            5 => self.change_size(choices),
            6 => self.copy_number(choices),
            7 => self.fill(choices),
            8 => self.change_wide_number(choices),
            _ => self.change_shape(choices),
        }
    }

    /// Brings each section to the size that the header asks for, where that is small.
    pub(crate) fn fit(&mut self) {
        let [rows, dim, m] = [ROWS, DIM, M].map(|at| self.header_number(at) as usize);
        if rows > 2_000 || dim > 1_000 || m > 200 {
            return;
        }
        let halves = self.header[PRECISION] == 3;
        let codes = self.header[PRECISION] == 1 || halves;
        let cosine = self.header[METRIC] == 1;
        let vectors = self.header[LOSSLESS] == 0 || cosine || !codes;
        let counts = self.sections[4].as_chunks().0.iter().map(|count| u32::from_le_bytes(*count) as usize);
        let upper = counts.fold(0, usize::saturating_add).min(2_000);
        let stride = if halves { dim.div_ceil(128) * 64 } else { dim.next_multiple_of(64) };
        let terms = codes && self.header[METRIC] != 3;
        let when = |present: bool, size: usize| if present { size } else { 0 };
        let sizes = [
            (1, when(codes, 8 + 4 * dim)),
            (2, when(codes, rows * stride)),
            (3, when(terms, 4 * rows)),
            (4, 8 * m * rows),
            (6, 4 * m * upper),
            (7, when(vectors, 4 * dim * rows)),
            (8, when(cosine, 4 * rows)),
            (9, 8 * rows),
            (10, 4 * rows),
            (11, 8 * rows),
            (12, 8 * rows),
            (14, 8 * rows),
            (17, when(halves, rows * stride)),
            (18, when(halves && terms, 4 * rows)),
        ];
        for (number, size) in sizes {
            let section = self.section(number);
            let pattern = section.clone();
            section.truncate(size);
            while section.len() < size {
                section.extend_from_slice(if pattern.is_empty() { &[0; 64] } else { &pattern });
                section.truncate(size);
            }
        }
    }

    fn header_number(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.header[at..at + 4].try_into().unwrap())
    }

    fn change_number(&mut self, choices: &mut Choices<'_>) {
        let number = self.new_number(choices);
        let section = self.some_section(choices);
        if let Some(numbers) = section.len().checked_div(4).filter(|&numbers| numbers > 0) {
            let at = 4 * choices.place(numbers);
            section[at..at + 4].copy_from_slice(&number.to_le_bytes());
        }
    }

    fn change_wide_number(&mut self, choices: &mut Choices<'_>) {
        let halves = [self.new_number(choices), choices.one_of([0, u32::MAX, 1, 0x8000_0000])];
        let section = self.some_section(choices);
        if let Some(numbers) = section.len().checked_div(8).filter(|&numbers| numbers > 0) {
            let at = 8 * choices.place(numbers);
            section[at..at + 8].copy_from_slice(&halves.map(u32::to_le_bytes).concat());
        }
    }

    fn change_bit(&mut self, choices: &mut Choices<'_>) {
        let bit = choices.byte() % 8;
        let section = self.some_section(choices);
        if !section.is_empty() {
            let at = choices.place(section.len());
            section[at] ^= 1 << bit;
        }
    }

    fn change_size(&mut self, choices: &mut Choices<'_>) {
        let by = choices.one_of([1, 4, 8, 64, 2, 3, 256, 1024]);
        let longer = choices.byte().is_multiple_of(2);
        let section = self.some_section(choices);
        let size = if longer { section.len() + by } else { section.len().saturating_sub(by) };
        section.resize(size, 0);
    }

    fn copy_number(&mut self, choices: &mut Choices<'_>) {
        let size = choices.one_of([4, 8]);
        let section = self.some_section(choices);
        if let Some(numbers) = section.len().checked_div(size).filter(|&numbers| numbers > 0) {
            let [from, to] = [choices.place(numbers), choices.place(numbers)];
            section.copy_within(from * size..(from + 1) * size, to * size);
        }
    }

    fn fill(&mut self, choices: &mut Choices<'_>) {
        let number = self.new_number(choices);
        let section = self.some_section(choices);
        section.as_chunks_mut::<4>().0.fill(number.to_le_bytes());
    }

    fn change_shape(&mut self, choices: &mut Choices<'_>) {
        match choices.byte() % 7 {
            0 => self.put_into_header(ROWS, choices),
            1 => self.put_into_header(DIM, choices),
            2 => self.put_into_header(M, choices),
            3 => self.put_into_header(EF, choices),
            4 => self.header[METRIC] = choices.one_of([1, 2, 3, 0, 4]),
            5 => self.header[PRECISION] = choices.one_of([1, 2, 3, 0, 4]),
            _ => self.header[LOSSLESS] = choices.one_of([1, 0, 2]),
        }
    }

    fn put_into_header(&mut self, at: usize, choices: &mut Choices<'_>) {
        let number = self.new_number(choices);
        self.header[at..at + 4].copy_from_slice(&number.to_le_bytes());
    }

    /// An extreme, or the number of rows or one near it, or any.
    fn new_number(&self, choices: &mut Choices<'_>) -> u32 {
        match u32::from(choices.byte()) {
            extreme @ ..26 => EXTREMES[extreme as usize],
            near @ 26..32 => self.header_number(ROWS).wrapping_add(near).wrapping_sub(28),
            32..48 => u32::from(choices.byte()),
            small @ 48..128 => small - 48,
            _ => choices.number(),
        }
    }

    fn some_section(&mut self, choices: &mut Choices<'_>) -> &mut Vec<u8> {
        &mut self.sections[usize::from(choices.byte()) % SECTIONS]
    }
}

/// Makes the checksum of a header fit. Does nothing to what is too short for one.
pub(crate) fn seal(file: &mut [u8]) {
    if let Some(header) = file.first_chunk_mut::<HEADER_BYTES>() {
        let checksum = XxHash3_64::oneshot(&header[..CHECKSUM_AT]);
        header[CHECKSUM_AT..].copy_from_slice(&checksum.to_le_bytes());
    }
}
