"""LangChain: an index as a vector store. `pip install 'annuli[langchain]'`.

    store = AnnuliVectorStore(embedding, index=client.create_index("texts", dim=384, metric="cosine"))
    store.add_texts(["Ulm has a tall church."], [{"town": "Ulm"}])
    store.similarity_search("tall buildings", k=1, filter={"town": "Ulm"})

A text is a document: its metadata are the document's, its content stands among them under `text_key`. So filters are
Annuli's own, and whoever else reads the index finds what is there.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Callable, Optional

import numpy as np
from langchain_core.documents import Document as Text
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import VectorStore
from langchain_core.vectorstores.utils import maximal_marginal_relevance

from annuli._async.client import AsyncClient
from annuli._async.index import AsyncIndex
from annuli._sync.client import Client
from annuli._sync.index import Index
from annuli.documents import Document, StoredDocument
from annuli.filters import Field, Filter
from annuli.freshness import Freshness
from annuli.indexes import Metric
from annuli.searches import Hit

#: Under what name the content of a text stands in its metadata.
TEXT_KEY = "_text"


class AnnuliVectorStore(VectorStore):
    """Texts in an index.

    With an `index` alone, asynchronous calls are made in a thread; with an `async_index` they are not. Reads see what
    was written through the store before, also in a cluster.
    """

    def __init__(
        self,
        embedding: Embeddings,
        *,
        index: Optional[Index] = None,
        async_index: Optional[AsyncIndex] = None,
        text_key: str = TEXT_KEY,
    ) -> None:
        if index is None and async_index is None:
            raise ValueError("a store needs an index, an async_index or both")
        seen = Freshness()
        self._embedding = embedding
        self._index = index.session(seen) if index else None
        self._async_index = async_index.session(seen) if async_index else None
        self._text_key = text_key
        self._metric: Optional[str] = None

    @property
    def embeddings(self) -> Embeddings:
        """What makes vectors of texts."""
        return self._embedding

    # Writing.

    def add_texts(
        self,
        texts: Iterable[str],
        metadatas: Optional[list[dict[str, Any]]] = None,
        *,
        ids: Optional[list[str]] = None,
        **kwargs: Any,
    ) -> list[str]:
        """Stores texts, each in place of what is there under its id; returns their ids."""
        contents = list(texts)
        documents = self._documents(contents, self._embedding.embed_documents(contents), metadatas, ids)
        self._sync.upsert_many(documents, **kwargs)
        return [document.id for document in documents]

    async def aadd_texts(
        self,
        texts: Iterable[str],
        metadatas: Optional[list[dict[str, Any]]] = None,
        *,
        ids: Optional[list[str]] = None,
        **kwargs: Any,
    ) -> list[str]:
        """Stores texts, each in place of what is there under its id; returns their ids."""
        if self._async_index is None:
            return await super().aadd_texts(texts, metadatas, ids=ids, **kwargs)
        contents = list(texts)
        documents = self._documents(contents, await self._embedding.aembed_documents(contents), metadatas, ids)
        await self._async_index.upsert_many(documents, **kwargs)
        return [document.id for document in documents]

    def delete(self, ids: Optional[list[str]] = None, **kwargs: Any) -> Optional[bool]:
        """Removes texts; all of them if no ids are given. What is not there is no error."""
        if ids is None:
            self._sync.delete(filter=self._is_text(), **kwargs)
        else:
            self._sync.delete_many(ids, **kwargs)
        return True

    async def adelete(self, ids: Optional[list[str]] = None, **kwargs: Any) -> Optional[bool]:
        """Removes texts; all of them if no ids are given. What is not there is no error."""
        if self._async_index is None:
            return await super().adelete(ids, **kwargs)
        if ids is None:
            await self._async_index.delete(filter=self._is_text(), **kwargs)
        else:
            await self._async_index.delete_many(ids, **kwargs)
        return True

    # Reading.

    def get_by_ids(self, ids: Sequence[str], /) -> list[Text]:
        """The texts of these ids that there are."""
        if not ids:
            return []
        return [self._text(stored) for stored in self._sync.get_many(ids, include=["metadata"]).documents]

    async def aget_by_ids(self, ids: Sequence[str], /) -> list[Text]:
        """The texts of these ids that there are."""
        if self._async_index is None:
            return await super().aget_by_ids(ids)
        if not ids:
            return []
        reply = await self._async_index.get_many(ids, include=["metadata"])
        return [self._text(stored) for stored in reply.documents]

    def similarity_search(self, query: str, k: int = 4, **kwargs: Any) -> list[Text]:
        """The texts that are most like `query`. Takes what `Index.search` takes, such as `filter` and `ef`."""
        return self.similarity_search_by_vector(self._embedding.embed_query(query), k, **kwargs)

    async def asimilarity_search(self, query: str, k: int = 4, **kwargs: Any) -> list[Text]:
        """The texts that are most like `query`. Takes what `Index.search` takes, such as `filter` and `ef`."""
        if self._async_index is None:
            return await super().asimilarity_search(query, k, **kwargs)
        return await self.asimilarity_search_by_vector(await self._embedding.aembed_query(query), k, **kwargs)

    def similarity_search_by_vector(self, embedding: list[float], k: int = 4, **kwargs: Any) -> list[Text]:
        """The texts whose vectors are nearest to this one."""
        return [self._text(hit) for hit in self._sync.search(embedding, limit=k, **kwargs).hits]

    async def asimilarity_search_by_vector(self, embedding: list[float], k: int = 4, **kwargs: Any) -> list[Text]:
        """The texts whose vectors are nearest to this one."""
        if self._async_index is None:
            return await super().asimilarity_search_by_vector(embedding, k, **kwargs)
        reply = await self._async_index.search(embedding, limit=k, **kwargs)
        return [self._text(hit) for hit in reply.hits]

    def similarity_search_with_score(self, query: str, k: int = 4, **kwargs: Any) -> list[tuple[Text, float]]:
        """The same, each with its score, of which a larger one is better."""
        reply = self._sync.search(self._embedding.embed_query(query), limit=k, **kwargs)
        return [(self._text(hit), hit.score) for hit in reply.hits]

    async def asimilarity_search_with_score(self, query: str, k: int = 4, **kwargs: Any) -> list[tuple[Text, float]]:
        """The same, each with its score, of which a larger one is better."""
        if self._async_index is None:
            return await super().asimilarity_search_with_score(query, k, **kwargs)
        reply = await self._async_index.search(await self._embedding.aembed_query(query), limit=k, **kwargs)
        return [(self._text(hit), hit.score) for hit in reply.hits]

    def max_marginal_relevance_search(
        self, query: str, k: int = 4, fetch_k: int = 20, lambda_mult: float = 0.5, **kwargs: Any
    ) -> list[Text]:
        """Texts that are like `query` and unlike each other, of the `fetch_k` that are most like it."""
        embedding = self._embedding.embed_query(query)
        return self.max_marginal_relevance_search_by_vector(embedding, k, fetch_k, lambda_mult, **kwargs)

    async def amax_marginal_relevance_search(
        self, query: str, k: int = 4, fetch_k: int = 20, lambda_mult: float = 0.5, **kwargs: Any
    ) -> list[Text]:
        """Texts that are like `query` and unlike each other, of the `fetch_k` that are most like it."""
        embedding = await self._embedding.aembed_query(query)
        return await self.amax_marginal_relevance_search_by_vector(embedding, k, fetch_k, lambda_mult, **kwargs)

    def max_marginal_relevance_search_by_vector(
        self, embedding: list[float], k: int = 4, fetch_k: int = 20, lambda_mult: float = 0.5, **kwargs: Any
    ) -> list[Text]:
        """Texts whose vectors are near to this one and far from each other."""
        reply = self._sync.search(embedding, limit=fetch_k, include=["metadata", "vector"], **kwargs)
        return self._diverse(embedding, reply.hits, k, lambda_mult)

    async def amax_marginal_relevance_search_by_vector(
        self, embedding: list[float], k: int = 4, fetch_k: int = 20, lambda_mult: float = 0.5, **kwargs: Any
    ) -> list[Text]:
        """Texts whose vectors are near to this one and far from each other."""
        if self._async_index is None:
            # The base class would make it of nothing.
            from langchain_core.runnables.config import run_in_executor

            of_a_thread = self.max_marginal_relevance_search_by_vector
            return await run_in_executor(None, of_a_thread, embedding, k, fetch_k, lambda_mult, **kwargs)
        parts: list[Any] = ["metadata", "vector"]
        reply = await self._async_index.search(embedding, limit=fetch_k, include=parts, **kwargs)
        return self._diverse(embedding, reply.hits, k, lambda_mult)

    # Making one.

    @classmethod
    def from_texts(
        cls,
        texts: list[str],
        embedding: Embeddings,
        metadatas: Optional[list[dict[str, Any]]] = None,
        *,
        ids: Optional[list[str]] = None,
        name: str = "langchain",
        metric: Metric = "cosine",
        client: Optional[Client] = None,
        **kwargs: Any,
    ) -> AnnuliVectorStore:
        """A store of these texts, in the index `name`, which is created for vectors of this embedding."""
        dim = len(embedding.embed_query("a text"))
        index = (client or Client()).create_index(name, dim=dim, metric=metric)
        store = cls(embedding, index=index, **kwargs)
        store.add_texts(texts, metadatas, ids=ids)
        return store

    @classmethod
    async def afrom_texts(
        cls,
        texts: list[str],
        embedding: Embeddings,
        metadatas: Optional[list[dict[str, Any]]] = None,
        *,
        ids: Optional[list[str]] = None,
        name: str = "langchain",
        metric: Metric = "cosine",
        client: Optional[AsyncClient] = None,
        **kwargs: Any,
    ) -> AnnuliVectorStore:
        """A store of these texts, in the index `name`, which is created for vectors of this embedding."""
        dim = len(await embedding.aembed_query("a text"))
        index = await (client or AsyncClient()).create_index(name, dim=dim, metric=metric)
        store = cls(embedding, async_index=index, **kwargs)
        await store.aadd_texts(texts, metadatas, ids=ids)
        return store

    def _select_relevance_score_fn(self) -> Callable[[float], float]:
        """Scores between 0 and 1, as LangChain compares them."""
        if self._metric is None:
            self._metric = self._sync.info().metric
        # A cosine is between -1 and 1; 1 / (1 + distance) is what is wanted; of inner products nothing is known.
        return (lambda score: (1.0 + score) / 2.0) if self._metric == "cosine" else (lambda score: score)

    async def _asimilarity_search_with_relevance_scores(
        self, query: str, k: int = 4, **kwargs: Any
    ) -> list[tuple[Text, float]]:
        if self._metric is None and self._async_index is not None:
            self._metric = (await self._async_index.info()).metric
        return await super()._asimilarity_search_with_relevance_scores(query, k, **kwargs)

    @property
    def _sync(self) -> Index:
        if self._index is None:
            raise ValueError("this store has an async_index alone: call its asynchronous methods, or give it an index")
        return self._index

    def _is_text(self) -> Filter:
        return Field(self._text_key).exists()

    def _documents(
        self,
        contents: list[str],
        vectors: list[list[float]],
        metadatas: Optional[list[dict[str, Any]]],
        ids: Optional[Sequence[Optional[str]]],
    ) -> list[Document]:
        count = len(contents)
        return list(self._each(contents, vectors, metadatas or [{}] * count, ids or [None] * count))

    def _each(
        self,
        contents: list[str],
        vectors: list[list[float]],
        metadatas: Sequence[dict[str, Any]],
        ids: Sequence[Optional[str]],
    ) -> Iterator[Document]:
        if not len(contents) == len(metadatas) == len(ids):
            there = f"{len(contents)} texts go with {len(metadatas)} metadatas and {len(ids)} ids"
            raise ValueError(f"{there}: there must be as many of each")
        for content, vector, metadata, id in zip(contents, vectors, metadatas, ids):
            if self._text_key in metadata:
                raise ValueError(f"the metadata has `{self._text_key}`, where texts are kept: choose another text_key")
            yield Document(id or str(uuid.uuid4()), vector, {**metadata, self._text_key: content})

    def _text(self, found: StoredDocument | Hit) -> Text:
        metadata = dict(found.metadata or {})
        # A document that somebody else has stored may have none.
        content = str(metadata.pop(self._text_key, ""))
        return Text(id=found.id, page_content=content, metadata=metadata)

    def _diverse(self, embedding: list[float], hits: list[Hit], k: int, lambda_mult: float) -> list[Text]:
        vectors = [np.asarray(hit.vector).tolist() for hit in hits]
        chosen = maximal_marginal_relevance(np.array(embedding, np.float32), vectors, lambda_mult, k)
        return [self._text(hits[place]) for place in chosen]
