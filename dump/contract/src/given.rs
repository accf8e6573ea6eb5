//! Honest archives, manifests and dumps.

use annuli_core::id::{HistoryId, IndexName, IndexUuid, Seq, ShardCount, ShardId};
use annuli_dump::{
    ArchiveRecord, ArchiveWriter, Compression, CreatedAt, DumpId, DumpStore, EntryPath, HnswRecord, Manifest,
    ManifestHead, NewArchive, PendingDump, SchemaRecord, ShardRecord,
};
use std::io::Write;
use uuid::Uuid;

/// Enough files to go wrong in every way: an empty one, one of exactly a block, and one in a deeper folder.
pub const FILES: [(&str, &[u8]); 4] = [
    ("db/CURRENT", b"MANIFEST-000005\n"),
    ("db/LOCK", b""),
    ("segments/0/ids", &[7; 512]),
    ("canaries.json", br#"{"format_version":1,"canaries":[]}"#),
];

/// A path within an archive.
pub fn path(text: &str) -> EntryPath {
    EntryPath::new(text).unwrap()
}

/// Bytes that do not shrink, the same for the same seed.
pub fn noise(seed: &str, bytes: usize) -> Vec<u8> {
    let mut noise = vec![0; bytes];
    blake3::Hasher::new().update(seed.as_bytes()).finalize_xof().fill(&mut noise);
    noise
}

/// The record and the bytes of an archive of those files.
pub fn archive<P: AsRef<str>, C: AsRef<[u8]>>(files: &[(P, C)], compression: Compression) -> (ArchiveRecord, Vec<u8>) {
    let mut writer = ArchiveWriter::new(Vec::new(), compression).unwrap();
    for (name, content) in files {
        let mut content = content.as_ref();
        writer.append(&path(name.as_ref()), content.len() as u64, &mut content).unwrap();
    }
    writer.finish().unwrap()
}

/// The record and the bytes of an archive of [`FILES`].
pub fn small() -> (ShardRecord, Vec<u8>) {
    let (record, bytes) = archive(&FILES, Compression::default());
    (shard(0, record), bytes)
}

/// The record of a shard with that archive.
pub fn shard(number: u32, archive: ArchiveRecord) -> ShardRecord {
    ShardRecord {
        shard: ShardId(number),
        history: HistoryId(Uuid::from_u128(u128::from(number) + 100)),
        seq: Seq(41),
        documents: 17,
        archive,
    }
}

/// The n-th dump; a greater number is a later one.
pub fn dump_id(number: u8) -> DumpId {
    DumpId::new(Uuid::from_u128(0x0189_0000_0000_7000_8000_0000_0000_0000 + (u128::from(number) << 80))).unwrap()
}

/// The n-th index.
pub fn index_uuid(number: u8) -> IndexUuid {
    IndexUuid(Uuid::from_u128(u128::from(number)))
}

/// What a manifest begins with.
pub fn head(index: IndexUuid, dump: DumpId, shards: u32) -> ManifestHead {
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
pub fn dump(store: &DumpStore, index: IndexUuid, dump: DumpId) -> Manifest {
    let pending = PendingDump::begin(store, index, dump).unwrap();
    let (record, bytes) = archive(&FILES, Compression::default());
    for number in 0..2 {
        write(pending.create_archive(ShardId(number)).unwrap(), &bytes);
    }
    let shards = vec![shard(0, record.clone()), shard(1, record)];
    let manifest = Manifest::new(head(index, dump, 2), shards).unwrap();
    pending.commit(&manifest).unwrap();
    manifest
}

/// Writes an archive and gives it its name.
pub fn write(mut archive: NewArchive, bytes: &[u8]) {
    archive.write_all(bytes).unwrap();
    archive.publish().unwrap();
}
