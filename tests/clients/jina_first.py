"""An unmodified `jina.Client` with documents of docarray 0.21 against a running server: python jina_first.py PORT"""

import sys
import urllib.request
import warnings

warnings.filterwarnings("ignore")

import numpy as np
from docarray import Document, DocumentArray
from jina import Client
from jina.excepts import BadServer
from page import blocks, run

client = Client(host="127.0.0.1", port=int(sys.argv[1]), protocol="http")
rng = np.random.default_rng(7)
vectors = rng.normal(size=(250, 16)).astype("float32")
documents = DocumentArray(
    Document(id=f"d{n}", embedding=vectors[n], text=f"text {n}", tags={"price": float(n), "brand": "ab"[n % 2]})
    for n in range(250)
)


def nearest(query, among):
    """The ids of the nearest by cosine distance, with the distances, computed here."""
    of = {n: 1 - float(vectors[n] @ query / np.linalg.norm(vectors[n]) / np.linalg.norm(query)) for n in among}
    return [(f"d{n}", of[n]) for n in sorted(of, key=of.get)]


def check_matches(matches, expected):
    assert [match.id for match in matches] == [id for id, _ in expected], (matches[:, "id"], expected)
    for match, (_, distance) in zip(matches, expected):
        assert abs(match.scores["cosine"].value - distance) < 1e-5, (match.scores, distance)


def raises(kind, says, call):
    try:
        call()
    except kind as error:
        assert says in str(error), f"{says!r} is not in {error}"
    else:
        raise AssertionError(f"{kind.__name__} was not raised")


assert client.is_flow_ready()

[example] = blocks("docs/migrating.md", "From Jina and AnnLite")
_, printed = run(example, {"port=7700": f"port={sys.argv[1]}"})
assert abs(float(printed) - 0.02429) < 1e-4, printed
# It has another dimension than what follows.
default = f"http://127.0.0.1:{sys.argv[1]}/v1/indexes/default"
urllib.request.urlopen(urllib.request.Request(default, method="DELETE")).read()

stored = client.post("/index", inputs=documents, request_size=100)
assert len(stored) == 250 and sorted(stored[:, "id"]) == sorted(documents[:, "id"])
status = client.post("/status")[0].tags
assert status["total_docs"] == 250 and status["dim"] == 16, status

queries = DocumentArray(Document(embedding=rng.normal(size=16).astype("float32")) for _ in range(20))
for query in client.post("/search", inputs=queries, parameters={"limit": 5, "exact": True}):
    check_matches(query.matches, nearest(query.embedding, range(250))[:5])
    best = query.matches[0]
    n = int(best.id[1:])
    assert best.text == f"text {n}" and best.tags == {"price": float(n), "brand": "ab"[n % 2]}, best
    assert np.allclose(best.embedding, vectors[n])

found = client.search(queries[0], parameters={"filter": {"price": {"$lt": 50}, "brand": {"$eq": "a"}}, "limit": 100})
check_matches(found[0].matches, nearest(queries[0].embedding, range(0, 50, 2)))
found = client.search(queries[0], parameters={"filter": {"tags__price": {"$in": [3, 4]}}})
assert sorted(found[0].matches[:, "id"]) == ["d3", "d4"]
assert len(client.post("/filter", parameters={"filter": {"price": {"$gte": 248}}})) == 2

vectors[7] = rng.normal(size=16)
client.update(DocumentArray([Document(id="d7", embedding=vectors[7], tags={"price": 1e6})]))
seventh = client.search(Document(embedding=vectors[7]), parameters={"limit": 1})[0].matches[0]
assert seventh.id == "d7" and seventh.tags == {"price": 1e6} and seventh.text == "", seventh

client.post("/delete", parameters={"ids": ["d7", "d8"]})
client.delete(DocumentArray([Document(id="d9")]))
assert client.post("/status")[0].tags["total_docs"] == 247
assert client.post("/fill_embedding", inputs=Document(id="d1"))[0].embedding.shape == (16,)

# A batch that is sent again is harmless.
client.post("/index", inputs=documents[:7], request_size=2)
assert client.post("/status")[0].tags["total_docs"] == 247

raises(BadServer, "has no `embedding`", lambda: client.search(Document(id="q")))
raises(BadServer, "has 3 dimensions", lambda: client.search(Document(embedding=np.ones(3))))
raises(BadServer, "`$regex` is no operator", lambda: client.search(queries[0], parameters={"filter": {"x": {"$regex": "y"}}}))
raises(BadServer, "there is no index `nowhere`", lambda: client.post("/status", parameters={"index": "nowhere"}))
failed = []
client.post("/search", inputs=Document(id="q"), on_error=failed.append)
assert failed and failed[0].status.exception.name == "ValueError", failed

backup = client.post("/backup")[0].tags
assert len(backup["task"]) == 36, backup
client.post("/clear")
assert client.post("/status")[0].tags["total_docs"] == 0
print("jina.Client with docarray 0.21: all as with a flow")
