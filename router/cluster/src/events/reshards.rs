//! A cluster that moves to another number of shards.

use crate::record::{IndexRecord, Layout};
use crate::records::Records;
use annuli_api::v1::event::{Event, IndexEvent};
use annuli_core::IndexName;

pub(super) fn events(before: &Records, after: &Records) -> Vec<Event> {
    let mut events: Vec<Event> = of_cluster(before, after).into_iter().collect();
    for (name, stored) in &after.indexes {
        let was = before.indexes.get(name).map(|was| &was.record);
        events.extend(was.and_then(|was| of_index(name, was, &stored.record)));
    }
    events
}

fn of_cluster(before: &Records, after: &Records) -> Option<Event> {
    let (was, is) = (before.cluster.as_ref()?.record, after.cluster.as_ref()?.record);
    match (was.next, is.next) {
        (None, Some(Layout { shards, .. })) => Some(Event::ReshardBegun { shards: shards.get() }),
        (Some(next), None) if is.layout == next => Some(Event::ReshardEnded { shards: next.shards.get() }),
        (Some(next), None) => Some(Event::ReshardCancelled { shards: next.shards.get() }),
        (None, None) | (Some(_), Some(_)) => None,
    }
}

fn of_index(name: &IndexName, was: &IndexRecord, is: &IndexRecord) -> Option<Event> {
    if was.first != is.first {
        return None;
    }
    let index = IndexEvent { index: name.to_string(), uuid: is.uuid.0 };
    if was.uuid != is.uuid {
        return Some(Event::IndexMoved { index, shards: is.schema.shards.get() });
    }
    match (was.is_sealed_on(was.layout), is.is_sealed_on(is.layout)) {
        (false, true) => Some(Event::IndexSealed(index)),
        (true, false) => Some(Event::IndexUnsealed(index)),
        (false, false) | (true, true) => None,
    }
}
