//! Where a record stands.

use super::{NodeId, Place, TaskId};
use annuli_core::{IndexName, IndexUuid};
use annuli_dump::DumpId;
use std::fmt;
use uuid::Uuid;

/// The key of a record. Persisted, keep stable.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// What the cluster is.
    Cluster,
    /// Who coordinates.
    Coordinator,
    /// An index.
    Index(IndexName),
    /// An alias.
    Alias(IndexName),
    /// An index that was deleted.
    Gone(IndexUuid),
    /// A process.
    Node(NodeId),
    /// When a shard was served last.
    Term(Place),
    /// A dump.
    Dump(DumpId),
    /// A task.
    Task(TaskId),
    /// What a router has compared for a rollout.
    Compared(TaskId, RouterId),
}

/// One run of a router: a restarted one is another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RouterId(pub Uuid);

/// Where the election of the coordinator keeps who has won it.
const COORDINATOR: &str = "elections/coordinator/leader";

impl Key {
    /// The key of that text; `None` for what later releases may keep in the same store.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "cluster" {
            return Some(Self::Cluster);
        }
        if text == COORDINATOR {
            return Some(Self::Coordinator);
        }
        let (kind, name) = text.split_once('/')?;
        match kind {
            "index" => IndexName::new(name).ok().map(Self::Index),
            "alias" => IndexName::new(name).ok().map(Self::Alias),
            "gone" => Uuid::try_parse(name).ok().map(|uuid| Self::Gone(IndexUuid(uuid))),
            "node" => Uuid::try_parse(name).ok().map(|uuid| Self::Node(NodeId(uuid))),
            "dump" => DumpId::parse(name).ok().map(Self::Dump),
            "task" => Uuid::try_parse(name).ok().map(|uuid| Self::Task(TaskId(uuid))),
            "term" => Place::parse(name).map(Self::Term),
            "compared" => {
                let (task, router) = name.split_once('/')?;
                let (task, router) = (Uuid::try_parse(task).ok()?, Uuid::try_parse(router).ok()?);
                Some(Self::Compared(TaskId(task), RouterId(router)))
            }
            _ => None,
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cluster => f.write_str("cluster"),
            Self::Coordinator => f.write_str(COORDINATOR),
            Self::Index(name) => write!(f, "index/{name}"),
            Self::Alias(name) => write!(f, "alias/{name}"),
            Self::Gone(uuid) => write!(f, "gone/{uuid}"),
            Self::Node(id) => write!(f, "node/{id}"),
            Self::Dump(dump) => write!(f, "dump/{dump}"),
            Self::Task(id) => write!(f, "task/{id}"),
            Self::Term(place) => write!(f, "term/{place}"),
            Self::Compared(task, router) => write!(f, "compared/{task}/{}", router.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_comes_back_from_its_text() {
        let uuid = "0190e4a2-7c00-7000-8000-000000000001";
        for text in [
            "cluster",
            "elections/coordinator/leader",
            "index/faces",
            "alias/faces",
            "term/7",
            "term/7.2",
            &format!("gone/{uuid}"),
            &format!("node/{uuid}"),
            &format!("dump/{uuid}"),
            &format!("task/{uuid}"),
            &format!("compared/{uuid}/{uuid}"),
        ] {
            assert_eq!(Key::parse(text).map(|key| key.to_string()).as_deref(), Some(text));
        }
    }

    #[test]
    fn what_is_no_key_of_this_release_is_passed_over() {
        for text in [
            "",
            "index",
            "index/",
            "index/Faces",
            "gone/faces",
            "term/x",
            "term/7.0",
            "term/7.",
            "compared/7",
            "rollout/1",
        ] {
            assert_eq!(Key::parse(text), None, "{text}");
        }
    }
}
