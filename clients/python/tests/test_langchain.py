"""LangChain's own test suite for vector stores, against a real server; and what it does not ask."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from servers import Server

import annuli

pytest.importorskip("langchain_tests", reason="LangChain needs Python 3.10")

from langchain_core.documents import Document as Text
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.vectorstores import VectorStore
from langchain_tests.integration_tests.vectorstores import VectorStoreIntegrationTests

from annuli.langchain import AnnuliVectorStore

EMBEDDING = DeterministicFakeEmbedding(size=6)


class TestWithAnIndex(VectorStoreIntegrationTests):
    """Asynchronous calls are made in a thread."""

    @pytest.fixture
    def vectorstore(self, client: annuli.Client, name: str) -> Iterator[VectorStore]:  # type: ignore[override]
        yield AnnuliVectorStore(self.get_embeddings(), index=client.create_index(name, dim=6, metric="cosine"))
        client.delete_index(name)


class TestWithAnAsyncIndex(VectorStoreIntegrationTests):
    """Asynchronous calls are asynchronous all the way."""

    @pytest.fixture
    async def vectorstore(self, server: Server, name: str) -> AsyncIterator[VectorStore]:  # type: ignore[override]
        async with annuli.AsyncClient(server.url) as client:
            index = await client.create_index(name, dim=6, metric="cosine")
            yield AnnuliVectorStore(self.get_embeddings(), async_index=index)
            await client.delete_index(name)

    @property
    def has_sync(self) -> bool:
        return False


TOWNS = ["Ulm has a church.", "Bern has bears.", "Riga has amber.", "Bern has a clock."]
WHERE = [{"town": "Ulm"}, {"town": "Bern", "n": 1}, {"town": "Riga"}, {"town": "Bern", "n": 2}]


@pytest.fixture
def towns(client: annuli.Client, name: str) -> AnnuliVectorStore:
    return AnnuliVectorStore.from_texts(TOWNS, EMBEDDING, WHERE, ids=list("abcd"), name=name, client=client)


def test_a_text_comes_back_with_its_metadata_and_without_what_holds_it(towns: AnnuliVectorStore) -> None:
    assert towns.get_by_ids(["b"]) == [Text(id="b", page_content="Bern has bears.", metadata={"town": "Bern", "n": 1})]


def test_a_filter_is_the_servers_own(towns: AnnuliVectorStore) -> None:
    found = towns.similarity_search("Bern", k=4, filter={"town": "Bern"})
    assert sorted(text.id or "" for text in found) == ["b", "d"]
    found = towns.similarity_search("Bern", k=4, filter=annuli.Field("n") > 1)
    assert [text.id for text in found] == ["d"]


def test_scores_are_the_servers_and_relevance_is_between_0_and_1(towns: AnnuliVectorStore) -> None:
    [(text, score), *rest] = towns.similarity_search_with_score(TOWNS[0], k=4)
    assert (text.id, score) == ("a", pytest.approx(1.0, abs=1e-5))
    relevances = [score for _, score in towns.similarity_search_with_relevance_scores(TOWNS[0], k=4)]
    assert relevances == pytest.approx([1.0, *((1 + score) / 2 for _, score in rest)], abs=1e-5)


def test_diverse_texts_are_chosen_of_near_ones(towns: AnnuliVectorStore) -> None:
    found = towns.max_marginal_relevance_search(TOWNS[0], k=2, fetch_k=4, lambda_mult=0.5)
    assert found[0].page_content == TOWNS[0]
    assert len(found) == 2


def test_it_is_a_retriever(towns: AnnuliVectorStore) -> None:
    retriever = towns.as_retriever(search_kwargs={"k": 1, "filter": {"town": "Riga"}})
    assert [text.page_content for text in retriever.invoke("amber")] == ["Riga has amber."]


def test_all_texts_are_deleted_where_no_ids_are_given(towns: AnnuliVectorStore) -> None:
    assert towns.delete()
    assert towns.get_by_ids(list("abcd")) == []
    assert towns.get_by_ids([]) == []


def test_metadata_that_would_hide_the_text_are_refused(towns: AnnuliVectorStore) -> None:
    with pytest.raises(ValueError, match="choose another text_key"):
        towns.add_texts(["x"], [{"_text": "y"}])
    with pytest.raises(ValueError, match="1 texts go with 2 metadatas"):
        towns.add_texts(["x"], [{}, {}])


def test_a_store_without_an_index_for_threads_says_so(server: Server) -> None:
    with pytest.raises(ValueError, match="needs an index"):
        AnnuliVectorStore(EMBEDDING)
    store = AnnuliVectorStore(EMBEDDING, async_index=annuli.AsyncClient(server.url).index("x"))
    with pytest.raises(ValueError, match="asynchronous methods"):
        store.similarity_search("x")


async def test_the_asynchronous_calls_find_the_same(server: Server, name: str) -> None:
    async with annuli.AsyncClient(server.url) as client:
        store = await AnnuliVectorStore.afrom_texts(TOWNS, EMBEDDING, WHERE, ids=list("abcd"), name=name, client=client)
        assert [text.id for text in await store.asimilarity_search(TOWNS[2], k=1)] == ["c"]
        assert [text.id for text, _ in await store.asimilarity_search_with_score(TOWNS[2], k=1)] == ["c"]
        [(text, relevance)] = await store.asimilarity_search_with_relevance_scores(TOWNS[2], k=1)
        assert (text.id, relevance) == ("c", pytest.approx(1.0, abs=1e-5))
        assert len(await store.amax_marginal_relevance_search(TOWNS[2], k=2)) == 2
        assert await store.adelete()
        assert await store.aget_by_ids(["a"]) == []


async def test_a_store_for_threads_serves_asyncio_from_a_thread(towns: AnnuliVectorStore) -> None:
    assert len(await towns.amax_marginal_relevance_search(TOWNS[2], k=2)) == 2
    assert [text.id for text, _ in await towns.asimilarity_search_with_score(TOWNS[2], k=1)] == ["c"]
