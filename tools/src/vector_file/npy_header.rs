//! The header of a `.npy` file: a Python literal such as
//! `{'descr': '<f4', 'fortran_order': False, 'shape': (7825, 256), }`.

use super::Failed;
use std::io::{self, Read};

const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// Longest header that is read. A matrix of numbers needs about a hundred bytes; the rest is for tables with named
/// columns, which are refused anyway.
const HEADER_BYTES_MAX: u32 = 64 * 1024;

/// What a header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) descr: String,
    pub(super) fortran_order: bool,
    pub(super) shape: Vec<u64>,
    /// Where the numbers begin.
    pub(super) data_offset: u64,
}

/// A header that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderFault {
    /// Another kind of file.
    #[error("is no .npy file: it does not begin with the magic bytes of one")]
    Magic,
    /// A version that did not exist when this was written.
    #[error("has version {major} of the .npy format; versions 1 to 3 are read")]
    Version {
        /// The version.
        major: u8,
    },
    /// It ends in its header.
    #[error("is cut off within its header")]
    CutOff,
    /// Longer than a matrix needs.
    #[error("has a header of {bytes} bytes, the limit is {HEADER_BYTES_MAX}")]
    TooLong {
        /// Its length.
        bytes: u32,
    },
    /// Not the dictionary that it should be.
    #[error("has a header that is not read here, at {rest:?}")]
    Malformed {
        /// The first characters that are not as expected.
        rest: String,
    },
    /// The dictionary lacks a name.
    #[error("has a header without `{name}`")]
    Lacks {
        /// Which.
        name: &'static str,
    },
}

/// Reads from the first byte of the file to the first of its numbers.
pub(super) fn read(source: &mut impl Read) -> Result<Header, Failed<HeaderFault>> {
    let mut magic = [0; 6];
    read_exact(source, &mut magic, HeaderFault::Magic)?;
    if magic != *MAGIC {
        return Err(Failed::Fault(HeaderFault::Magic));
    }
    let mut version = [0; 2];
    read_exact(source, &mut version, HeaderFault::CutOff)?;
    let (length, length_bytes) = match version[0] {
        1 => {
            let mut length = [0; 2];
            read_exact(source, &mut length, HeaderFault::CutOff)?;
            (u32::from(u16::from_le_bytes(length)), 2)
        }
        2 | 3 => {
            let mut length = [0; 4];
            read_exact(source, &mut length, HeaderFault::CutOff)?;
            (u32::from_le_bytes(length), 4)
        }
        major => return Err(Failed::Fault(HeaderFault::Version { major })),
    };
    if length > HEADER_BYTES_MAX {
        return Err(Failed::Fault(HeaderFault::TooLong { bytes: length }));
    }
    let mut text = vec![0; length as usize];
    read_exact(source, &mut text, HeaderFault::CutOff)?;
    let text = String::from_utf8_lossy(&text);
    parse(&text, 8 + length_bytes + u64::from(length)).map_err(Failed::Fault)
}

fn read_exact(source: &mut impl Read, into: &mut [u8], fault: HeaderFault) -> Result<(), Failed<HeaderFault>> {
    source.read_exact(into).map_err(|error| {
        if error.kind() == io::ErrorKind::UnexpectedEof { Failed::Fault(fault) } else { Failed::Read(error) }
    })
}

fn parse(text: &str, data_offset: u64) -> Result<Header, HeaderFault> {
    let (mut descr, mut fortran_order, mut shape) = (None, None, None);
    let mut literal = Literal { rest: text };
    literal.expect("{")?;
    while !literal.takes("}") {
        let name = literal.text()?;
        literal.expect(":")?;
        match name {
            "descr" => descr = Some(literal.text()?.to_owned()),
            "fortran_order" => fortran_order = Some(literal.truth()?),
            "shape" => shape = Some(literal.numbers()?),
            _ => return Err(HeaderFault::Malformed { rest: name.to_owned() }),
        }
        if !literal.takes(",") {
            literal.expect("}")?;
            break;
        }
    }
    Ok(Header {
        descr: descr.ok_or(HeaderFault::Lacks { name: "descr" })?,
        fortran_order: fortran_order.ok_or(HeaderFault::Lacks { name: "fortran_order" })?,
        shape: shape.ok_or(HeaderFault::Lacks { name: "shape" })?,
        data_offset,
    })
}

/// As much of Python as a header has.
struct Literal<'a> {
    rest: &'a str,
}

impl<'a> Literal<'a> {
    fn takes(&mut self, token: &str) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, token: &str) -> Result<(), HeaderFault> {
        if self.takes(token) { Ok(()) } else { Err(self.malformed()) }
    }

    fn text(&mut self) -> Result<&'a str, HeaderFault> {
        let quote = if self.takes("'") {
            '\''
        } else if self.takes("\"") {
            '"'
        } else {
            return Err(self.malformed());
        };
        let (text, rest) = self.rest.split_once(quote).ok_or_else(|| self.malformed())?;
        self.rest = rest;
        Ok(text)
    }

    fn truth(&mut self) -> Result<bool, HeaderFault> {
        if self.takes("True") {
            return Ok(true);
        }
        self.expect("False").map(|()| false)
    }

    /// A tuple: `()`, `(3,)`, `(3, 4)`.
    fn numbers(&mut self) -> Result<Vec<u64>, HeaderFault> {
        self.expect("(")?;
        let mut numbers = Vec::new();
        while !self.takes(")") {
            numbers.push(self.number()?);
            if !self.takes(",") {
                self.expect(")")?;
                break;
            }
        }
        Ok(numbers)
    }

    fn number(&mut self) -> Result<u64, HeaderFault> {
        self.rest = self.rest.trim_start();
        let digits = self.rest.len() - self.rest.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
        let number = self.rest[..digits].parse().map_err(|_| self.malformed())?;
        self.rest = &self.rest[digits..];
        Ok(number)
    }

    fn malformed(&self) -> HeaderFault {
        HeaderFault::Malformed { rest: self.rest.chars().take(40).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, descr: &str, fortran_order: bool, shape: &[u64]) {
        let expected = Header { descr: descr.to_owned(), fortran_order, shape: shape.to_vec(), data_offset: 0 };
        assert_eq!(parse(text, 0), Ok(expected), "{text}");
    }

    #[test]
    fn a_header_is_a_python_dictionary() {
        check("{'descr': '<f4', 'fortran_order': False, 'shape': (7825, 256), }   \n", "<f4", false, &[7825, 256]);
        check("{\"shape\":(3,),\"descr\":\"|b1\",\"fortran_order\":True}", "|b1", true, &[3]);
        check("{'descr':'<f8','fortran_order':False,'shape':()}", "<f8", false, &[]);
    }

    #[track_caller]
    fn check_refused(text: &str, message: &str) {
        assert_eq!(parse(text, 0).unwrap_err().to_string(), message, "{text}");
    }

    #[test]
    fn another_header_is_refused_where_it_differs() {
        check_refused("[]", "has a header that is not read here, at \"[]\"");
        let table = "{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (3,)}";
        check_refused(table, "has a header that is not read here, at \"[('x', '<f4')], 'fortran_order': False, \"");
        check_refused("{'descr': '<f4', 'shape': (1, 2)}", "has a header without `fortran_order`");
        check_refused("{'shape': (1, -2)}", "has a header that is not read here, at \"-2)}\"");
        check_refused("{'shape': (1", "has a header that is not read here, at \"\"");
        check_refused("{'descr", "has a header that is not read here, at \"descr\"");
        let huge = "{'shape': (99999999999999999999,)}";
        check_refused(huge, "has a header that is not read here, at \"99999999999999999999,)}\"");
    }
}
