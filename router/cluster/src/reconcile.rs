//! What a node has to do so that it holds what the catalogue says: a pure function of both.
//!
//! Three things are never done: a shard that has a history is never made anew (its primary has lost its documents,
//! and an empty shard would hide that), a shard without a tombstone is never removed (the catalogue may be the one that
//! is wrong), and a shard whose history is not the recorded one never serves (another process is its primary). Somebody
//! may decide that the primary goes on all the same: then it does so from a dump, and says which history it goes on with
//! before it serves.

mod moving;
pub mod replica;

pub use moving::{Forward, Seal, Source};

use crate::decide::{Copied, Loss, OlderFolder, Successor, dumped_beyond, is_awaited, successor};
use crate::record::{IndexRecord, Origin, Place};
use crate::records::Records;
use annuli_api::{ErrorCode, Failure, Position};
use annuli_core::{HistoryId, IndexName, IndexSchema, IndexUuid, Seq, ShardId};
use annuli_dump::DumpId;
use std::collections::{BTreeMap, BTreeSet};

/// A shard that a node has in its folder: where it stands, or why it does not open.
#[derive(Debug, Clone, PartialEq)]
pub struct HeldShard {
    /// The index, unless its folder does not even tell that.
    pub uuid: Option<IndexUuid>,
    /// Where it stands in which line of writes, or why it does not serve.
    pub state: Result<Position, Failure>,
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
    /// Say that the shard goes on with another history than the recorded one, which is given up.
    TakeOver {
        /// Name of the index.
        name: IndexName,
        /// The index.
        uuid: IndexUuid,
        /// The line of writes that ends.
        lost: HistoryId,
        /// The line of writes here.
        history: HistoryId,
    },
    /// Give the shard a history of its own, and say that it goes on with that: it has a part of the recorded one alone.
    BeginAnew {
        /// Name of the index.
        name: IndexName,
        /// The index.
        uuid: IndexUuid,
        /// The line of writes that ends.
        lost: HistoryId,
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

/// A shard that is to be made of a dump, which takes its time.
#[derive(Debug, Clone, PartialEq)]
pub struct Restore {
    /// Name of the index.
    pub name: IndexName,
    /// What it holds.
    pub schema: IndexSchema,
    /// The dump.
    pub origin: Origin,
    /// What is given up by it, if the index had the shard before.
    pub loss: Option<Loss>,
}

/// A shard that is to be made of a dump, and cannot be.
#[derive(Debug, Clone, PartialEq)]
pub struct Unmade {
    /// Name of the index.
    pub name: IndexName,
    /// Why.
    pub failure: Failure,
}

/// What a node has to do, and what it may serve.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// In this order: a name is free only once its earlier index is removed.
    pub steps: Vec<Step>,
    /// Every index of the catalogue, as this node serves it.
    pub serves: BTreeMap<IndexUuid, Result<(), Failure>>,
    /// Indexes whose shard is to be made of a dump.
    pub restores: BTreeMap<IndexUuid, Restore>,
    /// Those of them whose shard cannot be made here, and why.
    pub unmade: BTreeMap<IndexUuid, Unmade>,
    /// What moves to this layout and will never be whole as it is, and why.
    pub unmoved: BTreeMap<IndexUuid, Failure>,
    /// Dumps that are yet to get the shard of an index.
    pub dumps: BTreeMap<DumpId, IndexUuid>,
    /// Indexes that take no writes.
    pub sealed: BTreeSet<IndexUuid>,
    /// Those of them that are about to move.
    pub seals: Vec<Seal>,
    /// Behind which write of each index its changes are kept.
    pub logs: BTreeMap<IndexUuid, Seq>,
    /// What is read from the primaries of another layout, for indexes that move to this one.
    pub forwards: BTreeMap<IndexUuid, Forward>,
}

/// Compares what the primary of a place holds with what the records say. What is lost, or has another history than the
/// recorded one, is taken over if that is what is done over an older folder.
pub fn plan(records: &Records, place: Place, held: &BTreeMap<IndexName, HeldShard>, older: OlderFolder) -> Plan {
    let (Place { layout, shard }, mut plan) = (place, Plan::default());
    for (&uuid, tombstone) in &records.gone {
        if tombstone.record.layout == layout && tombstone.record.left.contains(&shard) {
            plan.steps.push(Step::Remove { name: tombstone.record.name.clone(), uuid });
        }
    }
    for (name, stored) in &records.indexes {
        let Some(index) = stored.record.on(layout) else { continue };
        let index = &index;
        let here = held.iter().find(|(_, held)| held.uuid == Some(index.uuid)).map(|(_, held)| held);
        let (part, uuid) = (part(records, index, shard, here, older), index.uuid);
        let serves = part.serves(name, shard, older);
        // What moves here is elsewhere as well, so what went wrong with it is made anew, and not gone on with.
        let is_on_its_way = stored.record.moving.as_ref().is_some_and(|moving| moving.uuid == uuid);
        if is_on_its_way && let Some(failure) = moving::hindrance(name, shard, &part, &serves) {
            plan.unmoved.insert(uuid, failure.clone());
            plan.serves.insert(uuid, Err(failure));
            continue;
        }
        let restore = |origin, loss| Restore { name: name.clone(), schema: index.schema, origin, loss };
        let restore = match &part {
            Part::New => {
                plan.steps.push(Step::Make { name: name.clone(), uuid, schema: index.schema });
                None
            }
            Part::Made(history) => {
                plan.steps.push(Step::Report { name: name.clone(), uuid, history: *history });
                None
            }
            Part::TakenOver { lost, history } => {
                plan.steps.push(Step::TakeOver { name: name.clone(), uuid, lost: *lost, history: *history });
                None
            }
            Part::Copied(Copied { history, .. }) => {
                if older == OlderFolder::TakeOver {
                    plan.steps.push(Step::BeginAnew { name: name.clone(), uuid, lost: *history });
                }
                None
            }
            Part::Restored(origin) => Some(restore(*origin, None)),
            Part::Lost { successor: Successor::Dump(origin, loss), .. } => Some(restore(*origin, Some(loss.clone()))),
            Part::Serves | Part::Damaged(_) | Part::Other { .. } | Part::Lost { .. } => None,
        };
        let mut serves = serves;
        if let Some(restore) = restore {
            match held.get(&restore.name) {
                None => drop(plan.restores.insert(uuid, restore)),
                Some(other) if is_about_to_go(records, place, other) => {}
                Some(other) => {
                    let failure = in_the_way(name, shard, other);
                    serves = Err(failure.clone());
                    plan.unmade.insert(uuid, Unmade { name: restore.name, failure });
                }
            }
        }
        if matches!(part, Part::Serves) {
            plan.forwards.extend(moving::forward(records, &stored.record, place).map(|forward| (uuid, forward)));
            plan.seals.extend(moving::seal(&stored.record, place));
            plan.logs.extend(moving::log_kept(records, &stored.record, place).map(|behind| (uuid, behind)));
        }
        if stored.record.is_sealed_on(layout) {
            plan.sealed.insert(uuid);
        }
        plan.serves.insert(uuid, serves);
    }
    let is_here = |uuid| plan.serves.contains_key(&uuid);
    let awaited = records.dumps.iter().filter(|(_, stored)| is_awaited(&stored.record, shard));
    let awaited = awaited.filter(|(_, stored)| is_here(stored.record.uuid));
    plan.dumps = awaited.map(|(dump, stored)| (*dump, stored.record.uuid)).collect();
    plan
}

/// Whether what is in a folder is of an index that was deleted, and is yet to be removed.
fn is_about_to_go(records: &Records, place: Place, held: &HeldShard) -> bool {
    let tombstone = held.uuid.and_then(|uuid| records.gone.get(&uuid));
    tombstone.is_some_and(|tombstone| {
        tombstone.record.layout == place.layout && tombstone.record.left.contains(&place.shard)
    })
}

/// A folder has the name, and nobody is to remove it.
fn in_the_way(name: &IndexName, shard: ShardId, other: &HeldShard) -> Failure {
    let holds = match other.uuid {
        Some(uuid) => format!("holds index {uuid}, which this cluster does not know here"),
        None => "does not say which index it holds".to_owned(),
    };
    let message = format!(
        "the folder `{name}` of the process of shard {shard} {holds}: it was used before; start the process over an empty \
         folder, or stop it and take that folder out of its own"
    );
    let failure = Failure::new(ErrorCode::IndexUnavailable, message);
    failure.with("index", name.as_str()).with("shard", shard.0)
}

/// How the shard of an index is.
enum Part<'a> {
    /// It is here, as the catalogue has it.
    Serves,
    /// It does not open.
    Damaged(&'a Failure),
    /// It is to be made, empty.
    New,
    /// It is to be made of that dump.
    Restored(Origin),
    /// It was made, and the catalogue does not know it.
    Made(HistoryId),
    /// It is here, and lacks what is known to have been written.
    Copied(Copied),
    /// The catalogue has another history.
    Other { recorded: HistoryId, found: HistoryId },
    /// The same, and the one here is to count from now on.
    TakenOver { lost: HistoryId, history: HistoryId },
    /// It is not here, where it should be.
    Lost { recorded: HistoryId, successor: Successor },
}

fn part<'a>(
    records: &Records,
    index: &IndexRecord,
    shard: ShardId,
    here: Option<&'a HeldShard>,
    older: OlderFolder,
) -> Part<'a> {
    let recorded = index.histories.get(&shard).copied();
    match (here.map(|held| &held.state), recorded) {
        (Some(Err(failure)), _) => Part::Damaged(failure),
        (Some(Ok(found)), Some(recorded)) if found.history == recorded => {
            dumped_beyond(records, index.uuid, shard, *found).map_or(Part::Serves, Part::Copied)
        }
        (Some(Ok(found)), Some(recorded)) => match older {
            OlderFolder::Refuse => Part::Other { recorded, found: found.history },
            OlderFolder::TakeOver => Part::TakenOver { lost: recorded, history: found.history },
        },
        (Some(Ok(found)), None) => Part::Made(found.history),
        (None, Some(recorded)) => match older {
            OlderFolder::Refuse => Part::Lost { recorded, successor: Successor::None },
            OlderFolder::TakeOver => Part::Lost { recorded, successor: successor(records, index, shard) },
        },
        (None, None) => index.origin.map_or(Part::New, Part::Restored),
    }
}

impl Part<'_> {
    fn serves(&self, name: &IndexName, shard: ShardId, older: OlderFolder) -> Result<(), Failure> {
        let of = format!("shard {shard} of index `{name}`");
        let message = match self {
            Self::Serves => return Ok(()),
            Self::Damaged(failure) => return Err((*failure).clone()),
            Self::New | Self::Made(_) => format!("{of} is being made"),
            Self::Restored(Origin { dump, .. }) => format!("{of} is being restored from dump {dump}"),
            Self::Copied(copied) => copied_message(&of, *copied, older),
            Self::Other { recorded, found } => format!(
                "{of} has history {recorded}, this process holds history {found}: another process is its primary, or it \
                 was restored from elsewhere; start this one with --take-over to go on with what is here"
            ),
            Self::TakenOver { history, .. } => format!("{of} is being taken over with history {history}"),
            Self::Lost { successor: Successor::Dump(Origin { dump, .. }, _), .. } => {
                format!("{of} is not in the folder of its primary: it is being taken over from dump {dump}")
            }
            Self::Lost { successor: Successor::Awaited(dump), .. } => format!(
                "{of} is not in the folder of its primary: it is taken over from dump {dump} as soon as that is whole"
            ),
            Self::Lost { recorded, successor: Successor::None } => {
                let help = match older {
                    OlderFolder::Refuse => ", or start this process with --take-over to go on from the last dump",
                    OlderFolder::TakeOver => "; there is no dump of it to go on from",
                };
                format!(
                    "{of} is not in the folder of its primary, where history {recorded} should be: bring the folder \
                     back{help}"
                )
            }
        };
        Err(Failure::new(ErrorCode::IndexUnavailable, message).with("index", name.as_str()).with("shard", shard.0))
    }
}

fn copied_message(of: &str, Copied { history, found, made, dump }: Copied, older: OlderFolder) -> String {
    let lacks = format!(
        "{of} stands at seq {found} of history {history} in this process's folder, and dump {dump} has it at seq {made}: \
         the folder is an older copy, or its disk has lost writes"
    );
    match older {
        OlderFolder::Refuse => format!(
            "{lacks}; start a process over the folder that has them, or this one with --take-over to give them up"
        ),
        OlderFolder::TakeOver => format!("{lacks}; it is about to go on in a history of its own"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{DumpRecord, DumpState, DumpedShard, LayoutId, ShardDump, Tombstone};
    use crate::testing::{at, dump, history, name, schema, uuid};
    use annuli_core::Generation;
    use annuli_dump::CreatedAt;

    const SHARD: ShardId = ShardId(0);
    const PLACE: Place = Place::first(SHARD);

    /// An index `faces` of two shards, of which those are made.
    fn catalogue(histories: &[(u32, u128)]) -> Records {
        let mut record = IndexRecord::new(uuid(1), schema(2));
        record.histories = histories.iter().map(|&(shard, number)| (ShardId(shard), history(number))).collect();
        let mut records = Records::default();
        records.put("index/faces", 1, &record.encode());
        records
    }

    fn held(number: u128, state: Result<Position, Failure>) -> BTreeMap<IndexName, HeldShard> {
        [(name("faces"), HeldShard { uuid: Some(uuid(number)), state })].into()
    }

    fn message(plan: &Plan) -> &str {
        &plan.serves[&uuid(1)].as_ref().expect_err("it does not serve").message
    }

    #[test]
    fn a_new_index_is_made_then_reported() {
        let made = plan(&catalogue(&[]), PLACE, &BTreeMap::new(), OlderFolder::Refuse);
        assert_eq!(made.steps, [Step::Make { name: name("faces"), uuid: uuid(1), schema: schema(2) }]);
        let reported = plan(&catalogue(&[]), PLACE, &held(1, Ok(at(5, 0))), OlderFolder::Refuse);
        assert_eq!(reported.steps, [Step::Report { name: name("faces"), uuid: uuid(1), history: history(5) }]);
        assert!(message(&reported).contains("is being made"));
        let served = plan(&catalogue(&[(0, 5)]), PLACE, &held(1, Ok(at(5, 0))), OlderFolder::Refuse);
        assert_eq!((served.steps.len(), &served.serves[&uuid(1)]), (0, &Ok(())));
    }

    #[test]
    fn a_shard_that_was_lost_is_not_made_anew() {
        let plan = plan(&catalogue(&[(0, 5)]), PLACE, &BTreeMap::new(), OlderFolder::Refuse);
        assert_eq!(plan.steps, []);
        assert!(message(&plan).contains("is not in the folder of its primary"), "{}", message(&plan));
    }

    #[test]
    fn a_shard_of_another_history_does_not_serve() {
        let plan = plan(&catalogue(&[(0, 5)]), PLACE, &held(1, Ok(at(6, 0))), OlderFolder::Refuse);
        assert_eq!(plan.steps, []);
        assert!(message(&plan).contains("another process is its primary"), "{}", message(&plan));
    }

    /// A copy that was made while the original went on knows of the same term: by that alone it would be taken for it.
    #[test]
    fn a_shard_that_lacks_what_a_dump_has_does_not_serve_by_its_history() {
        let mut records = catalogue(&[(0, 5)]);
        let put = |records: &mut Records, state, of, seq| {
            let done = ShardDump::Done(DumpedShard::new(history(of), Seq(seq), 1, 1));
            let (index, created_at) = (name("faces"), CreatedAt::new("2026-01-02T03:04:05Z").expect("a time"));
            let record = DumpRecord { index, uuid: uuid(1), created_at, state, shards: [(SHARD, done)].into() };
            records.put(&format!("dump/{}", dump(seq)), seq, &record.encode());
        };
        put(&mut records, DumpState::Taken(Generation(1)), 5, 20);
        put(&mut records, DumpState::Taking, 5, 30);
        put(&mut records, DumpState::Taken(Generation(2)), 4, 40);
        let planned = |seq, older| plan(&records, PLACE, &held(1, Ok(at(5, seq))), older);
        assert_eq!(planned(30, OlderFolder::Refuse).serves[&uuid(1)], Ok(()));
        let refused = planned(29, OlderFolder::Refuse);
        assert_eq!(refused.steps, []);
        assert!(message(&refused).contains("stands at seq 29 of history"), "{}", message(&refused));
        assert!(message(&refused).contains("this one with --take-over"), "{}", message(&refused));
        let taken_over = planned(29, OlderFolder::TakeOver);
        assert_eq!(taken_over.steps, [Step::BeginAnew { name: name("faces"), uuid: uuid(1), lost: history(5) }]);
        assert!(taken_over.serves[&uuid(1)].is_err());
    }

    #[test]
    fn a_shard_that_does_not_open_says_why_and_is_left_alone() {
        let failure = Failure::new(ErrorCode::IndexUnavailable, "rotten");
        let plan = plan(&catalogue(&[(0, 5)]), PLACE, &held(1, Err(failure)), OlderFolder::Refuse);
        assert_eq!((plan.steps.len(), message(&plan)), (0, "rotten"));
    }

    #[test]
    fn a_deleted_index_is_removed_before_the_next_of_its_name_is_made() {
        let mut records = catalogue(&[]);
        let tombstone = Tombstone { name: name("faces"), layout: LayoutId::FIRST, left: [SHARD].into() };
        records.put(&format!("gone/{}", uuid(9)), 2, &tombstone.encode());
        let plan = plan(&records, PLACE, &held(9, Ok(at(5, 0))), OlderFolder::Refuse);
        let make = Step::Make { name: name("faces"), uuid: uuid(1), schema: schema(2) };
        assert_eq!(plan.steps, [Step::Remove { name: name("faces"), uuid: uuid(9) }, make]);
    }

    #[test]
    fn what_another_shard_has_yet_to_remove_is_its_own_affair() {
        let mut records = Records::default();
        let tombstone = Tombstone { name: name("faces"), layout: LayoutId::FIRST, left: [ShardId(1)].into() };
        records.put(&format!("gone/{}", uuid(9)), 2, &tombstone.encode());
        assert_eq!(plan(&records, PLACE, &held(9, Ok(at(5, 0))), OlderFolder::Refuse).steps, []);
    }

    #[test]
    fn an_empty_catalogue_removes_nothing() {
        assert_eq!(plan(&Records::default(), PLACE, &held(1, Ok(at(5, 0))), OlderFolder::Refuse), Plan::default());
    }
}
