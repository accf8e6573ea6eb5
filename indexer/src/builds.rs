//! What a shard is building, for who asks how far it is.
//!
//! At one time a shard makes at most one segment of new documents and one of others. The thread that builds says so
//! here; whoever looks takes a copy, and nobody waits for anybody.

use crate::clock;
use annuli_api::shard_api::BuildStatus;
use arc_swap::ArcSwapOption;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Of what a segment is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BuildKind {
    /// Of new documents.
    Seal,
    /// Of segments.
    Merge,
}

impl BuildKind {
    /// Every kind.
    pub(crate) const ALL: [Self; 2] = [Self::Seal, Self::Merge];

    /// The name in metrics.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Seal => "seal",
            Self::Merge => "merge",
        }
    }
}

/// The builds of a shard.
#[derive(Debug, Default)]
pub(crate) struct Builds {
    seal: ArcSwapOption<Build>,
    merge: ArcSwapOption<Build>,
}

/// A build that waits for its turn or is under way.
#[derive(Debug)]
pub(crate) struct Build {
    id: Uuid,
    kind: BuildKind,
    documents: usize,
    /// Documents that have entered the graph.
    done: AtomicUsize,
    asked: Instant,
    has_turn: AtomicBool,
}

/// Says that the build is over when it is dropped.
pub(crate) struct UnderWay<'a> {
    build: Arc<Build>,
    place: &'a ArcSwapOption<Build>,
}

impl Builds {
    /// A build of so many documents waits for its turn.
    pub(crate) fn begin(&self, kind: BuildKind, documents: usize) -> UnderWay<'_> {
        let build = Arc::new(Build {
            id: clock::new_uuid(),
            kind,
            documents,
            done: AtomicUsize::new(0),
            asked: clock::now(),
            has_turn: AtomicBool::new(false),
        });
        let place = match kind {
            BuildKind::Seal => &self.seal,
            BuildKind::Merge => &self.merge,
        };
        place.store(Some(Arc::clone(&build)));
        UnderWay { build, place }
    }

    /// How the seal is, if there is one.
    pub(crate) fn seal(&self) -> Option<BuildStatus> {
        self.seal.load().as_deref().map(Build::status)
    }

    /// How the merge is, if there is one.
    pub(crate) fn merge(&self) -> Option<BuildStatus> {
        self.merge.load().as_deref().map(Build::status)
    }
}

impl UnderWay<'_> {
    /// It is its turn.
    pub(crate) fn begins(&self) {
        self.build.has_turn.store(true, Ordering::Relaxed);
    }

    /// What the graph's builder counts documents in.
    pub(crate) fn done(&self) -> &AtomicUsize {
        &self.build.done
    }

    /// Of what it is made.
    pub(crate) fn kind(&self) -> BuildKind {
        self.build.kind
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.place.store(None);
    }
}

impl Build {
    fn status(&self) -> BuildStatus {
        // Looked at a moment before it was asked for, it was asked for just now.
        let since = clock::now().checked_duration_since(self.asked).unwrap_or(Duration::ZERO);
        BuildStatus {
            id: self.id,
            documents: self.documents as u64,
            done: self.done.load(Ordering::Relaxed).min(self.documents) as u64,
            waits: !self.has_turn.load(Ordering::Relaxed),
            since,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_is_seen_from_when_it_waits_until_it_is_over() {
        let builds = Builds::default();
        let seal = builds.begin(BuildKind::Seal, 10);
        let first = builds.seal().unwrap();
        assert_eq!((first.documents, first.done, first.waits), (10, 0, true));
        assert_eq!(builds.merge(), None);
        seal.begins();
        seal.done().fetch_add(7, Ordering::Relaxed);
        let second = builds.seal().unwrap();
        assert_eq!((second.id, second.done, second.waits), (first.id, 7, false));
        let merge = builds.begin(BuildKind::Merge, 20);
        drop(seal);
        assert_eq!(builds.seal(), None);
        assert_eq!(builds.merge().map(|merge| merge.documents), Some(20));
        drop(merge);
        assert_eq!(builds.merge(), None);
    }
}
