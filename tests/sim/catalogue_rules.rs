//! What no commit may do to the records, whoever makes it.

use crate::moves::has_moved;
use crate::shelf::Shelf;
use crate::witness::Witness;
use annuli_cluster::Records;
use annuli_cluster::record::{DumpState, IndexRecord, NumberedDump, Preparing};
use annuli_core::IndexName;

/// How long a replica may be known before a flip has to wait for it: one that came while the flip was on its way could not
/// be seen.
pub(crate) const UNSEEN_MS: u64 = 4_000;

/// What a commit has broken.
pub(crate) fn check_commit(before: &Records, witness: &Witness, now: u64, shelf: &Shelf) -> Vec<String> {
    let after = &witness.records;
    let mut broken = Vec::new();
    broken.extend(after.unreadable.iter().map(|(key, why)| format!("`{key}` cannot be read: {why}")));
    for (name, stored) in &after.indexes {
        let index = &stored.record;
        if witness.gone.contains(&index.uuid) {
            broken.push(format!("index `{name}` {} is back, which was deleted", index.uuid));
        }
        if let Some((_, earlier)) = before.index_of(index.uuid) {
            broken.extend(check_index(name, &earlier.record, index));
            let flipped = index.generations.official.filter(|it| earlier.record.generations.official != Some(*it));
            if let Some(to) = flipped {
                broken.extend(check_flip(name, index, to, before, witness, now));
            }
        }
        if let Some(official) = index.generations.official {
            let shards = index.schema.shards.get();
            if !shelf.has((index.uuid, official.dump), shards) {
                let generation = official.generation;
                broken
                    .push(format!("generation {generation} of `{name}` is official, and its dump is not in the store"));
            }
            let taken = after.dumps.get(&official.dump).map(|dump| dump.record.state);
            if taken != Some(DumpState::Taken(official.generation)) {
                broken.push(format!(
                    "generation {} of `{name}` is official, and its dump is {taken:?}",
                    official.generation
                ));
            }
        }
    }
    for (name, stored) in &before.indexes {
        let uuid = stored.record.uuid;
        if after.index_of(uuid).is_none() && !after.gone.contains_key(&uuid) && !has_moved(after, uuid) {
            broken.push(format!("index `{name}` {uuid} is gone without a tombstone"));
        }
    }
    for (shard, term) in &after.terms {
        let earlier = before.terms.get(shard).filter(|it| it.revision != term.revision);
        if let Some(earlier) = earlier.filter(|earlier| earlier.record.epoch >= term.record.epoch) {
            let (from, to) = (earlier.record.epoch, term.record.epoch);
            broken.push(format!("the term of shard {shard} goes from {from} to {to}"));
        }
    }
    let back = after.dumps.keys().filter(|dump| witness.gone_dumps.contains(dump));
    broken.extend(back.map(|dump| format!("dump {dump} is back, which was deleted")));
    for (id, task) in &before.tasks {
        let now = after.tasks.get(id).map(|task| task.record.status);
        // A rollout that has succeeded can be rolled back.
        let may = [task.record.status, annuli_api::v1::task::TaskStatus::RolledBack];
        if task.record.is_over() && now.is_some_and(|now| !may.contains(&now)) {
            broken.push(format!("task {id} was over, and is {now:?}"));
        }
    }
    broken
}

fn check_index(name: &IndexName, before: &IndexRecord, after: &IndexRecord) -> Vec<String> {
    let mut broken = Vec::new();
    for (shard, history) in &before.histories {
        if after.histories.get(shard) != Some(history) {
            broken.push(format!("shard {shard} of `{name}` has another history than {history}"));
        }
    }
    let (from, to) = (before.generations.last, after.generations.last);
    if to < from {
        broken.push(format!("generations of `{name}` go back from {from} to {to}"));
    }
    broken
}

/// What becomes official was ready on every replica that lives, unless it is rolled back to.
fn check_flip(
    name: &IndexName,
    index: &IndexRecord,
    to: NumberedDump,
    before: &Records,
    witness: &Witness,
    now: u64,
) -> Vec<String> {
    let was_prepared = before.index_of(index.uuid).and_then(|(_, it)| it.record.generations.preparing.clone());
    // One that drains goes back from now on: some of its shards have gone over.
    let is_turned = |was: &Preparing| {
        index.generations.preparing.as_ref().is_some_and(|now| now.rollout == was.rollout && now.of != was.of)
    };
    if was_prepared.is_none_or(|preparing| preparing.of != to || is_turned(&preparing)) {
        return Vec::new();
    }
    let known = |replica: &annuli_cluster::record::ReplicaId| {
        let nodes =
            before.nodes.iter().filter(|(_, node)| node.record.replica.as_ref().is_some_and(|it| it.id == *replica));
        // Of two processes over one folder the later counts.
        let latest = nodes.max_by_key(|(_, node)| node.revision);
        latest.and_then(|(node, _)| witness.joined.get(node)).is_some_and(|since| since + UNSEEN_MS < now)
    };
    let unready = before.replicas_on(index.layout).filter(|replica| !replica.is_ready(index.uuid, to.generation));
    let unready = unready.filter(|replica| known(&replica.record.id));
    unready
        .map(|replica| {
            let found = replica.prepared(index.uuid, to.generation);
            format!(
                "generation {} of `{name}` becomes official while it is {found:?} on the replica at {}",
                to.generation, replica.address
            )
        })
        .collect()
}
