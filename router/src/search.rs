//! Searches: every shard looks, the nearest of all are the answer.

use crate::Router;
use crate::arrival::Arrival;
use crate::gather::{Completeness, Gathered, as_of, merge, seqs};
use crate::limits::Limits;
use crate::offload::LARGE_BYTES;
use crate::polling::ReadEndpoint;
use crate::read::{check_components, document_bytes, includes, parse_after};
use crate::scatter::{in_time, scatter};
use crate::write::{check_vector, parse_filter, parse_id};
use annuli_api::shard_api::{
    Consistency, Include as Parts, Position, Read, SearchMode, ShardHit, ShardHits, ShardSearch,
};
use annuli_api::v1::bounded_list::QUERIES;
use annuli_api::v1::metadata::WireMetadata;
use annuli_api::v1::search::{Include, QueryResult, SearchReply, SearchRequest, ShardsReport, WireHit};
use annuli_api::v1::sum_up_to;
use annuli_api::v1::vector::{VectorEncoding, WireVector};
use annuli_api::{AsOf, ErrorCode, Failure, Index};
use annuli_core::limits::{EF_DEFAULT, LIMIT_DEFAULT, REPLY_HITS_MAX};
use annuli_core::placement::shard_of;
use annuli_core::{DocId, Metric, ShardId, Vector};
use annuli_traces::Span;
use std::sync::Arc;
use std::time::Instant;

impl Router {
    /// Finds the nearest documents.
    pub async fn search(
        &self,
        index: &Arc<Index>,
        request: SearchRequest,
        arrived: Arrival,
    ) -> Result<SearchReply, Failure> {
        let deadline = arrived.at + self.limits.timeout(request.timeout_ms)?;
        let page = self.page(&request)?;
        let mode = self.mode(&request)?;
        let after = parse_after(request.after.as_deref())?;
        let filter = request.filter.as_ref().map(parse_filter).transpose()?.map(Arc::new);
        let include = includes(request.include.as_deref(), &[Include::Metadata]);
        let completeness =
            if request.allow_partial == Some(true) { Completeness::Partial } else { Completeness::Whole };
        let consistency = request.consistency.unwrap_or_default();
        let origin = Origin { after: after.as_ref(), consistency, deadline };
        let (queries, except) = self.queries(index, request, arrived, &origin).await?;
        page.check_reply(queries.len(), if include.vector { index.schema.dim.get() } else { 0 })?;

        let search = ShardSearch {
            queries: queries.into(),
            k: page.offset + page.limit,
            mode,
            filter,
            except,
            read: Read { include, after: None, consistency },
        };
        let targets = self.polling.targets(ReadEndpoint::Search, index.schema.shards);
        let (stages, asked) = (&self.metrics.stages, now());
        let replies = scatter(index, &targets, deadline, |shard, handle| {
            let mut search = search.clone();
            let after = position(after.as_ref(), shard, index);
            async move {
                search.read.after = after?;
                let hits = handle.search(search, deadline).await;
                stages.asked_shard(now().duration_since(asked));
                hits
            }
        })
        .await;
        let answered = now();
        stages.fanned_out(answered.duration_since(asked));
        let gathered = Gathered::of(replies).check(completeness)?;
        let bytes = bytes_about(&gathered);
        let reply = {
            let (index, queries) = (Arc::clone(index), search.queries.len());
            move || reply(&index, &page, queries, gathered, arrived.at)
        };
        let reply = Span::begin("merge").of_call(self.offload.run_by(deadline, bytes, reply)).await?;
        stages.merged(now().duration_since(answered));
        Ok(reply)
    }

    fn page(&self, request: &SearchRequest) -> Result<Page, Failure> {
        let limit = Limits::check("`limit`", request.limit.unwrap_or(LIMIT_DEFAULT), self.limits.k_max)?;
        let offset = request.offset.unwrap_or(0);
        Limits::check("`offset` plus `limit`", offset.saturating_add(limit), self.limits.k_max)?;
        if request.score_threshold.is_some_and(|threshold| !threshold.is_finite()) {
            return Err(Failure::new(ErrorCode::InvalidRequest, "`score_threshold` is not a finite number"));
        }
        let encoding = request.vector_encoding.unwrap_or_default();
        Ok(Page { limit, offset, score_threshold: request.score_threshold, encoding })
    }

    fn mode(&self, request: &SearchRequest) -> Result<SearchMode, Failure> {
        let ef = request.ef.map(|ef| Limits::check("`ef`", ef, self.limits.ef_max)).transpose()?;
        Ok(match (request.exact, ef) {
            (Some(true), _) => SearchMode::Exact,
            (Some(false) | None, ef) => SearchMode::Approximate { ef: ef.unwrap_or(EF_DEFAULT) },
        })
    }

    /// The query vectors, and the document that they are of.
    async fn queries(
        &self,
        index: &Arc<Index>,
        request: SearchRequest,
        arrived: Arrival,
        origin: &Origin<'_>,
    ) -> Result<(Vec<Vector>, Option<DocId>), Failure> {
        match (request.vector, request.vectors, request.id) {
            (Some(vector), None, None) => Ok((vec![parse_query(index, &"the query vector", vector)?], None)),
            (None, Some(vectors), None) => {
                if vectors.is_empty() {
                    return Err(Failure::new(ErrorCode::EmptyBatch, "`vectors` is empty: it needs at least one query"));
                }
                Limits::check(QUERIES, vectors.len(), self.limits.queries_max)?;
                let bytes = arrived.bytes_of_vectors(vectors.len(), index.schema.dim);
                let index = Arc::clone(index);
                Ok((self.offload.run_by(origin.deadline, bytes, move || parse_queries(&index, vectors)).await??, None))
            }
            (None, None, Some(id)) => {
                let id = parse_id(&id)?;
                Ok((vec![vector_of(index, &id, origin).await?], Some(id)))
            }
            _ => Err(Failure::new(ErrorCode::InvalidRequest, "a search takes one of `vector`, `vectors` and `id`")),
        }
    }
}

/// For measuring.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// From where the vector of a document is read, and until when.
struct Origin<'a> {
    after: Option<&'a AsOf>,
    consistency: Consistency,
    deadline: Instant,
}

/// Which of the nearest to return, and how.
struct Page {
    limit: usize,
    offset: usize,
    score_threshold: Option<f32>,
    encoding: VectorEncoding,
}

fn parse_queries(index: &Index, vectors: Vec<WireVector>) -> Result<Vec<Vector>, Failure> {
    let parse = |(number, vector)| parse_query(index, &format_args!("query vector {number}"), vector);
    vectors.into_iter().enumerate().map(parse).collect()
}

fn parse_query(index: &Index, what: &dyn std::fmt::Display, vector: WireVector) -> Result<Vector, Failure> {
    let refuse = |code, error: &dyn std::fmt::Display| Failure::new(code, format_args!("{what} {error}"));
    let vector = Vector::try_from(vector).map_err(|error| refuse(ErrorCode::InvalidVector, &error))?;
    check_vector(index, &vector, refuse)?;
    Ok(vector)
}

/// The vector of a document, from the shard that owns it.
async fn vector_of(index: &Index, id: &DocId, origin: &Origin<'_>) -> Result<Vector, Failure> {
    let Origin { after, consistency, deadline } = *origin;
    let shard = shard_of(id, index.schema.shards);
    let include = Parts { metadata: false, vector: true };
    let read = Read { include, after: position(after, shard, index)?, consistency };
    let handle = Arc::clone(&index.shards[shard.0 as usize]);
    let got = in_time(shard, deadline, handle.get(vec![id.clone()], read, deadline)).await?;
    let document = got.documents.into_iter().next().flatten();
    document.and_then(|document| document.vector).ok_or_else(|| document_not_found(index, id))
}

/// What `shard` must have reached.
pub(crate) fn position(after: Option<&AsOf>, shard: ShardId, index: &Index) -> Result<Option<Position>, Failure> {
    after.map_or(Ok(None), |token| token.position_of(shard, index.uuid))
}

/// There is no such document.
pub(crate) fn document_not_found(index: &Index, id: &DocId) -> Failure {
    let message = format!("index `{}` has no document `{id}`", index.name);
    Failure::new(ErrorCode::DocumentNotFound, message).with("id", id.as_str())
}

/// About how many bytes of hits there are to be merged and copied, or at least as many as are large.
fn bytes_about(gathered: &Gathered<ShardHits>) -> usize {
    let hits = gathered.answers.iter().flat_map(|(_, hits)| hits.results.iter().flatten());
    sum_up_to(LARGE_BYTES, hits.map(|hit| document_bytes(&hit.id, hit.metadata.as_ref(), hit.vector.as_ref())))
}

fn reply(index: &Index, page: &Page, queries: usize, gathered: Gathered<ShardHits>, started: Instant) -> SearchReply {
    let positions: Vec<_> = gathered.answers.iter().map(|(shard, hits)| (*shard, hits.position)).collect();
    let shards = ShardsReport {
        total: gathered.answers.len() + gathered.failed.len(),
        successful: gathered.answers.len(),
        failed: gathered.failed_shards(),
        seqs: seqs(positions.iter().copied()),
    };
    let mut by_shard: Vec<_> = gathered.answers.into_iter().map(|(_, hits)| hits.results.into_iter()).collect();
    let results = (0..queries).map(|_| {
        let nearest = match by_shard.as_mut_slice() {
            // In order already.
            [only] => only.next().unwrap_or_default(),
            several => merge(several.iter_mut().filter_map(Iterator::next), page.offset + page.limit),
        };
        QueryResult { hits: page.cut(nearest, index.schema.metric) }
    });
    let results = results.collect();
    let took = now().duration_since(started);
    SearchReply {
        results,
        shards,
        as_of: as_of(index, positions.into_iter()),
        took_ms: (took.as_secs_f64() * 1e6).round() / 1e3,
    }
}

impl Page {
    /// Refuses a search whose answer would not fit into memory: a small request can ask for a very large one.
    fn check_reply(&self, queries: usize, components: usize) -> Result<(), Failure> {
        let hits = queries.saturating_mul(self.offset + self.limit);
        let what = "the number of queries times `offset` plus `limit`";
        Limits::check(what, hits, REPLY_HITS_MAX)?;
        check_components(hits, components)
    }

    fn cut(&self, nearest: Vec<ShardHit>, metric: Metric) -> Vec<WireHit> {
        let hits = nearest.into_iter().skip(self.offset).map(|hit| WireHit {
            id: hit.id.as_str().to_owned(),
            distance: hit.distance,
            score: metric.score(hit.distance),
            metadata: hit.metadata.as_ref().map(WireMetadata::from),
            vector: hit.vector.as_ref().map(|vector| WireVector::new(vector, self.encoding)),
        });
        // Nearest first is highest score first.
        hits.take_while(|hit| self.score_threshold.is_none_or(|threshold| hit.score >= threshold)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use annuli_core::{HistoryId, Metadata, Seq, Value};
    use uuid::Uuid;

    fn found(text: &str) -> Gathered<ShardHits> {
        let metadata = Metadata::new([("a".into(), Value::Array(vec![Value::Text(text.into())]))].into()).unwrap();
        let hit = ShardHit { id: DocId::new("a").unwrap(), distance: 0.0, metadata: Some(metadata), vector: None };
        let position = Position { history: HistoryId(Uuid::nil()), seq: Seq(1) };
        let hits = ShardHits { results: vec![vec![hit; 10]], position };
        Gathered { answers: vec![(ShardId(0), hits)], failed: vec![] }
    }

    #[test]
    fn few_hits_with_long_texts_are_large_work() {
        assert!(bytes_about(&found("short")) < LARGE_BYTES);
        assert!(bytes_about(&found(&"x".repeat(60_000))) >= LARGE_BYTES);
    }
}
