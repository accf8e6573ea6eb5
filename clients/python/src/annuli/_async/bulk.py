"""Any number of documents or queries: cut into requests, two of them under way at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from typing import Any, Callable, Optional

from annuli import body
from annuli._async.named import AsyncNamed, Consistency
from annuli._async.reading import Include
from annuli._async.waiting import Beside
from annuli.batches import AT_ONCE, Batch, BatchSize, BulkFailed, BulkReport, Outcome, cut, groups
from annuli.call import Call
from annuli.documents import ChangeLike, DeleteReply, DocumentLike, UpdateReply, UpsertReply, wire_document
from annuli.errors import AnnuliError, SeqConflict
from annuli.filters import Filter
from annuli.progress import Progress, shown
from annuli.retry import FOR_BULK, Patience, Repeat
from annuli.searches import SearchReply, WireSearchReply
from annuli.vectors import VectorLike, pack_rows


class AsyncBulk(AsyncNamed):
    """Bulk calls of an index.

    They go on through a restart of the server, for as long as `patience` says; batches that are too large for the
    server are halved. When one fails for good, `BulkFailed` says what was acknowledged until then.
    """

    async def upsert_many(
        self,
        documents: Iterable[DocumentLike],
        *,
        batch: Optional[BatchSize] = None,
        at_once: int = AT_ONCE,
        progress: Progress = False,
        patience: Patience = FOR_BULK,
        timeout: Optional[float] = None,
    ) -> BulkReport:
        """Stores documents, each in place of what is there; of several with one id the last.

        Raises:
            BulkFailed: some may not be stored.
        """
        return await self._write_many("index", documents, batch, at_once, progress, patience, timeout)

    async def update_many(
        self,
        changes: Iterable[ChangeLike],
        *,
        batch: Optional[BatchSize] = None,
        at_once: int = AT_ONCE,
        progress: Progress = False,
        patience: Patience = FOR_BULK,
        timeout: Optional[float] = None,
    ) -> BulkReport:
        """Changes documents that are there; those that are not are in `missing`.

        Raises:
            BulkFailed: some may not be changed.
        """
        return await self._write_many("update", changes, batch, at_once, progress, patience, timeout)

    async def delete_many(
        self,
        ids: Iterable[str],
        *,
        batch: Optional[BatchSize] = None,
        at_once: int = AT_ONCE,
        progress: Progress = False,
        patience: Patience = FOR_BULK,
        timeout: Optional[float] = None,
    ) -> BulkReport:
        """Removes documents by their ids; what is not there is no error.

        Raises:
            BulkFailed: some may not be removed.
        """
        return await self._write_many("delete", ids, batch, at_once, progress, patience, timeout)

    async def search_many(
        self,
        vectors: VectorLike,
        *,
        limit: int = 10,
        ef: Optional[int] = None,
        filter: Optional[Filter] = None,
        offset: Optional[int] = None,
        score_threshold: Optional[float] = None,
        include: Optional[Iterable[Include]] = None,
        exact: Optional[bool] = None,
        allow_partial: Optional[bool] = None,
        after: Optional[str] = None,
        consistency: Optional[Consistency] = None,
        at_once: int = AT_ONCE,
        progress: Progress = False,
        timeout: Optional[float] = None,
    ) -> list[SearchReply]:
        """An answer to each row of `vectors`, as `search` gives one."""
        rows = pack_rows(vectors)
        query = body.given(
            limit=limit,
            ef=ef,
            filter=filter,
            offset=offset,
            score_threshold=score_threshold,
            include=None if include is None else list(include),
            exact=exact,
            allow_partial=allow_partial,
            vector_encoding="base64",
        )

        async def search(group: Sequence[bytes]) -> list[SearchReply]:
            fields, asked = self._freshly(after, consistency, timeout)
            request = {"vectors": list(group), **query, **fields}
            reply = await self._post(("search",), request, WireSearchReply, Repeat.ALWAYS, timeout)
            self._read(reply.as_of, None if reply.shards.failed else asked)
            return reply.each()

        found: list[SearchReply] = []
        with shown(progress, "search", len(rows)) as tell:
            async with Beside[Sequence[bytes], list[SearchReply]](at_once) as beside:
                under_way: deque[Any] = deque()
                for group in groups(rows, limit + (offset or 0)):
                    if len(under_way) == at_once:
                        tell(_extend(found, await beside.finish(under_way.popleft())))
                    under_way.append(beside.start(search, group))
                while under_way:
                    tell(_extend(found, await beside.finish(under_way.popleft())))
        return found

    async def _write_many(
        self,
        verb: str,
        items: Iterable[Any],
        size: Optional[BatchSize],
        at_once: int,
        progress: Progress,
        patience: Patience,
        timeout: Optional[float],
    ) -> BulkReport:
        size = BatchSize() if size is None else BatchSize(size.items, size.bytes)
        total = len(items) if isinstance(items, Sized) else None

        async def send(batch: Batch) -> list[Outcome]:
            return await self._send(verb, batch, size, patience, timeout)

        report = BulkReport()
        with shown(progress, verb, total) as tell:
            async with Beside[Batch, list[Outcome]](at_once) as beside:
                under_way: deque[tuple[Batch, Any]] = deque()
                failed: Optional[AnnuliError] = None
                batches = cut(_encoded(verb, items), size)
                while True:
                    # Before the next batch is cut, so that it has the size that an answer has taught.
                    while len(under_way) == at_once and not failed:
                        failed = await self._settle(under_way.popleft()[1], beside, report, tell)
                    batch = None if failed else next(batches, None)
                    if batch is None:
                        break
                    # The last of several with one id is the one that stays: it does not overtake the others.
                    while any(batch.shares_ids(other) for other, _ in under_way) and not failed:
                        failed = await self._settle(under_way.popleft()[1], beside, report, tell)
                    if not failed:
                        under_way.append((batch, beside.start(send, batch)))
                for _, task in under_way:
                    later = await self._settle(task, beside, report, tell)
                    failed = failed or later
        if failed:
            raise BulkFailed(report, failed) from failed
        return report

    async def _settle(
        self,
        task: Any,
        beside: Beside[Batch, list[Outcome]],
        report: BulkReport,
        tell: Callable[[int], object],
    ) -> Optional[AnnuliError]:
        """Waits for a batch; returns why a part of it failed."""
        for outcome in await beside.finish(task):
            if outcome.error:
                return outcome.error
            report.add(outcome)
            tell(outcome.items)
        return None

    async def _send(
        self, verb: str, batch: Batch, size: BatchSize, patience: Patience, timeout: Optional[float]
    ) -> list[Outcome]:
        """What became of a batch: of one that is too large, of its parts."""
        field, kind = _VERBS[verb]
        encoded = body.batch(field, batch.items, {"timeout_ms": self._timeout_ms(timeout)})
        repeat = Repeat.UNLESS_BEGUN if batch.conditional else Repeat.ALWAYS
        call: Call[Any] = Call("POST", self._path(verb), kind, repeat, body=encoded, timeout_s=timeout)
        try:
            reply = await self._transport.call(call, patience)
        except SeqConflict as error:
            return [Outcome.of_conflicts(batch, error)]
        except AnnuliError as error:
            if not size.learn(error) or len(batch.items) == 1:
                return [Outcome(items=len(batch.items), error=error)]
        else:
            self._wrote(reply.as_of)
            return [Outcome.of_reply(batch, reply)]
        first, second = batch.halves()
        outcomes = await self._send(verb, first, size, patience, timeout)
        if not outcomes[-1].error:
            outcomes += await self._send(verb, second, size, patience, timeout)
        return outcomes


_VERBS: Mapping[str, tuple[str, type]] = {
    "index": ("documents", UpsertReply),
    "update": ("documents", UpdateReply),
    "delete": ("ids", DeleteReply),
}


def _encoded(verb: str, items: Iterable[Any]) -> Iterator[tuple[str, bytes, bool]]:
    for item in items:
        if verb == "delete":
            yield item, body.encode(item), False
        else:
            wire = wire_document(item)
            yield str(wire.get("id", "")), body.encode(wire), "if_seq" in wire


def _extend(found: list[SearchReply], more: list[SearchReply]) -> int:
    found += more
    return len(more)
