//! Writes: a batch is checked whole, split by owner, and written by each shard as one group.

use crate::Router;
use crate::arrival::Arrival;
use crate::gather::{as_of, combine, seqs};
use crate::limits::Limits;
use crate::scatter::scatter;
use annuli_api::shard_api::{ConditionalWrite, Outcome, Position, Write};
use annuli_api::v1::bounded_list::BATCH;
use annuli_api::v1::document::{
    Conflict, DeleteReply, DeleteRequest, IndexDocument, IndexReply, IndexRequest, UpdateDocument, UpdateReply,
    UpdateRequest,
};
use annuli_api::v1::filter;
use annuli_api::v1::index::CreateIndex;
use annuli_api::v1::metadata::WireMetadata;
use annuli_api::v1::vector::WireVector;
use annuli_api::{ErrorCode, Failure, Index};
use annuli_core::placement::shard_of;
use annuli_core::schema::UnfitVector;
use annuli_core::{DocId, Filter, IndexName, IndexUuid, Metadata, Seq, ShardId, Vector};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Instant;
use uuid::Uuid;

impl Router {
    /// Stores documents, each in place of what was there.
    pub async fn index_documents(
        &self,
        index: &Arc<Index>,
        request: IndexRequest,
        arrived: Arrival,
    ) -> Result<IndexReply, Failure> {
        let deadline = arrived.at + self.limits.timeout(request.timeout_ms)?;
        self.check_batch(request.documents.len())?;
        let bytes = arrived.bytes_of_vectors(request.documents.len(), index.schema.dim);
        let parse = {
            let index = Arc::clone(index);
            move || Ok::<_, Failure>(last_of_each(parse_puts(&index, request.documents)?))
        };
        let (writes, duplicates) = self.offload.run_by(deadline, bytes, parse).await??;
        let report = write_to_owners(index, writes, deadline).await?;
        report.refuse_if_only_conflicts()?;
        Ok(IndexReply {
            indexed: report.written,
            duplicates,
            as_of: report.as_of(index),
            shards: report.seqs(),
            conflicts: report.conflicts,
        })
    }

    /// Refuses what [`index_documents`](Self::index_documents) would refuse of an index `name` that is to be, before there
    /// is one; else gives the request back.
    pub async fn check_documents(
        &self,
        name: &IndexName,
        to_be: &CreateIndex,
        request: IndexRequest,
        arrived: Arrival,
    ) -> Result<IndexRequest, Failure> {
        let schema = to_be.schema(self.default_shards)?;
        let index = Index { name: name.clone(), uuid: IndexUuid(Uuid::nil()), schema, shards: Vec::new() };
        self.check_puts(&Arc::new(index), request, arrived).await
    }

    /// Refuses what [`index_documents`](Self::index_documents) would refuse before it asks a shard, for who has something
    /// else to write first; else gives the request back.
    pub async fn check_puts(
        &self,
        index: &Arc<Index>,
        request: IndexRequest,
        arrived: Arrival,
    ) -> Result<IndexRequest, Failure> {
        let deadline = arrived.at + self.limits.timeout(request.timeout_ms)?;
        self.check_batch(request.documents.len())?;
        let bytes = arrived.bytes_of_vectors(request.documents.len(), index.schema.dim);
        let index = Arc::clone(index);
        let check = move || parse_puts(&index, request.documents.clone()).map(|_| request);
        self.offload.run_by(deadline, bytes, check).await?
    }

    /// Changes documents that exist.
    pub async fn update_documents(
        &self,
        index: &Arc<Index>,
        request: UpdateRequest,
        arrived: Arrival,
    ) -> Result<UpdateReply, Failure> {
        let deadline = arrived.at + self.limits.timeout(request.timeout_ms)?;
        self.check_batch(request.documents.len())?;
        let bytes = arrived.bytes_of_vectors(request.documents.len(), index.schema.dim);
        let parse = {
            let index = Arc::clone(index);
            move || Ok::<_, Failure>(last_of_each(parse_patches(&index, request.documents)?))
        };
        let (writes, duplicates) = self.offload.run_by(deadline, bytes, parse).await??;
        let report = write_to_owners(index, writes, deadline).await?;
        report.refuse_if_only_conflicts()?;
        Ok(UpdateReply {
            updated: report.written,
            duplicates,
            as_of: report.as_of(index),
            shards: report.seqs(),
            missing: report.missing,
            conflicts: report.conflicts,
        })
    }

    /// Removes documents, by id or by filter.
    pub async fn delete_documents(
        &self,
        index: &Index,
        request: DeleteRequest,
        started: Instant,
    ) -> Result<DeleteReply, Failure> {
        let deadline = started + self.limits.timeout(request.timeout_ms)?;
        match (request.ids, request.filter, request.if_seq) {
            (Some(ids), None, if_seq) => self.delete_ids(index, &ids, if_seq, deadline).await,
            (None, Some(filter), None) => delete_matching(index, &filter, deadline).await,
            (None, Some(_), Some(_)) => Err(invalid("`if_seq` goes with a single id, not with `filter`")),
            (Some(_), Some(_), _) | (None, None, _) => Err(invalid("a delete takes either `ids` or `filter`")),
        }
    }

    async fn delete_ids(
        &self,
        index: &Index,
        ids: &[String],
        if_seq: Option<u64>,
        deadline: Instant,
    ) -> Result<DeleteReply, Failure> {
        self.check_batch(ids.len())?;
        if if_seq.is_some() && ids.len() > 1 {
            return Err(invalid("`if_seq` goes with a single id: seqs of several documents differ"));
        }
        let write = |id: &String| {
            let write = Write::Delete { id: parse_id(id)? };
            Ok(ConditionalWrite { write, if_seq: if_seq.map(Seq) })
        };
        let writes: Result<Vec<_>, Failure> = ids.iter().map(write).collect();
        let (writes, _) = last_of_each(writes?);
        let report = write_to_owners(index, writes, deadline).await?;
        report.refuse_if_only_conflicts()?;
        Ok(DeleteReply { deleted: report.written, as_of: report.as_of(index), shards: report.seqs() })
    }

    /// Refuses a batch of nothing, or of too much.
    pub(crate) fn check_batch(&self, items: usize) -> Result<(), Failure> {
        if items == 0 {
            return Err(Failure::new(
                ErrorCode::EmptyBatch,
                "the batch is empty: it needs at least one document or id",
            ));
        }
        Limits::check(BATCH, items, self.limits.batch_documents_max).map(drop)
    }
}

fn parse_puts(index: &Index, documents: Vec<IndexDocument>) -> Result<Vec<ConditionalWrite>, Failure> {
    let parse = |document: IndexDocument| {
        let if_seq = document.if_seq.map(Seq);
        let (id, vector, metadata) = parse_document(index, document)?;
        Ok(ConditionalWrite { write: Write::Put { id, vector, metadata }, if_seq })
    };
    documents.into_iter().map(parse).collect()
}

/// A document as somebody sends it, if the index takes it. Of the index only name and schema are looked at, so that there
/// need not be one yet.
///
/// # Errors
/// What a request with this document is refused with.
pub fn parse_document(index: &Index, document: IndexDocument) -> Result<(DocId, Vector, Metadata), Failure> {
    let id = parse_id(&document.id)?;
    let vector = parse_vector(index, &id, document.vector)?;
    let metadata = parse_metadata(&id, document.metadata.unwrap_or_default())?;
    Ok((id, vector, metadata))
}

fn parse_patches(index: &Index, documents: Vec<UpdateDocument>) -> Result<Vec<ConditionalWrite>, Failure> {
    let parse = |document: UpdateDocument| {
        let id = parse_id(&document.id)?;
        let vector = document.vector.map(|vector| parse_vector(index, &id, vector)).transpose()?;
        let metadata = document.metadata.map(|metadata| parse_metadata(&id, metadata)).transpose()?;
        if vector.is_none() && metadata.is_none() {
            let message = format!("the update of document `{id}` changes nothing: give a vector, metadata or both");
            return Err(Failure::new(ErrorCode::InvalidRequest, message).with("id", id.as_str()));
        }
        let write = Write::Patch { id, vector, metadata };
        Ok(ConditionalWrite { write, if_seq: document.if_seq.map(Seq) })
    };
    documents.into_iter().map(parse).collect()
}

async fn delete_matching(index: &Index, filter: &Value, deadline: Instant) -> Result<DeleteReply, Failure> {
    let filter = parse_filter(filter)?;
    if filter == Filter::All(vec![]) {
        let message = "an empty filter would delete every document: delete the index instead, or say which documents";
        return Err(Failure::new(ErrorCode::InvalidFilter, message));
    }
    let filter = Arc::new(filter);
    let all: Vec<_> = index.schema.shards.shards().collect();
    let replies = scatter(index, &all, deadline, |_, shard| {
        let filter = Arc::clone(&filter);
        async move { shard.delete_matching(filter, deadline).await }
    })
    .await;
    let mut report = WriteReport::default();
    for (shard, reply) in replies {
        match reply {
            Ok(deleted) => {
                report.written += deleted.deleted;
                report.positions.push((shard, deleted.position));
            }
            Err(failure) => report.failed.push((shard, failure)),
        }
    }
    let report = report.check()?;
    Ok(DeleteReply { deleted: report.written, as_of: report.as_of(index), shards: report.seqs() })
}

/// What became of a batch.
#[derive(Debug, Default)]
struct WriteReport {
    written: u64,
    missing: Vec<String>,
    conflicts: Vec<Conflict>,
    positions: Vec<(ShardId, Position)>,
    failed: Vec<(ShardId, Failure)>,
}

async fn write_to_owners(
    index: &Index,
    writes: Vec<ConditionalWrite>,
    deadline: Instant,
) -> Result<WriteReport, Failure> {
    let mut parts: BTreeMap<ShardId, Vec<ConditionalWrite>> = BTreeMap::new();
    for write in writes {
        parts.entry(shard_of(write.write.id(), index.schema.shards)).or_default().push(write);
    }
    let owners: Vec<_> = parts.keys().copied().collect();
    let ids: BTreeMap<ShardId, Vec<DocId>> = parts
        .iter()
        .map(|(shard, part)| (*shard, part.iter().map(|write| write.write.id().clone()).collect()))
        .collect();
    let parts = std::sync::Mutex::new(parts);
    let replies = scatter(index, &owners, deadline, |shard, handle| {
        let part = parts.lock().ok().and_then(|mut parts| parts.remove(&shard)).unwrap_or_default();
        async move { handle.write(part, deadline).await }
    })
    .await;
    let mut report = WriteReport::default();
    for (shard, reply) in replies {
        match reply {
            Ok(written) => {
                report.positions.push((shard, written.position));
                for (id, outcome) in ids[&shard].iter().zip(written.outcomes) {
                    report.count(id, outcome);
                }
            }
            Err(failure) => report.failed.push((shard, failure)),
        }
    }
    report.check()
}

impl WriteReport {
    fn count(&mut self, id: &DocId, outcome: Outcome) {
        match outcome {
            Outcome::Written => self.written += 1,
            Outcome::Missing => self.missing.push(id.as_str().to_owned()),
            Outcome::Conflict(seq) => self.conflicts.push(Conflict { id: id.as_str().to_owned(), seq: seq.0 }),
        }
    }

    /// Fails if a shard failed, saying what was written nevertheless.
    fn check(self) -> Result<Self, Failure> {
        if self.failed.is_empty() {
            return Ok(self);
        }
        let mut failure = combine(&self.failed, self.failed.len() + self.positions.len());
        if !self.positions.is_empty() {
            let acknowledged: Map<_, _> =
                self.seqs().into_iter().map(|(shard, seq)| (shard.to_string(), json!(seq))).collect();
            failure.message.push_str(
                "; the other shards have written their part: without `if_seq`, a retry of the whole is harmless",
            );
            failure = failure.with("acknowledged", acknowledged);
        }
        Err(failure)
    }

    /// A request of which nothing was written because of its conditions has failed.
    fn refuse_if_only_conflicts(&self) -> Result<(), Failure> {
        if self.conflicts.is_empty() || self.written > 0 {
            return Ok(());
        }
        let [Conflict { id, seq }, rest @ ..] = self.conflicts.as_slice() else { return Ok(()) };
        let state = if *seq == 0 { "does not exist".to_owned() } else { format!("is at seq {seq}") };
        let others = if rest.is_empty() { String::new() } else { format!(", and {} more", rest.len()) };
        let message = format!("document `{id}` {state}, not at its `if_seq`{others}; nothing was written");
        Err(Failure::new(ErrorCode::SeqConflict, message).with("conflicts", json!(self.conflicts)))
    }

    fn seqs(&self) -> BTreeMap<u32, u64> {
        seqs(self.positions.iter().copied())
    }

    fn as_of(&self, index: &Index) -> String {
        as_of(index, self.positions.iter().copied())
    }
}

/// The last write of each document, and the ids that had more than one.
fn last_of_each(writes: Vec<ConditionalWrite>) -> (Vec<ConditionalWrite>, Vec<String>) {
    let mut seen = HashSet::with_capacity(writes.len());
    let mut duplicates = Vec::new();
    let mut kept: Vec<_> = writes
        .into_iter()
        .rev()
        .filter(|write| {
            let is_last = seen.insert(write.write.id().clone());
            if !is_last {
                duplicates.push(write.write.id().as_str().to_owned());
            }
            is_last
        })
        .collect();
    kept.reverse();
    duplicates.sort();
    duplicates.dedup();
    (kept, duplicates)
}

/// An id from a request.
pub(crate) fn parse_id(id: &str) -> Result<DocId, Failure> {
    DocId::new(id).map_err(|error| Failure::new(ErrorCode::InvalidId, error))
}

/// A filter from a request.
pub(crate) fn parse_filter(filter: &Value) -> Result<Filter, Failure> {
    filter::parse(filter).map_err(|error| Failure::new(ErrorCode::InvalidFilter, error))
}

fn parse_vector(index: &Index, id: &DocId, vector: WireVector) -> Result<Vector, Failure> {
    let refuse = |code, error: &dyn std::fmt::Display| {
        Failure::new(code, format_args!("vector of document `{id}` {error}")).with("id", id.as_str())
    };
    let vector = Vector::try_from(vector).map_err(|error| refuse(ErrorCode::InvalidVector, &error))?;
    check_vector(index, &vector, refuse).map(|()| vector)
}

/// Refuses a vector that does not fit the index.
pub(crate) fn check_vector(
    index: &Index,
    vector: &Vector,
    refuse: impl Fn(ErrorCode, &dyn std::fmt::Display) -> Failure,
) -> Result<(), Failure> {
    index.schema.check(vector).map_err(|error| match &error {
        UnfitVector::Dimension { got, want } => {
            let failure = refuse(
                ErrorCode::DimensionMismatch,
                &format_args!("has {got} dimensions, index `{}` has {want}", index.name),
            );
            failure.with("got", got.get()).with("want", want.get())
        }
        UnfitVector::NoDirection(_) => refuse(ErrorCode::InvalidVector, &error),
    })
}

fn parse_metadata(id: &DocId, metadata: WireMetadata) -> Result<Metadata, Failure> {
    Metadata::try_from(metadata).map_err(|error| {
        Failure::new(ErrorCode::InvalidMetadata, format_args!("document `{id}`: {error}")).with("id", id.as_str())
    })
}

fn invalid(message: &str) -> Failure {
    Failure::new(ErrorCode::InvalidRequest, message)
}
