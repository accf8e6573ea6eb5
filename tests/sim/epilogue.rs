//! How everything has to be in the end.

use crate::certainty::KNOWN_AFTER_MS;
use crate::clients::{Clients, TIMEOUT_MS, brief, found, owner, write_once};
use crate::cluster::Cluster;
use crate::life::{STEP_MS, is_sound};
use crate::moves::{NEXT, layout};
use crate::rollouts::is_trying;
use crate::world::{Who, World, locked};
use crate::{operator, readers};
use annuli_api::shard_api::Consistency;
use annuli_api::v1::document::ListQuery;
use annuli_cluster::Records;
use annuli_cluster::record::{DumpState, LayoutId, Place, Role, Served};
use annuli_core::{IndexName, IndexUuid};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use tokio::time::Instant;

/// Longest time in which everything is well again. A replica that has failed to prepare for a while tries again after up
/// to five minutes.
const SETTLED_WITHIN_MS: u64 = 420_000;

/// How often it is looked whether everything is well again.
const LOOK_EVERY_MS: u64 = 500;

/// Longest time that the last questions take.
const ASKED_WITHIN_MS: u64 = 60_000;

/// Lets time go by until nothing has been under way for as long as it takes to know of it everywhere; somebody releases
/// what waits for a word.
pub(crate) fn settle(cluster: &mut Cluster) {
    let world = Arc::clone(&cluster.world);
    let (limit, mut settled_since, mut looks) = (world.schedule.now() + SETTLED_WITHIN_MS, None, 0_u64);
    while is_sound(&world) {
        let (left, now) = (left(cluster), world.schedule.now());
        if left.is_empty() && now >= *settled_since.get_or_insert(now) + KNOWN_AFTER_MS {
            return;
        }
        if !left.is_empty() {
            settled_since = None;
            looks += 1;
        }
        cluster.start_next();
        if is_trying(&locked(&world.witness).records) {
            search_everything(cluster);
        }
        if looks % 10 == 9 {
            let clients = Arc::clone(&cluster.clients);
            cluster.begin(async move { operator::release(&clients).await });
        }
        if looks % 100 == 30 && !locked(&world.shelf).damaged.is_empty() {
            dump_everything(cluster);
        }
        if now > limit {
            let left = if left.is_empty() { "it is never quiet for long" } else { &left };
            world.violated(format_args!("{SETTLED_WITHIN_MS} ms after everything was healed: {left}"));
        }
        for _ in 0..LOOK_EVERY_MS / STEP_MS {
            cluster.go_on(STEP_MS);
        }
    }
}

/// A damaged dump is rolled out again and again, until there is a newer one.
fn dump_everything(cluster: &mut Cluster) {
    let names: Vec<_> = locked(&cluster.world.witness).records.indexes.keys().cloned().collect();
    for name in names {
        let clients = Arc::clone(&cluster.clients);
        cluster.begin(async move { operator::dump(&clients, &name).await });
    }
}

/// What is tried on searches needs some.
fn search_everything(cluster: &mut Cluster) {
    let names: Vec<_> = locked(&cluster.world.witness).records.indexes.keys().cloned().collect();
    for name in names {
        let clients = Arc::clone(&cluster.clients);
        cluster.begin(async move {
            let router = clients.any_router();
            if let Some(index) = clients.index(router, &name).await {
                readers::search(&clients, router, index, None, None).await;
            }
        });
    }
}

/// What is under way, in words; none if nothing is.
fn left(cluster: &Cluster) -> String {
    let witness = locked(&cluster.world.witness);
    let Records { cluster: founded, indexes, gone, nodes, dumps, tasks, .. } = &witness.records;
    let mut left = Vec::new();
    match founded {
        None => left.push("there is no cluster".to_owned()),
        Some(cluster) if cluster.record.next.is_some() => left.push("the cluster moves".to_owned()),
        Some(_) => {}
    }
    let open = tasks.iter().filter(|(_, task)| !task.record.is_over());
    left.extend(open.map(|(id, task)| format!("task {id} is {:?}", task.record)));
    left.extend(
        gone.iter().map(|(index, tombstone)| format!("{index} is to be removed by {:?}", tombstone.record.left)),
    );
    let unfinished = dumps.iter().filter(|(_, dump)| !matches!(dump.record.state, DumpState::Taken(_)));
    left.extend(unfinished.map(|(id, dump)| format!("dump {id} is {:?}", dump.record.state)));
    for (name, stored) in indexes {
        let (index, generations) = (&stored.record, &stored.record.generations);
        if generations.preparing.is_some() || generations.retiring.is_some() {
            left.push(format!("`{name}` has {generations:?}"));
        }
        for shard in index.schema.shards.shards() {
            let place = Place { layout: index.layout, shard };
            let mut of_shard = nodes.values().map(|node| &node.record).filter(|node| node.place == place);
            let serves = |node: &&annuli_cluster::record::NodeRecord| {
                node.role == Role::Primary && node.serves.get(&index.uuid) == Some(&Served::Ready)
            };
            if !of_shard.any(|node| serves(&node)) {
                left.push(format!("nobody serves shard {shard} of `{name}`"));
            }
        }
        if let Some(official) = generations.official {
            let replicas = witness.records.replicas_on(index.layout);
            let replicas = replicas.filter(|it| !it.is_ready(index.uuid, official.generation));
            let place = (index.uuid, official.dump);
            let shelf = locked(&cluster.world.shelf);
            // What is damaged in the store cannot be prepared any longer, which somebody has to see to.
            if !shelf.damaged.iter().any(|(damaged, _)| *damaged == place) {
                left.extend(replicas.map(|it| format!("{} lacks the official generation of `{name}`", it.address)));
            }
        }
    }
    let known: BTreeSet<_> = nodes.values().map(|node| node.record.address.as_str()).collect();
    let silent = cluster.processes().into_iter().filter(|who| is_of_today(*who, &witness.records));
    let silent = silent.filter(|who| !known.contains(who.to_string().as_str()));
    left.extend(silent.map(|who| format!("nobody knows of {who}")));
    left.join("; ")
}

/// Whether a process holds shards of the layout of today.
fn is_of_today(who: Who, records: &Records) -> bool {
    match who {
        Who::Primary(_) | Who::Replica(..) => layout(records) == LayoutId::FIRST,
        Who::Next(_) | Who::NextReplica(..) => layout(records) == NEXT,
        Who::Router(_) | Who::Copy(_) | Who::Outside => false,
    }
}

/// Looks at what is on the disks, then asks everything that can be asked: what that writes may begin a dump.
pub(crate) fn check(cluster: &mut Cluster) {
    if is_sound(&cluster.world) {
        check_disks(cluster);
    }
    let done = Arc::new(AtomicBool::new(false));
    let (clients, says) = (Arc::clone(&cluster.clients), Arc::clone(&done));
    cluster.begin(async move {
        ask_everything(&clients).await;
        says.store(true, Relaxed);
    });
    let limit = cluster.world.schedule.now() + ASKED_WITHIN_MS;
    while !done.load(Relaxed) && is_sound(&cluster.world) {
        cluster.go_on(STEP_MS);
        if cluster.world.schedule.now() > limit {
            cluster.world.violated("the last questions are not answered");
        }
    }
}

async fn ask_everything(clients: &Clients) {
    let indexes = locked(&clients.world.witness).records.indexes.clone();
    for name in indexes.keys() {
        for router in 0..clients.routers {
            let Some(index) = clients.index(router, name).await else {
                return clients.world.violated(format_args!("router-{router} does not know `{name}`"));
            };
            check_documents(clients, router, name, index.uuid).await;
            let ids = vec!["last-0".to_owned(), "last-1".to_owned(), "last-2".to_owned()];
            if !write_once(clients, router, Arc::clone(&index), ids, false).await {
                clients.world.violated(format_args!("router-{router} does not write to `{name}`"));
            }
            if !readers::search(clients, router, index, None, None).await {
                clients.world.violated(format_args!("router-{router} does not search `{name}`"));
            }
        }
    }
}

/// What the primaries have is what was acknowledged.
async fn check_documents(clients: &Clients, router: u8, name: &IndexName, uuid: IndexUuid) {
    let Some(index) = clients.index(router, name).await else { return };
    let shards = index.schema.shards;
    let query = ListQuery {
        limit: Some(1_000),
        include: Some("vector".to_owned()),
        consistency: Some(Consistency::Primary),
        timeout_ms: Some(TIMEOUT_MS),
        ..ListQuery::default()
    };
    let answer = clients.ask(router, move |site| {
        Box::pin(async move { site.router.list_documents(&index, query, Instant::now().into_std()).await })
    });
    let reply = match answer.await {
        Some(Ok(reply)) => reply,
        other => {
            let said = brief(other.as_ref());
            return clients.world.violated(format_args!("router-{router} does not list `{name}`: {said}"));
        }
    };
    let documents: BTreeMap<_, _> = reply.documents.iter().map(|document| (document.id.as_str(), document)).collect();
    let uuid = locked(&clients.world.witness).first(uuid);
    let ids: BTreeSet<String> = locked(&clients.world.witness).ledger.ids(uuid).into_iter().collect();
    for id in &ids {
        let checked = {
            let ledger = &locked(&clients.world.witness).ledger;
            ledger.check(uuid, id, ledger.floor(uuid, id), found(documents.get(id.as_str()).copied()))
        };
        if let Err(why) = checked {
            let shard = owner(id, shards);
            clients.world.violated(format_args!("in the end, in shard {shard} of `{name}`: {why}"));
        }
    }
    if let Some(id) = documents.keys().find(|id| !ids.contains(**id)) {
        clients.world.violated(format_args!("in the end `{name}` has `{id}`, which nobody has written"));
    }
}

fn check_disks(cluster: &Cluster) {
    let World { witness, shelf, .. } = &*cluster.world;
    let records = locked(witness).records.clone();
    let live: BTreeSet<_> = records.indexes.values().map(|stored| stored.record.uuid).collect();
    for (who, folder) in cluster.folders.iter().filter(|(who, _)| is_of_today(**who, &records)) {
        let held: BTreeSet<_> = folder.indexes().into_iter().collect();
        if held != live {
            cluster.world.violated(format_args!("{who} has {held:?} on its disk, of {live:?}"));
        }
    }
    let official = records
        .indexes
        .values()
        .filter_map(|stored| Some((stored.record.uuid, stored.record.generations.official?.generation)));
    let official: BTreeSet<_> = official.collect();
    for (who, folder) in cluster.replicas.iter().filter(|(who, _)| is_of_today(**who, &records)) {
        if let Some(odd) = folder.held().into_iter().find(|held| !official.contains(held)) {
            cluster.world.violated(format_args!("{who} still has {odd:?}"));
        }
    }
    let shelf = locked(shelf);
    // Of a deleted index the dumps stay, for whoever regrets it.
    let stray = shelf.dumps.keys().find(|(index, dump)| live.contains(index) && !records.dumps.contains_key(dump));
    if let Some((_, dump)) = stray {
        cluster.world.violated(format_args!("the files of dump {dump} are there, and no record of it"));
    }
    let taken = records.dumps.iter().filter(|(_, stored)| matches!(stored.record.state, DumpState::Taken(_)));
    for (dump, stored) in taken {
        let shards = records.index_of(stored.record.uuid).map_or(cluster.shards, |(_, it)| it.record.schema.shards);
        if !shelf.has((stored.record.uuid, *dump), shards.get()) {
            cluster.world.violated(format_args!("dump {dump} is recorded, and its files are not there"));
        }
    }
}
