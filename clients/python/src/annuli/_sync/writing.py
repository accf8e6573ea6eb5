"""Writing documents, in one request each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Optional, TypeVar

from annuli import body
from annuli._sync.named import Named
from annuli.documents import (
    ChangeLike,
    DeleteReply,
    DocumentLike,
    UpdateReply,
    UpsertReply,
    has_conditions,
    wire_documents,
)
from annuli.filters import Filter
from annuli.retry import Repeat

T = TypeVar("T")


class Writing(Named):
    """Writes of an index. Without `if_seq`, one whose answer is lost is made again: done twice is as done once."""

    def upsert(self, documents: Iterable[DocumentLike], *, timeout: Optional[float] = None) -> UpsertReply:
        """Stores documents in one request, each in place of what is there; see `upsert_many` for any number.

        Raises:
            SeqConflict: nothing was stored because of conditions (`if_seq`).
        """
        wire = wire_documents(documents)
        reply = self._write("index", {"documents": wire}, has_conditions(wire), UpsertReply, timeout)
        self._wrote(reply.as_of)
        return reply

    def update(self, changes: Iterable[ChangeLike], *, timeout: Optional[float] = None) -> UpdateReply:
        """Changes documents that are there, in one request; see `update_many` for any number.

        Raises:
            SeqConflict: nothing was changed because of conditions (`if_seq`).
        """
        wire = wire_documents(changes)
        reply = self._write("update", {"documents": wire}, has_conditions(wire), UpdateReply, timeout)
        self._wrote(reply.as_of)
        return reply

    def delete(
        self,
        ids: Optional[Sequence[str]] = None,
        *,
        filter: Optional[Filter] = None,
        if_seq: Optional[int] = None,
        timeout: Optional[float] = None,
    ) -> DeleteReply:
        """Removes documents, by id or by filter; `if_seq` goes with a single id.

        Raises:
            SeqConflict: the document has changed since.
        """
        asked = body.given(ids=None if ids is None else list(ids), filter=filter, if_seq=if_seq)
        reply = self._write("delete", asked, if_seq is not None, DeleteReply, timeout)
        self._wrote(reply.as_of)
        return reply

    def _write(
        self, verb: str, asked: Mapping[str, Any], conditional: bool, reply: type[T], timeout: Optional[float]
    ) -> T:
        repeat = Repeat.UNLESS_BEGUN if conditional else Repeat.ALWAYS
        fields = {**asked, "timeout_ms": self._timeout_ms(timeout)}
        return self._post((verb,), fields, reply, repeat, timeout)
