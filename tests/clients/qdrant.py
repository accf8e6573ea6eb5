"""An unmodified `qdrant-client` against a running server, checked against the client's own in-memory mode, which
compares exactly: python qdrant.py PORT KEY"""

import importlib.metadata
import pathlib
import re
import sys
import uuid
import warnings

warnings.filterwarnings("error", message=".*version.*")
warnings.filterwarnings("ignore", message="Api key is used with an insecure connection")
warnings.filterwarnings("ignore", message="Local mode performs exact")

import httpx
import numpy as np
import qdrant_client.http.api
from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import UnexpectedResponse

rng = np.random.default_rng(9)
DIM, POINTS = 16, 600
URL, KEY = f"http://127.0.0.1:{sys.argv[1]}", sys.argv[2]
server = QdrantClient(url=URL, api_key=KEY)
oracle = QdrantClient(":memory:")
both = [server, oracle]
VERSION = importlib.metadata.version("qdrant-client")
# The memory of older clients keeps a field that is set to null, and looks for a path as if it were a name.
OLD_MEMORY = VERSION.startswith("1.15.")
SET = {"at": {"y": 1}, "seen": True} | ({} if OLD_MEMORY else {"half": None})
# Of some seventy that it has.
CALLS_MIN = 50
REMOVED = ["color"] if OLD_MEMORY else ["color", "at.x"]


def refused(status, says, call):
    try:
        call()
    except UnexpectedResponse as error:
        text = error.content.decode()
        assert error.status_code == status and says in text, f"{status} {says!r} is not {error.status_code} {text}"
    else:
        raise AssertionError(f"{says!r} was not said: the call went through")


def payload(n):
    some = {"n": n, "half": n / 2, "color": ["red", "green", "blue"][n % 3], "even": n % 2 == 0, "at": {"x": n % 7}}
    if n % 5 == 0:
        some["tags"] = [f"t{n % 4}", "fifth"]
    return some


def field(key, **test):
    return models.FieldCondition(key=key, **test)


FILTERS = [
    None,
    models.Filter(must=[field("color", match=models.MatchValue(value="red"))]),
    models.Filter(must=[field("n", match=models.MatchAny(any=[1, 2, 500, 999]))]),
    models.Filter(must=[field("color", match=models.MatchExcept(**{"except": ["red"]}))]),
    models.Filter(must=[field("half", range=models.Range(gte=10, lt=20.5))]),
    models.Filter(must=[field("even", match=models.MatchValue(value=True)), field("at.x", range=models.Range(gt=3))]),
    models.Filter(must=[field("tags[]", match=models.MatchValue(value="t1"))]),
    models.Filter(must=[field("tags", match=models.MatchValue(value="fifth"))]),
    models.Filter(must_not=[field("color", match=models.MatchValue(value="red")), field("n", range=models.Range(lt=300))]),
    models.Filter(should=[field("n", match=models.MatchValue(value=7)), field("at.x", match=models.MatchValue(value=6))]),
    models.Filter(must=[models.IsEmptyCondition(is_empty=models.PayloadField(key="tags"))]),
    models.Filter(
        must=[models.Filter(should=[field("n", range=models.Range(gte=590)), field("n", range=models.Range(lt=3))])],
        must_not=[field("even", match=models.MatchValue(value=True))],
    ),
    models.Filter(min_should=models.MinShould(conditions=[field("color", match=models.MatchValue(value="red")), field("n", range=models.Range(lt=300))], min_count=1)),
    models.Filter(min_should=models.MinShould(conditions=[field("color", match=models.MatchValue(value="red")), field("n", range=models.Range(lt=300))], min_count=2)),
    models.Filter(must=[field("color", match=models.MatchValue(value="violet"))]),
    models.Filter(),
]

NAMED = models.Filter(must=[models.HasIdCondition(has_id=[3, 5, 9_999, 17])])

EXACT = models.SearchParams(exact=True)


def check_query(collection, query, **how):
    ours, theirs = ([*one.query_points(collection, query=query, search_params=EXACT, **how).points] for one in both)
    assert len(ours) == len(theirs), (how, len(ours), len(theirs))
    for our, their in zip(ours, theirs):
        assert abs(our.score - their.score) < 1e-4 * max(1, abs(their.score)), (how, our, their)
    # Of equal scores any may come first, and the last may be another.
    assert {point.id for point in ours[:-1]} == {point.id for point in theirs[:-1]}, how
    of = {point.id: point for point in theirs}
    for our in ours[:-1]:
        assert our.payload == of[our.id].payload, (our, of[our.id])


def scrolled(client, collection, page, **how):
    found, offset = [], None
    while True:
        points, offset = client.scroll(collection, limit=page, offset=offset, **how)
        found += points
        if offset is None:
            return found


# --- collections ---
info = server.info()
assert info.version.startswith("1."), info
for distance in models.Distance.COSINE, models.Distance.EUCLID, models.Distance.DOT:
    collection = f"C.{distance.value}"
    assert not server.collection_exists(collection)
    for one in both:
        assert one.create_collection(collection, vectors_config=models.VectorParams(size=DIM, distance=distance))
    assert server.collection_exists(collection)
    vectors = rng.normal(size=(POINTS, DIM)).astype("float32")
    for one in both:
        points = [models.PointStruct(id=n, vector=vectors[n].tolist(), payload=payload(n)) for n in range(100)]
        done = one.upsert(collection, points=points, wait=True)
        assert done.status == models.UpdateStatus.COMPLETED, done
        batch = models.Batch(
            ids=list(range(100, 200)),
            vectors=vectors[100:200].tolist(),
            payloads=[payload(n) for n in range(100, 200)],
        )
        one.upsert(collection, points=batch, wait=True)
        one.upload_collection(
            collection,
            vectors=vectors[200:],
            payload=[payload(n) for n in range(200, POINTS)],
            ids=range(200, POINTS),
            batch_size=64,
            wait=True,
        )
    about = server.get_collection(collection)
    assert about.points_count == POINTS and about.config.params.vectors.distance == distance, about
    assert about.status in (models.CollectionStatus.GREEN, models.CollectionStatus.YELLOW), about

    # --- searches ---
    for query in rng.normal(size=(3, DIM)):
        query = query.tolist()
        for filter in FILTERS:
            check_query(collection, query, query_filter=filter, limit=12)
        check_query(collection, query, limit=5, offset=7, with_payload=["n", "at.x"])
        check_query(collection, query, limit=5, with_payload=models.PayloadSelectorExclude(exclude=["tags", "at"]))
        # Between two scores, so that rounding decides nothing.
        last, next = (point.score for point in oracle.query_points(collection, query=query, limit=21).points[-2:])
        check_query(collection, query, limit=50, score_threshold=(last + next) / 2)
    check_query(collection, 17, limit=9, query_filter=FILTERS[1])
    requests = [models.QueryRequest(query=n, limit=4, params=EXACT) for n in (3, 4)]
    for ours, theirs in zip(*(one.query_batch_points(collection, requests=requests) for one in both)):
        assert [point.id for point in ours.points] == [point.id for point in theirs.points]

    # --- reads ---
    for filter in [*FILTERS, NAMED]:
        counts = [one.count(collection, count_filter=filter).count for one in both]
        assert counts[0] == counts[1], (filter, counts)
        pages = [scrolled(one, collection, 41, scroll_filter=filter, with_payload=True) for one in both]
        assert len(pages[0]) == counts[0]
        ours, theirs = ({point.id: point.payload for point in page} for page in pages)
        assert ours == theirs, filter
    ours, theirs = (one.retrieve(collection, ids=[5, 9_999, 3], with_vectors=True) for one in both)
    assert [point.id for point in ours] == [5, 3], ours
    if distance != models.Distance.COSINE:  # Of these the oracle keeps the direction alone.
        # In 32 bits, as they are stored: each writes them with as many digits as it likes.
        ours, theirs = ({point.id: np.float32(point.vector).tolist() for point in found} for found in (ours, theirs))
        assert ours == theirs

    # --- changes ---
    for one in both:
        one.set_payload(collection, payload=SET, points=[1, 2, 3], wait=True)
        one.set_payload(collection, payload={"few": 1}, points=FILTERS[2], wait=True)
        one.overwrite_payload(collection, payload={"n": 4, "only": "this"}, points=[4], wait=True)
        one.delete_payload(collection, keys=REMOVED, points=[5, 6], wait=True)
        one.clear_payload(collection, points_selector=[7], wait=True)
        one.update_vectors(collection, points=[models.PointVectors(id=8, vector=vectors[9].tolist())], wait=True)
        one.delete(collection, points_selector=[10, 11], wait=True)
        one.delete(collection, points_selector=FILTERS[4], wait=True)
        one.delete(collection, points_selector=NAMED, wait=True)
        operations = [
            models.UpsertOperation(upsert=models.PointsList(points=[models.PointStruct(id=12, vector=vectors[0].tolist())])),
            models.DeleteOperation(delete=models.PointIdsList(points=[13])),
        ]
        one.batch_update_points(collection, update_operations=operations, wait=True)
    ours, theirs = ({p.id: p.payload or {} for p in scrolled(one, collection, 100)} for one in both)
    assert ours == theirs
    check_query(collection, vectors[9].tolist(), limit=6)

# --- ids ---
names = [str(uuid.UUID(int=int(n))) for n in rng.integers(0, 2**62, size=30)]
for one in both:
    one.create_collection("uuids", vectors_config=models.VectorParams(size=2, distance=models.Distance.DOT))
    one.upsert("uuids", points=[models.PointStruct(id=name, vector=[1, n]) for n, name in enumerate(names)], wait=True)
ours, theirs = ([point.id for point in scrolled(one, "uuids", 7)] for one in both)
assert ours == sorted(names) and ours == theirs

# --- aliases, indexes of fields, clusters ---
server.update_collection_aliases(
    [models.CreateAliasOperation(create_alias=models.CreateAlias(collection_name="uuids", alias_name="Latest"))]
)
assert server.count("Latest").count == 30
assert [alias.alias_name for alias in server.get_collection_aliases("uuids").aliases] == ["Latest"]
assert server.create_payload_index("uuids", field_name="n", field_schema="integer", wait=True).status == "completed"
assert server.update_collection("uuids", optimizers_config=models.OptimizersConfigDiff(indexing_threshold=0))

# --- snapshots ---
snapshot = server.create_snapshot("uuids")
assert snapshot.size > 0 and [known.name for known in server.list_snapshots("uuids")] == [snapshot.name]
assert server.delete_snapshot("uuids", snapshot.name)

# --- refusals ---
refused(401, "asks for a key", lambda: QdrantClient(url=URL).get_collections())
refused(401, "none of this server's", lambda: QdrantClient(url=URL, api_key="key-of-nobody-at-all").get_collections())
vectors = models.VectorParams(size=2, distance=models.Distance.DOT)
refused(409, "already exists", lambda: server.create_collection("uuids", vectors_config=vectors))
refused(404, "doesn't exist", lambda: server.count("nowhere"))
refused(400, "one unnamed vector", lambda: server.create_collection("n", vectors_config={"a": vectors}))
manhattan = models.VectorParams(size=2, distance=models.Distance.MANHATTAN)
refused(400, "Manhattan", lambda: server.create_collection("n", vectors_config=manhattan))
refused(400, "has 3 dimensions", lambda: server.query_points("uuids", query=[1.0, 2.0, 3.0]))
refused(400, "has_id", lambda: server.query_points("uuids", query=[1.0, 2.0], query_filter=NAMED))
nothing = models.Filter(min_should=models.MinShould(conditions=[], min_count=1))
left = server.count("uuids").count
refused(400, "nothing can match", lambda: server.delete("uuids", points_selector=nothing))
refused(400, "nothing can match", lambda: server.count("uuids", count_filter=nothing))
assert server.count("uuids").count == left
fusion = models.FusionQuery(fusion=models.Fusion.RRF)
prefetch = [models.Prefetch(query=[1.0, 2.0])]
refused(400, "not supported by Annuli", lambda: server.query_points("uuids", query=fusion, prefetch=prefetch))
refused(400, "not supported by Annuli", lambda: server.query_points_groups("uuids", query=[1.0, 2.0], group_by="n"))
refused(400, "no id", lambda: server.retrieve("uuids", ids=["abc"]))

# Of all that the client could ask for, there is nothing that nobody knows. No collection has the name.
modules = [module.read_text() for module in pathlib.Path(qdrant_client.http.api.__path__[0]).glob("*.py")]
calls = [call for module in modules for call in re.findall(r'method="(\w+)",\s*url="([^"]+)"', module)]
assert len(calls) >= CALLS_MIN, f"{len(calls)} calls were found: the client writes them down in another way"
for method, path in calls:
    said = httpx.request(method, URL + re.sub(r"{\w+}", "1", path), headers={"api-key": KEY}).text
    assert "there is no path" not in said and "takes no" not in said, (method, path, said)

for collection in server.get_collections().collections:
    assert server.delete_collection(collection.name)
assert server.get_collections().collections == []
print(f"qdrant-client {VERSION}: all as its memory has it")
