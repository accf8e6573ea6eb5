"""Documents, and what the server says of writing and reading them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Optional, Union

import msgspec
import numpy as np

from annuli import vectors
from annuli.vectors import VectorLike

Metadata = Mapping[str, Any]


class Document(msgspec.Struct, frozen=True, eq=False):
    """A document to store, in place of what is there under its id."""

    id: str
    vector: Any
    metadata: Optional[dict[str, Any]] = None
    #: Store only if the document's last write has this seq; 0: only if there is no such document.
    if_seq: Optional[int] = None


class Change(msgspec.Struct, frozen=True, eq=False):
    """A change of a document that is there: another vector, other metadata, or both."""

    id: str
    vector: Optional[Any] = None
    #: Merged into what is there; `None` removes a field (RFC 7396).
    metadata: Optional[dict[str, Any]] = None
    #: Change only if the document's last write has this seq.
    if_seq: Optional[int] = None


class StoredDocument(msgspec.Struct, frozen=True, eq=False):
    """A document as it is stored."""

    id: str
    #: The seq of its last write, for `if_seq`.
    seq: int
    #: As it was sent, if it was asked for.
    vector: Optional[np.ndarray] = None
    #: If it was asked for.
    metadata: Optional[dict[str, Any]] = None


#: A document to store; a dict has the same fields.
DocumentLike = Union[Document, Mapping[str, Any]]

#: A change of a document; a dict has the same fields.
ChangeLike = Union[Change, Mapping[str, Any]]


class Rows(Sequence[Document]):
    """Documents made of arrays: the rows of `vectors` under `ids`, each with its metadata.

    Raises:
        ValueError: there are not as many of each.
    """

    def __init__(
        self,
        ids: Sequence[str],
        vectors: Union[np.ndarray, Sequence[VectorLike]],
        metadata: Optional[Sequence[Metadata]] = None,
    ) -> None:
        if len(ids) != len(vectors) or (metadata is not None and len(metadata) != len(ids)):
            there = "" if metadata is None else f" and {len(metadata)} of metadata"
            raise ValueError(f"{len(ids)} ids go with {len(vectors)} vectors{there}: there must be as many of each")
        self._ids, self._vectors, self._metadata = ids, vectors, metadata

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, row: Any) -> Any:
        if isinstance(row, slice):
            metadata = None if self._metadata is None else self._metadata[row]
            return Rows(self._ids[row], self._vectors[row], metadata)
        metadata_of_row = None if self._metadata is None else dict(self._metadata[row])
        # Ids may be those of numpy.
        return Document(str(self._ids[row]), self._vectors[row], metadata_of_row)

    def __iter__(self) -> Iterator[Document]:
        return (self[row] for row in range(len(self)))


def wire_document(document: Union[DocumentLike, ChangeLike]) -> dict[str, Any]:
    """A document or change as it travels. What a dict has beside the known fields goes along: the server refuses it."""
    fields = msgspec.structs.asdict(document) if isinstance(document, msgspec.Struct) else dict(document)
    wire = {name: value for name, value in fields.items() if value is not None}
    if "vector" in wire:
        wire["vector"] = vectors.pack(wire["vector"])
    return wire


def wire_documents(documents: Iterable[Union[DocumentLike, ChangeLike]]) -> list[dict[str, Any]]:
    """Several of them."""
    return [wire_document(document) for document in documents]


def has_conditions(wire: Iterable[Mapping[str, Any]]) -> bool:
    """Whether one of these has an `if_seq`."""
    return any("if_seq" in document for document in wire)


class Conflict(msgspec.Struct, frozen=True):
    """A document that was not written because of its `if_seq`."""

    id: str
    #: The seq of its last write; 0: there is no such document.
    seq: int


class UpsertReply(msgspec.Struct, frozen=True):
    """What became of documents to store."""

    #: How many were stored.
    indexed: int
    #: Ids that stood in the batch more than once; the last of each was stored.
    duplicates: list[str]
    #: The seq up to which each shard that was written to is durable.
    shards: dict[str, int]
    #: Token of the state after this write.
    as_of: str
    #: Documents that were not stored because of their `if_seq`.
    conflicts: list[Conflict] = []


class UpdateReply(msgspec.Struct, frozen=True):
    """What became of changes."""

    #: How many were made.
    updated: int
    #: Ids of which there is no document.
    missing: list[str]
    #: Ids that stood in the batch more than once; the last of each was taken.
    duplicates: list[str]
    #: The seq up to which each shard that was written to is durable.
    shards: dict[str, int]
    #: Token of the state after this write.
    as_of: str
    #: Changes that were not made because of their `if_seq`.
    conflicts: list[Conflict] = []


class DeleteReply(msgspec.Struct, frozen=True):
    """What became of a deletion."""

    #: How many documents were removed. Where an answer was lost and the call made again, those of the last time.
    deleted: int
    #: The seq up to which each shard that was written to is durable.
    shards: dict[str, int]
    #: Token of the state after this write.
    as_of: str


class GetOneReply(StoredDocument, frozen=True, eq=False):
    """A document, and of which state it is."""

    #: Token of the state that was read.
    as_of: str = ""


class GetReply(msgspec.Struct, frozen=True, eq=False):
    """Documents that were asked for by their ids."""

    #: Those that there are, in the order asked.
    documents: list[StoredDocument]
    #: Ids of which there is no document.
    missing: list[str]
    #: Token of the state that was read.
    as_of: str


class Page(msgspec.Struct, frozen=True, eq=False):
    """Some of all documents, in the order of their ids."""

    documents: list[StoredDocument]
    #: Token of the state that was read.
    as_of: str
    #: Cursor of the next page; `None` on the last one.
    next: Optional[str] = None


class CountReply(msgspec.Struct, frozen=True):
    """How many documents there are."""

    count: int
    #: Token of the state that was counted.
    as_of: str
