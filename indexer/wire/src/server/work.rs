//! A call's work: its message becomes values of the domain, the shard answers, its answer becomes a message.

use crate::beside::Beside;
use crate::call::Call;
use crate::codec::{self, Unwritable};
use crate::message::{
    ChangesAnswer, ChangesRequest, CountAnswer, CountRequest, DeleteAnswer, DeleteRequest, GetAnswer, GetRequest,
    Invalid, ListAnswer, ListRequest, SearchAnswer, SearchRequest, StatusAnswer, StatusRequest, WriteAnswer,
    WriteRequest,
};
use crate::parse::{self, Unparsable};
use crate::server::Stopped;
use crate::server::admission::Refusal;
use annuli_api::shard_api::{
    ChangesAsked, ConditionalWrite, Document, Got, Listed, Read, ShardHits, ShardList, ShardSearch,
};
use annuli_api::{ErrorCode, Failure, ShardApi};
use annuli_core::{DocId, Filter, Vector};
use annuli_traces::Span;
use bincode::{BorrowDecode, Encode};
use hyper::body::Bytes;
use std::sync::Arc;
use std::time::Instant;

/// Lets `shard` work on the message `body`.
pub(super) async fn work(
    call: Call,
    shard: Arc<dyn ShardApi>,
    body: Bytes,
    deadline: Instant,
    beside: &Beside,
) -> Result<Bytes, Stopped> {
    let bytes = body.len();
    match call {
        Call::Write => {
            let read = move || parse::<WriteRequest<'_>, Vec<ConditionalWrite>>(&body);
            let writes = beside.run(bytes, read).await??;
            say(&WriteAnswer::from(&shard.write(writes, deadline).await?))
        }
        Call::DeleteMatching => {
            let filter: Filter = parse::<DeleteRequest<'_>, _>(&body)?;
            say(&DeleteAnswer::from(shard.delete_matching(Arc::new(filter), deadline).await?))
        }
        Call::Search => {
            let read = move || parse::<SearchRequest<'_>, ShardSearch>(&body);
            let search = beside.run(bytes, read).await??;
            let hits = Span::begin("search the shard").of_call(shard.search(search, deadline)).await?;
            beside.run(hits_bytes(&hits), move || say(&SearchAnswer::try_from(&hits)?)).await?
        }
        Call::Get => {
            let read = move || parse::<GetRequest<'_>, (Vec<DocId>, Read)>(&body);
            let (ids, read) = beside.run(bytes, read).await??;
            let got = shard.get(ids, read, deadline).await?;
            beside.run(got_bytes(&got), move || say(&GetAnswer::try_from(&got)?)).await?
        }
        Call::List => {
            let (list, read): (ShardList, Read) = parse::<ListRequest<'_>, _>(&body)?;
            let listed = shard.list(list, read, deadline).await?;
            beside.run(listed_bytes(&listed), move || say(&ListAnswer::try_from(&listed)?)).await?
        }
        Call::Count => {
            let (filter, read) = parse::<CountRequest<'_>, _>(&body)?;
            say(&CountAnswer::from(shard.count(filter, read, deadline).await?))
        }
        Call::Changes => {
            let asked: ChangesAsked = parse::<ChangesRequest, _>(&body)?;
            let changes = shard.changes(asked, deadline).await?;
            let bytes = changes.documents.iter().map(|told| vector_bytes(told.vector())).sum();
            beside.run(bytes, move || say(&ChangesAnswer::try_from(&changes)?)).await?
        }
        Call::Status => {
            parse::<StatusRequest, StatusRequest>(&body)?;
            say(&StatusAnswer::from(shard.status().await?))
        }
    }
}

fn parse<'a, M, T>(body: &'a [u8]) -> Result<T, Stopped>
where
    M: BorrowDecode<'a, ()>,
    T: TryFrom<M>,
    Invalid: From<T::Error>,
{
    parse::parse::<M, T>(body).map_err(|error: Unparsable| {
        Stopped::Refused(Refusal::of(Failure::new(ErrorCode::InvalidRequest, format_args!("call of a shard: {error}"))))
    })
}

fn say<M: Encode>(answer: &M) -> Result<Bytes, Stopped> {
    Ok(codec::encode(answer).map_err(|error: Unwritable| Failure::new(ErrorCode::LimitExceeded, error))?.into())
}

/// A shard answered with what no shard holds.
impl From<Invalid> for Stopped {
    fn from(error: Invalid) -> Self {
        Self::Failed(Failure::new(ErrorCode::Internal, format_args!("an answer of the shard cannot be sent: {error}")))
    }
}

/// About how many bytes a document or a hit has beside its vector.
const BYTES_USUAL: usize = 64;

fn vector_bytes(vector: Option<&Vector>) -> usize {
    BYTES_USUAL + vector.map_or(0, |vector| vector.dim().get() * size_of::<f32>())
}

fn hits_bytes(hits: &ShardHits) -> usize {
    hits.results.iter().flatten().map(|hit| vector_bytes(hit.vector.as_ref())).sum()
}

fn documents_bytes<'a>(documents: impl Iterator<Item = &'a Document>) -> usize {
    documents.map(|document| vector_bytes(document.vector.as_ref())).sum()
}

fn got_bytes(got: &Got) -> usize {
    documents_bytes(got.documents.iter().flatten())
}

fn listed_bytes(listed: &Listed) -> usize {
    documents_bytes(listed.documents.iter())
}
