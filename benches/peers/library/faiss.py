"""faiss: HNSW over single precision (`flat`) or over codes of 8 bits without re-ranking (`sq8`)."""

from importlib.metadata import version

import faiss


class Peer:
    version = f"faiss-cpu {version('faiss-cpu')}"

    def __init__(self, variant):
        self.variant = variant

    def build(self, base, parts, m, ef_construction, threads):
        faiss.omp_set_num_threads(threads)
        dim = base.shape[1]
        if self.variant == "flat":
            self.index = faiss.IndexHNSWFlat(dim, m, faiss.METRIC_L2)
        else:
            self.index = faiss.IndexHNSWSQ(dim, faiss.ScalarQuantizer.QT_8bit, m, faiss.METRIC_L2)
        self.index.hnsw.efConstruction = ef_construction
        if not self.index.is_trained:
            self.index.train(base)
        self.index.add(base)

    def configure(self, ef, threads, parts_below):
        faiss.omp_set_num_threads(threads)
        self.index.hnsw.efSearch = ef

    def search(self, queries, k):
        _, found = self.index.search(queries, k)
        return found
