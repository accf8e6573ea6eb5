//! The calls, in one table.

use crate::{aliases, collections, payload, payload_indexes, query, reads, snapshots, unsupported, writes};
use annuli_router::access::{Needs, Role};
use annuli_router::http::dialect::Route;
use axum::http::Method;

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const PATCH: Method = Method::PATCH;
const DELETE: Method = Method::DELETE;

const READ: Needs = Needs::Role(Role::Read);
const WRITE: Needs = Needs::Role(Role::Write);
const ADMIN: Needs = Needs::Role(Role::Admin);

/// Every call, with what its caller must be allowed to do.
#[rustfmt::skip]
pub(crate) fn table() -> Vec<Route> {
    let mut table = vec![
        Route::new(GET, "/", Needs::Nothing, collections::about),
        Route::new(GET, "/collections", READ, collections::list),
        Route::new(GET, "/collections/{collection}", READ, collections::info),
        Route::new(PUT, "/collections/{collection}", ADMIN, collections::create),
        Route::new(PATCH, "/collections/{collection}", ADMIN, collections::update),
        Route::new(DELETE, "/collections/{collection}", ADMIN, collections::remove),
        Route::new(GET, "/collections/{collection}/exists", READ, collections::exists),
        Route::new(GET, "/collections/{collection}/cluster", READ, collections::cluster),
        Route::new(GET, "/collections/{collection}/aliases", READ, aliases::of_collection),
        Route::new(GET, "/aliases", READ, aliases::list),
        Route::new(POST, "/collections/aliases", ADMIN, aliases::change),
        Route::new(PUT, "/collections/{collection}/points", WRITE, writes::upsert),
        Route::new(POST, "/collections/{collection}/points", READ, reads::retrieve),
        Route::new(POST, "/collections/{collection}/points/delete", WRITE, writes::delete),
        Route::new(POST, "/collections/{collection}/points/batch", WRITE, writes::batch),
        Route::new(PUT, "/collections/{collection}/points/vectors", WRITE, writes::update_vectors),
        Route::new(POST, "/collections/{collection}/points/payload", WRITE, payload::set),
        Route::new(PUT, "/collections/{collection}/points/payload", WRITE, payload::overwrite),
        Route::new(POST, "/collections/{collection}/points/payload/delete", WRITE, payload::delete_keys),
        Route::new(POST, "/collections/{collection}/points/payload/clear", WRITE, payload::clear),
        Route::new(POST, "/collections/{collection}/points/query", READ, query::query),
        Route::new(POST, "/collections/{collection}/points/query/batch", READ, query::query_batch),
        Route::new(POST, "/collections/{collection}/points/search", READ, query::search),
        Route::new(POST, "/collections/{collection}/points/scroll", READ, reads::scroll),
        Route::new(POST, "/collections/{collection}/points/count", READ, reads::count),
        Route::new(GET, "/collections/{collection}/points/{id}", READ, reads::get_one),
        Route::new(PUT, "/collections/{collection}/index", WRITE, payload_indexes::create),
        Route::new(DELETE, "/collections/{collection}/index/{field}", WRITE, payload_indexes::remove),
        Route::new(GET, "/collections/{collection}/snapshots", READ, snapshots::list),
        Route::new(POST, "/collections/{collection}/snapshots", ADMIN, snapshots::create),
        Route::new(DELETE, "/collections/{collection}/snapshots/{snapshot}", ADMIN, snapshots::remove),
    ];
    table.extend(REFUSED.iter().map(|(method, path)| Route::new(method.clone(), path, READ, unsupported::call)));
    table
}

/// Calls that Qdrant has and we have not: refused with their name instead of as a path that nobody knows.
#[rustfmt::skip]
const REFUSED: &[(Method, &str)] = &[
    (POST, "/collections/{collection}/points/query/groups"),
    (POST, "/collections/{collection}/points/search/batch"),
    (POST, "/collections/{collection}/points/search/groups"),
    (POST, "/collections/{collection}/points/search/matrix/pairs"),
    (POST, "/collections/{collection}/points/search/matrix/offsets"),
    (POST, "/collections/{collection}/points/recommend"),
    (POST, "/collections/{collection}/points/recommend/batch"),
    (POST, "/collections/{collection}/points/recommend/groups"),
    (POST, "/collections/{collection}/points/discover"),
    (POST, "/collections/{collection}/points/discover/batch"),
    (POST, "/collections/{collection}/points/vectors/delete"),
    (POST, "/collections/{collection}/facet"),
    (POST, "/collections/{collection}/cluster"),
    (GET, "/collections/{collection}/optimizations"),
    (PUT, "/collections/{collection}/vectors/{vector}"),
    (DELETE, "/collections/{collection}/vectors/{vector}"),
    (GET, "/collections/{collection}/shards"),
    (PUT, "/collections/{collection}/shards"),
    (POST, "/collections/{collection}/shards/delete"),
    (GET, "/collections/{collection}/shards/{shard}/snapshot"),
    (GET, "/collections/{collection}/shards/{shard}/snapshots"),
    (POST, "/collections/{collection}/shards/{shard}/snapshots"),
    (PUT, "/collections/{collection}/shards/{shard}/snapshots/recover"),
    (POST, "/collections/{collection}/shards/{shard}/snapshots/upload"),
    (GET, "/collections/{collection}/shards/{shard}/snapshots/{snapshot}"),
    (DELETE, "/collections/{collection}/shards/{shard}/snapshots/{snapshot}"),
    (GET, "/collections/{collection}/snapshots/{snapshot}"),
    (PUT, "/collections/{collection}/snapshots/recover"),
    (POST, "/collections/{collection}/snapshots/upload"),
    (GET, "/snapshots"),
    (POST, "/snapshots"),
    (GET, "/snapshots/{snapshot}"),
    (DELETE, "/snapshots/{snapshot}"),
    (GET, "/cluster"),
    (POST, "/cluster/recover"),
    (DELETE, "/cluster/peer/{peer}"),
    (GET, "/cluster/telemetry"),
    (GET, "/telemetry"),
    (GET, "/metrics"),
    (GET, "/issues"),
    (DELETE, "/issues"),
    (GET, "/locks"),
    (POST, "/locks"),
    (GET, "/quotas"),
    (PUT, "/quotas"),
];
