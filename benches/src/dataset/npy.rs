//! NumPy's `.npy`: tables of numbers, little-endian, row by row.

use ndarray::Array2;

const MAGIC: &[u8] = b"\x93NUMPY";

/// Why bytes cannot be read as a table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UnreadableNpy {
    #[error("not an npy file")]
    NoHeader,
    #[error("an npy header without a two-dimensional `shape`, row by row: {header}")]
    NoTable { header: String },
    #[error("an npy file of other items than {wanted}: {header}")]
    Items { wanted: &'static str, header: String },
    #[error("an npy file of {rows} × {columns} items has {bytes} bytes of items")]
    Length { rows: usize, columns: usize, bytes: usize },
}

/// Reads a table of float16 or float32.
pub(crate) fn floats(file: &[u8]) -> Result<Array2<f32>, UnreadableNpy> {
    let npy = Npy::parse(file)?;
    if npy.header.contains("'<f2'") {
        npy.table(|bytes| from_half(u16::from_le_bytes(bytes)))
    } else if npy.header.contains("'<f4'") {
        npy.table(f32::from_le_bytes)
    } else {
        Err(npy.unexpected_items("float16 and float32"))
    }
}

/// Reads a table of int32.
pub(crate) fn integers(file: &[u8]) -> Result<Array2<i32>, UnreadableNpy> {
    let npy = Npy::parse(file)?;
    if npy.header.contains("'<i4'") { npy.table(i32::from_le_bytes) } else { Err(npy.unexpected_items("int32")) }
}

/// Writes a table of int32.
pub(crate) fn write_integers(table: &Array2<i32>) -> Vec<u8> {
    let mut file = header("<i4", table.dim());
    file.extend(table.iter().flat_map(|item| item.to_le_bytes()));
    file
}

/// Writes a table of float32.
pub(crate) fn write_floats(table: &Array2<f32>) -> Vec<u8> {
    let mut file = header("<f4", table.dim());
    file.reserve(table.len() * size_of::<f32>());
    file.extend(table.iter().flat_map(|item| item.to_le_bytes()));
    file
}

fn header(items: &str, (rows, columns): (usize, usize)) -> Vec<u8> {
    let dictionary = format!("{{'descr': '{items}', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
    // The format wants the items aligned at 64 bytes: padded with spaces, closed by a line break.
    let header = format!("{dictionary:<117}\n");
    let length = u16::try_from(header.len()).expect("two numbers do not fill 64 KiB");
    let mut file = MAGIC.to_vec();
    file.extend([1, 0]);
    file.extend(length.to_le_bytes());
    file.extend(header.as_bytes());
    file
}

struct Npy<'a> {
    header: &'a str,
    rows: usize,
    columns: usize,
    items: &'a [u8],
}

impl<'a> Npy<'a> {
    fn parse(file: &'a [u8]) -> Result<Self, UnreadableNpy> {
        let (header, items) = split_header(file).ok_or(UnreadableNpy::NoHeader)?;
        let shape = shape(header).filter(|_| header.contains("'fortran_order': False"));
        let (rows, columns) = shape.ok_or_else(|| UnreadableNpy::NoTable { header: header.to_owned() })?;
        Ok(Self { header, rows, columns, items })
    }

    fn table<T, const SIZE: usize>(&self, read: impl Fn([u8; SIZE]) -> T) -> Result<Array2<T>, UnreadableNpy> {
        let wrong = || UnreadableNpy::Length { rows: self.rows, columns: self.columns, bytes: self.items.len() };
        let (items, []) = self.items.as_chunks::<SIZE>() else { return Err(wrong()) };
        Array2::from_shape_vec((self.rows, self.columns), items.iter().copied().map(read).collect())
            .map_err(|_| wrong())
    }

    fn unexpected_items(&self, wanted: &'static str) -> UnreadableNpy {
        UnreadableNpy::Items { wanted, header: self.header.to_owned() }
    }
}

/// Version 1 of the format tells the header's length in two bytes, later versions in four.
fn split_header(file: &[u8]) -> Option<(&str, &[u8])> {
    let rest = file.strip_prefix(MAGIC)?;
    let (version, rest) = rest.split_first_chunk::<2>()?;
    let (length, rest) = if version[0] == 1 {
        let (length, rest) = rest.split_first_chunk()?;
        (usize::from(u16::from_le_bytes(*length)), rest)
    } else {
        let (length, rest) = rest.split_first_chunk()?;
        (usize::try_from(u32::from_le_bytes(*length)).ok()?, rest)
    };
    let (header, items) = rest.split_at_checked(length)?;
    Some((std::str::from_utf8(header).ok()?.trim_end(), items))
}

fn shape(header: &str) -> Option<(usize, usize)> {
    let (_, rest) = header.split_once("'shape': (")?;
    let (numbers, _) = rest.split_once(')')?;
    let (rows, columns) = numbers.split_once(',')?;
    Some((rows.trim().parse().ok()?, columns.trim().parse().ok()?))
}

/// A half has 5 bits of exponent and 10 of mantissa; every one of them is an f32 too.
fn from_half(bits: u16) -> f32 {
    const SMALLEST: f32 = 1.0 / 16_777_216.0;
    let sign = u32::from(bits >> 15) << 31;
    let exponent = u32::from(bits >> 10 & 0x1f);
    let mantissa = u32::from(bits & 0x3ff);
    let magnitude = match exponent {
        0 => (f32::from(bits & 0x3ff) * SMALLEST).to_bits(),
        0x1f => 0xff << 23 | mantissa << 13,
        _ => (exponent + 112) << 23 | mantissa << 13,
    };
    f32::from_bits(sign | magnitude)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn file(version: u8, header: &str, items: &[u8]) -> Vec<u8> {
        let length = u32::try_from(header.len()).unwrap().to_le_bytes();
        let length = if version == 1 { &length[..2] } else { &length[..] };
        [MAGIC, &[version, 0], length, header.as_bytes(), items].concat()
    }

    #[test]
    fn integers_are_read_as_written() {
        let table = array![[1, -2, 3], [4, 5, i32::MIN]];
        let written = write_integers(&table);
        assert_eq!((written.len() - 24) % 64, 0, "items are aligned");
        assert_eq!(integers(&written), Ok(table));
    }

    #[test]
    fn floats_are_read_as_written() {
        let table = array![[1.5, -2.25, f32::MIN_POSITIVE]];
        assert_eq!(floats(&write_floats(&table)), Ok(table));
    }

    #[test]
    fn both_widths_of_floats_are_read() {
        let header = |items: &str| format!("{{'descr': '{items}', 'fortran_order': False, 'shape': (1, 2), }}\n");
        let wide = [1.5_f32.to_le_bytes(), (-0.1_f32).to_le_bytes()].concat();
        assert_eq!(floats(&file(1, &header("<f4"), &wide)), Ok(array![[1.5, -0.1]]));
        assert_eq!(floats(&file(2, &header("<f2"), &[0x00, 0x3e, 0x00, 0xc0])), Ok(array![[1.5, -2.0]]));
    }

    #[test]
    fn a_half_is_the_same_number_in_single_precision() {
        for (bits, expected) in [
            (0x0000, 0.0),
            (0x3c00, 1.0),
            (0x3c01, 1.0 + 1.0 / 1024.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0400, 6.103_515_6e-5),
            (0x0001, 5.960_464_5e-8),
            (0x83ff, -6.097_555e-5),
            (0x7c00, f32::INFINITY),
        ] {
            assert_eq!(from_half(bits).to_bits(), expected.to_bits(), "{bits:04x}");
        }
        assert_eq!(from_half(0x8000).to_bits(), (-0.0_f32).to_bits());
        assert!(from_half(0x7e00).is_nan());
    }

    #[track_caller]
    fn check_refused(file: &[u8], reason: &str) {
        let error = integers(file).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }

    #[test]
    fn what_is_no_table_is_named() {
        let whole = write_integers(&array![[1, 2]]);
        check_refused(b"PK", "not an npy file");
        check_refused(&whole[..20], "not an npy file");
        check_refused(&whole[..whole.len() - 1], "1 × 2 items has 7 bytes");
        check_refused(&whole[..whole.len() - 4], "1 × 2 items has 4 bytes");
        check_refused(&file(1, "{'descr': '<i4', 'fortran_order': True, 'shape': (1, 2), }", &[0; 8]), "row by row");
        check_refused(&file(1, "{'descr': '<i4', 'fortran_order': False, 'shape': (2,), }", &[0; 8]), "`shape`");
        check_refused(&file(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1), }", &[0; 8]), "int32");
    }
}
