//! The section of a segment's file that holds its columns: a directory of paths, and a body for each.
//!
//! Little-endian. Offsets are 32 bits: a section is bounded far below 4 GiB.
//!
//! | part | bytes |
//! |---|---|
//! | `ACOL`, version (u16), 1 if every path is in the directory (u16) | 8 |
//! | rows, paths, bytes of names, bytes of bodies (u32) | 16 |
//! | ends of the paths' names, cumulative bytes (u32) | 4 a path |
//! | ends of the paths' bodies, cumulative bytes (u32) | 4 a path |
//! | names, UTF-8, ascending | |
//! | bodies, as `dictionary` has them; an empty one is a path that is not indexed | |

use super::dictionary::{Dictionary, bytes_of, end};
use super::posting::{take, u32_of};

const MAGIC: [u8; 4] = *b"ACOL";

/// Persisted: a section of another version is not read.
const VERSION: u16 = 1;

/// Bytes that are no columns of this segment. The columns can be built again from the metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidColumns {
    /// It does not begin as columns do.
    #[error("the section does not begin with `ACOL`")]
    Magic,
    /// A version that this release does not know.
    #[error("columns of version {found}, only {VERSION} is known")]
    Version {
        /// The version that was found.
        found: u16,
    },
    /// Columns of another segment.
    #[error("columns of {found} rows in a segment of {wanted}")]
    Rows {
        /// Rows that the columns were built for.
        found: u32,
        /// Rows of the segment.
        wanted: u32,
    },
    /// Parts that do not fill the section.
    #[error("the lengths in the head of the columns do not add up to the section's {bytes} bytes")]
    Lengths {
        /// Length of the section.
        bytes: usize,
    },
    /// A path out of order, beyond the section, or with a body whose parts do not fill it.
    #[error("path {path} in the directory of the columns is damaged")]
    Path {
        /// Its place in the directory, from 0.
        path: usize,
    },
}

/// What the directory knows of a path.
#[derive(Debug, Clone, Copy)]
pub(super) enum Indexed<'a> {
    /// These are its values; none where no row has the path.
    Yes(Dictionary<'a>),
    /// Rows may have the path, nobody knows which.
    No,
}

/// A view of the section's bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Section<'a> {
    pub rows: u32,
    complete: bool,
    name_ends: &'a [[u8; 4]],
    body_ends: &'a [[u8; 4]],
    names: &'a [u8],
    bodies: &'a [u8],
}

impl<'a> Section<'a> {
    /// Checks the directory. The time is that of the paths, however many rows there are.
    pub(super) fn parse(bytes: &'a [u8], rows: u32) -> Result<Self, InvalidColumns> {
        let lengths = InvalidColumns::Lengths { bytes: bytes.len() };
        let mut rest = bytes;
        if take(&mut rest, MAGIC.len()) != Some(&MAGIC[..]) {
            return Err(InvalidColumns::Magic);
        }
        let [version, complete] = [take(&mut rest, 2), take(&mut rest, 2)]
            .map(|number| number.and_then(|bytes| Some(u16::from_le_bytes(bytes.try_into().ok()?))));
        let (version, complete) = version.zip(complete).ok_or(lengths)?;
        if version != VERSION {
            return Err(InvalidColumns::Version { found: version });
        }
        let found = take(&mut rest, 4).and_then(u32_of).ok_or(lengths)?;
        if found != rows {
            return Err(InvalidColumns::Rows { found, wanted: rows });
        }
        let section = Self::parts(rest, rows, complete).ok_or(lengths)?;
        (0..section.name_ends.len()).try_for_each(|path| section.check(path).ok_or(InvalidColumns::Path { path }))?;
        Ok(section)
    }

    /// The column of a path.
    pub(super) fn column(&self, path: &str) -> Option<Indexed<'a>> {
        let mut unknown = 0..self.name_ends.len();
        while !unknown.is_empty() {
            let middle = unknown.start + unknown.len() / 2;
            match self.name(middle)?.cmp(path.as_bytes()) {
                std::cmp::Ordering::Less => unknown.start = middle + 1,
                std::cmp::Ordering::Greater => unknown.end = middle,
                std::cmp::Ordering::Equal => return self.indexed(middle),
            }
        }
        Some(if self.complete { Indexed::Yes(Dictionary::EMPTY) } else { Indexed::No })
    }

    fn parts(mut bytes: &'a [u8], rows: u32, complete: u16) -> Option<Self> {
        let mut number = || take(&mut bytes, 4).and_then(u32_of).map(|number| number as usize);
        let [paths, name_bytes, body_bytes] = [number()?, number()?, number()?];
        let name_ends = take(&mut bytes, paths.checked_mul(4)?)?.as_chunks().0;
        let body_ends = take(&mut bytes, paths.checked_mul(4)?)?.as_chunks().0;
        let names = take(&mut bytes, name_bytes)?;
        let whole = end(name_ends, paths)? == name_bytes && end(body_ends, paths)? == body_bytes;
        let valid = whole && bytes.len() == body_bytes && complete <= 1;
        valid.then_some(Self { rows, complete: complete == 1, name_ends, body_ends, names, bodies: bytes })
    }

    fn check(&self, path: usize) -> Option<()> {
        let name = self.name(path)?;
        self.indexed(path)?;
        (path == 0 || self.name(path - 1)? < name).then_some(())
    }

    fn name(&self, path: usize) -> Option<&'a [u8]> {
        self.names.get(end(self.name_ends, path)?..end(self.name_ends, path + 1)?)
    }

    fn indexed(&self, path: usize) -> Option<Indexed<'a>> {
        let body = self.bodies.get(end(self.body_ends, path)?..end(self.body_ends, path + 1)?)?;
        if body.is_empty() { Some(Indexed::No) } else { Dictionary::parse(body).map(Indexed::Yes) }
    }
}

/// The bytes of a section: paths, ascending, each with its body.
pub(super) fn write(rows: u32, complete: bool, columns: impl Iterator<Item = (Box<str>, Vec<u8>)>) -> Vec<u8> {
    let [mut name_ends, mut body_ends, mut names, mut bodies] = [const { Vec::new() }; 4];
    for (path, body) in columns {
        names.extend(path.as_bytes());
        bodies.extend(body);
        name_ends.extend(bytes_of(names.len()));
        body_ends.extend(bytes_of(bodies.len()));
    }
    let mut head = MAGIC.to_vec();
    head.extend([VERSION, complete.into()].into_iter().flat_map(u16::to_le_bytes));
    head.extend(rows.to_le_bytes());
    head.extend([name_ends.len() / 4, names.len(), bodies.len()].into_iter().flat_map(bytes_of));
    [head, name_ends, body_ends, names, bodies].concat()
}
