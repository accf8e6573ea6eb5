"""hnswlib: the reference implementation of HNSW, single precision throughout."""

from importlib.metadata import version

import hnswlib


class Peer:
    version = f"hnswlib {version('hnswlib')}"

    def build(self, base, parts, m, ef_construction, threads):
        rows, dim = base.shape
        self.index = hnswlib.Index(space="l2", dim=dim)
        self.index.init_index(max_elements=rows, M=m, ef_construction=ef_construction, random_seed=1)
        self.index.add_items(base, num_threads=threads)

    def configure(self, ef, threads, parts_below):
        self.index.set_ef(ef)
        self.threads = threads

    def search(self, queries, k):
        found, _ = self.index.knn_query(queries, k=k, num_threads=self.threads)
        return found
