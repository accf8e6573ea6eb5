//! The real data that ships with the repository: Debian packages, see `tests/data/README.md`.

use crate::npy::{self, Matrix};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// Documents, queries, and what is true about them.
pub struct Packages {
    /// `{"id", "metadata"}`, by row.
    pub documents: Vec<Value>,
    /// The documents' vectors, by row.
    pub vectors: Matrix<f32>,
    /// Vectors to search for.
    pub queries: Matrix<f32>,
    /// For each query the rows of its nearest documents.
    pub neighbors: Matrix<i32>,
    /// For each query the distances of those.
    pub distances: Matrix<f32>,
    /// Filters with their truth.
    pub filters: Vec<FilterTruth>,
}

/// A filter, and what it selects.
pub struct FilterTruth {
    /// The filter.
    pub filter: Value,
    /// How many documents match.
    pub matches: u64,
    /// For each query the rows of the nearest documents that match.
    pub top10: Vec<Vec<usize>>,
}

impl Packages {
    /// Reads everything.
    ///
    /// # Panics
    /// When a file is missing or not what it should be.
    pub fn read() -> Self {
        let filters: Vec<Value> = serde_json::from_str(&text("filters.json")).unwrap();
        Self {
            documents: text("documents.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
            vectors: npy::floats(&path("vectors.npy")),
            queries: npy::floats(&path("queries.npy")),
            neighbors: npy::integers(&path("neighbors.npy")),
            distances: npy::floats(&path("distances.npy")),
            filters: filters.iter().map(FilterTruth::read).collect(),
        }
    }

    /// The id of the document in `row`.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn id(&self, row: usize) -> &str {
        self.documents[row]["id"].as_str().unwrap()
    }

    /// Every document with its vector, as the API takes it.
    pub fn with_vectors(&self) -> Vec<Value> {
        let with_vector = |(document, vector): (&Value, &[f32])| {
            let mut document = document.clone();
            document["vector"] = json!(vector);
            document
        };
        self.documents.iter().zip(self.vectors.rows()).map(with_vector).collect()
    }
}

impl FilterTruth {
    fn read(json: &Value) -> Self {
        Self {
            filter: json["filter"].clone(),
            matches: json["matches"].as_u64().unwrap(),
            top10: serde_json::from_value(json["top10"].clone()).unwrap(),
        }
    }
}

fn text(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Where a file of the data is.
pub fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/debian-packages").join(name)
}
