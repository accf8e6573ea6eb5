//! Decisions, and what becomes of them when several are made at once.

mod restores;
mod successors;

use super::*;
use crate::change::Change;
use crate::reconcile::{HeldShard, Plan, Step, plan};
use crate::record::{AliasRecord, IndexRecord, IndexState, Key, LayoutId, Origin, Place, TaskId, TaskRecord};
use crate::testing::{Plain, at, dump, history, name, schema, uuid};
use annuli_api::v1::task::TaskStatus;
use annuli_coordination::Epoch;
use annuli_core::limits::{ALIASES_MAX, INDEXES_MAX};
use annuli_core::{IndexName, ShardCount, ShardId};
use proptest::prelude::*;
use std::collections::BTreeMap;

#[track_caller]
fn new(creation: Result<Creation, Failure>) -> Change {
    match creation.unwrap() {
        Creation::New(change) => change,
        Creation::Existing { uuid, .. } => panic!("{uuid} is there already"),
    }
}

#[test]
fn of_two_creations_of_one_name_the_first_wins_and_the_second_is_told() {
    let mut store = Plain::of_two_shards();
    let faces = name("faces");
    let first = new(create_index(&store.records, &faces, &schema(2), uuid(1)));
    let other = annuli_core::IndexSchema { dim: annuli_core::vector::Dim::new(3).unwrap(), ..schema(2) };
    let second = new(create_index(&store.records, &faces, &other, uuid(2)));
    assert!(store.commit(&first));
    assert!(!store.commit(&second));
    let refused = create_index(&store.records, &faces, &other, uuid(2)).unwrap_err();
    assert_eq!(refused.code, ErrorCode::IndexExists);
    assert!(refused.message.contains("it has dim 2"), "{refused}");
    let same = create_index(&store.records, &faces, &schema(2), uuid(3)).unwrap();
    assert_eq!(same, Creation::Existing { uuid: uuid(1), state: IndexState::Creating });
}

#[test]
fn there_is_a_last_index_and_room_for_the_next_once_one_is_deleted() {
    let mut store = Plain::of_two_shards();
    for number in 0..INDEXES_MAX {
        let record = IndexRecord::new(uuid(number as u128 + 1), schema(2));
        store.records.put(&format!("index/index-{number}"), 1, &record.encode());
    }
    let refused = create_index(&store.records, &name("one-more"), &schema(2), uuid(0)).unwrap_err();
    assert_eq!(refused.code, ErrorCode::LimitExceeded);
    assert!(refused.message.starts_with("there are 1000 indexes, the limit is 1000: delete one"), "{refused}");
    // What is there is there.
    let same = create_index(&store.records, &name("index-7"), &schema(2), uuid(0)).unwrap();
    assert_eq!(same, Creation::Existing { uuid: uuid(8), state: IndexState::Creating });
    store.records.delete("index/index-7");
    new(create_index(&store.records, &name("one-more"), &schema(2), uuid(0)));
}

#[test]
fn there_is_a_last_alias_and_those_that_are_there_can_be_switched() {
    let mut store = Plain::of_two_shards();
    let (faces, other) = (name("faces"), name("other"));
    for index in [&faces, &other] {
        store.records.put(&format!("index/{index}"), 1, &IndexRecord::new(uuid(1), schema(2)).encode());
    }
    let record = AliasRecord { index: faces, uuid: uuid(1) };
    for number in 0..ALIASES_MAX {
        store.records.put(&format!("alias/alias-{number}"), 1, &record.encode());
    }
    let refused = set_alias(&store.records, &name("one-more"), &other).unwrap_err();
    assert_eq!(refused.code, ErrorCode::LimitExceeded);
    assert!(refused.message.starts_with("there are 1000 aliases, the limit is 1000: remove one"), "{refused}");
    assert!(set_alias(&store.records, &name("alias-7"), &other).is_ok());
    // What stands for nothing any more, and is about to go, takes no place.
    let left = AliasRecord { uuid: uuid(7), ..record };
    store.records.put("alias/alias-7", 2, &left.encode());
    assert!(set_alias(&store.records, &name("one-more"), &other).is_ok());
}

#[test]
fn an_index_has_the_shards_of_its_cluster() {
    let refused = create_index(&Plain::of_two_shards().records, &name("faces"), &schema(3), uuid(1)).unwrap_err();
    assert!(refused.message.contains("every index of this cluster has 2 shards, 3 were asked for"), "{refused}");
    let refused = create_index(&Records::default(), &name("faces"), &schema(2), uuid(1)).unwrap_err();
    assert!(refused.message.contains("no process that holds a shard has joined"), "{refused}");
}

#[test]
fn a_process_of_another_cluster_is_told() {
    let store = Plain::of_two_shards();
    assert_eq!(found(&store.records, ShardCount::new(2).unwrap()), Ok((LayoutId::FIRST, None)));
    let error = found(&store.records, ShardCount::new(3).unwrap()).unwrap_err().to_string();
    assert_eq!(error, "the cluster in this coordination store has 2 shards, the process was started for 3");
}

/// The answer to the commit was lost, and somebody has created the next index of the name meanwhile.
#[test]
fn a_deletion_that_is_looked_at_again_leaves_the_next_index_of_the_name_alone() {
    let mut store = Plain::of_two_shards();
    store.create("faces", 1);
    let mut removal = Removal::default();
    let change = removal.decide(&store.records, &name("faces")).unwrap().unwrap();
    assert!(store.commit(&change));
    assert_eq!(removal.decide(&store.records, &name("faces")), Ok(None));
    store.create("faces", 2);
    assert_eq!(removal.decide(&store.records, &name("faces")), Ok(None));
    assert_eq!(store.records.indexes[&name("faces")].record.uuid, uuid(2));
    // One that was never there is an error, however often it is looked for.
    let mut removal = Removal::default();
    for _ in 0..2 {
        assert_eq!(removal.decide(&store.records, &name("songs")).unwrap_err().code, ErrorCode::IndexNotFound);
    }
}

#[test]
fn an_index_that_has_moved_is_the_one_that_is_asked_for_while_others_have_not() {
    let mut store = Plain::of_two_shards();
    store.create("faces", 1);
    let moved = IndexRecord { schema: schema(3), ..store.records.indexes[&name("faces")].record.clone() };
    assert!(store.commit(&Change::new().put(Key::Index(name("faces")), moved.encode())));
    let same = create_index(&store.records, &name("faces"), &schema(2), uuid(2)).unwrap();
    assert!(matches!(same, Creation::Existing { uuid: found, .. } if found == uuid(1)), "{same:?}");
    let other = annuli_core::IndexSchema { metric: annuli_core::Metric::InnerProduct, ..schema(2) };
    assert_eq!(create_index(&store.records, &name("faces"), &other, uuid(2)).unwrap_err().code, ErrorCode::IndexExists);
}

#[test]
fn a_deletion_that_meets_a_move_deletes_what_the_index_has_become() {
    let mut store = Plain::of_two_shards();
    store.create("faces", 1);
    let mut removal = Removal::default();
    let late = removal.decide(&store.records, &name("faces")).unwrap().unwrap();
    let moved = IndexRecord { uuid: uuid(2), ..store.records.indexes[&name("faces")].record.clone() };
    assert!(store.commit(&Change::new().put(Key::Index(name("faces")), moved.encode())));
    assert!(!store.commit(&late));
    let change = removal.decide(&store.records, &name("faces")).unwrap().expect("it is there");
    assert!(store.commit(&change));
    assert!(store.records.indexes.is_empty());
    assert!(store.records.gone.contains_key(&uuid(2)));
}

/// A commit that was still under way after its answer was given up took back what had been set meanwhile.
#[test]
fn an_alias_that_was_set_since_is_not_set_by_who_had_decided_before() {
    let mut store = Plain::of_two_shards();
    [("faces-1", 1), ("faces-2", 2)].into_iter().for_each(|(index, number)| store.create(index, number));
    for _ in 0..2 {
        let set = |store: &Plain, index| set_alias(&store.records, &name("faces"), &name(index)).unwrap();
        let (late, other) = (set(&store, "faces-1"), set(&store, "faces-2"));
        assert!(store.commit(&other));
        assert!(!store.commit(&late));
        assert_eq!(store.records.alias(&name("faces")), Some(&name("faces-2")));
    }
}

#[test]
fn a_deleted_index_takes_its_aliases_along() {
    let mut store = Plain::of_two_shards();
    store.create("faces-1", 1);
    let change = set_alias(&store.records, &name("faces"), &name("faces-1")).unwrap();
    assert!(store.commit(&change));
    assert_eq!(remove_index(&store.records, &name("faces")).unwrap_err().code, ErrorCode::AliasConflict);
    let change = remove_index(&store.records, &name("faces-1")).unwrap();
    assert!(store.commit(&change));
    assert!(store.records.aliases.is_empty());
    assert_eq!(remove_index(&store.records, &name("faces-1")).unwrap_err().code, ErrorCode::IndexNotFound);
}

#[test]
fn an_alias_that_was_left_behind_does_not_stand_for_the_next_index() {
    let mut store = Plain::of_two_shards();
    store.create("faces-1", 1);
    // Set by one router while another deletes the index.
    let late = set_alias(&store.records, &name("faces"), &name("faces-1")).unwrap();
    let change = remove_index(&store.records, &name("faces-1")).unwrap();
    assert!(store.commit(&change));
    assert!(!store.commit(&late));
    // However it came there, it is cleared away by who wants the name.
    store.commit(&Change { conditions: Vec::new(), ..late });
    store.create("faces", 2);
    assert!(store.records.aliases.is_empty());
}

#[test]
fn an_alias_and_an_index_cannot_have_one_name() {
    let mut store = Plain::of_two_shards();
    store.create("songs", 1);
    let index = new(create_index(&store.records, &name("faces"), &schema(2), uuid(2)));
    let alias = set_alias(&store.records, &name("faces"), &name("songs")).unwrap();
    let mut other = store.clone();
    assert!(store.commit(&index) && !store.commit(&alias));
    assert!(other.commit(&alias) && !other.commit(&index));
    assert_eq!(set_alias(&store.records, &name("faces"), &name("songs")).unwrap_err().code, ErrorCode::AliasConflict);
    let refused = create_index(&other.records, &name("faces"), &schema(2), uuid(2)).unwrap_err();
    assert_eq!(refused.code, ErrorCode::AliasConflict);
}

#[test]
fn a_shard_that_was_made_after_the_deletion_does_not_count() {
    let mut store = Plain::of_two_shards();
    store.create("faces", 1);
    let change = remove_index(&store.records, &name("faces")).unwrap();
    assert!(store.commit(&change));
    let report = report_made(&store.records, &name("faces"), uuid(1), ShardId(0), history(1));
    assert_eq!(report, Reported::TooLate);
}

#[test]
fn of_two_processes_that_made_one_shard_the_first_counts() {
    let mut store = Plain::of_two_shards();
    store.create("faces", 1);
    let report =
        |store: &Plain, number| report_made(&store.records, &name("faces"), uuid(1), ShardId(0), history(number));
    let (Reported::New(first), Reported::New(second)) = (report(&store, 1), report(&store, 2)) else {
        panic!("neither is known")
    };
    assert!(store.commit(&first) && !store.commit(&second));
    assert_eq!((report(&store, 1), report(&store, 2)), (Reported::Known, Reported::TooLate));
}

#[test]
fn a_shard_is_served_from_the_folder_that_served_it_last() {
    let mut store = Plain::of_two_shards();
    let shard = ShardId(0);
    let folder =
        |served: Option<u64>, begun: Option<u64>| FolderTerm { served: served.map(Epoch), begun: begun.map(Epoch) };
    let mut claim = |folder, epoch, older| {
        let change = claim_term(&store.records, Place::first(shard), folder, Epoch(epoch), older)?;
        assert!(store.commit(&change));
        Ok::<_, Failure>(())
    };
    claim(folder(None, None), 1, OlderFolder::Refuse).unwrap();
    claim(folder(Some(1), None), 2, OlderFolder::Refuse).unwrap();
    // Killed after the cluster knew, before the folder did.
    claim(folder(Some(1), Some(2)), 3, OlderFolder::Refuse).unwrap();
    // Killed before the cluster knew.
    claim(folder(Some(3), Some(4)), 5, OlderFolder::Refuse).unwrap();
    // A copy from before, and an empty folder.
    for behind in [folder(Some(3), Some(4)), folder(None, None)] {
        let refused = claim(behind, 6, OlderFolder::Refuse).unwrap_err();
        assert!(refused.message.contains("was served last, in epoch 5, from another folder"), "{refused}");
    }
    claim(folder(Some(3), None), 7, OlderFolder::TakeOver).unwrap();
    assert!(claim(folder(Some(5), None), 8, OlderFolder::Refuse).is_err());
}

/// What happens at a moment.
#[derive(Debug, Clone)]
enum Event {
    Create(u8),
    /// An index is asked for that is made of a dump.
    Restore(u8),
    /// The primary of a shard cannot make what it is to make of a dump.
    Fail(u32),
    Delete(u8),
    Alias(u8, u8),
    /// The primary of a shard does what is to be done, or the first of it.
    Reconcile(u32, usize),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (0u8..3).prop_map(Event::Create),
        (0u8..3).prop_map(Event::Restore),
        (0u32..2).prop_map(Event::Fail),
        (0u8..3).prop_map(Event::Delete),
        (0u8..3, 0u8..3).prop_map(|(alias, index)| Event::Alias(alias, index)),
        (0u32..2, 0usize..3).prop_map(|(shard, steps)| Event::Reconcile(shard, steps)),
    ]
}

fn index_name(number: u8) -> IndexName {
    name(&format!("index-{number}"))
}

/// A node's folder: index name → identity and history.
type Folder = BTreeMap<IndexName, HeldShard>;

fn reconcile(store: &mut Plain, shard: ShardId, folder: &mut Folder, steps: usize, next: &mut u128) {
    let Plan { steps: all, restores, .. } = plan(&store.records, Place::first(shard), folder, OlderFolder::Refuse);
    for (uuid, restore) in restores.into_iter().take(steps) {
        *next += 1;
        let made = HeldShard { uuid: Some(uuid), state: Ok(at(*next, 0)) };
        assert!(folder.insert(restore.name, made).is_none(), "a name is free before it is taken");
    }
    for step in all.into_iter().take(steps) {
        match step {
            Step::TakeOver { .. } | Step::BeginAnew { .. } => panic!("nobody has said so"),
            Step::Remove { uuid, .. } => {
                folder.retain(|_, held| held.uuid != Some(uuid));
                if let Reported::New(change) = report_removed(&store.records, uuid, shard) {
                    assert!(store.commit(&change));
                }
            }
            Step::Make { name, uuid, .. } => {
                *next += 1;
                let made = HeldShard { uuid: Some(uuid), state: Ok(at(*next, 0)) };
                assert!(folder.insert(name, made).is_none(), "a name is free before it is taken");
            }
            Step::Report { name, uuid, history } => {
                if let Reported::New(change) = report_made(&store.records, &name, uuid, shard, history) {
                    assert!(store.commit(&change));
                }
            }
        }
    }
}

/// A restore has succeeded where its index is whole, and failed where it is gone. That its index was deleted while it was
/// under way the coordinator says.
fn is_told(records: &Records, task: &TaskRecord) -> bool {
    match records.index_of(task.uuid).map(|(_, index)| index.record.state()) {
        Some(IndexState::Ready) => task.status == TaskStatus::Succeeded,
        Some(IndexState::Creating) => task.status == TaskStatus::Running,
        None => true,
    }
}

proptest! {
    /// Whatever is asked for while nodes are busy with something else, they end with what the catalogue says, and no tombstone is left.
    #[test]
    fn nodes_come_to_hold_what_the_catalogue_says(events in prop::collection::vec(event(), 0..40)) {
        let mut store = Plain::of_two_shards();
        let mut folders = [Folder::new(), Folder::new()];
        let mut next = 0;
        for event in events {
            next += 1;
            let change = match event {
                Event::Create(index) => {
                    match create_index(&store.records, &index_name(index), &schema(2), uuid(next)) {
                        Ok(Creation::New(change)) => Some(change),
                        Ok(Creation::Existing { .. }) | Err(_) => None,
                    }
                }
                Event::Restore(index) => {
                    let id = TaskId(dump(u64::try_from(next).unwrap()).uuid());
                    let origin = Origin { index: uuid(1_000), dump: dump(1) };
                    request_restore(&store.records, &index_name(index), uuid(next), id, origin, &schema(3)).ok()
                }
                Event::Fail(shard) => {
                    let folder = &folders[shard as usize];
                    let plan = plan(&store.records, Place::first(ShardId(shard)), folder, OlderFolder::Refuse);
                    plan.restores.first_key_value().and_then(|(uuid, restore)| {
                        let full = Failure::new(ErrorCode::StorageFull, "full");
                        match report_unmade(&store.records, &restore.name, *uuid, ShardId(shard), &full) {
                            Reported::New(change) => Some(change),
                            Reported::Known | Reported::TooLate => None,
                        }
                    })
                }
                Event::Delete(index) => remove_index(&store.records, &index_name(index)).ok(),
                Event::Alias(alias, index) => {
                    set_alias(&store.records, &index_name(alias), &index_name(index)).ok()
                }
                Event::Reconcile(shard, steps) => {
                    let folder = &mut folders[shard as usize];
                    reconcile(&mut store, ShardId(shard), folder, steps, &mut next);
                    None
                }
            };
            if let Some(change) = change {
                prop_assert!(store.commit(&change));
            }
            prop_assert!(store.records.tasks.values().all(|task| is_told(&store.records, &task.record)));
            for alias in store.records.aliases.keys() {
                prop_assert!(!store.records.indexes.contains_key(alias), "one name for an alias and an index");
            }
        }
        for _ in 0..3 {
            for (shard, folder) in (0..).zip(&mut folders) {
                reconcile(&mut store, ShardId(shard), folder, usize::MAX, &mut next);
            }
        }
        prop_assert!(store.records.gone.is_empty());
        for (shard, folder) in (0..).zip(&folders) {
            let plan = plan(&store.records, Place::first(ShardId(shard)), folder, OlderFolder::Refuse);
            prop_assert!(plan.steps.is_empty());
            prop_assert!(plan.serves.values().all(Result::is_ok));
            prop_assert_eq!(folder.len(), store.records.indexes.len());
        }
        let states = store.records.indexes.values().map(|stored| stored.record.state());
        prop_assert!(states.into_iter().all(|state| state == IndexState::Ready));
    }
}
