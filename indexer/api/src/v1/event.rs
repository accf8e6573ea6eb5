//! What happens in a cluster, as it happens.

use super::canary::CanaryProgress;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Where an event stands among all others: the revision of the coordination store at which it happened, and its place in
/// that. It is the same at every router.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventId {
    /// The revision.
    pub revision: u64,
    /// Of what happened at once, the place, from 1. The last is [`EventId::LAST`]: who has seen that has seen all of
    /// the revision, also where it was seen in one that held nothing to tell.
    pub place: u32,
}

impl EventId {
    /// The place of the last event of a revision.
    pub const LAST: u32 = u32::MAX;

    /// Behind everything that happened at a revision and before.
    pub const fn after(revision: u64) -> Self {
        Self { revision, place: Self::LAST }
    }
}

/// `17-1`, `17-2`, and `17` for the last of them.
impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Self::LAST => write!(f, "{}", self.revision),
            place => write!(f, "{}-{place}", self.revision),
        }
    }
}

/// A text that is no event's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is the id of an event, as in 17 or 17-1; 0 is before all of them")]
pub struct InvalidEventId;

impl FromStr for EventId {
    type Err = InvalidEventId;

    fn from_str(text: &str) -> Result<Self, InvalidEventId> {
        let (revision, place) = match text.split_once('-') {
            Some((revision, place)) => (revision, digits(place).and_then(|place| place.parse().ok())),
            None => (text, Some(Self::LAST)),
        };
        let revision = digits(revision).and_then(|revision| revision.parse().ok());
        Ok(Self { revision: revision.ok_or(InvalidEventId)?, place: place.ok_or(InvalidEventId)? })
    }
}

/// Digits alone: a sign is no part of a number here.
fn digits(text: &str) -> Option<&str> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then_some(text)
}

/// Query of `GET /v1/events`. The header `Last-Event-ID` says what `after` does, and comes before it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct EventsQuery {
    /// Begin after the event of this id; 0 for everything that is remembered. If absent, with what happens from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Go on with what happens; true if absent. Else end after what has happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follow: Option<bool>,
}

/// What happened: the data of an event. Its name is `event`; later releases may add some.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// This router does not remember what happened up to here: look at how things are, then go on with what follows.
    Gap,
    /// A router was elected coordinator.
    CoordinatorElected {
        /// What it calls itself.
        coordinator: String,
        /// In which epoch it coordinates.
        epoch: u64,
    },
    /// A process has joined.
    NodeJoined(NodeEvent),
    /// A process does another thing than before.
    NodeChanged(NodeEvent),
    /// A process has gone, or is silent.
    NodeLeft(NodeEvent),
    /// A replica has a generation ready.
    ReplicaReady(ReplicaEvent),
    /// A replica cannot serve a generation.
    ReplicaFailed {
        /// Which.
        #[serde(flatten)]
        replica: ReplicaEvent,
        /// Why.
        reason: String,
    },
    /// An index was created.
    IndexCreated(IndexEvent),
    /// An index was deleted.
    IndexDeleted(IndexEvent),
    /// The cluster is to have another number of shards.
    ReshardBegun {
        /// This one.
        shards: u32,
    },
    /// It stays as it was, as somebody has asked.
    ReshardCancelled {
        /// Not with this number.
        shards: u32,
    },
    /// Every index has moved: processes of the number before may be stopped.
    ReshardEnded {
        /// The number from now on.
        shards: u32,
    },
    /// An index takes no writes until it has moved.
    IndexSealed(IndexEvent),
    /// An index that took no writes takes them again, where it was: it was not moved.
    IndexUnsealed(IndexEvent),
    /// An index is on another number of shards from now on, and has another identity.
    IndexMoved {
        /// What it is now.
        #[serde(flatten)]
        index: IndexEvent,
        /// The number.
        shards: u32,
    },
    /// An alias stands for an index from now on.
    AliasSet {
        /// Which.
        alias: String,
        /// For this index.
        index: String,
    },
    /// An alias was removed.
    AliasRemoved {
        /// Which.
        alias: String,
    },
    /// A dump is being taken.
    DumpBegun(DumpEvent),
    /// A dump was taken.
    DumpTaken {
        /// Which.
        #[serde(flatten)]
        dump: DumpEvent,
        /// Its number.
        generation: u64,
    },
    /// A dump came to nothing.
    DumpFailed {
        /// Which.
        #[serde(flatten)]
        dump: DumpEvent,
        /// Why.
        reason: String,
    },
    /// A dump was deleted.
    DumpDeleted(DumpEvent),
    /// Replicas are about to prepare a generation.
    RolloutBegun(RolloutEvent),
    /// One of them is to prepare it now.
    ReplicaAllowed {
        /// In which rollout.
        #[serde(flatten)]
        rollout: RolloutEvent,
        /// Which, over all its processes.
        #[serde(with = "uuid::serde::hyphenated")]
        replica: Uuid,
    },
    /// Routers ask for the generation of a rollout that drains from now on, for one shard.
    ShardSwitched {
        /// In which rollout.
        #[serde(flatten)]
        rollout: RolloutEvent,
        /// Which.
        shard: u32,
    },
    /// Live searches are also made in the generation of a rollout, and compared.
    CanaryBegun(RolloutEvent),
    /// Enough were compared.
    CanaryEnded {
        /// In which rollout.
        #[serde(flatten)]
        rollout: RolloutEvent,
        /// What came of it.
        canary: CanaryProgress,
    },
    /// A rollout waits for somebody.
    RolloutPaused {
        /// Which.
        #[serde(flatten)]
        rollout: RolloutEvent,
        /// What hinders it; if absent, somebody has asked for it, or is to approve.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// A rollout that drains goes back as it came, as somebody has asked: to this generation.
    RolloutTurned(RolloutEvent),
    /// It goes on.
    RolloutResumed(RolloutEvent),
    /// It came to nothing.
    RolloutFailed {
        /// Which.
        #[serde(flatten)]
        rollout: RolloutEvent,
        /// Why.
        reason: String,
    },
    /// It was taken back.
    RolloutRolledBack(RolloutEvent),
    /// It was given up for another, or with its index.
    RolloutCancelled(RolloutEvent),
    /// Routers ask for another generation from now on.
    GenerationOfficial {
        /// Of which index.
        index: String,
        /// For this one; if absent, the primaries answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        generation: Option<u64>,
        /// Before that it was this one, or the primaries.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<u64>,
    },
}

/// A process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NodeEvent {
    /// Which run of it.
    #[serde(with = "uuid::serde::hyphenated")]
    pub node: Uuid,
    /// `primary`, `replica`, or `aside`: it leaves the shard to another.
    pub role: String,
    /// Whose shard it is.
    pub shard: u32,
    /// Where it is asked.
    pub address: String,
}

/// A generation on a replica.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReplicaEvent {
    /// Of which index.
    pub index: String,
    /// Which generation.
    pub generation: u64,
    /// Of which shard.
    pub shard: u32,
    /// On which replica, over all its processes.
    #[serde(with = "uuid::serde::hyphenated")]
    pub replica: Uuid,
    /// Where that is asked.
    pub address: String,
}

/// An index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IndexEvent {
    /// Its name.
    pub index: String,
    /// Its identity.
    #[serde(with = "uuid::serde::hyphenated")]
    pub uuid: Uuid,
}

/// A dump.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DumpEvent {
    /// Of which index.
    pub index: String,
    /// Which.
    #[serde(with = "uuid::serde::hyphenated")]
    pub dump: Uuid,
}

/// A rollout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RolloutEvent {
    /// Of which index.
    pub index: String,
    /// Its task.
    #[serde(with = "uuid::serde::hyphenated")]
    pub rollout: Uuid,
    /// To which generation.
    pub generation: u64,
}

impl Event {
    /// What kind it is: the field `event` of its data.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Gap => "gap",
            Self::CoordinatorElected { .. } => "coordinator_elected",
            Self::NodeJoined(_) => "node_joined",
            Self::NodeChanged(_) => "node_changed",
            Self::NodeLeft(_) => "node_left",
            Self::ReplicaReady(_) => "replica_ready",
            Self::ReplicaFailed { .. } => "replica_failed",
            Self::IndexCreated(_) => "index_created",
            Self::IndexDeleted(_) => "index_deleted",
            Self::ReshardBegun { .. } => "reshard_begun",
            Self::ReshardCancelled { .. } => "reshard_cancelled",
            Self::ReshardEnded { .. } => "reshard_ended",
            Self::IndexSealed(_) => "index_sealed",
            Self::IndexUnsealed(_) => "index_unsealed",
            Self::IndexMoved { .. } => "index_moved",
            Self::AliasSet { .. } => "alias_set",
            Self::AliasRemoved { .. } => "alias_removed",
            Self::DumpBegun(_) => "dump_begun",
            Self::DumpTaken { .. } => "dump_taken",
            Self::DumpFailed { .. } => "dump_failed",
            Self::DumpDeleted(_) => "dump_deleted",
            Self::RolloutBegun(_) => "rollout_begun",
            Self::ReplicaAllowed { .. } => "replica_allowed",
            Self::ShardSwitched { .. } => "shard_switched",
            Self::CanaryBegun(_) => "canary_begun",
            Self::CanaryEnded { .. } => "canary_ended",
            Self::RolloutPaused { .. } => "rollout_paused",
            Self::RolloutTurned(_) => "rollout_turned",
            Self::RolloutResumed(_) => "rollout_resumed",
            Self::RolloutFailed { .. } => "rollout_failed",
            Self::RolloutRolledBack(_) => "rollout_rolled_back",
            Self::RolloutCancelled(_) => "rollout_cancelled",
            Self::GenerationOfficial { .. } => "generation_official",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_comes_back_from_its_text_and_orders_events() {
        let ids = ["0", "17-1", "17-2", "17", "18"].map(|text| text.parse::<EventId>().unwrap());
        assert_eq!(ids.map(|id| id.to_string()), ["0", "17-1", "17-2", "17", "18"]);
        assert!(ids.is_sorted(), "{ids:?}");
        for text in ["", "-1", "17-", "+17", "17-1-1", "x", "99999999999999999999"] {
            assert_eq!(text.parse::<EventId>(), Err(InvalidEventId), "{text}");
        }
    }

    #[test]
    fn an_event_is_named_in_its_data_as_before_it() {
        let dump = DumpEvent { index: "faces".to_owned(), dump: Uuid::nil() };
        let rollout = RolloutEvent { index: "faces".to_owned(), rollout: Uuid::nil(), generation: 2 };
        for event in [
            Event::Gap,
            Event::AliasRemoved { alias: "a".to_owned() },
            Event::ReshardBegun { shards: 3 },
            Event::DumpTaken { dump, generation: 3 },
            Event::RolloutRolledBack(rollout),
        ] {
            let data = serde_json::to_value(&event).unwrap();
            assert_eq!(data["event"], event.name());
            assert_eq!(serde_json::from_value::<Event>(data).unwrap(), event);
        }
    }
}
