//! The plainest shard: a map behind a lock. What it answers is what the contract means.

use annuli_api::shard_api::{
    Changed, Changes, ChangesAsked, ConditionalWrite, Counted, Deleted, Document, Got, Include, Listed, Outcome,
    Position, Read, SegmentsStatus, ShardHit, ShardHits, ShardList, ShardSearch, ShardStatus, TailStatus, Write,
    Written,
};
use annuli_api::v1::metadata;
use annuli_api::{ErrorCode, Failure, ShardApi};
use annuli_core::metric::PreparedQuery;
use annuli_core::placement::shard_of;
use annuli_core::schema::UnfitVector;
use annuli_core::{DocId, Filter, HistoryId, IndexSchema, Metadata, Seq, ShardId, Vector};
use async_trait::async_trait;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use uuid::Uuid;

/// A shard in memory that compares with every document.
pub struct ModelShard {
    schema: IndexSchema,
    history: HistoryId,
    contents: Mutex<Contents>,
}

/// What a shard holds, and how far it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Contents {
    /// Changes so far.
    pub seq: u64,
    /// Live documents.
    pub documents: BTreeMap<DocId, Stored>,
    /// Which document each change was of, as far back as the log reaches.
    pub log: BTreeMap<Seq, DocId>,
}

/// A document of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// Its last write.
    pub seq: Seq,
    /// Its vector.
    pub vector: Vector,
    /// Its metadata.
    pub metadata: Metadata,
}

/// The history of every model that was not given another.
pub fn history() -> HistoryId {
    HistoryId(Uuid::from_u128(0x006d_6f64_656c))
}

impl ModelShard {
    /// Shard 0 of an index of that schema, without documents.
    #[expect(clippy::new_ret_no_self, reason = "it is only ever used behind the trait")]
    pub fn new(schema: IndexSchema) -> Arc<dyn ShardApi> {
        Self::of(schema, history(), Contents::default())
    }

    /// Shard 0 of an index of that schema, with these contents of that history: one that goes on.
    pub fn of(schema: IndexSchema, history: HistoryId, contents: Contents) -> Arc<Self> {
        Arc::new(Self { schema, history, contents: Mutex::new(contents) })
    }

    /// Becomes what the shard that it follows was at `to`, where it has told every document that was written behind where this
    /// one stands.
    pub fn follow(&self, told: Vec<Changed>, to: Seq) {
        let mut contents = self.lock();
        if to.0 <= contents.seq {
            return;
        }
        for changed in told {
            match changed {
                Changed::Is { id, seq, vector, metadata } => {
                    contents.documents.insert(id, Stored { seq, vector, metadata });
                }
                Changed::Gone { id } => drop(contents.documents.remove(&id)),
            }
        }
        contents.seq = to.0;
    }

    /// What it holds now.
    pub fn contents(&self) -> Contents {
        self.lock().clone()
    }

    /// Its line of writes.
    pub fn history(&self) -> HistoryId {
        self.history
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        // A panic of another test has changed nothing that matters here.
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn position(&self, contents: &Contents) -> Position {
        Position { history: self.history, seq: Seq(contents.seq) }
    }

    /// The state, for a read that may still be made.
    fn read(&self, after: Option<Position>, deadline: Instant) -> Result<MutexGuard<'_, Contents>, Failure> {
        in_time(deadline)?;
        let state = self.lock();
        let here = self.position(&state);
        match after {
            Some(after) if after.history != here.history => {
                Err(Failure::new(ErrorCode::StaleToken, "`after` is of another history"))
            }
            Some(after) if after.seq > here.seq => Err(Failure::new(ErrorCode::StaleToken, "`after` lies ahead")),
            Some(_) | None => Ok(state),
        }
    }
}

fn in_time(deadline: Instant) -> Result<(), Failure> {
    if tokio::time::Instant::now().into_std() < deadline {
        return Ok(());
    }
    Err(Failure::new(ErrorCode::DeadlineExceeded, "the deadline has passed"))
}

fn check(schema: &IndexSchema, vector: &Vector) -> Result<(), Failure> {
    schema.check(vector).map_err(|error| {
        let code = match error {
            UnfitVector::Dimension { .. } => ErrorCode::DimensionMismatch,
            UnfitVector::NoDirection(_) => ErrorCode::InvalidVector,
        };
        Failure::new(code, error)
    })
}

impl Contents {
    fn matching(&self, filter: Option<&Filter>) -> impl Iterator<Item = (&DocId, &Stored)> {
        self.documents.iter().filter(move |(_, stored)| filter.is_none_or(|filter| filter.matches(&stored.metadata)))
    }

    fn write(
        &mut self,
        schema: &IndexSchema,
        ConditionalWrite { write, if_seq }: ConditionalWrite,
    ) -> Result<Outcome, Failure> {
        write.vector().map_or(Ok(()), |vector| check(schema, vector))?;
        let current = self.documents.get(write.id()).cloned();
        let seq = current.as_ref().map_or(Seq::ZERO, |stored| stored.seq);
        if if_seq.is_some_and(|wanted| wanted != seq) {
            return Ok(Outcome::Conflict(seq));
        }
        match (write, current) {
            (Write::Put { id, vector, metadata }, _) => self.store(id, vector, metadata)?,
            (Write::Patch { id, vector, metadata }, Some(old)) => {
                let metadata = metadata.map_or(old.metadata.clone(), |patch| old.metadata.merged(&patch));
                self.store(id, vector.unwrap_or(old.vector), metadata)?;
            }
            (Write::Delete { id }, Some(_)) => {
                self.documents.remove(&id);
                self.log(id);
            }
            (Write::Patch { .. } | Write::Delete { .. }, None) => return Ok(Outcome::Missing),
        }
        Ok(Outcome::Written)
    }

    fn store(&mut self, id: DocId, vector: Vector, metadata: Metadata) -> Result<(), Failure> {
        metadata::to_bytes(&metadata).map_err(|error| Failure::new(ErrorCode::InvalidMetadata, error))?;
        self.log(id.clone());
        self.documents.insert(id, Stored { seq: Seq(self.seq), vector, metadata });
        Ok(())
    }

    fn log(&mut self, id: DocId) {
        self.seq += 1;
        self.log.insert(Seq(self.seq), id);
    }

    fn changes(&self, asked: &ChangesAsked) -> Option<(Vec<Changed>, Seq)> {
        let after = asked.after.seq;
        let reaches_back = self.log.keys().next().is_some_and(|first| *first <= after.next());
        if after < Seq(self.seq) && !reaches_back {
            return None;
        }
        let (mut documents, mut seen) = (Vec::new(), BTreeSet::new());
        let mut through = after;
        for (seq, id) in self.log.range(after.next()..) {
            if documents.len() == asked.limit {
                return Some((documents, through));
            }
            if shard_of(id, asked.shards) == asked.owner && seen.insert(id) {
                documents.push(self.now(id));
            }
            through = *seq;
        }
        Some((documents, Seq(self.seq)))
    }

    fn now(&self, id: &DocId) -> Changed {
        let id = id.clone();
        match self.documents.get(&id).cloned() {
            Some(Stored { seq, vector, metadata }) => Changed::Is { id, seq, vector, metadata },
            None => Changed::Gone { id },
        }
    }
}

impl Stored {
    fn document(&self, id: &DocId, include: Include) -> Document {
        Document {
            id: id.clone(),
            seq: self.seq,
            vector: include.vector.then(|| self.vector.clone()),
            metadata: include.metadata.then(|| self.metadata.clone()),
        }
    }

    fn hit(&self, id: &DocId, distance: f32, include: Include) -> ShardHit {
        let Document { id, vector, metadata, .. } = self.document(id, include);
        ShardHit { id, distance, metadata, vector }
    }
}

#[async_trait]
impl ShardApi for ModelShard {
    async fn write(&self, writes: Vec<ConditionalWrite>, deadline: Instant) -> Result<Written, Failure> {
        in_time(deadline)?;
        let mut state = self.lock();
        // All of a batch, or nothing.
        let mut next = state.clone();
        let outcomes = writes.into_iter().map(|write| next.write(&self.schema, write)).collect::<Result<_, _>>()?;
        *state = next;
        Ok(Written { outcomes, position: self.position(&state) })
    }

    async fn delete_matching(&self, filter: Arc<Filter>, deadline: Instant) -> Result<Deleted, Failure> {
        in_time(deadline)?;
        let mut state = self.lock();
        let matching: Vec<_> = state.matching(Some(&filter)).map(|(id, _)| id.clone()).collect();
        let deleted = matching.len() as u64;
        for id in matching {
            state.documents.remove(&id);
            state.log(id);
        }
        Ok(Deleted { deleted, position: self.position(&state) })
    }

    async fn search(&self, search: ShardSearch, deadline: Instant) -> Result<ShardHits, Failure> {
        let state = self.read(search.read.after, deadline)?;
        search.queries.iter().try_for_each(|query| check(&self.schema, query))?;
        let of_query = |query: &Vector| {
            let prepared = PreparedQuery::new(self.schema.metric, query);
            let allowed =
                state.matching(search.filter.as_deref()).filter(|(id, _)| Some(*id) != search.except.as_ref());
            let mut hits: Vec<_> = allowed
                .map(|(id, stored)| stored.hit(id, prepared.distance(&stored.vector), search.read.include))
                .collect();
            hits.sort_by(|a, b| a.distance.total_cmp(&b.distance).then_with(|| a.id.cmp(&b.id)));
            hits.truncate(search.k);
            hits
        };
        Ok(ShardHits { results: search.queries.iter().map(of_query).collect(), position: self.position(&state) })
    }

    async fn get(&self, ids: Vec<DocId>, read: Read, deadline: Instant) -> Result<Got, Failure> {
        let state = self.read(read.after, deadline)?;
        let get = |id: &DocId| state.documents.get(id).map(|stored| stored.document(id, read.include));
        Ok(Got { documents: ids.iter().map(get).collect(), position: self.position(&state) })
    }

    async fn list(&self, list: ShardList, read: Read, deadline: Instant) -> Result<Listed, Failure> {
        let state = self.read(read.after, deadline)?;
        let behind = |(id, _): &(&DocId, &Stored)| list.behind.as_ref().is_none_or(|behind| *id > behind);
        let matching = state.matching(list.filter.as_deref()).filter(behind).take(list.limit);
        let documents = matching.map(|(id, stored)| stored.document(id, read.include)).collect();
        Ok(Listed { documents, position: self.position(&state) })
    }

    async fn count(&self, filter: Option<Arc<Filter>>, read: Read, deadline: Instant) -> Result<Counted, Failure> {
        let state = self.read(read.after, deadline)?;
        Ok(Counted { count: state.matching(filter.as_deref()).count() as u64, position: self.position(&state) })
    }

    async fn changes(&self, asked: ChangesAsked, deadline: Instant) -> Result<Changes, Failure> {
        let state = self.read(Some(asked.after), deadline)?;
        let too_far = || Failure::new(ErrorCode::StaleToken, "the log does not reach back as far").blaming_the_log();
        let (documents, through) = state.changes(&asked).ok_or_else(too_far)?;
        Ok(Changes { documents, through, position: self.position(&state) })
    }

    async fn status(&self) -> Result<ShardStatus, Failure> {
        let state = self.lock();
        let documents = state.documents.len() as u64;
        Ok(ShardStatus {
            shard: ShardId(0),
            position: self.position(&state),
            documents,
            pending: 0,
            queued: 0,
            store_bytes: 0,
            segments: SegmentsStatus::default(),
            tail: TailStatus { documents, in_head: 0 },
            seal: None,
            merge: None,
        })
    }
}
