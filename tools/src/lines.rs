//! Text files, line by line, without ever holding more than a line.

use annuli_core::limits::BODY_BYTES_MAX;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// Longest line. A document of such a line fits into no request.
const LINE_BYTES_MAX: usize = BODY_BYTES_MAX;

/// A file of lines, before its first one.
#[derive(Debug)]
pub struct Lines {
    path: PathBuf,
    source: BufReader<File>,
    number: u64,
}

/// A line with its number, from 1, as editors count.
#[derive(Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number.
    pub number: u64,
    /// Its text, without the end of the line.
    pub text: String,
}

/// A file whose lines cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LinesError {
    /// The system refused.
    #[error("`{}` cannot be read: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A line without end.
    #[error("`{}`, line {number}: it has more than {LINE_BYTES_MAX} bytes", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The line.
        number: u64,
    },
    /// Bytes that are no text.
    #[error("`{}`, line {number}: it is not text in UTF-8", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
        /// The line.
        number: u64,
    },
}

impl Lines {
    /// Opens a file.
    pub fn open(path: &Path) -> Result<Self, LinesError> {
        let source = File::open(path).map_err(|error| LinesError::Read { path: path.to_owned(), error })?;
        Ok(Self { path: path.to_owned(), source: BufReader::new(source), number: 0 })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The next line; `None` behind the last. The end of the last line may be left out.
    pub fn next_line(&mut self) -> Result<Option<Line>, LinesError> {
        let mut bytes = Vec::new();
        let limit = LINE_BYTES_MAX as u64 + 1;
        let read = self.source.by_ref().take(limit).read_until(b'\n', &mut bytes);
        if read.map_err(|error| LinesError::Read { path: self.path.clone(), error })? == 0 {
            return Ok(None);
        }
        self.number += 1;
        let number = self.number;
        if bytes.pop_if(|last| *last == b'\n').is_some() {
            bytes.pop_if(|last| *last == b'\r');
        }
        if bytes.len() > LINE_BYTES_MAX {
            return Err(LinesError::TooLong { path: self.path.clone(), number });
        }
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Some(Line { number, text })),
            Err(_) => Err(LinesError::NotText { path: self.path.clone(), number }),
        }
    }
}

/// The number of lines in a file.
pub fn count(path: &Path) -> Result<u64, LinesError> {
    count_in(path).map_err(|error| LinesError::Read { path: path.to_owned(), error })
}

fn count_in(path: &Path) -> io::Result<u64> {
    let mut source = BufReader::new(File::open(path)?);
    let (mut ends, mut last) = (0, b'\n');
    loop {
        let bytes = source.fill_buf()?;
        let Some(end) = bytes.last() else { break };
        last = *end;
        ends += bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
        let read = bytes.len();
        source.consume(read);
    }
    Ok(ends + u64::from(last != b'\n'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes a file and reads its lines; the count must agree.
    fn lines_of(bytes: &[u8]) -> Result<Vec<(u64, String)>, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let mut lines = Lines::open(file.path()).unwrap();
        let mut found = Vec::new();
        loop {
            match lines.next_line() {
                Ok(Some(line)) => found.push((line.number, line.text)),
                Ok(None) => break,
                Err(error) => return Err(error.to_string().replace(file.path().to_str().unwrap(), "F")),
            }
        }
        assert_eq!(count(file.path()).unwrap(), found.len() as u64);
        Ok(found)
    }

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let found: Vec<_> = lines_of(text.as_bytes()).unwrap().into_iter().map(|(_, text)| text).collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn lines_end_in_a_newline_or_the_file() {
        check("", &[]);
        check("a", &["a"]);
        check("a\n", &["a"]);
        check("a\r\nb\r\n", &["a", "b"]);
        check("a\n\nä", &["a", "", "ä"]);
        check("\n\n", &["", ""]);
    }

    #[test]
    fn lines_count_from_1() {
        assert_eq!(lines_of(b"x\ny").unwrap(), [(1, "x".to_owned()), (2, "y".to_owned())]);
    }

    #[test]
    fn what_is_no_line_of_text_is_named() {
        assert_eq!(lines_of(b"a\n\xff\n").unwrap_err(), "`F`, line 2: it is not text in UTF-8");
        let long = [b"a\n", &vec![b'x'; LINE_BYTES_MAX + 1][..]].concat();
        assert_eq!(lines_of(&long).unwrap_err(), "`F`, line 2: it has more than 33554432 bytes");
        let longest = vec![b'x'; LINE_BYTES_MAX];
        assert_eq!(lines_of(&longest).unwrap()[0].1.len(), LINE_BYTES_MAX);
    }
}
