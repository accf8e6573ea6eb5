//! What must hold of indexes that move to another number of shards.

use crate::witness::Witness;
use annuli_cluster::Records;
use annuli_cluster::record::{IndexRecord, LayoutId, Place};
use annuli_core::{IndexName, IndexUuid, Seq};

/// The layout that a cluster moves to, if it does: it is asked for once in a life.
pub(crate) const NEXT: LayoutId = LayoutId(1);

/// Whether processes of the next layout have something to do, or will have.
pub(crate) fn has_next(records: &Records) -> bool {
    records.cluster.as_ref().is_some_and(|cluster| cluster.record.layouts().any(|layout| layout.id == NEXT))
}

/// The layout that indexes are on in the end.
pub(crate) fn layout(records: &Records) -> LayoutId {
    records.cluster.as_ref().map_or(LayoutId::FIRST, |cluster| cluster.record.layout.id)
}

/// What a commit has broken.
pub(crate) fn check_moves(before: &Records, after: &Records) -> Vec<String> {
    let mut broken = Vec::new();
    if layout(after) < layout(before) {
        broken.push("the layout goes back".to_owned());
    }
    for (name, stored) in &after.indexes {
        let Some(was) = before.indexes.get(name).map(|was| &was.record) else { continue };
        let is = &stored.record;
        if was.first == is.first && was.uuid != is.uuid {
            broken.extend(check_move(name, was, is));
        }
    }
    broken
}

/// It has moved: everything that was written has come along, and nothing more.
fn check_move(name: &IndexName, was: &IndexRecord, is: &IndexRecord) -> Option<String> {
    let Some(moving) = was.moving.as_ref().filter(|moving| moving.uuid == is.uuid) else {
        return Some(format!("`{name}` becomes {}, which it was not about to", is.uuid));
    };
    let sealed = moving.sealed.as_ref().map_or(0, |sealed| sealed.len());
    let whole = (was.schema.shards.get() as usize, moving.shards.get() as usize);
    let found = (sealed, moving.done.len());
    if found != whole || is.histories != moving.histories {
        return Some(format!("`{name}` moves with {found:?} of {whole:?} shards sealed and done, as {moving:?}"));
    }
    None
}

/// Whether an index has moved away from that identity.
pub(crate) fn has_moved(records: &Records, uuid: IndexUuid) -> bool {
    records.moved_from(uuid).is_some()
}

/// Why a write of a shard may not be acknowledged: somebody has acted by what was said to be the last.
pub(crate) fn behind_the_last(records: &Records, uuid: IndexUuid, place: Place, seq: Seq) -> Option<String> {
    if has_moved(records, uuid) {
        return Some(format!("a write of {place} is acknowledged at {seq}, and its index has moved"));
    }
    let (_, index) = records.index_of(uuid)?;
    let last = *index.record.moving.as_ref()?.sealed.as_ref()?.get(&place.shard)?;
    (seq > last).then(|| format!("a write of {place} is acknowledged at {seq}, behind {last}, which was the last"))
}

impl Witness {
    /// The identity that an index had at first: what was written to it by another name was written to it.
    pub(crate) fn first(&self, uuid: IndexUuid) -> IndexUuid {
        self.firsts.get(&uuid).copied().unwrap_or(uuid)
    }

    /// The layout of an index, also of one that was deleted.
    pub(crate) fn layout_of(&self, uuid: IndexUuid) -> LayoutId {
        self.layouts.get(&uuid).copied().unwrap_or(LayoutId::FIRST)
    }

    /// Remembers who is who, and where.
    pub(crate) fn know_firsts(&mut self) {
        let known = self.records.indexes.values().map(|stored| &stored.record);
        let known: Vec<_> = known.flat_map(|index| index.identities().map(|it| (it, index.first))).collect();
        self.firsts.extend(known);
        let on = self.records.indexes.values().map(|stored| &stored.record).flat_map(|index| {
            let moving = index.moving.as_ref().map(|moving| (moving.uuid, moving.layout));
            let former = index.former.as_ref().map(|former| (former.uuid, former.layout));
            [Some((index.uuid, index.layout)), moving, former].into_iter().flatten()
        });
        let on: Vec<_> = on.collect();
        self.layouts.extend(on);
    }
}
