"""What is near."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from servers import Server

import annuli
from annuli import Document, Field, errors

DIM = 16


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    return np.random.default_rng(7).standard_normal((300, DIM)).astype(np.float32)


@pytest.fixture(scope="module")
def near(server: Server, vectors: np.ndarray) -> Iterator[annuli.Index]:
    schema = {"dim": DIM, "metric": "euclidean", "shards": 2, "hnsw": annuli.Hnsw(m=12), "quantization": "none"}
    metadata = [{"n": n, "even": n % 2 == 0} for n in range(len(vectors))]
    with annuli.Client(server.url) as client:
        index = client.create_index("near", **schema)
        index.upsert_many(annuli.Rows([str(n) for n in range(len(vectors))], vectors, metadata))
        yield index


def nearest(vectors: np.ndarray, query: np.ndarray, k: int) -> list[str]:
    distances = np.linalg.norm(vectors.astype(np.float64) - query, axis=1)
    return [str(row) for row in np.argsort(distances, kind="stable")[:k]]


def test_a_search_finds_what_is_nearest(near: annuli.Index, vectors: np.ndarray) -> None:
    query = vectors[3] + 0.01
    reply = near.search(query, limit=5, exact=True)
    assert reply.ids == nearest(vectors, query, 5)
    assert len(reply) == 5
    assert reply[0].metadata == {"n": 3, "even": False}
    assert reply.distances.dtype == np.float32
    assert reply.distances[0] == pytest.approx(np.linalg.norm(vectors[3] - query), rel=1e-4)
    assert reply.scores == pytest.approx(1 / (1 + reply.distances), rel=1e-5)
    assert (reply.shards.total, reply.shards.successful, reply.shards.failed) == (2, 2, [])


def test_a_search_by_id_leaves_the_document_out(near: annuli.Index, vectors: np.ndarray) -> None:
    assert near.search(id="3", limit=3, exact=True).ids == nearest(vectors, vectors[3], 4)[1:]


def test_a_filter_is_a_dict_or_is_built(near: annuli.Index) -> None:
    by_dict = near.search(id="3", limit=300, filter={"even": True, "n": {"$lt": 20}})
    built = near.search(id="3", limit=300, filter=(Field("even") == True) & (Field("n") < 20))  # noqa: E712
    assert by_dict.ids == built.ids
    assert sorted(map(int, by_dict.ids)) == list(range(0, 20, 2))


def test_hits_are_skipped_and_cut_off(near: annuli.Index, vectors: np.ndarray) -> None:
    all_hits = near.search(vectors[0], limit=10, exact=True)
    assert near.search(vectors[0], limit=5, offset=5, exact=True).ids == all_hits.ids[5:]
    threshold = float(all_hits.scores[3])
    assert near.search(vectors[0], limit=10, score_threshold=threshold, exact=True).ids == all_hits.ids[:4]


def test_vectors_come_with_hits_when_they_are_asked_for(near: annuli.Index, vectors: np.ndarray) -> None:
    [hit] = near.search(vectors[8], limit=1, include=["vector"])
    assert hit.metadata is None
    np.testing.assert_array_equal(hit.vector, vectors[8])


def test_many_queries_are_answered_in_their_order(near: annuli.Index, vectors: np.ndarray) -> None:
    told: list[int] = []
    replies = near.search_many(vectors, limit=2, exact=True, progress=told.append)
    assert [reply.ids[0] for reply in replies] == [str(n) for n in range(len(vectors))]
    assert sum(told) == len(vectors)
    assert len(told) == 3


def test_wide_answers_are_asked_for_in_more_requests(near: annuli.Index, vectors: np.ndarray) -> None:
    told: list[int] = []
    replies = near.search_many(vectors[:40], limit=300, exact=True, progress=told.append)
    assert {len(reply) for reply in replies} == {300}
    assert told == [33, 7]


def test_a_search_needs_a_query(near: annuli.Index) -> None:
    with pytest.raises(errors.InvalidRequest):
        near.search()
    with pytest.raises(ValueError, match="rows of numbers"):
        near.search_many([1.0, 2.0])


def test_a_filter_with_and_is_a_mistake_that_is_told() -> None:
    with pytest.raises(TypeError, match="combined by `&`"):
        Field("a") == 1 and Field("b") == 2


@pytest.mark.parametrize(
    ("condition", "same"),
    [
        (Field("a") != 1, {"a": {"$ne": 1}}),
        (Field("a") > 1, {"a": {"$gt": 1}}),
        (Field("a") <= "x", {"a": {"$lte": "x"}}),
        (Field("a.b").is_in([1, 2]), {"a.b": {"$in": [1, 2]}}),
        (Field("a").is_not_in(["x"]), {"a": {"$nin": ["x"]}}),
        (Field("a").exists(), {"a": {"$exists": True}}),
        (Field("a").is_missing(), {"a": {"$exists": False}}),
        (~(Field("a") >= 1), {"$not": {"a": {"$gte": 1}}}),
        (
            (Field("a") == 1) & (Field("b") == 2) & (Field("c") == 3),
            {"$and": [{"a": {"$eq": 1}}, {"b": {"$eq": 2}}, {"c": {"$eq": 3}}]},
        ),
        (
            ((Field("a") == 1) | (Field("b") == 2)) & (Field("c") < 3),
            {"$and": [{"$or": [{"a": {"$eq": 1}}, {"b": {"$eq": 2}}]}, {"c": {"$lt": 3}}]},
        ),
    ],
)
def test_a_condition_says_what_a_dict_says(near: annuli.Index, condition: annuli.Condition, same: dict) -> None:
    assert condition.to_dict() == same
    assert near.count(condition) == near.count(same)


def test_an_inner_product_has_scores_of_its_own(client: annuli.Client, name: str) -> None:
    index = client.create_index(name, dim=2, metric="inner_product")
    index.upsert([Document("a", [2, 0]), Document("b", [1, 1])])
    assert index.search([3, 1]).scores.tolist() == [6, 4]
