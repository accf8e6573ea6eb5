use super::*;
use annuli_core::vector::Dim;
use annuli_core::{HnswParams, Metric, Quantization, ShardCount};
use std::fs;
use tempfile::TempDir;

/// The files of one import: vectors first, then ids and metadata if there are any.
struct Files {
    folder: TempDir,
    vectors: PathBuf,
    ids: Option<PathBuf>,
    metadata: Option<PathBuf>,
}

impl Files {
    fn new(name: &str, vectors: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, vectors).unwrap();
        Self { folder, vectors: path, ids: None, metadata: None }
    }

    /// Two rows of two components.
    fn matrix() -> Self {
        Self::fvecs(&[[1.0, 2.0], [3.0, 4.0]])
    }

    fn fvecs(rows: &[[f32; 2]]) -> Self {
        let row = |row: &[f32; 2]| [2_i32.to_le_bytes(), row[0].to_le_bytes(), row[1].to_le_bytes()].concat();
        Self::new("v.fvecs", &rows.iter().flat_map(row).collect::<Vec<u8>>())
    }

    fn ids(mut self, text: &str) -> Self {
        let path = self.folder.path().join("ids.txt");
        fs::write(&path, text).unwrap();
        self.ids = Some(path);
        self
    }

    fn metadata(mut self, text: &str) -> Self {
        let path = self.folder.path().join("metadata.jsonl");
        fs::write(&path, text).unwrap();
        self.metadata = Some(path);
        self
    }

    fn open(&self) -> Result<Input, OpenInputError> {
        Input::open(&self.vectors, self.ids.as_deref(), self.metadata.as_deref(), None)
    }

    /// Every document as `id vector metadata`, or the first error without the folder's name.
    fn read(&self) -> Result<Vec<String>, String> {
        let told = |error: String| error.replace(&format!("{}/", self.folder.path().display()), "");
        let mut input = self.open().map_err(|error| told(error.to_string()))?;
        let schema = IndexSchema {
            dim: Dim::new(2).unwrap(),
            metric: Metric::Cosine,
            shards: ShardCount::ONE,
            hnsw: HnswParams::new(None, None).unwrap(),
            quantization: Quantization::Int8,
        };
        let mut documents = Vec::new();
        while let Some(next) = input.next(&schema).map_err(|error| told(error.to_string()))? {
            let IndexDocument { id, vector, metadata, .. } = next.document;
            assert!(matches!(vector, WireVector::Base64(_)), "{id}: {vector:?}");
            let vector = Vector::try_from(vector).unwrap();
            let metadata = metadata.map(|metadata| serde_json::to_string(&metadata).unwrap()).unwrap_or_default();
            documents.push(format!("{id} {:?} {metadata}", vector.as_slice()));
        }
        assert_eq!(input.shape().rows, documents.len() as u64);
        Ok(documents)
    }
}

#[track_caller]
fn check(files: &Files, documents: &[&str]) {
    assert_eq!(files.read().unwrap(), documents);
}

#[track_caller]
fn check_refused(files: &Files, message: &str) {
    assert_eq!(files.read().unwrap_err(), message);
}

#[test]
fn rows_without_ids_are_called_by_their_numbers() {
    check(&Files::matrix(), &["0 [1.0, 2.0] ", "1 [3.0, 4.0] "]);
}

#[test]
fn ids_and_metadata_belong_to_the_row_of_their_line() {
    let metadata = "{\"id\": \"x\", \"metadata\": {\"n\": 1}}\n{\"id\": \"y\"}\n";
    check(&Files::matrix().metadata(metadata), &["x [1.0, 2.0] {\"n\":1}", "y [3.0, 4.0] "]);
    check(&Files::matrix().metadata(metadata).ids("a\nb"), &["a [1.0, 2.0] {\"n\":1}", "b [3.0, 4.0] "]);
    let nameless = "{\"metadata\": {\"n\": 1}}\n{}\n";
    check(&Files::matrix().metadata(nameless).ids("a\nb"), &["a [1.0, 2.0] {\"n\":1}", "b [3.0, 4.0] "]);
    check_refused(
        &Files::matrix().metadata(nameless),
        "`metadata.jsonl`, line 1: it has no `id`, and there is no --ids",
    );
}

#[test]
fn files_of_different_lengths_are_refused_at_once() {
    let message = |file, lines| format!("`{file}` has {lines} lines, `v.fvecs` has 2 rows: line i belongs to row i");
    check_refused(&Files::matrix().ids("a\n"), &message("ids.txt", 1));
    check_refused(&Files::matrix().ids("a\nb\n\n"), &message("ids.txt", 3));
    check_refused(&Files::matrix().ids("a\nb").metadata("{}"), &message("metadata.jsonl", 1));
    assert!(Files::matrix().ids("a\n").open().is_err());
}

#[test]
fn an_id_that_none_can_have_is_named_by_its_line() {
    check_refused(&Files::matrix().ids("a\n\n"), "`ids.txt`, line 2: a document id is empty: it needs 1 to 512 bytes");
    let metadata = "{\"id\": \"a\"}\n{\"id\": \"\"}\n";
    let message = "`metadata.jsonl`, line 2: a document id is empty: it needs 1 to 512 bytes";
    check_refused(&Files::matrix().metadata(metadata), message);
}

#[test]
fn a_vector_that_the_index_cannot_take_is_named_by_its_row() {
    let files = Files::fvecs(&[[1.0, 2.0], [f32::NAN, 1.0]]);
    check_refused(&files, "`v.fvecs`, row 1: the vector component 0 is not a finite number");
    let error = Files::fvecs(&[[0.0, 0.0]]).read().unwrap_err();
    assert!(error.starts_with("`v.fvecs`, row 0: the vector has length 0e0: under the metric cosine"), "{error}");
}

#[test]
fn documents_are_read_from_lines_of_json() {
    let first = "{\"id\": \"a\", \"vector\": [1, 2], \"metadata\": {\"n\": [1]}}";
    let second = "{\"vector\": \"AACAPwAAAEA=\", \"id\": \"b\"}";
    check(
        &Files::new("d.jsonl", format!("{first}\n{second}").as_bytes()),
        &["a [1.0, 2.0] {\"n\":[1]}", "b [1.0, 2.0] "],
    );
}

#[test]
fn a_bad_line_is_named() {
    let good = "{\"id\": \"a\", \"vector\": [1, 2]}\n";
    let check_second = |line: &str, fault: &str| {
        let files = Files::new("d.jsonl", format!("{good}{line}\n").as_bytes());
        check_refused(&files, &format!("`d.jsonl`, line 2: {fault}"));
    };
    check_second("{\"id\": \"b\"}", "missing field `vector` (column 11)");
    check_second("{\"id\": 7, \"vector\": [1, 2]}", "invalid type: integer `7`, expected a string (column 8)");
    check_second("", "EOF while parsing a value (column 0)");
    let unknown = "unknown field `text`, expected one of `id`, `vector`, `metadata` (column 18)";
    check_second("{\"id\": \"b\", \"text\": \"\"}", unknown);
    check_second("{\"id\": \"b\", \"vector\": [1]}", "the vector has 1 dimensions, the index has 2");
    check_second("{\"id\": \"b\", \"vector\": [1, null]}", "the vector component 1 is not a finite number");
    check_second("{\"id\": \"\", \"vector\": [1, 2]}", "a document id is empty: it needs 1 to 512 bytes");
}

#[test]
fn documents_have_no_files_beside_them() {
    let files = Files::new("d.jsonl", b"{\"id\": \"a\", \"vector\": [1, 2]}").ids("a");
    check_refused(&files, "`d.jsonl` has ids and metadata of its own: leave out --ids and --metadata");
}

#[test]
fn a_file_of_another_format_is_refused() {
    let message = "`v.csv` is of no known format: its name must end in .npy, .fvecs, .hdf5, .jsonl or .parquet";
    check_refused(&Files::new("v.csv", b"1,2"), message);
}

#[test]
fn nothing_to_import_is_said() {
    check_refused(&Files::new("d.jsonl", b""), "`d.jsonl` has no documents");
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 2)}";
    let npy = [b"\x93NUMPY\x01\x00", &[u8::try_from(header.len()).unwrap(), 0][..], header.as_bytes()].concat();
    check_refused(&Files::new("v.npy", &npy), "`v.npy` has no documents");
}
