//! A shard that lives behind a peer.

use crate::call::{Call, Target};
use crate::codec::{self, Unwritable};
use crate::message::{
    ChangesAnswer, ChangesRequest, CountAnswer, CountRequest, DeleteAnswer, DeleteRequest, GetAnswer, GetRequest,
    Invalid, ListAnswer, ListRequest, SearchAnswer, SearchRequest, StatusAnswer, StatusRequest, WriteAnswer,
    WriteRequest,
};
use crate::parse::{Unparsable, parse};
use crate::peer::{Asked, Peer};
use annuli_api::shard_api::{
    Changes, ChangesAsked, ConditionalWrite, Counted, Deleted, Got, Listed, Read, ShardHit, ShardHits, ShardList,
    ShardSearch, ShardStatus, Written,
};
use annuli_api::{Effect, ErrorCode, Failure, ShardApi};
use annuli_core::placement::shard_of;
use annuli_core::{DocId, Filter, Generation, IndexUuid, ShardId, Vector};
use annuli_traces::Span;
use async_trait::async_trait;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Time for a shard to say how it is: it looks at a few numbers.
const STATUS_TIMEOUT: Duration = Duration::from_secs(10);

/// A shard of another process. Cheap to clone; all shards behind a peer share its connections.
#[derive(Debug, Clone)]
pub struct RemoteShard {
    peer: Arc<Peer>,
    index: IndexUuid,
    shard: ShardId,
    generation: Option<Generation>,
}

impl RemoteShard {
    /// The shard of that index at `peer`, which is its primary; nothing is asked yet.
    pub fn new(peer: Arc<Peer>, index: IndexUuid, shard: ShardId) -> Self {
        Self { peer, index, shard, generation: None }
    }

    /// That generation of it, at a `peer` which is a replica.
    #[must_use]
    pub fn of_generation(self, generation: Generation) -> Self {
        Self { generation: Some(generation), ..self }
    }

    /// Sends the message that `write` makes, of about so many bytes, and reads the answer with `read`.
    async fn call<A: Send + 'static>(
        &self,
        call: Call,
        deadline: Instant,
        bytes_about: usize,
        write: impl FnOnce() -> Result<Vec<u8>, Unsayable> + Send + 'static,
        read: impl FnOnce(&[u8]) -> Result<A, Unfit> + Send + 'static,
    ) -> Result<A, Failure> {
        let asked = async {
            let body = self.peer.beside.run(bytes_about, write).await??;
            let target = Target { index: self.index, shard: self.shard, generation: self.generation, call };
            let answer = self.peer.ask(target, body.into(), deadline).await?;
            let answer = self.peer.beside.run(answer.len(), move || read(&answer)).await?;
            Ok(answer.map_err(|error| Asked { address: self.peer.address(), call }.senseless(&error))?)
        };
        self.span(call).of_call(asked).await
    }

    /// What the call is in a trace: from the message that is made to the answer that was read.
    fn span(&self, call: Call) -> Span {
        let span = Span::begin_elsewhere(call.name());
        if !span.is_kept() {
            return span;
        }
        let span =
            span.with("server.address", self.peer.address().to_owned()).with("annuli.shard", i64::from(self.shard.0));
        match self.generation {
            Some(generation) => span.with("annuli.generation", i64::try_from(generation.0).unwrap_or(i64::MAX)),
            None => span,
        }
    }
}

/// A call that cannot be put into a message.
#[derive(Debug, thiserror::Error)]
enum Unsayable {
    #[error(transparent)]
    Invalid(#[from] Invalid),
    #[error(transparent)]
    Unwritable(#[from] Unwritable),
}

impl From<Unsayable> for Failure {
    fn from(error: Unsayable) -> Self {
        let code = match error {
            Unsayable::Invalid(_) => ErrorCode::InvalidRequest,
            Unsayable::Unwritable(_) => ErrorCode::LimitExceeded,
        };
        Self::new(code, error).with_effect(Effect::None)
    }
}

/// An answer that cannot be read, or does not fit what was asked.
#[derive(Debug, thiserror::Error)]
enum Unfit {
    #[error(transparent)]
    Unparsable(#[from] Unparsable),
    #[error("{got} {what} for {asked} that were asked for")]
    Number { what: &'static str, asked: usize, got: usize },
    #[error("{what} are not in order")]
    Order { what: &'static str },
    #[error("it does not go on from where it was asked to begin, or goes beyond where it stands")]
    Elsewhere,
    #[error("document `{id}` is of another shard than the one that was asked for")]
    Owner { id: DocId },
    #[error("it is shard {got}, not shard {asked}")]
    Shard { asked: ShardId, got: ShardId },
}

/// An answer for each of what was asked: whoever asked looks them up by their places.
fn each(what: &'static str, asked: usize, got: usize) -> Result<(), Unfit> {
    if got == asked { Ok(()) } else { Err(Unfit::Number { what, asked, got }) }
}

fn at_most(what: &'static str, asked: usize, got: usize) -> Result<(), Unfit> {
    if got <= asked { Ok(()) } else { Err(Unfit::Number { what, asked, got }) }
}

fn in_order(what: &'static str, is: bool) -> Result<(), Unfit> {
    if is { Ok(()) } else { Err(Unfit::Order { what }) }
}

#[async_trait]
impl ShardApi for RemoteShard {
    async fn write(&self, writes: Vec<ConditionalWrite>, deadline: Instant) -> Result<Written, Failure> {
        let asked = writes.len();
        let bytes = writes.iter().map(|write| bytes_of(write.write.vector())).sum();
        let write = move || Ok(codec::encode(&WriteRequest::try_from(writes.as_slice())?)?);
        let read = move |bytes: &[u8]| {
            let written: Written = parse::<WriteAnswer, _>(bytes)?;
            each("outcomes", asked, written.outcomes.len())?;
            Ok(written)
        };
        self.call(Call::Write, deadline, bytes, write, read).await
    }

    async fn delete_matching(&self, filter: Arc<Filter>, deadline: Instant) -> Result<Deleted, Failure> {
        let write = move || Ok(codec::encode(&DeleteRequest::from(&*filter))?);
        let read = |bytes: &[u8]| Ok(parse::<DeleteAnswer, _>(bytes)?);
        self.call(Call::DeleteMatching, deadline, 0, write, read).await
    }

    async fn search(&self, search: ShardSearch, deadline: Instant) -> Result<ShardHits, Failure> {
        let (queries, k) = (search.queries.len(), search.k);
        let bytes = search.queries.iter().map(|query| bytes_of(Some(query))).sum();
        let write = move || Ok(codec::encode(&SearchRequest::from(&search))?);
        let read = move |bytes: &[u8]| {
            let hits: ShardHits = parse::<SearchAnswer<'_>, _>(bytes)?;
            each("results", queries, hits.results.len())?;
            for hits in &hits.results {
                at_most("hits", k, hits.len())?;
                in_order("hits", hits.is_sorted_by(nearer))?;
            }
            Ok(hits)
        };
        self.call(Call::Search, deadline, bytes, write, read).await
    }

    async fn get(&self, ids: Vec<DocId>, read: Read, deadline: Instant) -> Result<Got, Failure> {
        let (asked, bytes) = (ids.clone(), ids.iter().map(|id| id.as_str().len()).sum());
        let write = move || Ok(codec::encode(&GetRequest::new(&ids, read))?);
        let read = move |bytes: &[u8]| {
            let got: Got = parse::<GetAnswer<'_>, _>(bytes)?;
            each("documents", asked.len(), got.documents.len())?;
            let mut pairs = asked.iter().zip(&got.documents);
            in_order("documents", pairs.all(|(id, got)| got.as_ref().is_none_or(|got| got.id == *id)))?;
            Ok(got)
        };
        self.call(Call::Get, deadline, bytes, write, read).await
    }

    async fn list(&self, list: ShardList, read: Read, deadline: Instant) -> Result<Listed, Failure> {
        let (behind, limit) = (list.behind.clone(), list.limit);
        let write = move || Ok(codec::encode(&ListRequest::new(&list, read))?);
        let read = move |bytes: &[u8]| {
            let listed: Listed = parse::<ListAnswer<'_>, _>(bytes)?;
            at_most("documents", limit, listed.documents.len())?;
            let ids = behind.iter().chain(listed.documents.iter().map(|document| &document.id));
            in_order("documents", ids.is_sorted_by(|a, b| a < b))?;
            Ok(listed)
        };
        self.call(Call::List, deadline, 0, write, read).await
    }

    async fn count(&self, filter: Option<Arc<Filter>>, read: Read, deadline: Instant) -> Result<Counted, Failure> {
        let write = move || Ok(codec::encode(&CountRequest::new(filter.as_deref(), read))?);
        let read = |bytes: &[u8]| Ok(parse::<CountAnswer, _>(bytes)?);
        self.call(Call::Count, deadline, 0, write, read).await
    }

    async fn changes(&self, asked: ChangesAsked, deadline: Instant) -> Result<Changes, Failure> {
        let write = move || Ok(codec::encode(&ChangesRequest::from(asked))?);
        let read = move |bytes: &[u8]| {
            let changes: Changes = parse::<ChangesAnswer<'_>, _>(bytes)?;
            at_most("documents", asked.limit, changes.documents.len())?;
            let stranger = changes.documents.iter().find(|told| shard_of(told.id(), asked.shards) != asked.owner);
            if let Some(told) = stranger {
                return Err(Unfit::Owner { id: told.id().clone() });
            }
            let (after, through, end) = (asked.after, changes.through, changes.position);
            // Whoever stays where it was would be asked the same for ever.
            let goes_on = through > after.seq || through == end.seq;
            if after.history == end.history && (after.seq..=end.seq).contains(&through) && goes_on {
                return Ok(changes);
            }
            Err(Unfit::Elsewhere)
        };
        self.call(Call::Changes, deadline, 0, write, read).await
    }

    async fn status(&self) -> Result<ShardStatus, Failure> {
        let asked = self.shard;
        let deadline = tokio::time::Instant::now().into_std() + STATUS_TIMEOUT;
        let read = move |bytes: &[u8]| {
            let status: ShardStatus = parse::<StatusAnswer, _>(bytes)?;
            if status.shard == asked { Ok(status) } else { Err(Unfit::Shard { asked, got: status.shard }) }
        };
        self.call(Call::Status, deadline, 0, || Ok(codec::encode(&StatusRequest)?), read).await
    }
}

fn bytes_of(vector: Option<&Vector>) -> usize {
    vector.map_or(0, |vector| vector.dim().get() * size_of::<f32>())
}

/// Whether `a` stands before `b`; no document is found twice.
fn nearer(a: &ShardHit, b: &ShardHit) -> bool {
    a.distance.total_cmp(&b.distance).then_with(|| a.id.cmp(&b.id)).is_lt()
}
