"""LlamaIndex: an index as a vector store. `pip install 'annuli[llama-index]'`.

    store = AnnuliVectorStore(index=client.create_index("nodes", dim=384, metric="cosine"))
    VectorStoreIndex.from_documents(documents, StorageContext.from_defaults(vector_store=store))

A node is a document: its metadata are the document's, beside which LlamaIndex keeps the whole node (`_node_content`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

import numpy as np
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.indices.query.embedding_utils import get_top_k_mmr_embeddings
from llama_index.core.schema import BaseNode
from llama_index.core.vector_stores.types import (
    BasePydanticVectorStore,
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryMode,
    VectorStoreQueryResult,
)
from llama_index.core.vector_stores.utils import metadata_dict_to_node, node_to_metadata_dict

from annuli._async.index import AsyncIndex
from annuli._sync.index import Index
from annuli.documents import Document, StoredDocument
from annuli.freshness import Freshness
from annuli.searches import Hit, SearchReply

#: Under what name the id of a node stands in its document's metadata, where filters reach it.
_NODE_ID = "_node_id"

#: Of how many times as many as are asked for the most diverse are chosen.
_MMR_PREFETCH = 4

#: Every node has one.
_EVERY_NODE = {_NODE_ID: {"$exists": True}}


class AnnuliVectorStore(BasePydanticVectorStore):
    """Nodes in an index.

    With an `index` alone, asynchronous calls block as LlamaIndex's own do; with an `async_index` they do not. Reads see
    what was written through the store before, also in a cluster.
    """

    stores_text: bool = True
    flat_metadata: bool = False

    _index: Optional[Index] = PrivateAttr()
    _async_index: Optional[AsyncIndex] = PrivateAttr()

    def __init__(self, index: Optional[Index] = None, async_index: Optional[AsyncIndex] = None) -> None:
        super().__init__(stores_text=True)
        if index is None and async_index is None:
            raise ValueError("a store needs an index, an async_index or both")
        seen = Freshness()
        self._index = index.session(seen) if index else None
        self._async_index = async_index.session(seen) if async_index else None

    @classmethod
    def class_name(cls) -> str:
        """What LlamaIndex calls it."""
        return "AnnuliVectorStore"

    @property
    def client(self) -> Any:
        """The index."""
        return self._index or self._async_index

    # Writing.

    def add(self, nodes: Sequence[BaseNode], **kwargs: Any) -> list[str]:
        """Stores nodes, each in place of what is there under its id; returns their ids."""
        self._sync.upsert_many(_documents(nodes), **kwargs)
        return [node.node_id for node in nodes]

    async def async_add(self, nodes: Sequence[BaseNode], **kwargs: Any) -> list[str]:
        """Stores nodes, each in place of what is there under its id; returns their ids."""
        if self._async_index is None:
            return self.add(nodes, **kwargs)
        await self._async_index.upsert_many(_documents(nodes), **kwargs)
        return [node.node_id for node in nodes]

    def delete(self, ref_doc_id: str, **kwargs: Any) -> None:
        """Removes the nodes of a document."""
        self._sync.delete(filter={"ref_doc_id": ref_doc_id}, **kwargs)

    async def adelete(self, ref_doc_id: str, **kwargs: Any) -> None:
        """Removes the nodes of a document."""
        if self._async_index is None:
            return self.delete(ref_doc_id, **kwargs)
        await self._async_index.delete(filter={"ref_doc_id": ref_doc_id}, **kwargs)
        return None

    def delete_nodes(
        self, node_ids: Optional[list[str]] = None, filters: Optional[MetadataFilters] = None, **kwargs: Any
    ) -> None:
        """Removes nodes: those of these ids, of them those that match."""
        self._sync.delete(filter=_filter(filters, node_ids=node_ids) or _EVERY_NODE, **kwargs)

    async def adelete_nodes(
        self, node_ids: Optional[list[str]] = None, filters: Optional[MetadataFilters] = None, **kwargs: Any
    ) -> None:
        """Removes nodes: those of these ids, of them those that match."""
        if self._async_index is None:
            return self.delete_nodes(node_ids, filters, **kwargs)
        await self._async_index.delete(filter=_filter(filters, node_ids=node_ids) or _EVERY_NODE, **kwargs)
        return None

    def clear(self) -> None:
        """Removes every node."""
        self._sync.delete(filter=_EVERY_NODE)

    async def aclear(self) -> None:
        """Removes every node."""
        if self._async_index is None:
            return self.clear()
        await self._async_index.delete(filter=_EVERY_NODE)
        return None

    # Reading.

    def get_nodes(
        self, node_ids: Optional[list[str]] = None, filters: Optional[MetadataFilters] = None
    ) -> list[BaseNode]:
        """Nodes, in the order of their ids."""
        asked = _filter(filters, node_ids=node_ids) or _EVERY_NODE
        return [_node(found) for found in self._sync.documents(filter=asked, include=["metadata", "vector"])]

    async def aget_nodes(
        self, node_ids: Optional[list[str]] = None, filters: Optional[MetadataFilters] = None
    ) -> list[BaseNode]:
        """Nodes, in the order of their ids."""
        if self._async_index is None:
            return self.get_nodes(node_ids, filters)
        asked = _filter(filters, node_ids=node_ids) or _EVERY_NODE
        every = self._async_index.documents(filter=asked, include=["metadata", "vector"])
        return [_node(found) async for found in every]

    def query(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:
        """The nodes that are most like the query; takes what `Index.search` takes as well, such as `ef`."""
        threshold = kwargs.pop("mmr_threshold", None)
        return _result(query, self._sync.search(**_search(query), **kwargs), threshold)

    async def aquery(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:
        """The nodes that are most like the query; takes what `Index.search` takes as well, such as `ef`."""
        if self._async_index is None:
            return self.query(query, **kwargs)
        threshold = kwargs.pop("mmr_threshold", None)
        return _result(query, await self._async_index.search(**_search(query), **kwargs), threshold)

    @property
    def _sync(self) -> Index:
        if self._index is None:
            raise ValueError("this store has an async_index alone: call its asynchronous methods, or give it an index")
        return self._index


def _documents(nodes: Sequence[BaseNode]) -> list[Document]:
    return [Document(node.node_id, node.get_embedding(), _metadata(node)) for node in nodes]


def _metadata(node: BaseNode) -> dict[str, Any]:
    return {**node_to_metadata_dict(node, remove_text=False, flat_metadata=False), _NODE_ID: node.node_id}


def _node(found: StoredDocument | Hit) -> BaseNode:
    node = metadata_dict_to_node(found.metadata or {})
    if found.vector is not None:
        node.embedding = found.vector.tolist()
    return node


def _search(query: VectorStoreQuery) -> dict[str, Any]:
    """What a query asks for, as `Index.search` takes it."""
    if query.mode not in (VectorStoreQueryMode.DEFAULT, VectorStoreQueryMode.MMR):
        raise ValueError(f"Annuli searches by vectors alone: there is no mode `{query.mode.value}`")
    if query.query_embedding is None:
        raise ValueError("the query has no embedding")
    asked: dict[str, Any] = {"vector": query.query_embedding, "limit": query.similarity_top_k}
    if query.mode is VectorStoreQueryMode.MMR:
        asked["limit"] = query.similarity_top_k * _MMR_PREFETCH
        asked["include"] = ["metadata", "vector"]
    # A retriever that was told of none gives an empty list.
    found = _filter(query.filters, node_ids=query.node_ids or None, doc_ids=query.doc_ids or None)
    return {**asked, "filter": found} if found else asked


def _result(query: VectorStoreQuery, reply: SearchReply, threshold: Optional[float]) -> VectorStoreQueryResult:
    hits, scores = reply.hits, [hit.score for hit in reply.hits]
    if query.mode is VectorStoreQueryMode.MMR:
        scores, places = get_top_k_mmr_embeddings(
            list(query.query_embedding or []),
            [np.asarray(hit.vector).tolist() for hit in hits],
            similarity_top_k=query.similarity_top_k,
            embedding_ids=list(range(len(hits))),
            mmr_threshold=query.mmr_threshold if threshold is None else threshold,
        )
        hits = [hits[place] for place in places]
    return VectorStoreQueryResult([_node(hit) for hit in hits], scores, [hit.id for hit in hits])


def _filter(
    filters: Optional[MetadataFilters],
    *,
    node_ids: Optional[list[str]] = None,
    doc_ids: Optional[list[str]] = None,
) -> Optional[dict[str, Any]]:
    """All that must hold, in the server's language; `None` if nothing must."""
    parts = []
    if node_ids is not None:
        parts.append({_NODE_ID: {"$in": node_ids}})
    if doc_ids is not None:
        parts.append({"ref_doc_id": {"$in": doc_ids}})
    if filters and filters.filters:
        parts.append(_combined(filters))
    return {"$and": parts} if parts else None


def _combined(filters: MetadataFilters) -> dict[str, Any]:
    parts = [_combined(part) if isinstance(part, MetadataFilters) else _one(part) for part in filters.filters]
    if filters.condition is FilterCondition.OR:
        return {"$or": parts}
    # None of them matches.
    return {"$not": {"$or": parts}} if filters.condition is FilterCondition.NOT else {"$and": parts}


_OPERATORS = {
    FilterOperator.EQ: "$eq",
    FilterOperator.NE: "$ne",
    FilterOperator.GT: "$gt",
    FilterOperator.GTE: "$gte",
    FilterOperator.LT: "$lt",
    FilterOperator.LTE: "$lte",
    FilterOperator.IN: "$in",
    FilterOperator.NIN: "$nin",
    # A list matches when any of its elements does.
    FilterOperator.ANY: "$in",
    FilterOperator.CONTAINS: "$eq",
}


def _one(part: MetadataFilter) -> dict[str, Any]:
    operator = _OPERATORS.get(part.operator)
    if operator:
        return {part.key: {operator: part.value}}
    if part.operator is FilterOperator.ALL:
        values = part.value if isinstance(part.value, list) else [part.value]
        return {"$and": [{part.key: {"$eq": value}} for value in values]}
    if part.operator is FilterOperator.IS_EMPTY:
        # Of an empty list no element is anything, so it is found by what it is not: a text, a number, a truth.
        tests: list[dict[str, Any]] = [{"$gt": ""}, {"$gte": 0}, {"$lt": 0}, {"$in": [True, False]}]
        return {"$not": {"$or": [{part.key: test} for test in tests]}}
    raise ValueError(f"Annuli does not look into texts: there is no operator `{part.operator.value}`")
