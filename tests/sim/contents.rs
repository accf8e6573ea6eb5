//! What a shard holds, as the one file of its archive.

use annuli_contract::{Contents, Stored};
use annuli_core::{DocId, Metadata, Seq, ShardId, Vector};
use annuli_core::{HistoryId, IndexUuid};
use annuli_dump::{
    ArchiveWriter, Compression, DumpId, DumpStore, EntryPath, ReadEntryError, ShardRecord, StoredDump, read_entry,
    verify_archive,
};
use serde_json::{Value, json};
use std::io::{self, Cursor, Read, Write};

/// More than any shard of a life.
const BYTES_MAX: u64 = 16 * 1024 * 1024;

fn path() -> EntryPath {
    EntryPath::db("documents.json").expect("a plain name")
}

fn encode(contents: &Contents) -> Vec<u8> {
    let document = |(id, stored): (&DocId, &Stored)| json!([id.as_str(), stored.seq.0, stored.vector.as_slice()[0]]);
    let documents: Vec<Value> = contents.documents.iter().map(document).collect();
    serde_json::to_vec(&json!({"seq": contents.seq, "documents": documents})).expect("texts and numbers")
}

fn decode(bytes: &[u8]) -> Option<Contents> {
    let value: Value = serde_json::from_slice(bytes).ok()?;
    let mut contents = Contents { seq: value["seq"].as_u64()?, ..Contents::default() };
    for document in value["documents"].as_array()? {
        let id = DocId::new(document[0].as_str()?).ok()?;
        #[expect(clippy::cast_possible_truncation, reason = "it was written from so short a number")]
        let vector = Vector::new(vec![document[2].as_f64()? as f32]).ok()?;
        let stored = Stored { seq: Seq(document[1].as_u64()?), vector, metadata: Metadata::default() };
        contents.documents.insert(id, stored);
    }
    Some(contents)
}

/// Puts a shard into a dump, and its record beside it.
pub(crate) fn put(
    store: &DumpStore,
    (index, dump): (IndexUuid, DumpId),
    shard: ShardId,
    history: HistoryId,
    contents: &Contents,
) -> Result<ShardRecord, String> {
    let said = |error: &dyn std::fmt::Display| error.to_string();
    match store.record(index, dump, shard).map_err(|error| said(&error))? {
        Some(record) if record.history == history => return Ok(record),
        Some(_) => return Err("it was dumped from another folder".to_owned()),
        None => {}
    }
    let bytes = encode(contents);
    let compression = Compression { level: 1, threads: 1 };
    let mut archive = ArchiveWriter::new(Vec::new(), compression).map_err(|error| said(&error))?;
    archive.append(&path(), bytes.len() as u64, &mut bytes.as_slice()).map_err(|error| said(&error))?;
    let (record, bytes) = archive.finish().map_err(|error| said(&error))?;
    let mut file = store.create_archive(index, dump, shard).map_err(|error| said(&error))?;
    file.write_all(&bytes).map_err(|error| said(&error))?;
    file.publish().map_err(|error| said(&error))?;
    let documents = contents.documents.len() as u64;
    let record = ShardRecord { shard, history, seq: Seq(contents.seq), documents, archive: record };
    store.put_record(index, dump, &record).map_err(|error| said(&error))?;
    Ok(record)
}

/// Takes a shard out of a dump: every byte of it is checked.
pub(crate) fn take(dump: &StoredDump, shard: ShardId) -> Result<(HistoryId, Contents), String> {
    let record = dump.manifest().shard(shard).ok_or("the dump lacks the shard")?;
    let mut bytes = Vec::new();
    let mut archive = dump.open_archive(shard).map_err(|error| error.to_string())?;
    archive.read_to_end(&mut bytes).map_err(|error: io::Error| error.to_string())?;
    verify_archive(record, &mut bytes.as_slice(), &mut |_| {}).map_err(|error| error.to_string())?;
    let file = read_entry(record, &path(), &mut Cursor::new(bytes), BYTES_MAX);
    let file = file.map_err(|error: ReadEntryError| error.to_string())?;
    let contents = decode(&file).ok_or("its documents cannot be read")?;
    if contents.seq != record.seq.0 {
        return Err("it is not as of the seq that is recorded".to_owned());
    }
    Ok((record.history, contents))
}
