//! Reads NumPy's `.npy` files of two dimensions, as `tests/data` has them. The program has a reader of its own, which
//! is under test.

use std::fs;
use std::path::Path;

/// A matrix, row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix<T> {
    columns: usize,
    values: Vec<T>,
}

impl<T> Matrix<T> {
    /// Its rows.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[T]> {
        self.values.chunks_exact(self.columns)
    }

    /// One of its rows.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn row(&self, row: usize) -> &[T] {
        &self.values[row * self.columns..][..self.columns]
    }
}

/// Reads a file of 16-bit or 32-bit floats.
///
/// # Panics
/// When it is none.
pub fn floats(path: &Path) -> Matrix<f32> {
    let (header, body) = parts(path);
    match type_of(&header) {
        "<f2" => matrix(&header, &body, |bytes: [u8; 2]| half(u16::from_le_bytes(bytes))),
        "<f4" => matrix(&header, &body, f32::from_le_bytes),
        other => panic!("{}: no floats but {other}", path.display()),
    }
}

/// Reads a file of 32-bit integers.
///
/// # Panics
/// When it is none.
pub fn integers(path: &Path) -> Matrix<i32> {
    let (header, body) = parts(path);
    assert_eq!(type_of(&header), "<i4", "{}", path.display());
    matrix(&header, &body, i32::from_le_bytes)
}

/// The header's text, and the values behind it.
fn parts(path: &Path) -> (String, Vec<u8>) {
    let mut bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(&bytes[..8], b"\x93NUMPY\x01\x00", "{}: not of version 1", path.display());
    let length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let body = bytes.split_off(10 + length);
    let header = String::from_utf8(bytes.split_off(10)).unwrap();
    assert!(header.contains("'fortran_order': False"), "{header}");
    (header, body)
}

fn type_of(header: &str) -> &str {
    between(header, "'descr': '", "'")
}

fn matrix<T, const N: usize>(header: &str, body: &[u8], read: impl Fn([u8; N]) -> T) -> Matrix<T> {
    let shape = between(header, "'shape': (", ")");
    let [rows, columns] = shape.split(',').map(|side| side.trim().parse::<usize>().unwrap()).collect::<Vec<_>>()[..]
    else {
        panic!("not two dimensions: {shape}");
    };
    let (values, []) = body.as_chunks::<N>() else { panic!("half a value at the end") };
    assert_eq!(values.len(), rows * columns, "{header}");
    Matrix { columns, values: values.iter().map(|&bytes| read(bytes)).collect() }
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("no {before} in {text}"));
    rest.split_once(after).unwrap_or_else(|| panic!("no {after} in {rest}")).0
}

/// IEEE 754 binary16: one bit of sign, five of exponent, ten of fraction. Every such number is a 32-bit float.
fn half(bits: u16) -> f32 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let fraction = f32::from(bits & 0x3ff);
    sign * match bits >> 10 & 0x1f {
        0 => fraction * 2_f32.powi(-24),
        31 => panic!("not finite: {bits:#x}"),
        exponent => (1024.0 + fraction) * 2_f32.powi(i32::from(exponent) - 25),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_the_numbers_that_ieee_754_says() {
        let numbers =
            [(0x3c00, 1.0), (0xc000, -2.0), (0x7bff, 65504.0), (0x0001, 2_f32.powi(-24)), (0x3555, 0.333_251_95)];
        for (bits, number) in numbers {
            assert_eq!(half(bits).to_bits(), number.to_bits(), "{bits:#x}");
        }
    }
}
