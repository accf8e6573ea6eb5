"""pyglass (glassppy): HNSW, searched at level 0 (single precision), 1 (8 bits) or 2 (4 bits, re-ranked)."""

from importlib.metadata import version

import glassppy


class Peer:
    version = f"glassppy {version('glassppy')}"

    def __init__(self, variant):
        self.level = int(variant)

    def build(self, base, parts, m, ef_construction, threads):
        glassppy.set_num_threads(threads)
        index = glassppy.Index("HNSW", dim=base.shape[1], metric="L2", R=2 * m, L=ef_construction)
        # The first searcher of a graph consumes it: a second one would silently answer nonsense. So each variant is a
        # process with a graph of its own.
        self.searcher = glassppy.Searcher(index.build(base), base, "L2", self.level)
        self.tuned_for = None

    def configure(self, ef, threads, parts_below):
        glassppy.set_num_threads(threads)
        self.searcher.set_ef(ef)
        self.threads = threads
        # Tunes its own prefetching, for seconds; outside of every figure, in its favour.
        if self.tuned_for != threads:
            self.searcher.optimize(threads)
            self.tuned_for = threads
            self.searcher.set_ef(ef)

    def search(self, queries, k):
        found = self.searcher.batch_search(queries, k, self.threads)
        return found.reshape(len(queries), k)
