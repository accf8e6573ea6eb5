//! When a search has no excuse.

use crate::clients::Clients;
use crate::rollouts::answers;
use crate::witness::Witness;
use crate::world::{Who, locked};
use annuli_api::Index;
use annuli_cluster::record::{NodeId, NodeRecord, Place, Role, Served};
use annuli_cluster::records::LiveReplica;
use annuli_core::ShardId;

/// Time after which everybody knows what is so: longer than it takes to find out that a message was lost, and to ask again.
pub(crate) const KNOWN_AFTER_MS: u64 = 12_000;

/// Whether every shard had somebody, from well before that moment until now, who could answer a search of that router.
pub(crate) fn was_certain(clients: &Clients, router: u8, index: &Index, reads_replicas: bool, began: u64) -> bool {
    let witness = locked(&clients.world.witness);
    let Some(known) = began.checked_sub(KNOWN_AFTER_MS) else { return false };
    let was_so = |since: Option<u64>| since.is_some_and(|since| since <= known);
    if !was_so(witness.calm_since) || !was_so(witness.up_since(Who::Router(router))) {
        return false;
    }
    let Some((_, stored)) = witness.records.index_of(index.uuid) else { return false };
    if !was_so(witness.index_changed.get(&index.uuid).copied()) {
        return false;
    }
    let (layout, generations) = (stored.record.layout, &stored.record.generations);
    let is_ready = |id: NodeId, node: &NodeRecord| match (node.role, &node.replica) {
        (Role::Primary, _) => node.serves.get(&index.uuid) == Some(&Served::Ready),
        (Role::Replica, Some(record)) if reads_replicas => {
            let replica = LiveReplica { node: id, revision: 0, address: &node.address, place: node.place, record };
            answers(generations, index.uuid, &replica)
        }
        (Role::Replica | Role::Aside, _) => false,
    };
    let serves = |(id, node): (&NodeId, &NodeRecord), shard: ShardId| {
        let is_up = was_so(who(&witness, node).and_then(|who| witness.up_since(who)));
        node.place == (Place { layout, shard })
            && is_ready(*id, node)
            && is_up
            && was_so(witness.node_changed.get(id).copied())
    };
    index
        .schema
        .shards
        .shards()
        .all(|shard| witness.records.nodes.iter().any(|(id, node)| serves((id, &node.record), shard)))
}

fn who(witness: &Witness, node: &NodeRecord) -> Option<Who> {
    witness.running().find(|who| who.to_string() == node.address)
}
