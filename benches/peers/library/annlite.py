"""AnnLite of Jina: HNSW in single precision, ids in SQLite, documents in RocksDB."""

import tempfile
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version

from annlite import AnnLite
from docarray import Document, DocumentArray

DOCUMENTS_AT_ONCE = 1000


class Peer:
    version = f"annlite {version('annlite')}"

    def build(self, base, parts, m, ef_construction, threads):
        rows, dim = base.shape
        self.folder = tempfile.TemporaryDirectory(prefix="annuli-annlite-")
        # It takes no number of threads: it builds on every core.
        self.index = AnnLite(
            dim, metric="euclidean", data_path=self.folder.name, max_connection=m, ef_construction=ef_construction
        )
        for first in range(0, rows, DOCUMENTS_AT_ONCE):
            batch = range(first, min(first + DOCUMENTS_AT_ONCE, rows))
            self.index.index(DocumentArray(Document(id=str(row), embedding=base[row]) for row in batch))

    def configure(self, ef, threads, parts_below):
        # Its own call has no parameter for the beam; the graph takes it with every search.
        self.index.vec_index(0).ef_search = ef
        self.pool = ThreadPoolExecutor(threads) if threads > 1 else None

    def search(self, queries, k):
        def one(query):
            _, found = self.index.search_by_vectors(query.reshape(1, -1), limit=k, include_metadata=False)
            return [int(document) for document in found[0][:, "id"]]

        return list((self.pool.map if self.pool else map)(one, queries))
