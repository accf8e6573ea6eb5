//! Clients that read, each in its own way, and know what they may find.

use crate::certainty::was_certain;
use crate::clients::{Clients, TIMEOUT_MS, arrival, brief, found, number_of, owner, token, vector};
use crate::world::locked;
use annuli_api::shard_api::Consistency;
use annuli_api::v1::document::{GetReply, GetRequest};
use annuli_api::v1::search::{Include, SearchReply, SearchRequest};
use annuli_api::{AsOf, Failure, Index, Position};
use annuli_core::{IndexName, IndexUuid, ShardId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::time::Instant;

/// What a client has seen of each index: it gives it back with its next read.
type Session = BTreeMap<IndexUuid, BTreeMap<ShardId, Position>>;

/// Reads now and then, until it is told to stop.
pub(crate) async fn read(clients: Arc<Clients>, names: Vec<IndexName>) {
    let mut session = Session::new();
    while !clients.is_over() {
        clients.pause(500).await;
        let router = clients.any_router();
        let Some(name) = clients.world.dice.one_of(&names) else { return };
        let Some(index) = clients.index(router, name).await else { continue };
        match clients.world.dice.below(5) {
            0 => get_of_primary(&clients, router, index).await,
            1 => get_in_session(&clients, router, index, &mut session).await,
            2 => drop(search(&clients, router, index, None, Some(&mut session)).await),
            3 => drop(search(&clients, router, index, Some(Consistency::Primary), None).await),
            _ => drop(search(&clients, router, index, None, None).await),
        }
    }
}

fn get_request(id: &str, consistency: Option<Consistency>, after: Option<String>) -> GetRequest {
    let timeout_ms = Some(TIMEOUT_MS);
    GetRequest { ids: vec![id.to_owned()], include: None, vector_encoding: None, after, consistency, timeout_ms }
}

async fn get(clients: &Clients, router: u8, index: Arc<Index>, request: GetRequest) -> Option<GetReply> {
    let answer = clients.ask(router, move |site| {
        Box::pin(async move { site.router.get_documents(&index, request, Instant::now().into_std()).await })
    });
    let answer = answer.await?;
    clients.world.note(format_args!("a client of router-{router} gets {}", brief(Some(&answer))));
    answer.ok()
}

/// The primary has everything that was acknowledged before it was asked.
async fn get_of_primary(clients: &Clients, router: u8, index: Arc<Index>) {
    let uuid = locked(&clients.world.witness).first(index.uuid);
    let Some((id, floor)) = any_document(clients, uuid) else { return };
    let request = get_request(&id, Some(Consistency::Primary), None);
    let Some(reply) = get(clients, router, index, request).await else { return };
    let from_before = token(&reply.as_of).is_some_and(|(read, _)| {
        let witness = locked(&clients.world.witness);
        witness.records.index_of(read).is_none()
    });
    // A router that has lost touch with the store goes on by what it knew.
    if from_before {
        return;
    }
    let checked = locked(&clients.world.witness).ledger.check(uuid, &id, floor, found(reply.documents.first()));
    match checked {
        Ok(()) => locked(&clients.world.witness).count("read of the primary"),
        Err(why) => clients.world.violated(format_args!("a read of the primary: {why}")),
    }
}

fn any_document(clients: &Clients, index: IndexUuid) -> Option<(String, usize)> {
    let ids = locked(&clients.world.witness).ledger.ids(index);
    let id = clients.world.dice.one_of(&ids)?.clone();
    let floor = locked(&clients.world.witness).ledger.floor(index, &id);
    Some((id, floor))
}

/// What was seen once is there from then on.
async fn get_in_session(clients: &Clients, router: u8, index: Arc<Index>, session: &mut Session) {
    let first = locked(&clients.world.witness).first(index.uuid);
    let Some((id, _)) = any_document(clients, first) else { return };
    let request = get_request(&id, None, after(session, index.uuid));
    let Some(reply) = get(clients, router, index, request).await else { return };
    go_on(clients, session, &reply.as_of);
    let Some((_, AsOf { positions, .. })) = token(&reply.as_of) else { return };
    let Some((_, position)) = positions.first() else { return };
    let held = locked(&clients.world.witness).held_at(*position).get(&id).copied();
    let found = found(reply.documents.first()).map(|(number, _)| number);
    if found != held {
        let seq = position.seq;
        clients.world.violated(format_args!("a read as of seq {seq} finds {found:?} in `{id}`, where {held:?} was"));
    }
}

fn after(session: &Session, index: IndexUuid) -> Option<String> {
    let positions = session.get(&index)?.iter().map(|(shard, position)| (*shard, *position)).collect();
    Some(AsOf { index, epoch: 0, positions }.encode())
}

/// Takes in what a reply was as of: never less than was asked for.
fn go_on(clients: &Clients, session: &mut Session, as_of: &str) {
    let Some((index, AsOf { positions, .. })) = token(as_of) else {
        return clients.world.violated("a reply has no token");
    };
    let seen = session.entry(index).or_default();
    for (shard, position) in positions {
        if let Some(before) = seen.get(&shard).filter(|before| before.seq > position.seq) {
            let (from, to) = (before.seq, position.seq);
            clients.world.violated(format_args!("a client that saw seq {from} of shard {shard} is shown seq {to}"));
        }
        seen.insert(shard, position);
    }
    locked(&clients.world.witness).count("read in a session");
}

/// Searches everything; says whether there was an answer.
pub(crate) async fn search(
    clients: &Clients,
    router: u8,
    index: Arc<Index>,
    consistency: Option<Consistency>,
    session: Option<&mut Session>,
) -> bool {
    let mark = clients.new_number();
    let request = SearchRequest {
        vector: Some(vector(mark)),
        limit: Some(1_000),
        include: Some(vec![Include::Vector]),
        exact: Some(clients.world.dice.permille(200)),
        consistency,
        after: session.as_ref().and_then(|session| after(session, index.uuid)),
        timeout_ms: Some(TIMEOUT_MS),
        ..SearchRequest::default()
    };
    let reads_replicas = session.is_none() && consistency.is_none();
    let (searched, began) = (Arc::clone(&index), clients.world.schedule.now());
    let answer = clients
        .ask(router, move |site| Box::pin(async move { site.router.search(&searched, request, arrival()).await }));
    let answer: Option<Result<SearchReply, Failure>> = answer.await;
    let said = answer.as_ref().map(|answer| answer.as_ref().map(|reply| &reply.shards.seqs).map_err(Clone::clone));
    let said = brief(said.as_ref());
    clients.world.note(format_args!("a search of router-{router} in {} finds {said}", index.name));
    let Some(Ok(reply)) = answer else {
        if was_certain(clients, router, &index, reads_replicas, began) {
            clients.world.violated(format_args!("a search of router-{router} fails, though it need not: {said}"));
        }
        return false;
    };
    check_hits(clients, &index, &reply);
    let generations = locked(&clients.world.witness).generations(mark as f32);
    if !locked(&clients.world.witness).may_be_mixed(index.uuid, &generations) {
        clients.world.violated(format_args!("one search is answered from the generations {generations:?}"));
    }
    let kind = match generations.len() {
        0 => "search of primaries",
        1 => "search of replicas",
        _ => "search of two generations",
    };
    locked(&clients.world.witness).count(kind);
    if let Some(session) = session {
        go_on(clients, session, &reply.as_of);
    }
    true
}

/// What a search finds in each shard is exactly what was there at the position that its reply names.
fn check_hits(clients: &Clients, index: &Index, reply: &SearchReply) {
    let Some((_, AsOf { positions, .. })) = token(&reply.as_of) else {
        return clients.world.violated("a search has no token");
    };
    let mut by_shard: BTreeMap<ShardId, BTreeMap<String, u32>> = BTreeMap::new();
    for hit in reply.results.iter().flat_map(|result| &result.hits) {
        let shard = owner(&hit.id, index.schema.shards);
        by_shard.entry(shard).or_default().insert(hit.id.clone(), number_of(hit.vector.as_ref()).unwrap_or_default());
    }
    let asked: BTreeSet<_> = positions.iter().map(|(shard, _)| *shard).collect();
    if asked.len() != index.schema.shards.get() as usize {
        clients.world.violated(format_args!("a search names the shards {asked:?} alone"));
    }
    for (shard, position) in positions {
        let found = by_shard.remove(&shard).unwrap_or_default();
        let held = locked(&clients.world.witness).held_at(position);
        if found != held {
            let seq = position.seq;
            clients.world.violated(format_args!("a search of shard {shard} as of {seq} finds {found:?} of {held:?}"));
        }
    }
    let refused = reply.results.iter().flat_map(|result| &result.hits).find(|hit| {
        let number = number_of(hit.vector.as_ref()).unwrap_or_default();
        let witness = locked(&clients.world.witness);
        !witness.ledger.may_exist(witness.first(index.uuid), &hit.id, number)
    });
    if let Some(hit) = refused {
        clients.world.violated(format_args!("a search finds `{}` as it was refused to be written", hit.id));
    }
}
