"""Qdrant Edge in process: Qdrant's segments without its server; single precision, payloads and filters."""

import tempfile
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version

from qdrant_edge import (
    Distance,
    EdgeConfig,
    EdgeShard,
    EdgeOptimizersConfig,
    EdgeVectorParams,
    FieldCondition,
    Filter,
    HnswIndexConfig,
    PayloadSchemaType,
    Point,
    Query,
    QueryRequest,
    RangeFloat,
    SearchParams,
    UpdateOperation,
)

POINTS_AT_ONCE = 500


class Peer:
    version = f"qdrant-edge-py {version('qdrant-edge-py')}"

    def build(self, base, parts, m, ef_construction, threads):
        rows, dim = base.shape
        self.folder = tempfile.TemporaryDirectory(prefix="annuli-qdrant-edge-")
        hnsw = HnswIndexConfig(m=m, ef_construct=ef_construction, full_scan_threshold=10_000, max_indexing_threads=threads)
        config = EdgeConfig(
            vectors=EdgeVectorParams(size=dim, distance=Distance.Euclid),
            hnsw_config=hnsw,
            # One segment at the end: what it searches fastest.
            optimizers=EdgeOptimizersConfig(default_segment_number=1, max_segment_size=100_000_000, indexing_threshold=1_000),
        )
        self.shard = EdgeShard.create(self.folder.name, config)
        if parts is not None:
            self.shard.update(UpdateOperation.create_field_index("part", PayloadSchemaType.Integer))
        for first in range(0, rows, POINTS_AT_ONCE):
            batch = range(first, min(first + POINTS_AT_ONCE, rows))
            payload = (lambda row: {"part": int(parts[row])}) if parts is not None else (lambda row: None)
            points = [Point(row, base[row].tolist(), payload(row)) for row in batch]
            self.shard.update(UpdateOperation.upsert_points(points))
        while self.shard.optimize():
            pass
        self.shard.flush()

    def configure(self, ef, threads, parts_below):
        self.params = SearchParams(hnsw_ef=ef)
        self.pool = ThreadPoolExecutor(threads) if threads > 1 else None
        condition = FieldCondition("part", range=RangeFloat(lt=float(parts_below))) if parts_below is not None else None
        self.filter = Filter(must=[condition]) if condition else None

    def prepare(self, queries, k):
        vectors = (Query.Nearest(query.tolist()) for query in queries)
        return [QueryRequest(k, query=vector, filter=self.filter, params=self.params) for vector in vectors]

    def search(self, requests, k):
        hits = self.pool.map(self.shard.query, requests) if self.pool else map(self.shard.query, requests)
        return [[hit.id for hit in hits_of_one] for hits_of_one in hits]
