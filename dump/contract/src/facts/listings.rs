//! What a place holds.

use crate::given::{dump, dump_id, index_uuid};
use crate::subject::Subject;
use annuli_dump::DumpState;

/// And says so where one is asked for.
pub fn an_empty_place_holds_no_dumps(Subject { store, .. }: &Subject) {
    assert_eq!(store.list().unwrap().len(), 0);
    let absent = format!("the store `{}` has no dump {}", store.place(), dump_id(1));
    assert_eq!(store.find(dump_id(1)).unwrap_err().to_string(), absent);
    assert_eq!(store.open(index_uuid(1), dump_id(1)).unwrap_err().to_string(), absent);
}

/// Whichever index they are of.
pub fn dumps_of_all_indexes_are_listed_from_old_to_new(Subject { store, .. }: &Subject) {
    for (index, number) in [(2, 4), (1, 3), (2, 2)] {
        dump(store, index_uuid(index), dump_id(number));
    }
    store.begin(index_uuid(1), dump_id(1)).unwrap();
    let listed = store.list().unwrap();
    let names: Vec<_> = listed.iter().map(|listed| (listed.index, listed.dump)).collect();
    assert_eq!(names, [(1, 1), (2, 2), (1, 3), (2, 4)].map(|(index, dump)| (index_uuid(index), dump_id(dump))));
    let documents = |state: &DumpState| match state {
        DumpState::Complete(summary) => Some(summary.documents),
        DumpState::Incomplete | DumpState::Damaged(_) => None,
    };
    let found: Vec<_> = listed.iter().map(|listed| documents(&listed.state)).collect();
    assert_eq!(found, [None, Some(34), Some(34), Some(34)]);
}

/// Under the index that it is of, and no other.
pub fn a_dump_is_found_by_its_id_and_opened_by_its_index(Subject { store, .. }: &Subject) {
    let manifest = dump(store, index_uuid(1), dump_id(1));
    dump(store, index_uuid(2), dump_id(2));
    assert_eq!(store.index_of(dump_id(1)).unwrap(), index_uuid(1));
    assert_eq!(*store.find(dump_id(1)).unwrap().manifest(), manifest);
    assert_eq!(*store.open(index_uuid(1), dump_id(1)).unwrap().manifest(), manifest);
    assert!(store.open(index_uuid(2), dump_id(1)).is_err());
}
