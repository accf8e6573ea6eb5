//! How a collection is.

use annuli_api::v1::index::{IndexInfo, IndexStatus};
use serde_json::{Value, json};

/// Answer to `GET /collections/{collection}`. Green is a collection whose graphs hold every point that they will hold; one
/// that is yellow answers as well. Figures that clients need and that mean nothing here are Qdrant's defaults.
pub(crate) fn info(info: &IndexInfo) -> Value {
    let pending: u64 = info.shard_status.iter().filter_map(|shard| shard.pending).sum();
    let segments: u64 =
        info.shard_status.iter().filter_map(|shard| shard.segments).map(|segments| segments.count).sum();
    let hnsw = info.schema.hnsw.unwrap_or_default();
    let failed = info.shard_status.iter().find_map(|shard| shard.error.as_ref());
    let optimizer = failed.map_or_else(|| json!("ok"), |failure| json!({"error": failure.message}));
    json!({
        "status": status(info.status),
        "optimizer_status": optimizer,
        "points_count": info.documents,
        "indexed_vectors_count": info.documents.saturating_sub(pending),
        "segments_count": segments.max(1),
        "payload_schema": {},
        "config": {
            "params": {
                "vectors": {"size": info.schema.dim, "distance": distance(&info.schema.metric)},
                "shard_number": info.schema.shards,
                "replication_factor": 1,
                "write_consistency_factor": 1,
                "on_disk_payload": false,
            },
            "hnsw_config": {"m": hnsw.m, "ef_construct": hnsw.ef_construction, "full_scan_threshold": 10_000},
            "optimizer_config": {
                "deleted_threshold": 0.2,
                "vacuum_min_vector_number": 1_000,
                "default_segment_number": 0,
                "flush_interval_sec": 5,
                "max_optimization_threads": null,
            },
            "wal_config": {"wal_capacity_mb": 32, "wal_segments_ahead": 0},
        },
    })
}

/// Answer to `GET /collections/{collection}/cluster`.
pub(crate) fn cluster(info: &IndexInfo) -> Value {
    let shard = |shard: &annuli_api::v1::index::ShardInfo| {
        let state = if shard.error.is_some() { "Dead" } else { "Active" };
        json!({"shard_id": shard.shard, "points_count": shard.documents.unwrap_or(0), "state": state})
    };
    let shards: Vec<_> = info.shard_status.iter().map(shard).collect();
    json!({
        "peer_id": 1,
        "shard_count": shards.len(),
        "local_shards": shards,
        "remote_shards": [],
        "shard_transfers": [],
    })
}

const fn status(status: IndexStatus) -> &'static str {
    match status {
        IndexStatus::Ready => "green",
        IndexStatus::Building => "yellow",
        IndexStatus::Unavailable => "red",
    }
}

fn distance(metric: &str) -> &'static str {
    match metric {
        "euclidean" => "Euclid",
        "inner_product" => "Dot",
        _ => "Cosine",
    }
}
