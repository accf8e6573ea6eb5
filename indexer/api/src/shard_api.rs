//! The one seam of the system: what a router asks of a shard, wherever that shard lives.

use crate::error::Failure;
use crate::v1::metadata;
use annuli_core::{DocId, Filter, HistoryId, Metadata, Seq, ShardCount, ShardId, Vector};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// One shard of one index: in this process, in another, or a simulated one.
///
/// Values are valid by construction, but a shard checks vectors against its own schema again: the caller may be of
/// another generation. An answer that comes after the deadline is worth nothing, so work whose deadline has passed, or
/// whose caller has dropped the future, is not begun.
#[async_trait]
pub trait ShardApi: Send + Sync {
    /// Writes a batch, in order, as one group: durable when this returns.
    async fn write(&self, writes: Vec<ConditionalWrite>, deadline: Instant) -> Result<Written, Failure>;

    /// Deletes every document that matches and has not changed since the call began.
    async fn delete_matching(&self, filter: Arc<Filter>, deadline: Instant) -> Result<Deleted, Failure>;

    /// Finds the nearest documents of each query.
    async fn search(&self, search: ShardSearch, deadline: Instant) -> Result<ShardHits, Failure>;

    /// Reads documents by id: one answer an id, in the order asked.
    async fn get(&self, ids: Vec<DocId>, read: Read, deadline: Instant) -> Result<Got, Failure>;

    /// Reads the documents behind a cursor, by id.
    async fn list(&self, list: ShardList, read: Read, deadline: Instant) -> Result<Listed, Failure>;

    /// Counts the documents that match.
    async fn count(&self, filter: Option<Arc<Filter>>, read: Read, deadline: Instant) -> Result<Counted, Failure>;

    /// Tells what has changed, for a shard of another number of shards that is about to hold some of these documents.
    async fn changes(&self, asked: ChangesAsked, deadline: Instant) -> Result<Changes, Failure>;

    /// Tells how the shard is.
    async fn status(&self) -> Result<ShardStatus, Failure>;
}

/// Where a shard stands: a seq of a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The line of writes.
    pub history: HistoryId,
    /// How far along it.
    pub seq: Seq,
}

/// A change of one document.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// Stores the document whole, in place of what was there.
    Put {
        /// Which.
        id: DocId,
        /// Its vector.
        vector: Vector,
        /// Its metadata.
        metadata: Metadata,
    },
    /// Changes a document that exists.
    Patch {
        /// Which.
        id: DocId,
        /// The new vector, if it changes.
        vector: Option<Vector>,
        /// To be merged into the metadata (RFC 7396).
        metadata: Option<Metadata>,
    },
    /// Removes a document.
    Delete {
        /// Which.
        id: DocId,
    },
}

impl Write {
    /// The document that is changed.
    pub fn id(&self) -> &DocId {
        match self {
            Self::Put { id, .. } | Self::Patch { id, .. } | Self::Delete { id } => id,
        }
    }

    /// The vector that comes with it.
    pub fn vector(&self) -> Option<&Vector> {
        match self {
            Self::Put { vector, .. } => Some(vector),
            Self::Patch { vector, .. } => vector.as_ref(),
            Self::Delete { .. } => None,
        }
    }
}

/// A change, done only if the document is still at the seq that the caller knows.
#[derive(Debug, Clone, PartialEq)]
pub struct ConditionalWrite {
    /// The change.
    pub write: Write,
    /// The seq of the document's last write; 0: the document must not exist. `None`: no condition.
    pub if_seq: Option<Seq>,
}

/// What became of one change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Done.
    Written,
    /// There is no such document to patch or delete.
    Missing,
    /// The document is at this seq, not at the one of the condition (0: it does not exist).
    Conflict(Seq),
}

/// Answer to a batch of writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// One for each change, in order.
    pub outcomes: Vec<Outcome>,
    /// Everything up to here is durable, this batch included.
    pub position: Position,
}

/// Answer to a delete by filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deleted {
    /// How many documents.
    pub deleted: u64,
    /// Everything up to here is durable, the deletes included.
    pub position: Position,
}

/// What every read may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Read {
    /// Which parts of a document to return.
    pub include: Include,
    /// Answer only from a state that has at least this.
    pub after: Option<Position>,
    /// Who may answer. For whoever chooses between the processes that have the shard; it means nothing to a shard itself.
    pub consistency: Consistency,
}

/// Who may answer a read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Consistency {
    /// A replica, where there is one that serves: it trails the primary.
    #[default]
    Replica,
    /// The primary alone: it has everything that was acknowledged.
    Primary,
}

/// Parts of a document beside its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Include {
    /// Its metadata.
    pub metadata: bool,
    /// Its vector, as it was sent.
    pub vector: bool,
}

/// How hard to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchMode {
    /// Compare with every document: the truth that recall is measured against.
    Exact,
    /// Walk the graph with a beam of this width.
    Approximate {
        /// Candidates that are kept while walking.
        ef: usize,
    },
}

/// A search of one shard.
#[derive(Debug, Clone)]
pub struct ShardSearch {
    /// Query vectors.
    pub queries: Arc<[Vector]>,
    /// Hits of each.
    pub k: usize,
    /// How hard to look.
    pub mode: SearchMode,
    /// Which documents count.
    pub filter: Option<Arc<Filter>>,
    /// A document that is no answer: the one that the query was taken from.
    pub except: Option<DocId>,
    /// What to return, and how fresh.
    pub read: Read,
}

/// One answer of a shard.
#[derive(Debug, Clone, PartialEq)]
pub struct ShardHit {
    /// The document.
    pub id: DocId,
    /// How far it is from the query.
    pub distance: f32,
    /// If asked for.
    pub metadata: Option<Metadata>,
    /// If asked for.
    pub vector: Option<Vector>,
}

/// Answer to a search.
#[derive(Debug, Clone, PartialEq)]
pub struct ShardHits {
    /// For each query its hits, nearest first.
    pub results: Vec<Vec<ShardHit>>,
    /// The state that was searched.
    pub position: Position,
}

/// A stored document.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// Its id.
    pub id: DocId,
    /// Its last write.
    pub seq: Seq,
    /// If asked for.
    pub vector: Option<Vector>,
    /// If asked for.
    pub metadata: Option<Metadata>,
}

/// Answer to a read by id.
#[derive(Debug, Clone, PartialEq)]
pub struct Got {
    /// One an id, in the order asked.
    pub documents: Vec<Option<Document>>,
    /// The state that was read.
    pub position: Position,
}

/// A page of a shard's documents.
#[derive(Debug, Clone)]
pub struct ShardList {
    /// Only ids behind this one.
    pub behind: Option<DocId>,
    /// At most as many.
    pub limit: usize,
    /// Which documents count.
    pub filter: Option<Arc<Filter>>,
}

/// Answer to a listing: documents by id.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// In the order of their ids.
    pub documents: Vec<Document>,
    /// The state that was read.
    pub position: Position,
}

/// Answer to a count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// How many.
    pub count: u64,
    /// The state that was counted.
    pub position: Position,
}

/// Which changes of a shard are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangesAsked {
    /// Those behind this. The log may reach back no further than a while.
    pub after: Position,
    /// Those of documents that this shard owns ...
    pub owner: ShardId,
    /// ... of so many.
    pub shards: ShardCount,
    /// Documents of one answer, at most; fewer, if they are large.
    pub limit: usize,
}

/// Answer to a question for changes.
#[derive(Debug, Clone, PartialEq)]
pub struct Changes {
    /// The documents that have changed, each once, as they are here now. To take them over twice, or again later in place of
    /// what came in between, ends in the same, once everything is taken over up to where the shard stands.
    pub documents: Vec<Changed>,
    /// Every change up to here is in what was said.
    pub through: Seq,
    /// Where the shard stands: there is more to be asked for, if that is further.
    pub position: Position,
}

/// About how many bytes a document takes beside its id, vector and metadata.
const BYTES_BESIDE: usize = 256;

/// How many times as long metadata is in memory as it is written, about.
const METADATA_TIMES: usize = 4;

/// A document that has changed, as it is now.
#[derive(Debug, Clone, PartialEq)]
pub enum Changed {
    /// It is there.
    Is {
        /// Its id.
        id: DocId,
        /// Its last write.
        seq: Seq,
        /// Its vector, as it was sent.
        vector: Vector,
        /// Its metadata.
        metadata: Metadata,
    },
    /// It is there no longer.
    Gone {
        /// Its id.
        id: DocId,
    },
}

impl Changed {
    /// The document.
    pub fn id(&self) -> &DocId {
        match self {
            Self::Is { id, .. } | Self::Gone { id } => id,
        }
    }

    /// Its vector, if it is there.
    pub fn vector(&self) -> Option<&Vector> {
        match self {
            Self::Is { vector, .. } => Some(vector),
            Self::Gone { .. } => None,
        }
    }

    /// About how much memory it takes, in bytes. Metadata takes some times what it is long.
    pub fn bytes_about(&self) -> usize {
        let content = match self {
            Self::Is { vector, metadata, .. } => {
                vector.dim().get() * size_of::<f32>() + METADATA_TIMES * metadata::bytes_about(metadata)
            }
            Self::Gone { .. } => 0,
        };
        BYTES_BESIDE + self.id().as_str().len() + content
    }

    /// What makes it the same elsewhere, as a write of its own there.
    pub fn into_write(self) -> Write {
        match self {
            Self::Is { id, vector, metadata, .. } => Write::Put { id, vector, metadata },
            Self::Gone { id } => Write::Delete { id },
        }
    }
}

/// How a shard is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShardStatus {
    /// Which.
    pub shard: ShardId,
    /// Where it stands.
    pub position: Position,
    /// Live documents.
    pub documents: u64,
    /// Documents that wait for a graph, or for their graph to become one with others. Searches find them meanwhile.
    pub pending: u64,
    /// Batches of writes that wait for their turn.
    pub queued: u64,
    /// What the store takes on the disk without what was written last, in bytes.
    pub store_bytes: u64,
    /// Its segments.
    pub segments: SegmentsStatus,
    /// What is in no segment.
    pub tail: TailStatus,
    /// The segment that is made of new documents now.
    pub seal: Option<BuildStatus>,
    /// The segment that is made of others now.
    pub merge: Option<BuildStatus>,
}

/// The segments of a shard.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SegmentsStatus {
    /// How many.
    pub count: u64,
    /// Live documents in them.
    pub live: u64,
    /// Dead documents in them, until they are written again.
    pub dead: u64,
    /// Their files, in bytes.
    pub bytes: u64,
}

/// Documents of a shard that are in no segment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TailStatus {
    /// How many, dead ones included.
    pub documents: u64,
    /// Those of them that a small graph holds; the others are scanned.
    pub in_head: u64,
}

/// A segment that is being made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuildStatus {
    /// The same as long as it is under way.
    pub id: Uuid,
    /// Of how many documents.
    pub documents: u64,
    /// Those of them that its graph holds. When it holds all, what is left is to write the file.
    pub done: u64,
    /// It waits for its turn: of all shards of a process, one seals and one merges at a time.
    pub waits: bool,
    /// How long ago it was asked for.
    pub since: Duration,
}
