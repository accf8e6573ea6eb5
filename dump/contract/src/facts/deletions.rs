//! How a dump ends.

use crate::given::{dump, dump_id, index_uuid, small};
use crate::subject::Subject;
use annuli_core::id::ShardId;
use annuli_dump::verify_dump;

/// With everything that was written beside its manifest.
pub fn a_deleted_dump_is_gone_and_its_neighbours_stay(Subject { store, .. }: &Subject) {
    dump(store, index_uuid(1), dump_id(1));
    store.put_record(index_uuid(1), dump_id(1), &small().0).unwrap();
    dump(store, index_uuid(1), dump_id(2));
    store.delete(index_uuid(1), dump_id(1)).unwrap();
    assert!(store.find(dump_id(1)).is_err());
    assert!(store.open_archive(index_uuid(1), dump_id(1), ShardId(0), 0).is_err());
    assert_eq!(store.record(index_uuid(1), dump_id(1), ShardId(0)).unwrap(), None);
    assert_eq!(store.list().unwrap().iter().map(|row| row.dump).collect::<Vec<_>>(), [dump_id(2)]);
    verify_dump(&store.find(dump_id(2)).unwrap(), &mut |_| {}).unwrap();
}

/// Nor a second time.
pub fn what_was_never_there_cannot_be_deleted(Subject { store, .. }: &Subject) {
    dump(store, index_uuid(1), dump_id(1));
    let absent = |number| format!("the store `{}` has no dump {}", store.place(), dump_id(number));
    assert_eq!(store.delete(index_uuid(1), dump_id(2)).unwrap_err().to_string(), absent(2));
    assert_eq!(store.delete(index_uuid(2), dump_id(1)).unwrap_err().to_string(), absent(1));
    store.delete(index_uuid(1), dump_id(1)).unwrap();
    assert_eq!(store.delete(index_uuid(1), dump_id(1)).unwrap_err().to_string(), absent(1));
}
