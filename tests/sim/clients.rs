//! Those who use the cluster: they write, read and remember what they were told.

use crate::held::Asker;
use crate::ledger::Fate;
use crate::programs::{Job, Site};
use crate::world::{Who, World, locked};
use annuli_api::Catalogue;
use annuli_api::v1::document::{DeleteRequest, IndexDocument, IndexRequest};
use annuli_api::v1::vector::WireVector;
use annuli_api::{Effect, Failure, Index};
use annuli_core::placement::shard_of;
use annuli_core::{DocId, IndexName, IndexUuid, ShardCount, ShardId};
use annuli_router::Arrival;
use futures_util::future::BoxFuture;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout};

/// Time that a request is allowed.
pub(crate) const TIMEOUT_MS: u64 = 3_000;

/// When a client gives up a router that says nothing at all.
const GIVE_UP_AFTER: Duration = Duration::from_secs(8);

/// Documents of one writer.
const DOCUMENTS: u64 = 5;

/// The clients' side of the cluster.
pub(crate) struct Clients {
    pub(crate) world: Arc<World>,
    /// Where each running router takes requests.
    pub(crate) sites: std::sync::Mutex<BTreeMap<u8, mpsc::Sender<Job>>>,
    pub(crate) routers: u8,
    /// Numbers that were written, or marked a search.
    numbers: AtomicU32,
    /// They are to come to an end.
    pub(crate) stops: AtomicBool,
}

impl Clients {
    pub(crate) fn new(world: Arc<World>, routers: u8) -> Arc<Self> {
        let (sites, numbers, stops) = Default::default();
        Arc::new(Self { world, sites, routers, numbers, stops })
    }

    /// A number that nobody has had.
    pub(crate) fn new_number(&self) -> u32 {
        self.numbers.fetch_add(1, Relaxed) + 1
    }

    pub(crate) fn any_router(&self) -> u8 {
        u8::try_from(self.world.dice.below(u64::from(self.routers))).expect("a number of a router")
    }

    pub(crate) fn is_over(&self) -> bool {
        self.stops.load(Relaxed)
    }

    pub(crate) async fn pause(&self, ms_max: u64) {
        sleep(Duration::from_millis(self.world.dice.between(1, ms_max))).await;
    }

    /// Asks a router; `None` if it is down, says nothing, or was killed before it has answered.
    pub(crate) async fn ask<R: Send + 'static>(
        &self,
        router: u8,
        ask: impl FnOnce(Arc<Site>) -> BoxFuture<'static, R> + Send + 'static,
    ) -> Option<R> {
        let site = locked(&self.sites).get(&router).cloned()?;
        let (says, answer) = oneshot::channel();
        let (asker, ended) = Asker::new();
        let question = asker.asks(&self.world, Who::Router(router));
        let job: Job = Box::new(move |site| {
            Box::pin(async move {
                let answer = ask(site).await;
                drop(question);
                // Whoever has asked may have given up.
                drop(says.send(answer));
            })
        });
        site.try_send(job).ok()?;
        let answered = async {
            tokio::select! {
                biased;
                answer = answer => answer.ok(),
                () = ended => None,
            }
        };
        timeout(GIVE_UP_AFTER, answered).await.ok()?
    }

    /// An index, as a router knows it.
    pub(crate) async fn index(&self, router: u8, name: &IndexName) -> Option<Arc<Index>> {
        let name = name.clone();
        self.ask(router, move |site| Box::pin(async move { site.catalogue.resolve(&name).ok() })).await?
    }
}

/// What a request came to, in few words.
pub(crate) fn brief<R: std::fmt::Debug>(answer: Option<&Result<R, Failure>>) -> String {
    match answer {
        None => "no answer".to_owned(),
        Some(Ok(done)) => format!("{done:?}"),
        Some(Err(failure)) => format!("{}: {failure}", failure.code),
    }
}

pub(crate) fn arrival() -> Arrival {
    Arrival { at: Instant::now().into_std(), bytes: 64 }
}

pub(crate) fn owner(id: &str, shards: ShardCount) -> ShardId {
    shard_of(&DocId::new(id).expect("a short word"), shards)
}

pub(crate) fn vector(number: u32) -> WireVector {
    WireVector::Numbers(vec![number as f32])
}

/// Writes documents of its own, until it is told to stop.
pub(crate) async fn write(clients: Arc<Clients>, writer: u8, names: Vec<IndexName>) {
    while !clients.is_over() {
        clients.pause(400).await;
        let router = clients.any_router();
        let Some(name) = clients.world.dice.one_of(&names) else { return };
        let Some(index) = clients.index(router, name).await else { continue };
        let mut ids = vec![format!("{writer}-{}", clients.world.dice.below(DOCUMENTS))];
        let deletes = clients.world.dice.permille(150);
        let other = format!("{writer}-{}", clients.world.dice.below(DOCUMENTS));
        if clients.world.dice.permille(300) && other != ids[0] {
            ids.push(other);
        }
        write_once(&clients, router, index, ids, deletes).await;
    }
}

/// Writes these documents anew, or deletes them, and takes down what came of it.
pub(crate) async fn write_once(
    clients: &Clients,
    router: u8,
    index: Arc<Index>,
    ids: Vec<String>,
    deletes: bool,
) -> bool {
    let (uuid, shards) = (locked(&clients.world.witness).first(index.uuid), index.schema.shards);
    let attempt = |id: &String| {
        let number = (!deletes).then(|| clients.new_number());
        let place = locked(&clients.world.witness).ledger.begin(uuid, id, number);
        (id.clone(), number, place)
    };
    let attempts: Vec<_> = ids.iter().map(attempt).collect();
    clients.world.note(format_args!("a client asks router-{router} for {attempts:?} in {}", index.name));
    let asked = attempts.clone();
    let answer = clients.ask(router, move |site| Box::pin(async move { send(&site, &index, &asked).await })).await;
    clients.world.note(format_args!("a client is told {} of {attempts:?}", brief(answer.as_ref())));
    let mut world = locked(&clients.world.witness);
    world.count(if matches!(answer, Some(Ok(_))) { "written" } else { "not written" });
    for (id, _, place) in attempts {
        world.ledger.end(uuid, &id, place, fate(answer.as_ref(), owner(&id, shards)));
    }
    matches!(answer, Some(Ok(_)))
}

type Acknowledged = BTreeMap<u32, u64>;

async fn send(
    site: &Site,
    index: &Arc<Index>,
    attempts: &[(String, Option<u32>, usize)],
) -> Result<Acknowledged, Failure> {
    let timeout_ms = Some(TIMEOUT_MS);
    if attempts.iter().all(|(_, number, _)| number.is_none()) {
        let ids = Some(attempts.iter().map(|(id, _, _)| id.clone()).collect());
        let request = DeleteRequest { ids, filter: None, if_seq: None, timeout_ms };
        return Ok(site.router.delete_documents(index, request, Instant::now().into_std()).await?.shards);
    }
    let document = |(id, number, _): &(String, Option<u32>, usize)| IndexDocument {
        id: id.clone(),
        vector: vector(number.unwrap_or_default()),
        metadata: None,
        if_seq: None,
    };
    let request = IndexRequest { documents: attempts.iter().map(document).collect(), timeout_ms };
    Ok(site.router.index_documents(index, request, arrival()).await?.shards)
}

/// What became of the part of a batch that was for one shard.
fn fate(answer: Option<&Result<Acknowledged, Failure>>, shard: ShardId) -> Fate {
    match answer {
        None => Fate::Unknown,
        Some(Ok(acknowledged)) => acknowledged.get(&shard.0).map_or(Fate::Unknown, |seq| Fate::Acknowledged(*seq)),
        Some(Err(failure)) => {
            let done = failure.details.get("acknowledged").and_then(|done| done[shard.0.to_string()].as_u64());
            let failed = failure.details.get("failed").and_then(Value::as_array).into_iter().flatten();
            let mut of_shard = failed.filter(|failed| failed["shard"].as_u64() == Some(u64::from(shard.0)));
            let named =
                of_shard.next().and_then(|failed| serde_json::from_value::<Failure>(failed["error"].clone()).ok());
            match (done, named.unwrap_or_else(|| failure.clone()).effect()) {
                (Some(seq), _) => Fate::Acknowledged(seq),
                (None, Some(Effect::None)) => Fate::Refused,
                (None, Some(Effect::Unknown) | None) => Fate::Unknown,
            }
        }
    }
}

/// The number and seq of a document that was found.
pub(crate) fn found(document: Option<&annuli_api::v1::document::StoredDocument>) -> Option<(u32, u64)> {
    let document = document?;
    Some((number_of(document.vector.as_ref())?, document.seq))
}

pub(crate) fn number_of(vector: Option<&WireVector>) -> Option<u32> {
    match vector {
        Some(WireVector::Numbers(numbers)) => numbers.first().map(|number| crate::witness::number(*number)),
        Some(WireVector::Base64(_) | WireVector::Packed(_) | WireVector::TooLong { .. }) | None => None,
    }
}

/// The index that a token is of, with its positions.
pub(crate) fn token(text: &str) -> Option<(IndexUuid, annuli_api::AsOf)> {
    let token = annuli_api::AsOf::decode(text).ok()?;
    Some((token.index, token))
}
