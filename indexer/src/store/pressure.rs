//! How much RocksDB holds in memory, and how far it is behind.

use super::Store;
use rocksdb::properties::{
    ACTUAL_DELAYED_WRITE_RATE, BLOCK_CACHE_USAGE, ESTIMATE_PENDING_COMPACTION_BYTES, ESTIMATE_TABLE_READERS_MEM,
    IS_WRITE_STOPPED, NUM_RUNNING_COMPACTIONS, PropName, SIZE_ALL_MEM_TABLES,
};

/// What RocksDB says of itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pressure {
    /// Memory for what was written last.
    pub memtable_bytes: u64,
    /// Memory for blocks that were read.
    pub cache_bytes: u64,
    /// Memory for filters and indexes of tables.
    pub table_readers_bytes: u64,
    /// What is still to be written again, estimated.
    pub compaction_pending_bytes: u64,
    /// Compactions that are under way.
    pub compactions: u64,
    /// Whether writes are slowed down or stopped until compactions have caught up.
    pub stalled: bool,
}

impl Store {
    /// How the store is. It touches no disk.
    pub fn pressure(&self) -> Pressure {
        // A name that RocksDB knows is answered; a store that is only read has nothing to say of some.
        let says = |name: &PropName| self.db.property_int_value(name).ok().flatten().unwrap_or(0);
        Pressure {
            memtable_bytes: says(SIZE_ALL_MEM_TABLES),
            cache_bytes: says(BLOCK_CACHE_USAGE),
            table_readers_bytes: says(ESTIMATE_TABLE_READERS_MEM),
            compaction_pending_bytes: says(ESTIMATE_PENDING_COMPACTION_BYTES),
            compactions: says(NUM_RUNNING_COMPACTIONS),
            stalled: says(IS_WRITE_STOPPED) > 0 || says(ACTUAL_DELAYED_WRITE_RATE) > 0,
        }
    }
}
