//! What a node has to do so that it holds what the catalogue says: a pure function of both.
//!
//! Three things are never done: a shard that has a history is never made anew (its primary has lost its documents,
//! and an empty shard would hide that), a shard without a tombstone is never removed (the catalogue may be the one that
//! is wrong), and a shard whose history is not the recorded one never serves (another process is its primary).

pub mod replica;

use crate::decide::is_awaited;
use crate::record::IndexRecord;
use crate::records::Records;
use annuli_api::{ErrorCode, Failure};
use annuli_core::{HistoryId, IndexName, IndexSchema, IndexUuid, ShardId};
use annuli_dump::DumpId;
use std::collections::BTreeMap;

/// A shard that a node has in its folder: its line of writes, or why it does not open.
#[derive(Debug, Clone, PartialEq)]
pub struct HeldShard {
    /// The index, unless its folder does not even tell that.
    pub uuid: Option<IndexUuid>,
    /// Its line of writes, or why it does not serve.
    pub state: Result<HistoryId, Failure>,
}

/// One thing to do, in the order of the list.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Remove the shard of a deleted index, if it is there, and say that it is done.
    Remove {
        /// The name that it had.
        name: IndexName,
        /// The index.
        uuid: IndexUuid,
    },
    /// Make the shard of a new index.
    Make {
        /// Its name.
        name: IndexName,
        /// The index.
        uuid: IndexUuid,
        /// What it holds.
        schema: IndexSchema,
    },
    /// Say which history the shard of a new index has.
    Report {
        /// Name of the index.
        name: IndexName,
        /// The index.
        uuid: IndexUuid,
        /// Its line of writes.
        history: HistoryId,
    },
}

/// What a node has to do, and what it may serve.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// In this order: a name is free only once its earlier index is removed.
    pub steps: Vec<Step>,
    /// Every index of the catalogue, as this node serves it.
    pub serves: BTreeMap<IndexUuid, Result<(), Failure>>,
    /// Dumps that are yet to get the shard of an index.
    pub dumps: BTreeMap<DumpId, IndexUuid>,
}

/// Compares what the primary of `shard` holds with what the records say.
pub fn plan(records: &Records, shard: ShardId, held: &BTreeMap<IndexName, HeldShard>) -> Plan {
    let mut plan = Plan::default();
    for (&uuid, tombstone) in &records.gone {
        if tombstone.record.left.contains(&shard) {
            plan.steps.push(Step::Remove { name: tombstone.record.name.clone(), uuid });
        }
    }
    for (name, stored) in &records.indexes {
        let index = &stored.record;
        let here = held.iter().find(|(_, held)| held.uuid == Some(index.uuid)).map(|(_, held)| held);
        let step = match (here, index.histories.get(&shard)) {
            (None, None) => Some(Step::Make { name: name.clone(), uuid: index.uuid, schema: index.schema }),
            (Some(HeldShard { state: Ok(history), .. }), None) => {
                Some(Step::Report { name: name.clone(), uuid: index.uuid, history: *history })
            }
            _ => None,
        };
        plan.steps.extend(step);
        plan.serves.insert(index.uuid, serves(name, index, shard, here));
    }
    let awaited = records.dumps.iter().filter(|(_, stored)| is_awaited(&stored.record, shard));
    plan.dumps = awaited.map(|(dump, stored)| (*dump, stored.record.uuid)).collect();
    plan
}

fn serves(name: &IndexName, index: &IndexRecord, shard: ShardId, here: Option<&HeldShard>) -> Result<(), Failure> {
    let unavailable = |message: String| {
        Err(Failure::new(ErrorCode::IndexUnavailable, message).with("index", name.as_str()).with("shard", shard.0))
    };
    let recorded = index.histories.get(&shard);
    match (here.map(|held| &held.state), recorded) {
        (Some(Err(failure)), _) => Err(failure.clone()),
        (Some(Ok(found)), Some(recorded)) if found == recorded => Ok(()),
        (Some(Ok(found)), Some(recorded)) => unavailable(format!(
            "shard {shard} of index `{name}` has history {recorded}, this process holds history {found}: another \
             process is its primary, or it was restored from elsewhere"
        )),
        (None, Some(recorded)) => unavailable(format!(
            "shard {shard} of index `{name}` is not in the folder of its primary, where history {recorded} should be: \
             bring the folder back, or restore a dump"
        )),
        (Some(Ok(_)) | None, None) => unavailable(format!("shard {shard} of index `{name}` is being made")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Tombstone;
    use crate::testing::{history, name, schema, uuid};

    const SHARD: ShardId = ShardId(0);

    /// An index `faces` of two shards, of which those are made.
    fn catalogue(histories: &[(u32, u128)]) -> Records {
        let mut record = IndexRecord::new(uuid(1), schema(2));
        record.histories = histories.iter().map(|&(shard, number)| (ShardId(shard), history(number))).collect();
        let mut records = Records::default();
        records.put("index/faces", 1, &record.encode());
        records
    }

    fn held(number: u128, state: Result<HistoryId, Failure>) -> BTreeMap<IndexName, HeldShard> {
        [(name("faces"), HeldShard { uuid: Some(uuid(number)), state })].into()
    }

    fn message(plan: &Plan) -> &str {
        &plan.serves[&uuid(1)].as_ref().expect_err("it does not serve").message
    }

    #[test]
    fn a_new_index_is_made_then_reported() {
        let made = plan(&catalogue(&[]), SHARD, &BTreeMap::new());
        assert_eq!(made.steps, [Step::Make { name: name("faces"), uuid: uuid(1), schema: schema(2) }]);
        let reported = plan(&catalogue(&[]), SHARD, &held(1, Ok(history(5))));
        assert_eq!(reported.steps, [Step::Report { name: name("faces"), uuid: uuid(1), history: history(5) }]);
        assert!(message(&reported).contains("is being made"));
        let served = plan(&catalogue(&[(0, 5)]), SHARD, &held(1, Ok(history(5))));
        assert_eq!((served.steps.len(), &served.serves[&uuid(1)]), (0, &Ok(())));
    }

    #[test]
    fn a_shard_that_was_lost_is_not_made_anew() {
        let plan = plan(&catalogue(&[(0, 5)]), SHARD, &BTreeMap::new());
        assert_eq!(plan.steps, []);
        assert!(message(&plan).contains("is not in the folder of its primary"), "{}", message(&plan));
    }

    #[test]
    fn a_shard_of_another_history_does_not_serve() {
        let plan = plan(&catalogue(&[(0, 5)]), SHARD, &held(1, Ok(history(6))));
        assert_eq!(plan.steps, []);
        assert!(message(&plan).contains("another process is its primary"), "{}", message(&plan));
    }

    #[test]
    fn a_shard_that_does_not_open_says_why_and_is_left_alone() {
        let failure = Failure::new(ErrorCode::IndexUnavailable, "rotten");
        let plan = plan(&catalogue(&[(0, 5)]), SHARD, &held(1, Err(failure)));
        assert_eq!((plan.steps.len(), message(&plan)), (0, "rotten"));
    }

    #[test]
    fn a_deleted_index_is_removed_before_the_next_of_its_name_is_made() {
        let mut records = catalogue(&[]);
        let tombstone = Tombstone { name: name("faces"), left: [SHARD].into() };
        records.put(&format!("gone/{}", uuid(9)), 2, &tombstone.encode());
        let plan = plan(&records, SHARD, &held(9, Ok(history(5))));
        let make = Step::Make { name: name("faces"), uuid: uuid(1), schema: schema(2) };
        assert_eq!(plan.steps, [Step::Remove { name: name("faces"), uuid: uuid(9) }, make]);
    }

    #[test]
    fn what_another_shard_has_yet_to_remove_is_its_own_affair() {
        let mut records = Records::default();
        let tombstone = Tombstone { name: name("faces"), left: [ShardId(1)].into() };
        records.put(&format!("gone/{}", uuid(9)), 2, &tombstone.encode());
        assert_eq!(plan(&records, SHARD, &held(9, Ok(history(5)))).steps, []);
    }

    #[test]
    fn an_empty_catalogue_removes_nothing() {
        assert_eq!(plan(&Records::default(), SHARD, &held(1, Ok(history(5)))), Plan::default());
    }
}
