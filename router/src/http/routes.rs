//! Every route: what is asked, who answers, and what the OpenAPI document says of it. The service and the document are
//! both made of this table, so that neither has what the other lacks.

mod described;
mod failures;
mod route;

pub(super) use described::Contents;
pub(super) use route::{Route, Tag};

use super::{cluster, docs, documents, dumps, events, health, indexes, metrics, openapi, rollouts, tasks};
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
        get(path::LIVEZ, health::live).of(of).named("live", "Say that the process runs"),
        get(path::HEALTHZ, health::live).of(of).named("healthz", "Say that the process runs, under an older name"),
        get(path::READYZ, health::ready)
            .of(of)
            .answers(&[200, 503])
            .named("ready", "Say whether the process can serve; the text says why if it cannot"),
        get(path::METRICS, metrics::metrics).of(of).named("metrics", "Figures for Prometheus"),
        get(path::EVENTS, events::listen)
            .of(Tag::Cluster)
            .fails(&[CLUSTER])
            .named("listenToEvents", "Hear what happens in a cluster, as server-sent events"),
    ];
    let of = Tag::Documentation;
    routes.extend([
        get(path::OPENAPI, openapi::document).of(of).named("openApi", "This document"),
        get(path::DOCS, docs::page).of(of).named("docs", "This document as a page"),
        get(path::DOCS_FILE, docs::file).of(of).fails(&[failures::FILE]).named("docsFile", "A file of the page"),
    ]);
    routes
}

fn of_indexes() -> Vec<Route> {
    let routes = vec![
        get(path::INDEXES, indexes::list).named("listIndexes", "List indexes, and how each is"),
        put(path::INDEX, indexes::create)
            .answers(&[201, 200])
            .fails(&[NAME, SCHEMA, CATALOGUE])
            .named("createIndex", "Create an index: 200 if it is there with the same schema"),
        get(path::INDEX, indexes::info)
            .fails(&[INDEX])
            .named("getIndex", "Say how an index is, and what its shards hold"),
        delete(path::INDEX, indexes::remove)
            .fails(&[INDEX, CATALOGUE])
            .named("deleteIndex", "Delete an index and its documents"),
    ];
    routes.into_iter().map(|route| route.of(Tag::Indexes)).collect()
}

fn of_documents() -> Vec<Route> {
    let routes = vec![
        post(path::DOCUMENTS_INDEX, documents::index)
            .fails(&[INDEX, SHARDS, WRITE])
            .named("indexDocuments", "Store documents, each in place of what was there"),
        post(path::DOCUMENTS_UPDATE, documents::update)
            .fails(&[INDEX, SHARDS, WRITE])
            .named("updateDocuments", "Change documents that exist"),
        post(path::DOCUMENTS_DELETE, documents::delete)
            .fails(&[INDEX, SHARDS, WRITE, READ])
            .named("deleteDocuments", "Remove documents by id or by filter"),
        post(path::SEARCH, documents::search)
            .fails(&[INDEX, SHARDS, READ, SEARCH])
            .named("search", "Find the nearest documents of each query, nearest first"),
        get(path::DOCUMENT, documents::get_one)
            .fails(&[INDEX, SHARDS, READ, failures::DOCUMENT])
            .named("getDocument", "Read a document"),
        post(path::DOCUMENTS, documents::get_many)
            .fails(&[INDEX, SHARDS, READ])
            .named("getDocuments", "Read documents by id"),
        get(path::DOCUMENTS, documents::list)
            .fails(&[INDEX, SHARDS, READ])
            .named("listDocuments", "Page through documents, in the order of their ids"),
        post(path::COUNT, documents::count).fails(&[INDEX, SHARDS, READ]).named("countDocuments", "Count documents"),
    ];
    routes.into_iter().map(|route| route.of(Tag::Documents)).collect()
}

fn of_aliases() -> Vec<Route> {
    let routes = vec![
        get(path::ALIASES, indexes::aliases).named("listAliases", "List aliases"),
        put(path::ALIAS, indexes::set_alias)
            .fails(&[INDEX, ALIAS, CATALOGUE])
            .named("setAlias", "Let a second name stand for an index; switching it is atomic"),
        delete(path::ALIAS, indexes::remove_alias)
            .fails(&[NAME, ALIAS, CATALOGUE])
            .named("deleteAlias", "Remove an alias; its index stays"),
    ];
    routes.into_iter().map(|route| route.of(Tag::Aliases)).collect()
}

fn of_dumps() -> Vec<Route> {
    let routes = vec![
        get(path::DUMPS, dumps::list).fails(&[INDEX, DUMP]).named("listDumps", "List the dumps of an index"),
        post(path::DUMPS, dumps::create)
            .answers(&[202])
            .fails(&[INDEX, CATALOGUE])
            .named("createDump", "Dump an index, in the background"),
        get(path::DUMP, dumps::info).fails(&[INDEX, DUMP]).named("getDump", "Describe a dump"),
        delete(path::DUMP, dumps::remove)
            .fails(&[INDEX, DUMP, CATALOGUE])
            .named("deleteDump", "Delete a dump that nobody uses"),
        post(path::RESTORE, dumps::restore)
            .answers(&[202])
            .fails(&[NAME, DUMP, SCHEMA, CATALOGUE, CLUSTER])
            .named("restoreDump", "Make an index of a dump, in a cluster, in the background"),
    ];
    routes.into_iter().map(|route| route.of(Tag::Dumps)).collect()
}

fn of_rollouts() -> Vec<Route> {
    let routes = vec![
        post(path::ROLLOUTS, rollouts::start)
            .answers(&[202, 200])
            .fails(&[INDEX, DUMP, TASK, CATALOGUE, CLUSTER])
            .named("startRollout", "Move the replicas of an index to a dump: 200 if only the plan is asked for"),
        get(path::ROLLOUT, rollouts::info)
            .fails(&[INDEX, TASK, CLUSTER])
            .named("getRollout", "Say how far a rollout is"),
        post(path::ROLLOUT_WORD, rollouts::say)
            .fails(&[INDEX, TASK, CATALOGUE, CLUSTER, failures::WORD])
            .named("tellRollout", "Pause, resume or roll back a rollout"),
    ];
    routes.into_iter().map(|route| route.of(Tag::Rollouts)).collect()
}

fn of_the_cluster() -> Vec<Route> {
    let routes = vec![
        get(path::CLUSTER, cluster::info)
            .fails(&[CLUSTER])
            .named("getCluster", "Say who is there, and what each serves"),
        post(path::RESHARD, cluster::reshard)
            .fails(&[TASK, CATALOGUE, CLUSTER])
            .named("reshardCluster", "Divide every index into another number of shards, in the background"),
        delete(path::RESHARD, cluster::cancel_reshard)
            .fails(&[TASK, CATALOGUE, CLUSTER])
            .named("cancelReshard", "Stay with as many shards as there are: until the first index has moved"),
        post(path::STEP_DOWN, cluster::step_down)
            .fails(&[CATALOGUE, CLUSTER])
            .named("stepDown", "Let another router coordinate"),
        get(path::TASKS, tasks::list).named("listTasks", "List what is done in the background, the newest first"),
        get(path::TASK, tasks::info).fails(&[TASK]).named("getTask", "Say how far a task is"),
    ];
    routes.into_iter().map(|route| route.of(Tag::Cluster)).collect()
}
