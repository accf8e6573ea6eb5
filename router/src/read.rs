//! Reads of documents: by id from their owners, by page and by count from all shards.

use crate::Router;
use crate::gather::{Completeness, Gathered, as_of};
use crate::limits::Limits;
use crate::offload::LARGE_BYTES;
use crate::polling::ReadEndpoint;
use crate::scatter::scatter;
use crate::search::{document_not_found, position};
use crate::write::{parse_filter, parse_id};
use annuli_api::shard_api::{Document, Include as Parts, Read, ShardList};
use annuli_api::v1::document::{
    CountReply, CountRequest, GetOneQuery, GetOneReply, GetReply, GetRequest, ListQuery, ListReply, StoredDocument,
};
use annuli_api::v1::metadata::{self, WireMetadata};
use annuli_api::v1::search::Include;
use annuli_api::v1::sum_up_to;
use annuli_api::v1::vector::{VectorEncoding, WireVector};
use annuli_api::{AsOf, ErrorCode, Failure, Index};
use annuli_core::limits::REPLY_COMPONENTS_MAX;
use annuli_core::placement::shard_of;
use annuli_core::{DocId, Metadata, ShardId, Vector};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

/// Documents on a page of a listing that names no limit.
const PAGE_DEFAULT: usize = 100;

impl Router {
    /// Reads documents by id.
    pub async fn get_documents(
        &self,
        index: &Index,
        request: GetRequest,
        started: Instant,
    ) -> Result<GetReply, Failure> {
        let deadline = started + self.limits.timeout(request.timeout_ms)?;
        self.check_batch(request.ids.len())?;
        let after = parse_after(request.after.as_deref())?;
        let consistency = request.consistency.unwrap_or_default();
        let include = includes(request.include.as_deref(), &[Include::Metadata, Include::Vector]);
        let encoding = request.vector_encoding.unwrap_or_default();
        let mut ids: Vec<_> = request.ids.iter().map(|id| parse_id(id)).collect::<Result<_, _>>()?;
        let mut seen = HashSet::with_capacity(ids.len());
        ids.retain(|id| seen.insert(id.clone()));
        check_components(ids.len(), if include.vector { index.schema.dim.get() } else { 0 })?;
        let mut parts: BTreeMap<ShardId, Vec<DocId>> = BTreeMap::new();
        for id in &ids {
            parts.entry(shard_of(id, index.schema.shards)).or_default().push(id.clone());
        }
        let owners: Vec<_> = parts.keys().copied().collect();
        let replies = scatter(index, &owners, deadline, |shard, handle| {
            let (ids, after) = (parts[&shard].clone(), position(after.as_ref(), shard, index));
            async move { handle.get(ids, Read { include, after: after?, consistency }, deadline).await }
        })
        .await;
        let gathered = Gathered::of(replies).check(Completeness::Whole)?;
        let as_of = as_of(index, gathered.answers.iter().map(|(shard, got)| (*shard, got.position)));
        let found = gathered.answers.into_iter().flat_map(|(_, got)| got.documents).flatten();
        let mut found: HashMap<_, _> = found.map(|document| (document.id.clone(), document)).collect();
        let (mut present, mut missing) = (Vec::with_capacity(found.len()), Vec::new());
        for id in ids {
            match found.remove(&id) {
                Some(document) => present.push(document),
                None => missing.push(id.as_str().to_owned()),
            }
        }
        Ok(GetReply { documents: self.stored(present, encoding, deadline).await?, missing, as_of })
    }

    /// Reads one document, whole.
    pub async fn get_document(
        &self,
        index: &Index,
        id: &str,
        query: GetOneQuery,
        started: Instant,
    ) -> Result<GetOneReply, Failure> {
        let GetOneQuery { after, consistency, timeout_ms } = query;
        let request = GetRequest {
            ids: vec![id.to_owned()],
            include: None,
            vector_encoding: None,
            after,
            consistency,
            timeout_ms,
        };
        let reply = self.get_documents(index, request, started).await?;
        let id = parse_id(id)?;
        let document = reply.documents.into_iter().next().ok_or_else(|| document_not_found(index, &id))?;
        Ok(GetOneReply { document, as_of: reply.as_of })
    }

    /// Pages through documents in the order of their ids.
    pub async fn list_documents(
        &self,
        index: &Index,
        query: ListQuery,
        started: Instant,
    ) -> Result<ListReply, Failure> {
        let deadline = started + self.limits.timeout(query.timeout_ms)?;
        let limit = Limits::check("`limit`", query.limit.unwrap_or(PAGE_DEFAULT), self.limits.page_documents_max)?;
        let include = parse_include(query.include.as_deref())?;
        let encoding = query.vector_encoding.unwrap_or_default();
        let after = parse_after(query.after.as_deref())?;
        let consistency = query.consistency.unwrap_or_default();
        let filter = query.filter.as_deref().map(parse_filter_text).transpose()?.map(Arc::new);
        let behind = query.cursor.as_deref().map(parse_id).transpose()?;
        // One more than the page holds tells whether there is another page.
        let list = ShardList { behind, limit: limit + 1, filter };
        let targets = self.polling.targets(ReadEndpoint::Documents, index.schema.shards);
        let replies = scatter(index, &targets, deadline, |shard, handle| {
            let (list, after) = (list.clone(), position(after.as_ref(), shard, index));
            async move { handle.list(list, Read { include, after: after?, consistency }, deadline).await }
        })
        .await;
        let gathered = Gathered::of(replies).check(Completeness::Whole)?;
        let as_of = as_of(index, gathered.answers.iter().map(|(shard, listed)| (*shard, listed.position)));
        let mut documents: Vec<_> = gathered.answers.into_iter().flat_map(|(_, listed)| listed.documents).collect();
        documents.sort_by(|a, b| a.id.cmp(&b.id));
        let more = documents.len() > limit;
        documents.truncate(limit);
        let next = documents.last().filter(|_| more).map(|document| document.id.as_str().to_owned());
        Ok(ListReply { documents: self.stored(documents, encoding, deadline).await?, next, as_of })
    }

    /// Counts documents.
    pub async fn count_documents(
        &self,
        index: &Index,
        request: CountRequest,
        started: Instant,
    ) -> Result<CountReply, Failure> {
        let deadline = started + self.limits.timeout(request.timeout_ms)?;
        let after = parse_after(request.after.as_deref())?;
        let consistency = request.consistency.unwrap_or_default();
        let filter = request.filter.as_ref().map(parse_filter).transpose()?.map(Arc::new);
        let include = Parts { metadata: false, vector: false };
        let targets = self.polling.targets(ReadEndpoint::Count, index.schema.shards);
        let replies = scatter(index, &targets, deadline, |shard, handle| {
            let (filter, after) = (filter.clone(), position(after.as_ref(), shard, index));
            async move { handle.count(filter, Read { include, after: after?, consistency }, deadline).await }
        })
        .await;
        let gathered = Gathered::of(replies).check(Completeness::Whole)?;
        Ok(CountReply {
            count: gathered.answers.iter().map(|(_, counted)| counted.count).sum(),
            as_of: as_of(index, gathered.answers.iter().map(|(shard, counted)| (*shard, counted.position))),
        })
    }
}

impl Router {
    /// The documents as a reply has them: copies, which may be large.
    async fn stored(
        &self,
        documents: Vec<Document>,
        encoding: VectorEncoding,
        deadline: Instant,
    ) -> Result<Vec<StoredDocument>, Failure> {
        let bytes =
            |document: &Document| document_bytes(&document.id, document.metadata.as_ref(), document.vector.as_ref());
        let bytes = sum_up_to(LARGE_BYTES, documents.iter().map(bytes));
        self.offload
            .run_by(deadline, bytes, move || documents.iter().map(|document| stored(document, encoding)).collect())
            .await
    }
}

/// About how many bytes a document is in memory.
pub(crate) fn document_bytes(id: &DocId, metadata: Option<&Metadata>, vector: Option<&Vector>) -> usize {
    let components = vector.map_or(0, |vector| vector.as_slice().len());
    64 + id.as_str().len() + metadata.map_or(0, metadata::bytes_about) + components * size_of::<f32>()
}

/// Refuses a reply of so many vectors that it would not fit into memory.
pub(crate) fn check_components(vectors: usize, components: usize) -> Result<(), Failure> {
    let asked = vectors.saturating_mul(components);
    if asked > REPLY_COMPONENTS_MAX {
        return Err(Failure::above_limit("the number of vector components in the reply", asked, REPLY_COMPONENTS_MAX));
    }
    Ok(())
}

/// A token from a request.
pub(crate) fn parse_after(after: Option<&str>) -> Result<Option<AsOf>, Failure> {
    after.map(AsOf::decode).transpose().map_err(|error| Failure::new(ErrorCode::InvalidRequest, error))
}

/// The parts to return: those asked for, else `default`.
pub(crate) fn includes(asked: Option<&[Include]>, default: &[Include]) -> Parts {
    let parts = asked.unwrap_or(default);
    Parts { metadata: parts.contains(&Include::Metadata), vector: parts.contains(&Include::Vector) }
}

fn parse_include(text: Option<&str>) -> Result<Parts, Failure> {
    let mut parts = Parts { metadata: text.is_none(), vector: false };
    for part in text.unwrap_or_default().split(',').filter(|part| !part.is_empty()) {
        match part {
            "metadata" => parts.metadata = true,
            "vector" => parts.vector = true,
            _ => {
                let message = format!("`include` takes metadata and vector, joined by a comma, not `{part}`");
                return Err(Failure::new(ErrorCode::InvalidRequest, message));
            }
        }
    }
    Ok(parts)
}

fn parse_filter_text(text: &str) -> Result<annuli_core::Filter, Failure> {
    let filter = serde_json::from_str(text)
        .map_err(|error| Failure::new(ErrorCode::InvalidFilter, format_args!("`filter` is not JSON: {error}")))?;
    parse_filter(&filter)
}

fn stored(document: &Document, encoding: VectorEncoding) -> StoredDocument {
    StoredDocument {
        id: document.id.as_str().to_owned(),
        seq: document.seq.0,
        vector: document.vector.as_ref().map(|vector| WireVector::new(vector, encoding)),
        metadata: document.metadata.as_ref().map(WireMetadata::from),
    }
}
