//! Records of archives.

use crate::given::{dump_id, index_uuid, shard, small};
use crate::subject::Subject;
use annuli_core::id::{Seq, ShardId};
use annuli_dump::{PutRecordError, ShardRecord};

/// Whole.
pub fn a_record_reads_back(Subject { store, .. }: &Subject) {
    store.begin(index_uuid(1), dump_id(1)).unwrap();
    let records = [0, 7].map(|number| shard(number, small().0.archive));
    for record in &records {
        store.put_record(index_uuid(1), dump_id(1), record).unwrap();
    }
    for record in records {
        assert_eq!(store.record(index_uuid(1), dump_id(1), record.shard).unwrap(), Some(record));
    }
}

/// Whoever does not know whether it was put puts it again.
pub fn a_record_may_be_put_again_and_never_changes(Subject { store, .. }: &Subject) {
    store.begin(index_uuid(1), dump_id(1)).unwrap();
    let record = small().0;
    store.put_record(index_uuid(1), dump_id(1), &record).unwrap();
    store.put_record(index_uuid(1), dump_id(1), &record).unwrap();
    let later = ShardRecord { seq: Seq(record.seq.0 + 1), ..record.clone() };
    let error = store.put_record(index_uuid(1), dump_id(1), &later).unwrap_err();
    let differs = PutRecordError::Differs { dump: dump_id(1), shard: record.shard };
    assert_eq!(error.to_string(), differs.to_string());
    assert_eq!(store.record(index_uuid(1), dump_id(1), record.shard).unwrap(), Some(record));
}

/// Nor has a dump that was never begun.
pub fn a_shard_without_a_record_has_none(Subject { store, .. }: &Subject) {
    store.begin(index_uuid(1), dump_id(1)).unwrap();
    store.put_record(index_uuid(1), dump_id(1), &small().0).unwrap();
    assert_eq!(store.record(index_uuid(1), dump_id(1), ShardId(1)).unwrap(), None);
    assert_eq!(store.record(index_uuid(1), dump_id(2), ShardId(0)).unwrap(), None);
}
