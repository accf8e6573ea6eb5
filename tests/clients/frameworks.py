"""The examples of README.md and docs/migrating.md for frameworks, as they stand there, against a running server without
keys: python frameworks.py PORT QDRANT_PORT"""

import os
import sys
import urllib.request
import warnings

warnings.filterwarnings("ignore")
os.environ["TQDM_DISABLE"] = "1"

import numpy as np
from page import blocks, run

PORT, QDRANT_PORT = sys.argv[1:]
OURS, QDRANT = f"http://127.0.0.1:{PORT}", {"127.0.0.1:6333": f"127.0.0.1:{QDRANT_PORT}"}
DIM = 384


def call(method, path, body=None):
    headers = {"content-type": "application/json"}
    urllib.request.urlopen(urllib.request.Request(OURS + path, body, headers, method=method)).read()


[block] = blocks("docs/migrating.md", "From Qdrant")
_, printed = run(block, QDRANT)
assert "id=1" in printed and "'age': 31" in printed, printed
call("DELETE", "/v1/indexes/faces")

call("PUT", "/v1/indexes/faces", b'{"dim": 3, "metric": "cosine"}')
call("POST", "/v1/indexes/faces/index", b'{"documents": [{"id": "ann", "vector": [1, 0, 0.2]}]}')
[block] = blocks("README.md", "The API")
_, printed = run(block, {"127.0.0.1:7700": f"127.0.0.1:{PORT}"})
assert "'id': 'ann'" in printed, printed

[block] = blocks("docs/migrating.md", "Frameworks")
langchain, llama_index, haystack = block.split("\n\n")

from langchain_core.embeddings import DeterministicFakeEmbedding
from qdrant_client import models

texts = ["Ulm has a church.", "Bern has bears.", "Riga has amber."]
store = run(langchain, QDRANT, texts=texts, embedding=DeterministicFakeEmbedding(size=DIM))[0]["store"]
[(found, score)] = store.similarity_search_with_score("Bern has bears.", k=1)
assert found.page_content == "Bern has bears." and abs(score - 1) < 1e-5, (found, score)
[added] = store.add_texts(["Bonn has a bridge."], [{"town": "Bonn"}])
town = models.FieldCondition(key="metadata.town", match=models.MatchValue(value="Bonn"))
[found] = store.similarity_search("Ulm has a church.", k=4, filter=models.Filter(must=[town]))
assert found.page_content == "Bonn has a bridge.", found
assert store.delete([added]) and store.get_by_ids([added]) == []
call("DELETE", "/v1/indexes/texts")
print("LangChain's Qdrant store: as docs/migrating.md has it")

from llama_index.core.schema import TextNode
from llama_index.core.vector_stores.types import MetadataFilter, MetadataFilters, VectorStoreQuery

store = run(llama_index, QDRANT)[0]["store"]
vectors = np.eye(DIM)[:4].tolist()
ids = [f"00000000-0000-0000-0000-00000000000{n}" for n in range(4)]
store.add([TextNode(id_=ids[n], text=f"text {n}", embedding=vectors[n], metadata={"n": n}) for n in range(4)])
found = store.query(VectorStoreQuery(query_embedding=vectors[2], similarity_top_k=2))
assert found.ids[0] == ids[2] and len(found.ids) == 2, found
only = MetadataFilters(filters=[MetadataFilter(key="n", value=1)])
assert store.query(VectorStoreQuery(query_embedding=vectors[2], similarity_top_k=2, filters=only)).ids == [ids[1]]
assert [node.get_content() for node in store.get_nodes(node_ids=[ids[3]])] == ["text 3"]
store.delete_nodes(node_ids=[ids[3]])
assert store.get_nodes(node_ids=[ids[3]]) == []
call("DELETE", "/v1/indexes/texts")
print("LlamaIndex's Qdrant store: as docs/migrating.md has it")

from haystack import Document
from haystack_integrations.components.retrievers.qdrant import QdrantEmbeddingRetriever

store = run(haystack, QDRANT)[0]["store"]
written = [Document(content=f"content {n}", embedding=vectors[n], meta={"n": n}) for n in range(3)]
assert store.write_documents(written) == 3 and store.count_documents() == 3
found = store.filter_documents({"field": "meta.n", "operator": ">=", "value": 1})
assert sorted(document.content for document in found) == ["content 1", "content 2"], found
[found] = QdrantEmbeddingRetriever(store, top_k=1).run(vectors[1])["documents"]
assert found.content == "content 1", found
store.delete_documents([found.id])
assert store.count_documents() == 2
print("Haystack's Qdrant store: as docs/migrating.md has it")
