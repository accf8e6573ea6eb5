//! Every bound of a dump, each with its reason. What the writer can produce lies within them, so they refuse only what
//! no release has written.

/// Largest `manifest.json`. An entry takes about 250 bytes, so a quarter of a million files fit; it is read into
/// memory whole.
pub const MANIFEST_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Largest `shard-<k>.json`: a manifest of one shard may be as large.
pub const SHARD_RECORD_BYTES_MAX: u64 = MANIFEST_BYTES_MAX;

/// Most entries of one archive. RocksDB's files have 64 MiB and more, so this is terabytes of a shard.
pub const ENTRIES_MAX: usize = 100_000;

/// Longest path of an entry: what the name field of a plain ustar header holds.
pub const ENTRY_PATH_BYTES_MAX: usize = 100;

/// Deepest path of an entry: `segments/<n>/<file>`.
pub const ENTRY_PATH_COMPONENTS_MAX: usize = 3;

/// Largest file in an archive, 1 TiB. A segment of 100 million vectors with 1,024 dimensions is 400 GB.
pub const ENTRY_BYTES_MAX: u64 = 1 << 40;

/// Largest archive, compressed and uncompressed, 16 TiB: the largest file of an ext4 volume. Sums over all shards of
/// an index stay far from overflow.
pub const ARCHIVE_BYTES_MAX: u64 = 1 << 44;

/// Most uncompressed bytes for each compressed one, over a whole archive. Vectors shrink to a half at best and even
/// sparse metadata to a hundredth; zstd itself would go to 30,000.
pub const COMPRESSION_RATIO_MAX: u64 = 1_000;

/// Up to this many uncompressed bytes any ratio will do: a test index of constant vectors is no bomb, and no disk
/// dies of 1 GiB.
pub const COMPRESSION_RATIO_FLOOR_BYTES: u64 = 1 << 30;

/// Largest zstd window as a power of two, 128 MiB: the memory that decoding takes. It is what `zstd` itself accepts
/// without being told otherwise.
pub const WINDOW_LOG_MAX: u32 = 27;

/// Strongest compression. Higher levels need `--ultra` and windows that hurt whoever reads.
pub const COMPRESSION_LEVEL_MAX: i32 = 19;

/// Most compression threads. Each holds 40 MiB at level 3 and 150 MiB at level 19 (measured); sixteen of them are
/// faster than any disk.
pub const COMPRESSION_THREADS_MAX: u32 = 16;

/// Bytes moved at once: a zstd block. Memory for reading or writing is a few of these and the window.
pub const BUFFER_BYTES: usize = 128 * 1024;

/// Largest `canaries.json`: it is read into memory whole, and 500 queries of 4,096 dimensions fit.
pub const CANARIES_BYTES_MAX: u64 = 32 * 1024 * 1024;
