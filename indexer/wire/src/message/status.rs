//! How a shard is.

use super::position::PositionMessage;
use annuli_api::shard_api::{BuildStatus, SegmentsStatus, ShardStatus, TailStatus};
use annuli_core::ShardId;
use bincode::{BorrowDecode, Encode};
use std::time::Duration;
use uuid::Uuid;

/// Asks for nothing in particular.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode)]
pub struct StatusRequest;

/// How the shard is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode)]
pub struct StatusAnswer {
    shard: u32,
    position: PositionMessage,
    documents: u64,
    pending: u64,
    queued: u64,
    store_bytes: u64,
    segments: SegmentsMessage,
    tail: TailMessage,
    seal: Option<BuildMessage>,
    merge: Option<BuildMessage>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode)]
struct SegmentsMessage {
    count: u64,
    live: u64,
    dead: u64,
    bytes: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode)]
struct TailMessage {
    documents: u64,
    in_head: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode)]
struct BuildMessage {
    id: [u8; 16],
    documents: u64,
    done: u64,
    waits: bool,
    since_us: u64,
}

impl From<ShardStatus> for StatusAnswer {
    fn from(status: ShardStatus) -> Self {
        let ShardStatus {
            shard,
            position,
            documents,
            pending,
            queued,
            store_bytes,
            segments: SegmentsStatus { count, live, dead, bytes },
            tail: TailStatus { documents: in_tail, in_head },
            seal,
            merge,
        } = status;
        Self {
            shard: shard.0,
            position: position.into(),
            documents,
            pending,
            queued,
            store_bytes,
            segments: SegmentsMessage { count, live, dead, bytes },
            tail: TailMessage { documents: in_tail, in_head },
            seal: seal.map(Into::into),
            merge: merge.map(Into::into),
        }
    }
}

impl From<StatusAnswer> for ShardStatus {
    fn from(answer: StatusAnswer) -> Self {
        let StatusAnswer {
            shard,
            position,
            documents,
            pending,
            queued,
            store_bytes,
            segments: SegmentsMessage { count, live, dead, bytes },
            tail: TailMessage { documents: in_tail, in_head },
            seal,
            merge,
        } = answer;
        Self {
            shard: ShardId(shard),
            position: position.into(),
            documents,
            pending,
            queued,
            store_bytes,
            segments: SegmentsStatus { count, live, dead, bytes },
            tail: TailStatus { documents: in_tail, in_head },
            seal: seal.map(Into::into),
            merge: merge.map(Into::into),
        }
    }
}

impl From<BuildStatus> for BuildMessage {
    fn from(build: BuildStatus) -> Self {
        let BuildStatus { id, documents, done, waits, since } = build;
        let since_us = u64::try_from(since.as_micros()).unwrap_or(u64::MAX);
        Self { id: id.into_bytes(), documents, done, waits, since_us }
    }
}

impl From<BuildMessage> for BuildStatus {
    fn from(message: BuildMessage) -> Self {
        let BuildMessage { id, documents, done, waits, since_us } = message;
        Self { id: Uuid::from_bytes(id), documents, done, waits, since: Duration::from_micros(since_us) }
    }
}
