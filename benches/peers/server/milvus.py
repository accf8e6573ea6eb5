"""A client of Milvus, or of Milvus-Lite: the first one stores, each searches over a connection of its own."""

import time
from importlib.metadata import PackageNotFoundError, version

from pymilvus import DataType, MilvusClient

NAME = "bench"
ROWS_AT_ONCE = 1000
# After its port is open it still elects and registers for a while.
SECONDS_UNTIL_READY = 240

# Each server has an environment of its own, and neither knows the other's index over numbers.
try:
    SERVER, INDEX_OF_NUMBERS = f"milvus {version('milvus')}", "STL_SORT"
except PackageNotFoundError:
    SERVER, INDEX_OF_NUMBERS = f"milvus-lite {version('milvus-lite')}", "INVERTED"


class Peer:
    version = SERVER

    def __init__(self, address):
        deadline = time.monotonic() + SECONDS_UNTIL_READY
        while True:
            try:
                self.client = MilvusClient(uri=f"http://{address}")
                self.client.list_collections()
                return
            except Exception:
                if time.monotonic() > deadline:
                    raise
                time.sleep(1)

    def build(self, base, parts, m, ef_construction, threads):
        schema = self.client.create_schema(auto_id=False)
        schema.add_field("id", DataType.INT64, is_primary=True)
        schema.add_field("part", DataType.INT64)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=base.shape[1])
        self.client.create_collection(NAME, schema=schema)
        for first in range(0, len(base), ROWS_AT_ONCE):
            rows = range(first, min(first + ROWS_AT_ONCE, len(base)))
            self.client.insert(NAME, [{"id": row, "part": int(parts[row]), "vector": base[row]} for row in rows])
        self.client.flush(NAME)
        index = self.client.prepare_index_params()
        params = {"M": m, "efConstruction": ef_construction}
        index.add_index("vector", index_type="HNSW", metric_type="L2", params=params)
        index.add_index("part", index_type=INDEX_OF_NUMBERS)
        self.client.create_index(NAME, index)
        self.client.load_collection(NAME)

    def configure(self, ef, threads, parts_below):
        self.params = {"metric_type": "L2", "params": {"ef": ef}}
        self.filter = f"part < {parts_below}" if parts_below is not None else ""

    def prepare(self, queries, k):
        return [query.tolist() for query in queries]

    def search(self, queries, k):
        found = self.client.search(
            NAME, queries, anns_field="vector", limit=k, filter=self.filter, search_params=self.params
        )
        return [[hit["id"] for hit in hits] for hits in found]
