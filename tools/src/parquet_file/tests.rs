use super::*;
use std::fs::{self, File};
use std::path::Path;

/// Five rows, two in a row group, written by pyarrow 26 with Snappy: `id` (int64), `emb` (lists of float32), and fields of
/// most types, nulls among them.
const PYARROW: &[u8] = include_bytes!("samples/pyarrow.parquet");

fn columns(vector: &str, fields: &[&str]) -> ParquetColumns {
    let fields = Some(fields.iter().map(|field| (*field).to_owned()).collect());
    ParquetColumns { vector: vector.to_owned(), fields, ..ParquetColumns::default() }
}

/// Each row as `id vector metadata`, or the first error.
fn read(path: &Path, columns: ParquetColumns) -> Result<Vec<String>, String> {
    let rows = || {
        let mut file = ParquetFile::open(path, columns)?;
        let mut rows = Vec::new();
        while let Some(ParquetRow { id, vector, metadata }) = file.next_row()? {
            let metadata = metadata.map_or_else(String::new, |metadata| serde_json::to_string(&metadata).unwrap());
            rows.push(format!("{id} {vector:?} {metadata}"));
        }
        assert_eq!(file.shape().rows, rows.len() as u64);
        Ok(rows)
    };
    rows().map_err(|error: ParquetFileError| error.to_string().replace(path.to_str().unwrap(), "F"))
}

fn read_bytes(bytes: &[u8], columns: ParquetColumns) -> Result<Vec<String>, String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), bytes).unwrap();
    read(file.path(), columns)
}

#[test]
fn what_pyarrow_has_written_is_read() {
    let rows = read_bytes(PYARROW, columns("emb", &["color", "size", "price", "tags", "at", "fits"])).unwrap();
    let expected = [
        r#"10 [1.0, 0.0] {"at":{"x":0},"color":"red","fits":true,"price":0.5,"size":1,"tags":["a","b"]}"#,
        r#"11 [2.0, 0.5] {"at":{"x":1},"fits":false,"price":1.5,"size":2,"tags":[]}"#,
        r#"12 [3.0, 1.0] {"at":{"x":2},"color":"blue","price":2.5,"size":3}"#,
        r#"13 [4.0, 1.5] {"at":{"x":3},"color":"red","fits":true,"price":3.5,"tags":["c"]}"#,
        r#"14 [5.0, 2.0] {"at":{"x":4},"color":"red","fits":true,"price":4.5,"size":5,"tags":["d"]}"#,
    ];
    assert_eq!(rows, expected);
    assert_eq!(read_bytes(PYARROW, columns("emb", &[])).unwrap()[4], "14 [5.0, 2.0] ");
}

#[test]
fn rows_are_passed_over() {
    let path = tempfile::NamedTempFile::new().unwrap();
    fs::write(path.path(), PYARROW).unwrap();
    let mut file = ParquetFile::open(path.path(), columns("emb", &[])).unwrap();
    file.skip_rows(3).unwrap();
    assert_eq!(file.next_row().unwrap().unwrap().id, "13");
    file.skip_rows(9).unwrap();
    assert_eq!(file.next_row().unwrap(), None);
}

#[test]
fn what_cannot_be_used_is_named() {
    let refused = |columns| read_bytes(PYARROW, columns).unwrap_err();
    let there_are =
        "there are id, emb, color, size, price, tags, at, fits, day: see --id-column, --vector-column and --fields";
    assert_eq!(refused(ParquetColumns::default()), format!("`F` has no column `vector`; {there_are}"));
    assert_eq!(refused(columns("emb", &["colour"])), format!("`F` has no column `colour`; {there_are}"));
    let day = "`F`, row 0: column `day` holds dates, which metadata cannot: choose columns with --fields";
    assert_eq!(refused(columns("emb", &["day"])), day);
    assert_eq!(refused(columns("price", &[])), "`F`, row 0: column `price` is no list of numbers");
    let ids = ParquetColumns { id: "price".to_owned(), ..columns("emb", &[]) };
    assert_eq!(refused(ids), "`F`, row 0: column `price` is neither a text nor a whole number");
    for bytes in [&b""[..], b"nonsense", &PYARROW[..4_000]] {
        let error = read_bytes(bytes, columns("emb", &[])).unwrap_err();
        assert!(error.starts_with("`F` is no Parquet file that can be read: "), "{error}");
    }
}

/// Writes rows of two components, every third without metadata.
fn written(rows: u16) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut writer = ParquetWriter::new(File::create(file.path()).unwrap()).unwrap();
    for row in 0..rows {
        let metadata = (row % 3 != 0).then(|| format!(r#"{{"metadata":{{"n":{row}}}}}"#));
        writer.add(format!("d{row}"), &[f32::from(row), 0.5], metadata).unwrap();
    }
    writer.finish().unwrap();
    file
}

#[test]
fn what_is_written_is_read_again() {
    let rows = read(written(4).path(), ParquetColumns::default()).unwrap();
    let expected = [
        "d0 [0.0, 0.5] ",
        r#"d1 [1.0, 0.5] {"metadata":{"n":1}}"#,
        r#"d2 [2.0, 0.5] {"metadata":{"n":2}}"#,
        "d3 [3.0, 0.5] ",
    ];
    assert_eq!(rows, expected);
}

#[test]
fn a_file_of_several_row_groups_is_whole() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut writer = ParquetWriter::new(File::create(file.path()).unwrap()).unwrap();
    let vector = vec![0.25; 4_096];
    for row in 0..2_500 {
        writer.add(row.to_string(), &vector, None).unwrap();
    }
    writer.finish().unwrap();
    let mut file = ParquetFile::open(file.path(), ParquetColumns::default()).unwrap();
    file.skip_rows(2_400).unwrap();
    let row = file.next_row().unwrap().unwrap();
    assert_eq!((row.id.as_str(), row.vector == vector, file.shape().rows), ("2400", true, 2_500));
}

#[test]
fn a_file_without_rows_has_no_documents() {
    assert_eq!(read(written(0).path(), ParquetColumns::default()).unwrap_err(), "`F` has no documents");
}
