//! Documents that become a segment, laid out in a file: a build reads them again and again, in orders of its own, and they may
//! be more than there is memory. What is kept of each is where it lies, and its id.

use super::BulkError;
use crate::store::StoreError;
use crate::store::document::StoredDocument;
use crate::workspace::disk::DiskFault;
use annuli_api::v1::metadata;
use annuli_core::segment::Rows;
use annuli_core::{Dim, DocId, Metadata, Point, Seq};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// Documents in the order of their points, on the disk.
pub(super) struct LaidOut {
    dim: usize,
    /// For each document its vector, then its metadata as JSON. It has lost its name already.
    file: File,
    path: PathBuf,
    rows: Vec<Row>,
    ids: String,
    /// The first read that has failed. Whoever asked was given anything.
    unread: OnceLock<io::Error>,
    is_unreadable: AtomicBool,
}

/// Where a document is.
struct Row {
    point: Point,
    seq: Seq,
    /// In the file.
    at: u64,
    metadata_bytes: usize,
    /// In `ids`.
    id: (usize, usize),
}

impl LaidOut {
    /// Writes documents into a file in `folder`, of which nothing stays when this is dropped.
    pub(super) fn of(
        documents: impl Iterator<Item = Result<(DocId, StoredDocument), StoreError>>,
        dim: Dim,
        folder: &Path,
    ) -> Result<Self, BulkError> {
        let path = folder.join("rows");
        let file = File::options().read(true).write(true).create_new(true).open(&path);
        let file = file.map_err(DiskFault::of("make", &path))?;
        fs::remove_file(&path).map_err(DiskFault::of("remove", &path))?;
        let (mut rows, mut ids, mut at) = (Vec::new(), String::new(), 0);
        let mut writer = BufWriter::new(&file);
        for document in documents {
            let (id, StoredDocument { seq, point, vector, metadata }) = document?;
            let metadata = metadata::to_bytes(&metadata).expect("it was read from a store");
            let vector: &[u8] = bytemuck::cast_slice(vector.as_slice());
            let written = writer.write_all(vector).and_then(|()| writer.write_all(&metadata));
            written.map_err(DiskFault::of("write", &path))?;
            let start = ids.len();
            ids.push_str(id.as_str());
            rows.push(Row { point, seq, at, metadata_bytes: metadata.len(), id: (start, ids.len()) });
            at += (vector.len() + metadata.len()) as u64;
        }
        writer.flush().map_err(DiskFault::of("write", &path))?;
        drop(writer);
        rows.sort_unstable_by_key(|row| row.point);
        let (unread, is_unreadable) = (OnceLock::new(), AtomicBool::new(false));
        Ok(Self { dim: dim.get(), file, path, rows, ids, unread, is_unreadable })
    }

    /// How many there are.
    pub(super) fn documents(&self) -> u64 {
        self.rows.len() as u64
    }

    /// Set once a read has failed, so that who builds of these rows gives up.
    pub(super) fn is_unreadable(&self) -> &AtomicBool {
        &self.is_unreadable
    }

    /// Fails if a read has.
    pub(super) fn check(&self) -> Result<(), DiskFault> {
        let Some(reason) = self.unread.get() else { return Ok(()) };
        let reason = reason.raw_os_error().map_or_else(|| reason.kind().into(), io::Error::from_raw_os_error);
        Err(DiskFault::of("read", &self.path)(reason))
    }

    fn read(&self, at: u64, bytes: &mut [u8]) {
        if let Err(reason) = self.file.read_exact_at(bytes, at) {
            self.give_up(reason);
        }
    }

    fn give_up(&self, reason: io::Error) {
        // The first is told.
        let _ = self.unread.set(reason);
        self.is_unreadable.store(true, Ordering::Relaxed);
    }
}

impl Rows for LaidOut {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn id(&self, row: usize) -> &str {
        let (start, end) = self.rows[row].id;
        &self.ids[start..end]
    }

    fn point(&self, row: usize) -> Point {
        self.rows[row].point
    }

    fn seq(&self, row: usize) -> Seq {
        self.rows[row].seq
    }

    fn read_vector(&self, row: usize, vector: &mut Vec<f32>) {
        vector.clear();
        // Where nothing can be read, this is a vector too, which has a length.
        vector.resize(self.dim, 1.0);
        self.read(self.rows[row].at, bytemuck::cast_slice_mut(vector));
    }

    fn read_payload(&self, row: usize, payload: &mut Vec<u8>) {
        let Row { at, metadata_bytes, .. } = self.rows[row];
        payload.clear();
        payload.resize(metadata_bytes, b' ');
        self.read(at + (self.dim * size_of::<f32>()) as u64, payload);
    }

    fn metadata(&self, row: usize) -> Metadata {
        let mut payload = Vec::new();
        self.read_payload(row, &mut payload);
        metadata::from_bytes(&payload).unwrap_or_else(|corrupt| {
            self.give_up(io::Error::new(io::ErrorKind::InvalidData, corrupt));
            Metadata::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use annuli_core::{Value, Vector};

    fn document(id: &str, point: u64) -> (DocId, StoredDocument) {
        let metadata = Metadata::new([("name".into(), Value::Text(id.into()))].into()).unwrap();
        let metadata = if point.is_multiple_of(2) { metadata } else { Metadata::default() };
        let vector = Vector::new(vec![point as f32, -1.0]).unwrap();
        (DocId::new(id).unwrap(), StoredDocument { seq: Seq(point + 10), point: Point(point), vector, metadata })
    }

    fn laid_out(folder: &Path) -> LaidOut {
        let documents = [document("a", 2), document("bä", 0), document("c", 1)];
        LaidOut::of(documents.into_iter().map(Ok), Dim::new(2).unwrap(), folder).unwrap()
    }

    #[test]
    fn documents_are_read_in_the_order_of_their_points() {
        let folder = tempfile::tempdir().unwrap();
        let rows = laid_out(folder.path());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "the file has no name");
        let read = |row: usize| {
            let (mut vector, mut payload) = (vec![7.0; 9], vec![7; 99]);
            rows.read_vector(row, &mut vector);
            rows.read_payload(row, &mut payload);
            let text = String::from_utf8(payload).unwrap();
            (rows.id(row).to_owned(), rows.point(row).0, rows.seq(row).0, vector, text, rows.metadata(row).is_empty())
        };
        let row = |id: &str, point: u64, text: &str| {
            (id.to_owned(), point, point + 10, vec![point as f32, -1.0], text.to_owned(), text.is_empty())
        };
        let expected = [row("bä", 0, r#"{"name":"bä"}"#), row("c", 1, ""), row("a", 2, r#"{"name":"a"}"#)];
        assert_eq!((0..rows.len()).map(read).collect::<Vec<_>>(), expected);
        assert!(rows.check().is_ok() && !rows.is_unreadable().load(Ordering::Relaxed));
    }

    /// A build asks for rows in the midst of work that cannot fail.
    #[test]
    fn rows_that_cannot_be_read_are_anything_and_told_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let rows = laid_out(folder.path());
        rows.file.set_len(3).unwrap();
        let mut vector = Vec::new();
        rows.read_vector(2, &mut vector);
        assert_eq!(vector.len(), 2);
        assert!(rows.metadata(0).is_empty());
        assert!(rows.is_unreadable().load(Ordering::Relaxed));
        let told = rows.check().unwrap_err().to_string();
        assert!(told.starts_with("cannot read `") && told.ends_with("unexpected end of file"), "{told}");
    }
}
