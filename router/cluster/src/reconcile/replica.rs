//! What a replica has to do so that it serves what the catalogue says: a pure function of both.
//!
//! What a replica holds is a copy, so it is let go of as soon as the catalogue names it no longer. Only a catalogue that
//! is not there at all takes nothing away.

use crate::record::{IndexRecord, LayoutId, NumberedDump, Place, Preparing, ReplicaId, TaskId, Way};
use crate::records::{Records, Stored};
use annuli_api::Failure;
use annuli_core::{Generation, IndexName, IndexSchema, IndexUuid, ShardCount};
use std::collections::BTreeMap;

/// The generations that a replica has, each with why it does not serve, if it does not.
pub type Held = BTreeMap<(IndexUuid, Generation), Result<(), Failure>>;

/// A generation that is to be prepared.
#[derive(Debug, Clone, PartialEq)]
pub struct NewGeneration {
    /// Name of the index.
    pub name: IndexName,
    /// The index.
    pub uuid: IndexUuid,
    /// What it holds.
    pub schema: IndexSchema,
    /// Which dump it is made of.
    pub of: NumberedDump,
    /// The rollout that it is for; `None`: it is official already.
    pub rollout: Option<TaskId>,
    /// Which attempt of that rollout.
    pub attempt: u32,
    /// Whether something else is served meanwhile.
    pub way: Way,
}

impl NewGeneration {
    /// Which generation of which index.
    pub fn key(&self) -> (IndexUuid, Generation) {
        (self.uuid, self.of.generation)
    }
}

/// What a replica has to do.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ReplicaPlan {
    /// Generations that nobody asks for any longer.
    pub retire: Vec<(IndexUuid, Generation)>,
    /// Generations to prepare, the most urgent first.
    pub prepare: Vec<NewGeneration>,
    /// Generations to prepare once what is retired has gone: there is no room before.
    pub then: Vec<NewGeneration>,
}

/// The rollout of each index of a layout that is under way, and to which generation: what a replica tells that it has heard.
pub fn heard(records: &Records, layout: LayoutId) -> BTreeMap<IndexUuid, (TaskId, Generation)> {
    let indexes = records.indexes.values().filter_map(|stored| stored.record.on(layout));
    let preparing = indexes.filter_map(|index| {
        let preparing = index.generations.preparing.as_ref()?;
        Some((index.uuid, (preparing.rollout, preparing.of.generation)))
    });
    preparing.collect()
}

/// Whom the generations of an index follow, if they do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leader {
    /// Name of the index.
    pub name: IndexName,
    /// Its shards.
    pub shards: ShardCount,
    /// Where its primary is, if it lives.
    pub address: Option<String>,
    /// What follows it.
    pub generations: Vec<Generation>,
}

/// The primaries of what a replica of that place serves. They are asked as long as something of the index is served.
pub fn leaders(records: &Records, place: Place, held: &Held) -> BTreeMap<IndexUuid, Leader> {
    let primary = records.primary(place);
    let leader = |(name, stored): (&IndexName, &Stored<IndexRecord>)| {
        let index = stored.record.on(place.layout)?;
        let serves = |((of, number), state): (&(IndexUuid, Generation), &Result<_, _>)| {
            (*of == index.uuid && state.is_ok()).then_some(*number)
        };
        let generations: Vec<_> = held.iter().filter_map(serves).collect();
        let (name, address) = (name.clone(), primary.map(|primary| primary.address.clone()));
        let is_served = !generations.is_empty();
        is_served.then_some((index.uuid, Leader { name, shards: index.schema.shards, address, generations }))
    };
    records.indexes.iter().filter_map(leader).collect()
}

/// Compares what a replica of a shard holds with what the records say.
pub fn plan(records: &Records, place: Place, id: ReplicaId, held: &Held) -> ReplicaPlan {
    if records.cluster.is_none() {
        return ReplicaPlan::default();
    }
    let (mut keep, mut urgent, mut later, mut then) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (name, stored) in &records.indexes {
        let Some(index) = stored.record.on(place.layout) else { continue };
        let new = |of, rollout, way| NewGeneration {
            name: name.clone(),
            uuid: index.uuid,
            schema: index.schema,
            of,
            rollout,
            attempt: 0,
            way,
        };
        let rolled_out = |preparing: &Preparing| NewGeneration {
            attempt: preparing.attempt,
            ..new(preparing.of, Some(preparing.rollout), preparing.way())
        };
        let generations = &index.generations;
        let allowed = allowed(&index, id);
        if let Some(preparing) = allowed.filter(|preparing| preparing.way() == Way::Drain) {
            // There is room for one: what is here goes, and only then comes the other.
            let in_place = rolled_out(preparing);
            let is_other = |held: &&(IndexUuid, Generation)| held.0 == index.uuid && held.1 != preparing.of.generation;
            let has_room = !held.keys().any(|held| is_other(&held));
            keep.push(in_place.key());
            if has_room {
                later.push(in_place);
            } else {
                then.push(in_place);
            }
            continue;
        }
        // What was official before is kept, but nobody makes it anew.
        keep.extend(generations.retiring.map(|of| (index.uuid, of.generation)));
        // Of a shard that has gone over what it is asked for is kept by who has it; who waits for its turn with what is
        // official keeps that until then; who has neither makes what is asked for.
        let asked = generations.of_shard(place.shard);
        let has = |of: &NumberedDump| held.contains_key(&(index.uuid, of.generation));
        let waits = generations.official.filter(|official| has(official) && !asked.is_some_and(|asked| has(&asked)));
        urgent.extend(waits.or(asked).map(|of| new(of, None, Way::Beside)));
        later.extend(allowed.map(rolled_out));
    }
    // Whoever has waited longest comes first: not the first by name, whose next rollout is never far.
    later.sort_by_key(|new| new.rollout);
    let wanted: Vec<_> = urgent.into_iter().chain(later).collect();
    keep.extend(wanted.iter().map(NewGeneration::key));
    // What this release cannot read is not gone.
    let is_over = |key: &&(IndexUuid, Generation)| {
        let is_here = records.indexes.values().any(|stored| stored.record.identities().any(|known| known == key.0));
        !keep.contains(key) && (is_here || records.is_deleted(key.0))
    };
    let retire = held.keys().filter(is_over).copied().collect();
    let lacks = |new: &NewGeneration| !matches!(held.get(&new.key()), Some(Ok(())));
    let prepare = wanted.into_iter().filter(lacks).collect();
    ReplicaPlan { retire, prepare, then: then.into_iter().filter(lacks).collect() }
}

fn allowed(index: &IndexRecord, id: ReplicaId) -> Option<&Preparing> {
    index.generations.preparing.as_ref().filter(|preparing| preparing.allowed.contains(&id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Generations, NodeId, NodeRecord, Role};
    use crate::testing::{dump, schema, uuid};
    use annuli_api::ErrorCode;
    use annuli_core::{ShardCount, ShardId};
    use uuid::Uuid;

    const PLACE: Place = Place::first(ShardId(0));

    const ID: ReplicaId = ReplicaId(Uuid::from_u128(7));

    fn numbered(number: u64) -> NumberedDump {
        NumberedDump { generation: Generation(number), dump: dump(number) }
    }

    fn catalogue(generations: Generations) -> Records {
        let mut records = Records::default();
        let cluster = crate::record::ClusterRecord::founded(ShardCount::ONE);
        records.put("cluster", 1, &cluster.encode());
        let record = IndexRecord { generations, ..IndexRecord::new(uuid(1), schema(1)) };
        records.put("index/faces", 2, &record.encode());
        records
    }

    fn held(numbers: &[u64]) -> Held {
        numbers.iter().map(|number| ((uuid(1), Generation(*number)), Ok(()))).collect()
    }

    fn preparing(number: u64, allowed: bool) -> Preparing {
        let allowed = if allowed { [ID].into() } else { [].into() };
        let (known, attempt) = (BTreeMap::new(), 0);
        Preparing { of: numbered(number), rollout: TaskId(Uuid::nil()), allowed, over: None, known, attempt }
    }

    fn prepared(plan: &ReplicaPlan) -> Vec<u64> {
        plan.prepare.iter().map(|new| new.of.generation.0).collect()
    }

    #[test]
    fn a_replica_prepares_what_is_official_before_what_is_to_be() {
        let generations =
            Generations { official: Some(numbered(3)), preparing: Some(preparing(4, true)), ..Generations::default() };
        assert_eq!(prepared(&plan(&catalogue(generations), PLACE, ID, &held(&[]))), [3, 4]);
    }

    #[test]
    fn a_replica_that_has_not_had_its_turn_waits() {
        let generations =
            Generations { official: Some(numbered(3)), preparing: Some(preparing(4, false)), ..Generations::default() };
        assert_eq!(plan(&catalogue(generations), PLACE, ID, &held(&[3])), ReplicaPlan::default());
    }

    #[test]
    fn a_replica_hears_that_somebody_has_it_try_again() {
        let generations =
            Generations { preparing: Some(Preparing { attempt: 2, ..preparing(4, true) }), ..Generations::default() };
        let plan = plan(&catalogue(generations), PLACE, ID, &held(&[]));
        assert_eq!(plan.prepare.iter().map(|new| (new.of.generation.0, new.attempt)).collect::<Vec<_>>(), [(4, 2)]);
    }

    #[test]
    fn a_replica_without_room_for_two_lets_go_before_it_prepares() {
        let drained = |allowed| Preparing { over: Some([].into()), ..preparing(4, allowed) };
        let generations = |allowed| Generations {
            official: Some(numbered(3)),
            preparing: Some(drained(allowed)),
            ..Generations::default()
        };
        let plan_of = |allowed, numbers| plan(&catalogue(generations(allowed)), PLACE, ID, &held(numbers));
        assert_eq!(plan_of(false, &[3]), ReplicaPlan::default());
        let leaving = plan_of(true, &[3]);
        assert_eq!((leaving.retire.as_slice(), prepared(&leaving)), (&[(uuid(1), Generation(3))][..], vec![]));
        let then: Vec<_> = leaving.then.iter().map(|new| new.of.generation.0).collect();
        assert_eq!(then, [4], "what it lacks until then it does not serve");
        let empty = plan_of(true, &[]);
        assert_eq!((empty.retire.as_slice(), prepared(&empty)), (&[][..], vec![4]));
        assert_eq!(plan_of(true, &[4]), ReplicaPlan::default());
        // One that starts before its turn has what the others have.
        assert_eq!(prepared(&plan_of(false, &[])), [3]);
    }

    /// One that nobody had seen when a drain was turned threw away what its shard alone was asked for.
    #[test]
    fn of_a_shard_that_has_gone_over_what_is_asked_for_is_kept_and_made_by_who_was_not_let_go() {
        let turned = Preparing { over: Some([ShardId(0)].into()), ..preparing(3, false) };
        let generations =
            Generations { official: Some(numbered(4)), preparing: Some(turned), ..Generations::default() };
        assert_eq!(plan(&catalogue(generations.clone()), PLACE, ID, &held(&[3])), ReplicaPlan::default());
        let empty = plan(&catalogue(generations.clone()), PLACE, ID, &held(&[]));
        assert_eq!(prepared(&empty), [3]);
        // It waits for its turn.
        assert_eq!(plan(&catalogue(generations.clone()), PLACE, ID, &held(&[4])), ReplicaPlan::default());
        let elsewhere = plan(&catalogue(generations), Place::first(ShardId(1)), ID, &held(&[3]));
        assert_eq!((prepared(&elsewhere), elsewhere.retire), (vec![4], vec![(uuid(1), Generation(3))]));
    }

    #[test]
    fn what_was_official_is_kept_until_it_is_retired_and_not_made_anew() {
        let generations =
            Generations { official: Some(numbered(4)), retiring: Some(numbered(3)), ..Generations::default() };
        assert_eq!(plan(&catalogue(generations.clone()), PLACE, ID, &held(&[3, 4])), ReplicaPlan::default());
        assert_eq!(plan(&catalogue(generations), PLACE, ID, &held(&[4])), ReplicaPlan::default());
        let generations = Generations { official: Some(numbered(4)), ..Generations::default() };
        assert_eq!(plan(&catalogue(generations), PLACE, ID, &held(&[3, 4])).retire, [(uuid(1), Generation(3))]);
    }

    #[test]
    fn what_does_not_open_is_prepared_again() {
        let generations = Generations { official: Some(numbered(4)), ..Generations::default() };
        let rotten = [((uuid(1), Generation(4)), Err(Failure::new(ErrorCode::IndexUnavailable, "rotten")))].into();
        assert_eq!(prepared(&plan(&catalogue(generations), PLACE, ID, &rotten)), [4]);
    }

    #[test]
    fn an_index_whose_record_cannot_be_read_is_not_let_go_of() {
        let mut records = catalogue(Generations { official: Some(numbered(4)), ..Generations::default() });
        records.put("index/faces", 3, b"of a later release");
        assert_eq!(plan(&records, PLACE, ID, &held(&[4])), ReplicaPlan::default());
    }

    #[test]
    fn what_serves_is_led_by_the_primary_of_its_place() {
        let mut records = catalogue(Generations::default());
        let leader = |address: Option<&str>, numbers: &[u64]| Leader {
            name: IndexName::new("faces").unwrap(),
            shards: ShardCount::ONE,
            address: address.map(str::to_owned),
            generations: numbers.iter().copied().map(Generation).collect(),
        };
        let rotten = [((uuid(1), Generation(4)), Err(Failure::new(ErrorCode::IndexUnavailable, "rotten")))].into();
        for held in [Held::default(), rotten] {
            assert_eq!(leaders(&records, PLACE, &held), BTreeMap::new());
        }
        assert_eq!(leaders(&records, PLACE, &held(&[3, 4])), [(uuid(1), leader(None, &[3, 4]))].into());
        for (number, shard) in [(1, 0), (2, 1)] {
            let (address, serves) = (format!("primary-{shard}"), BTreeMap::new());
            let primary =
                NodeRecord { address, role: Role::Primary, place: Place::first(ShardId(shard)), serves, replica: None };
            records.put(&format!("node/{}", NodeId(Uuid::from_u128(number))), 3, &primary.encode());
        }
        assert_eq!(leaders(&records, PLACE, &held(&[3])), [(uuid(1), leader(Some("primary-0"), &[3]))].into());
    }

    #[test]
    fn a_deleted_index_is_let_go_of_and_a_lost_catalogue_takes_nothing() {
        let mut records = catalogue(Generations::default());
        records.delete("index/faces");
        assert_eq!(plan(&records, PLACE, ID, &held(&[4])).retire, [(uuid(1), Generation(4))]);
        assert_eq!(plan(&Records::default(), PLACE, ID, &held(&[4])), ReplicaPlan::default());
    }
}
