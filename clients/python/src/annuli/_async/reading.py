"""Searching and reading documents."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Literal, Optional

from annuli import body
from annuli._async.named import AsyncNamed, Consistency
from annuli.call import Call
from annuli.documents import CountReply, GetOneReply, GetReply, Page, StoredDocument
from annuli.errors import DocumentNotFound
from annuli.filters import Filter
from annuli.retry import Repeat
from annuli.searches import SearchReply, WireSearchReply
from annuli.vectors import VectorLike, pack

#: Parts of a document beside its id.
Include = Literal["metadata", "vector"]


class AsyncReading(AsyncNamed):
    """Reads of an index. `after` is the `as_of` of an earlier reply: a read sees at least that state."""

    async def search(
        self,
        vector: Optional[VectorLike] = None,
        *,
        id: Optional[str] = None,
        limit: Optional[int] = None,
        ef: Optional[int] = None,
        filter: Optional[Filter] = None,
        offset: Optional[int] = None,
        score_threshold: Optional[float] = None,
        include: Optional[Sequence[Include]] = None,
        exact: Optional[bool] = None,
        allow_partial: Optional[bool] = None,
        after: Optional[str] = None,
        consistency: Optional[Consistency] = None,
        timeout: Optional[float] = None,
    ) -> SearchReply:
        """The documents nearest to a vector, or to the document `id`, nearest first.

        A larger `ef` finds more and takes longer; `exact` compares with every document. `include` is `["metadata"]`
        unless something else is said. `allow_partial` takes what the shards have that answer.
        """
        fields, asked = self._freshly(after, consistency, timeout)
        query = body.given(
            vector=None if vector is None else pack(vector),
            id=id,
            limit=limit,
            ef=ef,
            filter=filter,
            offset=offset,
            score_threshold=score_threshold,
            include=None if include is None else list(include),
            exact=exact,
            allow_partial=allow_partial,
            vector_encoding="base64",
            **fields,
        )
        reply = await self._post(("search",), query, WireSearchReply, Repeat.ALWAYS, timeout)
        self._read(reply.as_of, None if reply.shards.failed else asked)
        return reply.each()[0]

    async def get(
        self,
        id: str,
        *,
        include: Optional[Sequence[Include]] = None,
        after: Optional[str] = None,
        consistency: Optional[Consistency] = None,
        timeout: Optional[float] = None,
    ) -> GetOneReply:
        """A document, with all that it has unless `include` says less.

        Raises:
            DocumentNotFound: there is none of this id.
        """
        # In a path, an id could not be `..`, and the vector would come as numbers.
        reply = await self.get_many([id], include=include, after=after, consistency=consistency, timeout=timeout)
        if not reply.documents:
            raise DocumentNotFound(
                f"index `{self.name}` has no document `{id}`", code="document_not_found", status=404, details={"id": id}
            )
        [document] = reply.documents
        return GetOneReply(document.id, document.seq, document.vector, document.metadata, reply.as_of)

    async def get_many(
        self,
        ids: Sequence[str],
        *,
        include: Optional[Sequence[Include]] = None,
        after: Optional[str] = None,
        consistency: Optional[Consistency] = None,
        timeout: Optional[float] = None,
    ) -> GetReply:
        """Documents in the order of `ids`, in one request; with all that they have, unless `include` says less."""
        fields, _ = self._freshly(after, consistency, timeout)
        parts = None if include is None else list(include)
        asked = body.given(ids=list(ids), include=parts, vector_encoding="base64", **fields)
        reply = await self._post(("documents",), asked, GetReply, Repeat.ALWAYS, timeout)
        self._read(reply.as_of)
        return reply

    async def page(
        self,
        *,
        cursor: Optional[str] = None,
        limit: Optional[int] = None,
        filter: Optional[Filter] = None,
        include: Optional[Sequence[Include]] = None,
        after: Optional[str] = None,
        consistency: Optional[Consistency] = None,
        timeout: Optional[float] = None,
    ) -> Page:
        """Some of all documents, in the order of their ids: the first ones, or those behind a `cursor`."""
        fields, asked = self._freshly(after, consistency, timeout)
        query = body.given(
            cursor=cursor,
            limit=limit,
            filter=None if filter is None else body.as_json(filter),
            include=None if include is None else ",".join(include),
            vector_encoding="base64",
            **fields,
        )
        text = {name: str(value) for name, value in query.items()}
        call = Call("GET", self._path("documents"), Page, Repeat.ALWAYS, query=text, timeout_s=timeout)
        reply = await self._transport.call(call)
        self._read(reply.as_of, asked)
        return reply

    async def documents(
        self,
        *,
        filter: Optional[Filter] = None,
        include: Optional[Sequence[Include]] = None,
        page_size: int = 500,
        after: Optional[str] = None,
        consistency: Optional[Consistency] = None,
        timeout: Optional[float] = None,
    ) -> AsyncIterator[StoredDocument]:
        """Every document, in the order of their ids, page by page as they are taken."""
        cursor: Optional[str] = None
        while True:
            page = await self.page(
                cursor=cursor,
                limit=page_size,
                filter=filter,
                include=include,
                after=after,
                consistency=consistency,
                timeout=timeout,
            )
            for document in page.documents:
                yield document
            cursor = page.next
            if cursor is None:
                return

    async def count(
        self,
        filter: Optional[Filter] = None,
        *,
        after: Optional[str] = None,
        consistency: Optional[Consistency] = None,
        timeout: Optional[float] = None,
    ) -> int:
        """How many documents there are."""
        fields, asked = self._freshly(after, consistency, timeout)
        reply = await self._post(("count",), body.given(filter=filter, **fields), CountReply, Repeat.ALWAYS, timeout)
        self._read(reply.as_of, asked)
        return reply.count
