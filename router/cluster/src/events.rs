//! What happens, by what changes in the records: a pure function of how they were and how they are.
//!
//! Every router sees the same transactions, so every router tells the same events by the same ids, and who follows one
//! can go on at another.

mod nodes;
mod past;
mod reshards;
mod tasks;

pub use past::Past;

use crate::record::{Generations, IndexRecord};
use crate::records::{Records, Stored};
use annuli_api::v1::event::{Event, IndexEvent};
use annuli_core::{IndexName, IndexUuid};
use std::collections::BTreeMap;

/// What has happened between two states of the records, always in the same order.
pub fn events(before: &Records, after: &Records) -> Vec<Event> {
    let mut events: Vec<Event> = coordinator(before, after).into_iter().collect();
    events.extend(nodes::events(before, after));
    events.extend(created(before, after));
    events.extend(aliases(before, after));
    events.extend(tasks::events(before, after));
    events.extend(official(before, after));
    events.extend(reshards::events(before, after));
    events.extend(deleted(before, after));
    events
}

fn coordinator(before: &Records, after: &Records) -> Option<Event> {
    let elected = &after.coordinator.as_ref()?.record;
    let known = before.coordinator.as_ref().is_some_and(|before| before.record == *elected);
    let event = Event::CoordinatorElected { coordinator: elected.name.clone(), epoch: elected.epoch.0 };
    (!known).then_some(event)
}

fn created<'a>(before: &'a Records, after: &'a Records) -> impl Iterator<Item = Event> + 'a {
    only(&after.indexes, &before.indexes).map(Event::IndexCreated)
}

fn deleted<'a>(before: &'a Records, after: &'a Records) -> impl Iterator<Item = Event> + 'a {
    only(&before.indexes, &after.indexes).map(Event::IndexDeleted)
}

type Indexes = BTreeMap<IndexName, Stored<IndexRecord>>;

/// Indexes that are among these and not among the others. One that was made anew is another; one that has moved is not.
fn only<'a>(these: &'a Indexes, others: &'a Indexes) -> impl Iterator<Item = IndexEvent> + 'a {
    let is_new = |name: &IndexName, first: IndexUuid| others.get(name).is_none_or(|other| other.record.first != first);
    let new = these.iter().filter(move |(name, stored)| is_new(name, stored.record.first));
    new.map(|(name, stored)| IndexEvent { index: name.to_string(), uuid: stored.record.uuid.0 })
}

fn aliases(before: &Records, after: &Records) -> Vec<Event> {
    let removed = before.aliases.keys().filter(|alias| !after.aliases.contains_key(*alias));
    let removed = removed.map(|alias| Event::AliasRemoved { alias: alias.to_string() });
    let was = |alias: &IndexName| before.aliases.get(alias).map(|stored| &stored.record);
    let set = after.aliases.iter().filter(|(alias, stored)| was(alias) != Some(&stored.record));
    let set = set.map(|(alias, stored)| {
        let (alias, index) = (alias.to_string(), stored.record.index.to_string());
        Event::AliasSet { alias, index }
    });
    removed.chain(set).collect()
}

fn official(before: &Records, after: &Records) -> Vec<Event> {
    let of_index = |(name, stored): (&IndexName, &Stored<IndexRecord>)| {
        let was = before.indexes.get(name).filter(|was| was.record.uuid == stored.record.uuid);
        let number = |generations: &Generations| generations.official.map(|official| official.generation.0);
        let from = was.and_then(|was| number(&was.record.generations));
        let generation = number(&stored.record.generations);
        let index = name.to_string();
        let is_turned = was.is_some_and(|was| is_turned(&was.record.generations, &stored.record.generations));
        (generation != from && !is_turned).then_some(Event::GenerationOfficial { index, generation, from })
    };
    after.indexes.iter().filter_map(of_index).collect()
}

/// Whether a rollout that drains goes back from now on: no shard is asked for anything else by that.
fn is_turned(was: &Generations, now: &Generations) -> bool {
    let (Some(was), Some(now)) = (&was.preparing, &now.preparing) else { return false };
    was.rollout == now.rollout && was.of != now.of
}

/// The name of an index, as it is or was.
fn name_of(before: &Records, after: &Records, uuid: IndexUuid) -> Option<String> {
    let found = after.index_of(uuid).or_else(|| before.index_of(uuid));
    found.map(|(name, _)| name.to_string())
}

#[cfg(test)]
mod tests;
