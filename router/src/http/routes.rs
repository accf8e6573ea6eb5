//! Every route: what is asked, who may, who answers, and what the OpenAPI document says of it. The service and the document are
//! both made of this table, so that neither has what the other lacks.

mod described;
mod failures;
mod route;

pub(super) use described::Contents;
pub(super) use route::{Route, Tag};

use super::{cluster, docs, documents, dumps, events, health, indexes, metrics, openapi, rollouts, tasks};
use crate::access::{Needs, Role};
use annuli_api::v1::path;
use failures::{ALIAS, CATALOGUE, CLUSTER, DUMP, INDEX, NAME, READ, SCHEMA, SEARCH, SHARDS, TASK, WRITE};
use route::{delete, get, post, put};

/// Requests that have a place among those at once.
pub(super) fn requests() -> Vec<Route> {
    [of_indexes(), of_documents(), of_aliases(), of_dumps(), of_rollouts(), of_the_cluster()]
        .into_iter()
        .flatten()
        .collect()
}

/// Who watches or reads what this is: answered also when there are too many requests. Who listens to events has a place
/// among listeners.
pub(super) fn watchers() -> Vec<Route> {
    let of = Tag::Health;
    let mut routes = vec![
        get(path::LIVEZ, health::live).with(Needs::Nothing).of(of).named("live", "Say that the process runs"),
        get(path::HEALTHZ, health::live)
            .with(Needs::Nothing)
            .of(of)
            .named("healthz", "Say that the process runs, under an older name"),
        get(path::READYZ, health::ready)
            .with(Needs::Nothing)
            .of(of)
            .answers(&[200, 503])
            .named("ready", "Say whether the process can serve; if it cannot, the text says why to who has a key"),
        get(path::METRICS, metrics::metrics).with(Needs::Metrics).of(of).named("metrics", "Figures for Prometheus"),
        get(path::EVENTS, events::listen)
            .by(events::ROLE)
            .of(Tag::Cluster)
            .fails(&[CLUSTER])
            .named("listenToEvents", "Hear what happens in a cluster, as server-sent events"),
    ];
    let of = Tag::Documentation;
    routes.extend([
        get(path::OPENAPI, openapi::document).with(Needs::Nothing).of(of).named("openApi", "This document"),
        get(path::DOCS, docs::page).with(Needs::Nothing).of(of).named("docs", "This document as a page"),
        get(path::DOCS_FILE, docs::file)
            .with(Needs::Nothing)
            .of(of)
            .fails(&[failures::FILE])
            .named("docsFile", "A file of the page"),
    ]);
    routes
}

fn of_indexes() -> Vec<Route> {
    let routes = vec![
        get(path::INDEXES, indexes::list).by(Role::Read).named("listIndexes", "List indexes, and how each is"),
        put(path::INDEX, indexes::create)
            .by(Role::Admin)
            .answers(&[201, 200])
            .fails(&[NAME, SCHEMA, CATALOGUE])
            .named("createIndex", "Create an index: 200 if it is there with the same schema"),
        get(path::INDEX, indexes::info)
            .by(Role::Read)
            .fails(&[INDEX])
            .named("getIndex", "Say how an index is, and what its shards hold"),
        delete(path::INDEX, indexes::remove)
            .by(Role::Admin)
            .fails(&[INDEX, CATALOGUE])
            .named("deleteIndex", "Delete an index and its documents"),
    ];
    routes.into_iter().map(|route| route.of(Tag::Indexes)).collect()
}

fn of_documents() -> Vec<Route> {
    let routes = vec![
        post(path::DOCUMENTS_INDEX, documents::index)
            .by(Role::Write)
            .fails(&[INDEX, SHARDS, WRITE])
            .named("indexDocuments", "Store documents, each in place of what was there"),
        post(path::DOCUMENTS_UPDATE, documents::update)
            .by(Role::Write)
            .fails(&[INDEX, SHARDS, WRITE])
            .named("updateDocuments", "Change documents that exist"),
        post(path::DOCUMENTS_DELETE, documents::delete)
            .by(Role::Write)
            .fails(&[INDEX, SHARDS, WRITE, READ])
            .named("deleteDocuments", "Remove documents by id or by filter"),
        post(path::SEARCH, documents::search)
            .by(Role::Read)
            .fails(&[INDEX, SHARDS, READ, SEARCH])
            .named("search", "Find the nearest documents of each query, nearest first"),
        get(path::DOCUMENT, documents::get_one)
            .by(Role::Read)
            .fails(&[INDEX, SHARDS, READ, failures::DOCUMENT])
            .named("getDocument", "Read a document"),
        post(path::DOCUMENTS, documents::get_many)
            .by(Role::Read)
            .fails(&[INDEX, SHARDS, READ])
            .named("getDocuments", "Read documents by id"),
        get(path::DOCUMENTS, documents::list)
            .by(Role::Read)
            .fails(&[INDEX, SHARDS, READ])
            .named("listDocuments", "Page through documents, in the order of their ids"),
        post(path::COUNT, documents::count)
            .by(Role::Read)
            .fails(&[INDEX, SHARDS, READ])
            .named("countDocuments", "Count documents"),
    ];
    routes.into_iter().map(|route| route.of(Tag::Documents)).collect()
}

fn of_aliases() -> Vec<Route> {
    let routes = vec![
        get(path::ALIASES, indexes::aliases).by(Role::Read).named("listAliases", "List aliases"),
        put(path::ALIAS, indexes::set_alias)
            .by(Role::Admin)
            .fails(&[INDEX, ALIAS, CATALOGUE])
            .named("setAlias", "Let a second name stand for an index; switching it is atomic"),
        delete(path::ALIAS, indexes::remove_alias)
            .by(Role::Admin)
            .fails(&[NAME, ALIAS, CATALOGUE])
            .named("deleteAlias", "Remove an alias; its index stays"),
    ];
    routes.into_iter().map(|route| route.of(Tag::Aliases)).collect()
}

fn of_dumps() -> Vec<Route> {
    let routes = vec![
        get(path::DUMPS, dumps::list)
            .by(Role::Read)
            .fails(&[INDEX, DUMP])
            .named("listDumps", "List the dumps of an index"),
        post(path::DUMPS, dumps::create)
            .by(Role::Admin)
            .answers(&[202])
            .fails(&[INDEX, CATALOGUE])
            .named("createDump", "Dump an index, in the background"),
        get(path::DUMP, dumps::info).by(Role::Read).fails(&[INDEX, DUMP]).named("getDump", "Describe a dump"),
        delete(path::DUMP, dumps::remove)
            .by(Role::Admin)
            .fails(&[INDEX, DUMP, CATALOGUE])
            .named("deleteDump", "Delete a dump that nobody uses"),
        post(path::RESTORE, dumps::restore)
            .by(Role::Admin)
            .answers(&[202])
            .fails(&[NAME, DUMP, SCHEMA, CATALOGUE, CLUSTER])
            .named("restoreDump", "Make an index of a dump, in a cluster, in the background"),
    ];
    routes.into_iter().map(|route| route.of(Tag::Dumps)).collect()
}

fn of_rollouts() -> Vec<Route> {
    let routes = vec![
        post(path::ROLLOUTS, rollouts::start)
            .by(Role::Admin)
            .answers(&[202, 200])
            .fails(&[INDEX, DUMP, TASK, CATALOGUE, CLUSTER])
            .named("startRollout", "Move the replicas of an index to a dump: 200 if only the plan is asked for"),
        get(path::ROLLOUT, rollouts::info)
            .by(Role::Read)
            .fails(&[INDEX, TASK, CLUSTER])
            .named("getRollout", "Say how far a rollout is"),
        post(path::ROLLOUT_WORD, rollouts::say)
            .by(Role::Admin)
            .fails(&[INDEX, TASK, CATALOGUE, CLUSTER, failures::WORD])
            .named("tellRollout", "Pause, resume or roll back a rollout"),
    ];
    routes.into_iter().map(|route| route.of(Tag::Rollouts)).collect()
}

fn of_the_cluster() -> Vec<Route> {
    let routes = vec![
        get(path::CLUSTER, cluster::info)
            .by(Role::Read)
            .fails(&[CLUSTER])
            .named("getCluster", "Say who is there, and what each serves"),
        post(path::RESHARD, cluster::reshard)
            .by(Role::Admin)
            .fails(&[TASK, CATALOGUE, CLUSTER])
            .named("reshardCluster", "Divide every index into another number of shards, in the background"),
        delete(path::RESHARD, cluster::cancel_reshard)
            .by(Role::Admin)
            .fails(&[TASK, CATALOGUE, CLUSTER])
            .named("cancelReshard", "Stay with as many shards as there are: until the first index has moved"),
        post(path::STEP_DOWN, cluster::step_down)
            .by(Role::Admin)
            .fails(&[CATALOGUE, CLUSTER])
            .named("stepDown", "Let another router coordinate"),
        get(path::TASKS, tasks::list)
            .by(Role::Read)
            .named("listTasks", "List what is done in the background, the newest first"),
        get(path::TASK, tasks::info).by(Role::Read).fails(&[TASK]).named("getTask", "Say how far a task is"),
    ];
    routes.into_iter().map(|route| route.of(Tag::Cluster)).collect()
}
