//! Into how many shards the cluster divides its indexes, as its records say: by that its processes are started.

use annuli_cluster::Records;
use annuli_cluster::record::{ClusterRecord, Key, LayoutId};
use annuli_core::ShardCount;
use std::collections::BTreeMap;

/// Layouts, and how many shards each has.
pub(super) type Layouts = BTreeMap<LayoutId, ShardCount>;

/// The layouts that have processes: that of today, and the next while the cluster moves; `None` where nobody has said so yet,
/// or this release cannot read it.
pub(super) fn layouts(records: &Records) -> Option<Layouts> {
    records.cluster.as_ref().map(|stored| of(&stored.record))
}

/// Why this release cannot read what the cluster has, if so.
pub(super) fn unreadable(records: &Records) -> Option<&str> {
    records.unreadable.get(&Key::Cluster).map(String::as_str)
}

/// What a cluster begins with.
pub(super) fn founded(shards: ShardCount) -> Layouts {
    of(&ClusterRecord::founded(shards))
}

fn of(cluster: &ClusterRecord) -> Layouts {
    cluster.layouts().map(|layout| (layout.id, layout.shards)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use annuli_cluster::record::Layout;

    fn count(shards: u32) -> ShardCount {
        ShardCount::new(shards).unwrap()
    }

    #[track_caller]
    fn check(cluster: ClusterRecord, want: &[(u64, u32)]) {
        let mut records = Records::default();
        records.put("cluster", 1, &cluster.encode());
        let want = want.iter().map(|&(id, shards)| (LayoutId(id), count(shards))).collect();
        assert_eq!(layouts(&records), Some(want));
    }

    #[test]
    fn a_new_cluster_has_as_many_shards_as_it_is_told() {
        assert_eq!((layouts(&Records::default()), unreadable(&Records::default())), (None, None));
        assert_eq!(founded(count(2)), [(LayoutId::FIRST, count(2))].into());
    }

    #[test]
    fn what_cannot_be_read_has_no_processes_of_its_own() {
        let mut records = Records::default();
        records.put("cluster", 1, b"of a later release");
        assert_eq!(layouts(&records), None);
        assert!(unreadable(&records).is_some());
    }

    #[test]
    fn a_cluster_that_has_moved_has_what_it_has() {
        let moved = Layout { id: LayoutId(3), shards: count(5) };
        check(ClusterRecord { layout: moved, next: None, last: LayoutId(4) }, &[(3, 5)]);
    }

    #[test]
    fn a_cluster_that_moves_has_processes_of_both() {
        let next = Layout { id: LayoutId(1), shards: count(3) };
        let moves = ClusterRecord { next: Some(next), last: LayoutId(1), ..ClusterRecord::founded(count(2)) };
        check(moves, &[(0, 2), (1, 3)]);
    }
}
