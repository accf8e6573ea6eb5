//! What becomes of a shard whose folder is lost.

use super::*;
use crate::record::{DumpRecord, DumpState, DumpedShard, Key, ShardDump};
use annuli_core::{Generation, HistoryId, Seq};
use annuli_dump::CreatedAt;

const LOST: ShardId = ShardId(0);

/// An index `faces` of two shards, with histories 1 and 2.
fn catalogue() -> Plain {
    let mut store = Plain::of_two_shards();
    store.create("faces", 1);
    for (shard, number) in [(0, 1), (1, 2)] {
        let Reported::New(change) =
            report_made(&store.records, &name("faces"), uuid(1), ShardId(shard), history(number))
        else {
            panic!("it was made")
        };
        assert!(store.commit(&change));
    }
    store
}

/// A dump that has the lost shard with that history.
fn put_dump(store: &mut Plain, number: u64, state: DumpState, of: HistoryId) {
    let done = ShardDump::Done(DumpedShard::new(of, Seq(number * 10), 5, 1_000));
    let record = DumpRecord {
        index: name("faces"),
        uuid: uuid(1),
        created_at: CreatedAt::new("2026-01-02T03:04:05Z").unwrap(),
        state,
        shards: [(LOST, done)].into(),
    };
    assert!(store.commit(&Change::new().put(Key::Dump(dump(number)), record.encode())));
}

fn index(store: &Plain) -> &IndexRecord {
    &store.records.indexes[&name("faces")].record
}

fn lost(store: &Plain, older: OlderFolder) -> Plan {
    plan(&store.records, Place::first(LOST), &BTreeMap::new(), older)
}

#[test]
fn a_lost_shard_is_made_of_the_newest_dump_if_somebody_has_said_so() {
    let mut store = catalogue();
    for number in [1, 2] {
        put_dump(&mut store, number, DumpState::Taken(Generation(number)), history(1));
    }
    put_dump(&mut store, 3, DumpState::Deleting, history(1));
    assert!(lost(&store, OlderFolder::Refuse).restores.is_empty());
    let taken_over = lost(&store, OlderFolder::TakeOver);
    let restore = &taken_over.restores[&uuid(1)];
    assert_eq!(restore.origin, Origin { index: uuid(1), dump: dump(2) });
    let loss = restore.loss.clone().unwrap();
    assert_eq!((loss.history, loss.seq, loss.taken_at.as_str()), (history(1), Seq(20), "2026-01-02T03:04:05Z"));
    assert!(taken_over.serves[&uuid(1)].is_err() && taken_over.steps.is_empty());
}

#[test]
fn without_a_dump_a_lost_shard_stays_lost() {
    let mut store = catalogue();
    // Of another index.
    put_dump(&mut store, 1, DumpState::Deleting, history(1));
    let plan = lost(&store, OlderFolder::TakeOver);
    assert!(plan.restores.is_empty() && plan.steps.is_empty());
    let refused = plan.serves[&uuid(1)].clone().unwrap_err();
    assert!(refused.message.contains("there is no dump of it to go on from"), "{refused}");
}

#[test]
fn a_dump_that_has_the_lost_shard_and_is_not_whole_yet_is_waited_for() {
    let mut store = catalogue();
    put_dump(&mut store, 1, DumpState::Taken(Generation(1)), history(1));
    put_dump(&mut store, 2, DumpState::Taking, history(1));
    let plan = lost(&store, OlderFolder::TakeOver);
    assert!(plan.restores.is_empty());
    let refused = plan.serves[&uuid(1)].clone().unwrap_err();
    assert!(refused.message.contains(&format!("from dump {} as soon as that is whole", dump(2))), "{refused}");
    assert_eq!(successor(&store.records, index(&store), LOST), Successor::Awaited(dump(2)));
}

#[test]
fn a_shard_that_was_taken_over_serves_once_the_catalogue_has_its_history() {
    let mut store = catalogue();
    let held: Folder = [(name("faces"), HeldShard { uuid: Some(uuid(1)), state: Ok(at(7, 0)) })].into();
    let now = |store: &Plain, older| plan(&store.records, Place::first(LOST), &held, older);
    assert!(now(&store, OlderFolder::Refuse).steps.is_empty());
    let step = Step::TakeOver { name: name("faces"), uuid: uuid(1), lost: history(1), history: history(7) };
    let planned = now(&store, OlderFolder::TakeOver);
    assert_eq!((&planned.steps[..], planned.serves[&uuid(1)].is_err()), (&[step][..], true));
    let report = |store: &Plain, lost, found| {
        report_taken_over(&store.records, &name("faces"), uuid(1), LOST, history(lost), history(found))
    };
    // Two that were elected one after the other: the later has seen what the first has written.
    let (Reported::New(first), Reported::New(late)) = (report(&store, 1, 7), report(&store, 1, 8)) else {
        panic!("history 1 is recorded")
    };
    assert!(store.commit(&first) && !store.commit(&late));
    assert_eq!((report(&store, 1, 7), report(&store, 1, 8)), (Reported::Known, Reported::TooLate));
    assert_eq!(index(&store).histories, [(LOST, history(7)), (ShardId(1), history(2))].into());
    assert_eq!(now(&store, OlderFolder::Refuse).serves[&uuid(1)], Ok(()));
}
