"""Many documents in requests that a server takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Optional, TypeVar, Union

from annuli.documents import Conflict, DeleteReply, UpdateReply, UpsertReply
from annuli.errors import AnnuliError, BodyTooLarge, LimitExceeded, SeqConflict

T = TypeVar("T")

#: Documents in one request of a bulk call. The server takes ten times as many; progress is seen in steps of it.
DOCUMENTS = 1_000

#: Bytes in one request of a bulk call, about: a quarter of what the server takes by default.
BYTES = 8 * 1024 * 1024

#: Requests of a bulk call that are under way at once: one is encoded while the server works on another.
AT_ONCE = 2

#: Queries in one request: some at a time, so that progress is seen and the server serves others in between.
QUERIES = 100

#: Hits in one answer: a tenth of the server's own limit, which leaves room for their metadata and vectors.
HITS = 10_000


@dataclass(frozen=True)
class Batch:
    """What goes into one request, each item encoded already."""

    ids: Sequence[str]
    items: Sequence[bytes]
    #: An item of it has a condition.
    conditional: bool

    def halves(self) -> tuple[Batch, Batch]:
        """The same in two requests."""
        middle = len(self.ids) // 2
        first, second = slice(None, middle), slice(middle, None)
        return (
            Batch(self.ids[first], self.items[first], self.conditional),
            Batch(self.ids[second], self.items[second], self.conditional),
        )

    def shares_ids(self, other: Batch) -> bool:
        """Whether a document is in both."""
        return not set(self.ids).isdisjoint(other.ids)


@dataclass
class BatchSize:
    """How much goes into one request. It shrinks when a server says that it takes less."""

    items: int = DOCUMENTS
    bytes: int = BYTES

    def learn(self, error: AnnuliError) -> bool:
        """Returns whether the error says that a batch was too large."""
        if not isinstance(error, (BodyTooLarge, LimitExceeded)):
            return False
        limit = error.details.get("limit")
        if isinstance(limit, int) and limit > 0:
            if isinstance(error, BodyTooLarge):
                # The frame around the items takes some bytes as well.
                self.bytes = min(self.bytes, max(limit - 1024, 1))
            else:
                self.items = min(self.items, limit)
        return True


def cut(items: Iterable[tuple[str, bytes, bool]], size: BatchSize) -> Iterator[Batch]:
    """Items in batches; each is an id, what it is encoded to, and whether it has a condition."""
    ids: list[str] = []
    encoded: list[bytes] = []
    measured, conditional = 0, False
    for id, item, has_condition in items:
        # The size may have shrunk since the last item.
        if ids and (len(ids) >= size.items or measured + len(item) > size.bytes):
            yield Batch(ids, encoded, conditional)
            ids, encoded, measured, conditional = [], [], 0, False
        ids.append(id)
        encoded.append(item)
        measured += len(item)
        conditional = conditional or has_condition
    if ids:
        yield Batch(ids, encoded, conditional)


def groups(queries: Sequence[T], hits_each: int) -> Iterator[Sequence[T]]:
    """Queries in requests, of whose answers none has too many hits."""
    at_once = max(1, min(QUERIES, HITS // max(hits_each, 1)))
    return (queries[start : start + at_once] for start in range(0, len(queries), at_once))


@dataclass(frozen=True)
class Outcome:
    """What became of a batch."""

    items: int
    written: int = 0
    missing: Sequence[str] = ()
    conflicts: Sequence[Conflict] = ()
    error: Optional[AnnuliError] = None

    @staticmethod
    def of_reply(batch: Batch, reply: Union[UpsertReply, UpdateReply, DeleteReply]) -> Outcome:
        """Of one that was answered."""
        items = len(batch.items)
        if isinstance(reply, UpsertReply):
            return Outcome(items, reply.indexed, (), reply.conflicts)
        if isinstance(reply, UpdateReply):
            return Outcome(items, reply.updated, reply.missing, reply.conflicts)
        return Outcome(items, reply.deleted)

    @staticmethod
    def of_conflicts(batch: Batch, error: SeqConflict) -> Outcome:
        """Of one of which nothing was written because of its conditions: no reason to end the whole."""
        named = error.details.get("conflicts", [])
        conflicts = [Conflict(conflict["id"], conflict["seq"]) for conflict in named]
        return Outcome(len(batch.items), conflicts=conflicts)


@dataclass
class BulkReport:
    """What became of a bulk call so far."""

    #: Documents that were stored, changed or removed.
    written: int = 0
    #: Of how many the server has said what became of them.
    answered: int = 0
    #: Ids of which there is no document to change.
    missing: list[str] = field(default_factory=list)
    #: Documents that were not written because of their `if_seq`.
    conflicts: list[Conflict] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """Another batch was answered."""
        self.written += outcome.written
        self.answered += outcome.items
        self.missing += outcome.missing
        self.conflicts += outcome.conflicts


class BulkFailed(AnnuliError):
    """A bulk call ended before its end. What was acknowledged is in `report`; `cause` says why it ended.

    To send all of it again is harmless, unless documents have an `if_seq`.
    """

    def __init__(self, report: BulkReport, cause: AnnuliError) -> None:
        super().__init__(f"after {report.answered} documents: {cause}")
        self.report = report
        self.cause = cause
