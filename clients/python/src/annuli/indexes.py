"""What the server says of indexes."""

from __future__ import annotations

from typing import Literal, Optional

import msgspec

from annuli.searches import ShardFailure

Metric = Literal["cosine", "euclidean", "inner_product"]
Quantization = Literal["none", "int8", "int4"]


class Hnsw(msgspec.Struct, frozen=True):
    """How graphs are built; the server's defaults where nothing is said."""

    #: Links of a node.
    m: Optional[int] = None
    #: Width of the beam while building.
    ef_construction: Optional[int] = None


class SegmentsInfo(msgspec.Struct, frozen=True):
    """The segments of a shard."""

    count: int
    #: Live documents in them.
    documents: int
    #: Dead documents in them, until they are written again.
    dead: int
    #: Their files, in bytes.
    bytes: int


class TailInfo(msgspec.Struct, frozen=True):
    """Documents of a shard that are in no segment."""

    #: How many, dead ones included.
    documents: int
    #: Those of them that a small graph holds; the others are scanned by each search.
    in_head: int


class BuildInfo(msgspec.Struct, frozen=True):
    """A segment that is being made."""

    #: The id of the task that it is.
    task: str
    #: `seal` or `merge`.
    kind: str
    #: It waits for its turn.
    waits: bool
    documents: int
    #: Those of them that its graph holds.
    done: int
    #: How long ago it was asked for, in milliseconds.
    running_ms: int


class ShardInfo(msgspec.Struct, frozen=True):
    """How a shard is."""

    shard: int
    #: Its last write.
    seq: Optional[int] = None
    #: Live documents.
    documents: Optional[int] = None
    #: Documents that wait for a graph.
    pending: Optional[int] = None
    segments: Optional[SegmentsInfo] = None
    tail: Optional[TailInfo] = None
    builds: list[BuildInfo] = []
    #: Why it does not serve.
    error: Optional[ShardFailure] = None


class IndexInfo(msgspec.Struct, frozen=True):
    """How an index is."""

    name: str
    uuid: str
    dim: int
    metric: str
    #: `ready`, `building` (it serves; graphs are behind) or `unavailable`.
    status: str
    #: Live documents on the shards that answered.
    documents: int
    aliases: list[str]
    shard_status: list[ShardInfo]
    shards: Optional[int] = None
    hnsw: Optional[Hnsw] = None
    quantization: Optional[str] = None


class IndexList(msgspec.Struct, frozen=True):
    """Every index."""

    indexes: list[IndexInfo]
    #: Why an index that is there cannot be served as a whole; its name is among the details.
    unavailable: list[ShardFailure] = []


class AliasTarget(msgspec.Struct, frozen=True):
    """What an alias stands for."""

    index: str


class AliasList(msgspec.Struct, frozen=True):
    """Each alias with its index."""

    aliases: dict[str, str]
