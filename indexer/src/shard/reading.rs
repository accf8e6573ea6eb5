//! What a shard answers: searches of its view, reads of its store. Whether somebody writes to it meanwhile makes no
//! difference here.

use super::StoreSlot;
use super::changes::LogTrimmed;
use super::documents::Documents;
use super::failure::{self, check_position, closed};
use crate::cpu_pool::CpuPool;
use crate::deadline::{Deadline, DeadlinePassed};
use crate::settings::{JOBS_PER_SEARCH_MAX, QUERIES_PER_JOB_MIN};
use crate::store::document::StoredDocument;
use crate::store::{Store, StoreError};
use crate::view::{Allowed, View};
use annuli_api::Failure;
use annuli_api::shard_api::{
    Counted, Document, Got, Include, Listed, Position, Read, ShardHit, ShardHits, ShardList, ShardSearch, ShardStatus,
};
use annuli_core::{DocId, Filter, ShardId};
use arc_swap::ArcSwap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

/// The view and the store of a shard, for those who read.
pub(super) struct Reading {
    pub(super) id: ShardId,
    pub(super) store: Arc<StoreSlot>,
    pub(super) views: Arc<ArcSwap<View>>,
    pub(super) pool: CpuPool,
}

impl Reading {
    /// The current state.
    pub(super) fn view(&self) -> Arc<View> {
        self.views.load_full()
    }

    pub(super) async fn search(&self, search: ShardSearch, deadline: Instant) -> Result<ShardHits, Failure> {
        let view = self.view();
        check_position(self.id, view.position, search.read.after)?;
        for query in search.queries.iter() {
            view.schema.check(query).map_err(|error| failure::unfit_query(&error))?;
        }
        let position = view.position;
        if search.queries.len() < 2 * QUERIES_PER_JOB_MIN {
            let all = 0..search.queries.len();
            let short = view.is_short(&search);
            let job = move || {
                let allowed = view.allowed(search.filter.as_deref(), Deadline(deadline))?;
                search_some(&view, &search, &allowed, all, deadline)
            };
            let results = if short { self.pool.run_short(job).await } else { self.pool.run(job).await };
            return Ok(ShardHits { results: results??, position });
        }
        self.search_side_by_side(view, search, deadline).await
    }

    pub(super) async fn get(&self, ids: Vec<DocId>, read: Read, deadline: Instant) -> Result<Got, Failure> {
        let find = move |documents: &Documents<'_>| {
            let get = |id: DocId| Ok(documents.get(&id)?.map(|found| document(id, found, read.include)));
            ids.into_iter().map(get).collect::<Result<_, _>>()
        };
        let (documents, position) = self.read_store(read, deadline, find).await?;
        Ok(Got { documents, position })
    }

    pub(super) async fn list(&self, list: ShardList, read: Read, deadline: Instant) -> Result<Listed, Failure> {
        let find = move |documents: &Documents<'_>| {
            let mut page = Vec::new();
            for (row, entry) in documents.behind(list.behind.as_ref()).enumerate() {
                if page.len() == list.limit {
                    break;
                }
                Deadline(deadline).look_at(row)?;
                let (id, found) = entry?;
                if list.filter.as_deref().is_none_or(|filter| filter.matches(&found.metadata)) {
                    page.push(document(id, found, read.include));
                }
            }
            Ok(page)
        };
        let (documents, position) = self.read_store(read, deadline, find).await?;
        Ok(Listed { documents, position })
    }

    pub(super) async fn count(
        &self,
        filter: Option<Arc<Filter>>,
        read: Read,
        deadline: Instant,
    ) -> Result<Counted, Failure> {
        self.read(read.after, deadline, move |view| {
            let count = view.count(filter.as_deref(), Deadline(deadline))? as u64;
            Ok(Counted { count, position: view.position })
        })
        .await
    }

    /// The status of a shard that nobody writes to and that builds nothing.
    pub(super) fn status_of(&self, view: &View) -> ShardStatus {
        ShardStatus {
            shard: self.id,
            position: view.position,
            documents: view.live() as u64,
            pending: 0,
            queued: 0,
            store_bytes: self.store.try_with(Store::bytes).unwrap_or(0),
            segments: view.segments_status(),
            tail: view.tail_status(),
            seal: None,
            merge: None,
        }
    }

    /// Runs `work` on the pool with the current view, checked against the position that the caller knows.
    pub(super) async fn read<R: Send + 'static>(
        &self,
        after: Option<Position>,
        deadline: Instant,
        work: impl FnOnce(&View) -> Result<R, Failure> + Send + 'static,
    ) -> Result<R, Failure> {
        let view = self.view();
        check_position(self.id, view.position, after)?;
        let result = self.pool.run(move || {
            Deadline(deadline).check()?;
            work(&view)
        });
        result.await?
    }

    /// Runs `work` on the pool with the documents as of one moment, and says which position that is.
    pub(super) async fn read_store<R: Send + 'static>(
        &self,
        read: Read,
        deadline: Instant,
        work: impl FnOnce(&Documents<'_>) -> Result<R, ReadError> + Send + 'static,
    ) -> Result<(R, Position), Failure> {
        let (store, views, id) = (Arc::clone(&self.store), Arc::clone(&self.views), self.id);
        self.read(read.after, deadline, move |view| {
            let look = |store: &Store| {
                let documents = Documents { stored: store.snapshot(), since: &view.overlay };
                Ok::<_, ReadError>((work(&documents)?, documents.stored.seq()?))
            };
            let (result, stored) = store.with(look).ok_or_else(|| closed(id))??;
            // Whoever writes commits before he publishes; whoever follows publishes what his store does not have.
            let seq = stored.max(view.position.seq);
            // What is committed is about to be published. The caller may ask for this position next, of a view.
            while views.load().position.seq < seq {
                Deadline(deadline).check()?;
                std::thread::yield_now();
            }
            Ok((result, Position { seq, ..view.position }))
        })
        .await
    }

    /// Spreads the queries of a large request over the threads of the pool.
    async fn search_side_by_side(
        &self,
        view: Arc<View>,
        search: ShardSearch,
        deadline: Instant,
    ) -> Result<ShardHits, Failure> {
        let position = view.position;
        let search = Arc::new(search);
        let allowed = {
            let (view, search) = (Arc::clone(&view), Arc::clone(&search));
            let find = move || view.allowed(search.filter.as_deref(), Deadline(deadline)).map(Arc::new);
            self.pool.run(find).await??
        };
        let queries = search.queries.len();
        let queries_per_job = queries.div_ceil(JOBS_PER_SEARCH_MAX).max(QUERIES_PER_JOB_MIN);
        let jobs = (0..queries).step_by(queries_per_job).map(|start| {
            let (view, search, allowed) = (Arc::clone(&view), Arc::clone(&search), Arc::clone(&allowed));
            let some = start..queries.min(start + queries_per_job);
            self.pool.run(move || search_some(&view, &search, &allowed, some, deadline))
        });
        let mut results = Vec::with_capacity(queries);
        for result in futures_util::future::join_all(jobs).await {
            results.extend(result??);
        }
        Ok(ShardHits { results, position })
    }
}

fn search_some(
    view: &View,
    search: &ShardSearch,
    allowed: &Allowed,
    some: Range<usize>,
    deadline: Instant,
) -> Result<Vec<Vec<ShardHit>>, Failure> {
    let nearest = |query| Ok(view.nearest(query, search, allowed, Deadline(deadline))?);
    search.queries[some].iter().map(nearest).collect()
}

/// Why a read of the store has no result.
pub(super) enum ReadError {
    Store(StoreError),
    Deadline(DeadlinePassed),
    Trimmed(LogTrimmed),
}

impl From<StoreError> for ReadError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<DeadlinePassed> for ReadError {
    fn from(passed: DeadlinePassed) -> Self {
        Self::Deadline(passed)
    }
}

impl From<LogTrimmed> for ReadError {
    fn from(trimmed: LogTrimmed) -> Self {
        Self::Trimmed(trimmed)
    }
}

fn document(id: DocId, found: StoredDocument, include: Include) -> Document {
    Document {
        id,
        seq: found.seq,
        vector: include.vector.then_some(found.vector),
        metadata: include.metadata.then_some(found.metadata),
    }
}
