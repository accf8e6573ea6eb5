"""usearch: HNSW over single precision (`f32`) or bfloat16 (`bf16`)."""

from importlib.metadata import version

import numpy
from usearch.index import Index


class Peer:
    version = f"usearch {version('usearch')}"

    def __init__(self, variant):
        self.dtype = variant

    def build(self, base, parts, m, ef_construction, threads):
        rows, dim = base.shape
        self.index = Index(ndim=dim, metric="l2sq", dtype=self.dtype, connectivity=m, expansion_add=ef_construction)
        self.index.add(numpy.arange(rows), base, threads=threads)

    def configure(self, ef, threads, parts_below):
        self.index.expansion_search = ef
        self.threads = threads

    def search(self, queries, k):
        return self.index.search(queries, k, threads=self.threads).keys.astype("int64")
