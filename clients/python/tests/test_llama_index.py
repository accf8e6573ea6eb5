"""LlamaIndex ships no tests for vector stores: its own store in memory is the oracle."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from servers import Server

import annuli

pytest.importorskip("llama_index.core", reason="LlamaIndex needs Python 3.10")

from llama_index.core import MockEmbedding, StorageContext, VectorStoreIndex
from llama_index.core.schema import Document, NodeRelationship, RelatedNodeInfo, TextNode
from llama_index.core.vector_stores import (
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
    SimpleVectorStore,
    VectorStoreQuery,
)
from llama_index.core.vector_stores.types import VectorStoreQueryMode

from annuli.llama_index import AnnuliVectorStore

TOPICS = ["art", "law", "sea"]


def nodes() -> list[TextNode]:
    vectors = np.random.default_rng(3).standard_normal((30, 8))
    return [
        TextNode(
            id_=f"n{n:02}",
            text=f"text {n}",
            embedding=vectors[n].tolist(),
            metadata={"n": n, "topic": TOPICS[n % 3], **({"tags": ["x", TOPICS[n % 3]]} if n % 2 else {})},
            relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=f"doc{n % 5}")},
        )
        for n in range(30)
    ]


@pytest.fixture
def store(client: annuli.Client, name: str) -> Iterator[AnnuliVectorStore]:
    store = AnnuliVectorStore(client.create_index(name, dim=8, metric="cosine", shards=2))
    store.add(nodes())
    yield store
    client.delete_index(name)


@pytest.fixture
def oracle() -> SimpleVectorStore:
    oracle = SimpleVectorStore()
    oracle.add(nodes())
    return oracle


def one(key: str, value: Any, operator: FilterOperator = FilterOperator.EQ) -> MetadataFilters:
    return MetadataFilters(filters=[MetadataFilter(key=key, value=value, operator=operator)])


def some(condition: FilterCondition) -> MetadataFilters:
    filters = [MetadataFilter(key="topic", value="art"), MetadataFilter(key="n", value=10, operator=FilterOperator.GT)]
    return MetadataFilters(filters=filters, condition=condition)


FILTERS = [
    None,
    one("topic", "art"),
    one("topic", "art", FilterOperator.NE),
    one("n", 20, FilterOperator.GT),
    one("n", 20, FilterOperator.GTE),
    one("n", 3, FilterOperator.LT),
    one("n", 3, FilterOperator.LTE),
    one("topic", ["art", "sea"], FilterOperator.IN),
    one("topic", ["art", "sea"], FilterOperator.NIN),
    one("tags", ["art", "law"], FilterOperator.ANY),
    one("tags", ["x", "law"], FilterOperator.ALL),
    one("tags", "sea", FilterOperator.CONTAINS),
    one("tags", None, FilterOperator.IS_EMPTY),
    one("nothing", None, FilterOperator.IS_EMPTY),
    one("nothing", 1, FilterOperator.NE),
    some(FilterCondition.AND),
    some(FilterCondition.OR),
    some(FilterCondition.NOT),
]


@pytest.mark.parametrize("filters", FILTERS)
def test_a_query_finds_what_llama_indexs_own_store_finds(
    store: AnnuliVectorStore, oracle: SimpleVectorStore, filters: Any
) -> None:
    query = VectorStoreQuery(query_embedding=nodes()[4].get_embedding(), similarity_top_k=30, filters=filters)
    found, expected = store.query(query), oracle.query(query)
    assert found.ids == expected.ids
    assert found.similarities == pytest.approx(expected.similarities, abs=1e-5)
    assert [node.node_id for node in found.nodes or []] == expected.ids


def test_a_query_is_of_nodes_or_documents_alone(store: AnnuliVectorStore) -> None:
    embedding = nodes()[4].get_embedding()
    by_node = VectorStoreQuery(query_embedding=embedding, similarity_top_k=30, node_ids=["n03", "n07", "x"])
    assert sorted(store.query(by_node).ids or []) == ["n03", "n07"]
    by_document = VectorStoreQuery(query_embedding=embedding, similarity_top_k=30, doc_ids=["doc1"])
    assert sorted(store.query(by_document).ids or []) == ["n01", "n06", "n11", "n16", "n21", "n26"]


def test_of_no_nodes_none_is_read_or_removed(store: AnnuliVectorStore) -> None:
    assert store.get_nodes([]) == []
    store.delete_nodes([])
    assert len(store.get_nodes()) == 30


def test_a_diverse_query_finds_what_llama_indexs_own_store_finds(
    store: AnnuliVectorStore, oracle: SimpleVectorStore
) -> None:
    mode = VectorStoreQueryMode.MMR
    # Of a query that is a node itself, all others would be as good.
    query = VectorStoreQuery(query_embedding=[1.0] * 8, similarity_top_k=8, mode=mode)
    assert store.query(query, mmr_threshold=0.5).ids == oracle.query(query, mmr_threshold=0.5).ids


def test_a_node_comes_back_whole(store: AnnuliVectorStore) -> None:
    [found] = store.get_nodes(["n07"])
    expected = nodes()[7]
    assert found.get_content() == "text 7"
    assert (found.metadata, found.ref_doc_id) == (expected.metadata, "doc2")
    assert found.get_embedding() == pytest.approx(expected.get_embedding(), rel=1e-6)


def test_nodes_are_removed_by_document_id_and_filter(store: AnnuliVectorStore) -> None:
    store.delete("doc1")
    assert len(store.get_nodes()) == 24
    store.delete_nodes(["n00", "n02", "n03"], one("n", 0, FilterOperator.GT))
    assert len(store.get_nodes()) == 22
    store.delete_nodes(filters=one("topic", "art"))
    assert {node.metadata["topic"] for node in store.get_nodes()} == {"law", "sea"}
    store.clear()
    assert store.get_nodes() == []


def test_what_annuli_does_not_do_is_refused(store: AnnuliVectorStore) -> None:
    with pytest.raises(ValueError, match="no operator `text_match`"):
        store.get_nodes(filters=one("topic", "a", FilterOperator.TEXT_MATCH))
    with pytest.raises(ValueError, match="no mode `hybrid`"):
        store.query(VectorStoreQuery(query_embedding=[1.0] * 8, mode=VectorStoreQueryMode.HYBRID))
    with pytest.raises(ValueError, match="no embedding"):
        store.query(VectorStoreQuery())


def test_an_index_of_documents_is_built_and_asked(client: annuli.Client, name: str) -> None:
    store = AnnuliVectorStore(client.create_index(name, dim=4, metric="cosine"))
    documents = [Document(text=f"Town {n}", metadata={"n": n}) for n in range(5)]
    context = StorageContext.from_defaults(vector_store=store)
    built = VectorStoreIndex.from_documents(documents, context, embed_model=MockEmbedding(embed_dim=4))
    found = built.as_retriever(similarity_top_k=2, filters=one("n", 3)).retrieve("Town")
    assert [hit.node.get_content() for hit in found] == ["Town 3"]
    built.delete_ref_doc(documents[3].doc_id)
    assert len(store.get_nodes()) == 4


async def test_the_asynchronous_calls_do_the_same(server: Server, name: str) -> None:
    async with annuli.AsyncClient(server.url) as client:
        store = AnnuliVectorStore(async_index=await client.create_index(name, dim=8, metric="cosine"))
        assert await store.async_add(nodes()) == [f"n{n:02}" for n in range(30)]
        query = VectorStoreQuery(query_embedding=nodes()[4].get_embedding(), similarity_top_k=2)
        assert ((await store.aquery(query)).ids or [])[0] == "n04"
        assert [node.node_id for node in await store.aget_nodes(["n04"])] == ["n04"]
        await store.adelete("doc1")
        await store.adelete_nodes(["n00"])
        assert len(await store.aget_nodes()) == 23
        await store.aclear()
        assert await store.aget_nodes() == []
        with pytest.raises(ValueError, match="asynchronous methods"):
            store.query(query)
