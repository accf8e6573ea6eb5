//! Who may write what: what belongs to a primary or to the coordinator is written by whoever has the seat at that moment.

use crate::witness::Witness;
use crate::world::Who;
use annuli_cluster::Records;
use annuli_cluster::record::{DumpState, LayoutId, Place, Role};

/// What the author of a commit has written without having the seat for it.
pub(crate) fn check_author(by: Who, before: &Records, witness: &Witness) -> Vec<String> {
    let after = &witness.records;
    let mut written: Vec<(String, String)> = Vec::new();
    let mut of_shard = |place: Place, what: &str| written.push((format!("primary-{place}"), what.to_owned()));
    for (shard, term) in &after.terms {
        if before.terms.get(shard) != Some(term) {
            of_shard(*shard, "a term");
        }
    }
    for (id, node) in after.nodes.iter().filter(|(_, node)| node.record.role == Role::Primary) {
        if before.nodes.get(id) != Some(node) {
            of_shard(node.record.place, "what a primary serves");
        }
    }
    for index in after.indexes.values().map(|it| &it.record) {
        let (uuid, layout, histories) = (index.uuid, index.layout, &index.histories);
        let known = before.index_of(uuid).map(|(_, it)| &it.record.histories);
        let new = histories.keys().filter(|shard| known.is_none_or(|known| !known.contains_key(shard)));
        new.for_each(|shard| of_shard(Place { layout, shard: *shard }, "a history"));
    }
    for (id, dump) in &after.dumps {
        let known = before.dumps.get(id).map(|it| &it.record.shards);
        let layout = before.index_of(dump.record.uuid).map_or(LayoutId::FIRST, |(_, it)| it.record.layout);
        let new = dump.record.shards.keys().filter(|shard| known.is_none_or(|known| !known.contains_key(shard)));
        new.for_each(|shard| of_shard(Place { layout, shard: *shard }, "its part of a dump"));
    }
    let mut of_coordinator = |what: &str| written.push(("coordinator".to_owned(), what.to_owned()));
    for (id, dump) in &after.dumps {
        let state = before.dumps.get(id).map(|it| it.record.state);
        // Anybody may ask to delete a dump.
        if state != Some(dump.record.state) && dump.record.state != DumpState::Deleting {
            of_coordinator("the state of a dump");
        }
    }
    for (uuid, now) in after.indexes.values().map(|it| (it.record.uuid, &it.record.generations)) {
        let preparing = before.index_of(uuid).and_then(|(_, it)| it.record.generations.preparing.clone());
        let is_flip = preparing.is_some_and(|preparing| now.preparing.is_none() && now.official == Some(preparing.of));
        if is_flip {
            of_coordinator("what is official");
        }
    }
    let unseated = written.into_iter().filter(|(election, _)| !witness.has_seat(by, election));
    unseated.map(|(election, what)| format!("{by} writes {what} without the seat of {election}")).collect()
}
