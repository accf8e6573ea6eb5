"""An unmodified `jina.Client` with documents of docarray 0.40 against a running server: python jina_second.py PORT"""

import sys
import warnings

warnings.filterwarnings("ignore")

from typing import Dict, List, Optional

import numpy as np
from docarray import BaseDoc, DocList
from docarray.documents.legacy import LegacyDocument
from docarray.typing import NdArray
from jina import Client


class Article(BaseDoc):
    title: str = ""
    tags: Dict = {}
    embedding: Optional[NdArray[16]] = None


class Found(Article):
    matches: DocList[Article] = DocList[Article]()
    scores: List[float] = []


client = Client(host="127.0.0.1", port=int(sys.argv[1]), protocol="http")
rng = np.random.default_rng(8)
vectors = rng.normal(size=(250, 16))
articles = DocList[Article](
    Article(id=f"a{n}", title=f"title {n}", tags={"year": 2000 + n}, embedding=vectors[n]) for n in range(250)
)

assert client.is_flow_ready()
stored = client.post("/index", inputs=articles, return_type=DocList[Article], request_size=100)
assert len(stored) == 250 and {article.title for article in stored} == {article.title for article in articles}

query = Article(embedding=vectors[42])
[found] = client.post("/search", inputs=DocList[Article]([query]), return_type=DocList[Found], parameters={"limit": 3})
assert found.matches[0].id == "a42" and found.matches[0].title == "title 42", found.matches[0]
assert abs(found.scores[0]) < 1e-5 and found.scores == sorted(found.scores) and len(found.scores) == 3, found.scores
assert found.matches[0].tags == {"year": 2042}

filter = {"filter": {"year": {"$gte": 2248}}, "limit": 10}
[found] = client.post("/search", inputs=DocList[Article]([query]), return_type=DocList[Found], parameters=filter)
assert sorted(match.id for match in found.matches) == ["a248", "a249"]

changed = DocList[Article]([Article(id="a42", title="another", embedding=-vectors[42])])
client.post("/update", inputs=changed, return_type=DocList[Article])
[found] = client.post("/search", inputs=changed, return_type=DocList[Found], parameters={"limit": 1})
assert found.matches[0].title == "another"

client.post("/delete", inputs=changed, return_type=DocList[Article])
client.post("/delete", inputs=DocList[Article](), parameters={"ids": ["a1"]}, return_type=DocList[Article])
[status] = client.post("/status", inputs=DocList[Article](), return_type=DocList[Article])
assert status.tags["total_docs"] == 248, status

legacy = LegacyDocument(embedding=vectors[0])
[found] = client.post("/search", inputs=DocList[LegacyDocument]([legacy]), return_type=DocList[LegacyDocument], parameters={"limit": 2})
assert found.matches[0].id == "a0" and abs(found.matches[0].scores["cosine"]["value"]) < 1e-5, found.matches[0]

try:
    client.post("/search", inputs=DocList[Article]([Article()]), return_type=DocList[Found])
except ValueError as error:
    assert "has no `embedding`" in str(error), error
else:
    raise AssertionError("a query without an embedding was answered")
print("jina.Client with docarray 0.40: all as with a flow")
