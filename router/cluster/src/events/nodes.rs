//! Processes, and what replicas have prepared.

use super::name_of;
use crate::record::{NodeId, NodeRecord, Prepared, ReplicaId, Role};
use crate::records::{LiveReplica, Records};
use annuli_api::v1::event::{Event, NodeEvent, ReplicaEvent};
use annuli_core::{Generation, IndexUuid};
use std::collections::BTreeMap;

pub(super) fn events(before: &Records, after: &Records) -> Vec<Event> {
    let mut events = Vec::new();
    for (id, gone) in before.nodes.iter().filter(|(id, _)| !after.nodes.contains_key(id)) {
        events.push(Event::NodeLeft(node(*id, &gone.record)));
    }
    for (id, stored) in &after.nodes {
        match before.nodes.get(id) {
            None => events.push(Event::NodeJoined(node(*id, &stored.record))),
            Some(was) if was.record.role != stored.record.role => {
                events.push(Event::NodeChanged(node(*id, &stored.record)));
            }
            Some(_) => {}
        }
    }
    let known: BTreeMap<ReplicaId, LiveReplica<'_>> = before.replicas().map(|known| (known.record.id, known)).collect();
    for replica in after.replicas() {
        for ((index, generation), prepared) in &replica.record.generations {
            let was = known.get(&replica.record.id).and_then(|known| known.prepared(*index, *generation));
            if was == Some(prepared) {
                continue;
            }
            let Some(name) = name_of(before, after, *index) else { continue };
            events.extend(said(prepared, || of_replica(&replica, name, (*index, *generation))));
        }
    }
    events
}

/// What is worth an event of what a replica says: how far it is changes many times.
fn said(prepared: &Prepared, replica: impl FnOnce() -> ReplicaEvent) -> Option<Event> {
    match prepared {
        Prepared::Under(_) => None,
        Prepared::Ready => Some(Event::ReplicaReady(replica())),
        Prepared::Failed { why, .. } => Some(Event::ReplicaFailed { replica: replica(), reason: why.clone() }),
    }
}

fn of_replica(replica: &LiveReplica<'_>, index: String, (_, generation): (IndexUuid, Generation)) -> ReplicaEvent {
    ReplicaEvent {
        index,
        generation: generation.0,
        shard: replica.place.shard.0,
        replica: replica.record.id.0,
        address: replica.address.to_owned(),
    }
}

fn node(id: NodeId, record: &NodeRecord) -> NodeEvent {
    let role = match record.role {
        Role::Primary => "primary",
        Role::Replica => "replica",
        Role::Aside => "aside",
    };
    NodeEvent { node: id.0, role: role.to_owned(), shard: record.place.shard.0, address: record.address.clone() }
}
