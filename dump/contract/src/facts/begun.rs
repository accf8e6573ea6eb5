//! Dumps that were begun and are none yet.

use crate::given::{dump, dump_id, index_uuid};
use crate::subject::Subject;
use annuli_dump::{BeginDumpError, DumpState};

/// Neither while it is written nor afterwards.
pub fn a_dump_is_begun_once(Subject { store, .. }: &Subject) {
    store.begin(index_uuid(1), dump_id(1)).unwrap();
    dump(store, index_uuid(1), dump_id(2));
    for number in [1, 2] {
        let error = store.begin(index_uuid(1), dump_id(number)).unwrap_err();
        let exists = BeginDumpError::Exists { index: index_uuid(1), dump: dump_id(number) };
        assert_eq!(error.to_string(), exists.to_string());
    }
    store.begin(index_uuid(1), dump_id(3)).unwrap();
}

/// Even before anything of it is written.
pub fn a_begun_dump_is_listed_as_incomplete(Subject { store, .. }: &Subject) {
    store.begin(index_uuid(1), dump_id(1)).unwrap();
    let listed = store.list().unwrap();
    let [listed] = listed.as_slice() else { panic!("one dump expected, got {listed:?}") };
    assert_eq!((listed.index, listed.dump), (index_uuid(1), dump_id(1)));
    assert!(matches!(listed.state, DumpState::Incomplete), "{:?}", listed.state);
    let text = "dump 01890000-0001-7000-8000-000000000000 is incomplete: it has no manifest";
    assert_eq!(store.find(dump_id(1)).unwrap_err().to_string(), text);
    assert_eq!(store.open(index_uuid(1), dump_id(1)).unwrap_err().to_string(), text);
}

/// Whoever cleans up needs no manifest.
pub fn a_begun_dump_can_be_deleted(Subject { store, .. }: &Subject) {
    store.begin(index_uuid(1), dump_id(1)).unwrap();
    store.delete(index_uuid(1), dump_id(1)).unwrap();
    assert_eq!(store.list().unwrap().len(), 0);
}
