//! Honest archives and manifests.

use annuli_core::id::{HistoryId, IndexName, IndexUuid, Seq, ShardCount, ShardId};
use annuli_dump::{
    ArchiveRecord, ArchiveWriter, Compression, CreatedAt, DumpId, EntryPath, HnswRecord, LocalStore, Manifest,
    ManifestHead, SchemaRecord, ShardRecord,
};
use std::io::Write;
use uuid::Uuid;

/// Enough files to go wrong in every way: an empty one, one of exactly a block, and one in a deeper folder.
pub(crate) const FILES: [(&str, &[u8]); 4] = [
    ("db/CURRENT", b"MANIFEST-000005\n"),
    ("db/LOCK", b""),
    ("segments/0/ids", &[7; 512]),
    ("canaries.json", br#"{"format_version":1,"canaries":[]}"#),
];

pub(crate) fn path(text: &str) -> EntryPath {
    EntryPath::new(text).unwrap()
}

/// Bytes that do not shrink, the same for the same seed.
pub(crate) fn noise(seed: &str, bytes: usize) -> Vec<u8> {
    let mut noise = vec![0; bytes];
    blake3::Hasher::new().update(seed.as_bytes()).finalize_xof().fill(&mut noise);
    noise
}

pub(crate) fn archive<P: AsRef<str>, C: AsRef<[u8]>>(
    files: &[(P, C)],
    compression: Compression,
) -> (ArchiveRecord, Vec<u8>) {
    let mut writer = ArchiveWriter::new(Vec::new(), compression).unwrap();
    for (name, content) in files {
        let mut content = content.as_ref();
        writer.append(&path(name.as_ref()), content.len() as u64, &mut content).unwrap();
    }
    writer.finish().unwrap()
}

/// The record and the bytes of an archive of [`FILES`].
pub(crate) fn small() -> (ShardRecord, Vec<u8>) {
    let (record, bytes) = archive(&FILES, Compression::default());
    (shard(0, record), bytes)
}

pub(crate) fn shard(number: u32, archive: ArchiveRecord) -> ShardRecord {
    ShardRecord {
        shard: ShardId(number),
        history: HistoryId(Uuid::from_u128(u128::from(number) + 100)),
        seq: Seq(41),
        documents: 17,
        archive,
    }
}

/// The n-th dump; a greater number is a later one.
pub(crate) fn dump_id(number: u8) -> DumpId {
    DumpId::new(Uuid::from_u128(0x0189_0000_0000_7000_8000_0000_0000_0000 + (u128::from(number) << 80))).unwrap()
}

pub(crate) fn index_uuid(number: u8) -> IndexUuid {
    IndexUuid(Uuid::from_u128(u128::from(number)))
}

pub(crate) fn head(index: IndexUuid, dump: DumpId, shards: u32) -> ManifestHead {
    ManifestHead {
        dump,
        index: IndexName::new("faces").unwrap(),
        index_uuid: index,
        created_at: CreatedAt::new("2026-01-31T12:00:00Z").unwrap(),
        schema: SchemaRecord {
            dim: 128,
            metric: "cosine".to_owned(),
            shards: ShardCount::new(shards).unwrap(),
            hnsw: HnswRecord { m: 16, ef_construction: 200 },
            quantization: "int4".to_owned(),
        },
    }
}

/// Writes and commits a dump of two shards with the same files.
pub(crate) fn dump(store: &LocalStore, index: IndexUuid, dump: DumpId) -> Manifest {
    let pending = store.begin(index, dump).unwrap();
    let (record, bytes) = archive(&FILES, Compression::default());
    for number in 0..2 {
        pending.create_archive(ShardId(number)).unwrap().write_all(&bytes).unwrap();
    }
    let shards = vec![shard(0, record.clone()), shard(1, record)];
    let manifest = Manifest::new(head(index, dump, 2), shards).unwrap();
    pending.commit(&manifest).unwrap();
    manifest
}
