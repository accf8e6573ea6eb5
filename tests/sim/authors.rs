//! Who may write what: what belongs to a primary or to the coordinator is written by whoever has the seat at that moment.

use crate::witness::Witness;
use crate::world::Who;
use annuli_cluster::Records;
use annuli_cluster::record::{DumpState, Place, Role};

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
        // What it was about to become has its histories before it has the name.
        let on_its_way = before.moving_to(uuid).map(|(_, _, moving)| &moving.histories);
        let known = before.index_of(uuid).map(|(_, it)| &it.record.histories).or(on_its_way);
        let new = histories.keys().filter(|shard| known.is_none_or(|known| !known.contains_key(shard)));
        new.for_each(|shard| of_shard(Place { layout, shard: *shard }, "a history"));
        let Some(moving) = &index.moving else { continue };
        let known = before.moving_to(moving.uuid).map(|(_, _, moving)| moving);
        let there = |shard| Place { layout: moving.layout, shard };
        for shard in moving.histories.keys().filter(|it| known.is_none_or(|known| !known.histories.contains_key(it))) {
            of_shard(there(*shard), "a history of what an index is to become");
        }
        for shard in moving.done.iter().filter(|it| known.is_none_or(|known| !known.done.contains(it))) {
            of_shard(there(*shard), "that it has every write");
        }
        let is_said = |shard| known.and_then(|known| known.sealed.as_ref()).is_some_and(|it| it.contains_key(shard));
        for shard in moving.sealed.iter().flat_map(|it| it.keys()).filter(|shard| !is_said(shard)) {
            of_shard(Place { layout, shard: *shard }, "the last write");
        }
    }
    for (id, dump) in &after.dumps {
        let known = before.dumps.get(id).map(|it| &it.record.shards);
        let layout = witness.layout_of(dump.record.uuid);
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
