"""What a search finds."""

from __future__ import annotations

from typing import Any, Optional

import msgspec
import numpy as np
import numpy.typing as npt

from annuli.errors import RequestFailed


class Hit(msgspec.Struct, frozen=True, eq=False):
    """A document that is near."""

    id: str
    #: From the query; a smaller one is nearer.
    distance: float
    #: Likeness to the query; a larger one is nearer.
    score: float
    #: If it was asked for.
    metadata: Optional[dict[str, Any]] = None
    #: As it was sent, if it was asked for.
    vector: Optional[np.ndarray] = None


class ShardFailure(msgspec.Struct, frozen=True):
    """Why a shard did not answer."""

    code: str
    message: str
    details: dict[str, Any] = {}

    def error(self) -> RequestFailed:
        """As the error that it would have been for the whole."""
        return RequestFailed.of(self.code, self.message, self.details)


class FailedShard(msgspec.Struct, frozen=True):
    """A shard that did not answer."""

    shard: int
    error: ShardFailure


class ShardsReport(msgspec.Struct, frozen=True):
    """Which shards answered."""

    total: int
    successful: int
    failed: list[FailedShard]
    #: The seq that each answered from.
    seqs: dict[str, int]


class SearchReply(msgspec.Struct, frozen=True, eq=False):
    """The answer to one query: its hits, nearest first. It is a sequence of them."""

    hits: list[Hit]
    #: Which shards answered; all of them, unless the search allowed for less.
    shards: ShardsReport
    #: Token of the state that was searched.
    as_of: str
    #: Milliseconds within the server, for all queries of one request.
    took_ms: float

    @property
    def ids(self) -> list[str]:
        """Of the hits."""
        return [hit.id for hit in self.hits]

    @property
    def distances(self) -> npt.NDArray[np.float32]:
        """Of the hits."""
        return np.array([hit.distance for hit in self.hits], dtype=np.float32)

    @property
    def scores(self) -> npt.NDArray[np.float32]:
        """Of the hits."""
        return np.array([hit.score for hit in self.hits], dtype=np.float32)

    def __len__(self) -> int:
        return len(self.hits)

    def __getitem__(self, place: int) -> Hit:
        return self.hits[place]


class QueryResult(msgspec.Struct, frozen=True, eq=False):
    """The answer to one query, as it travels."""

    hits: list[Hit]


class WireSearchReply(msgspec.Struct, frozen=True, eq=False):
    """The answer to all queries of a request, as it travels."""

    results: list[QueryResult]
    shards: ShardsReport
    as_of: str
    took_ms: float

    def each(self) -> list[SearchReply]:
        """The answer to each query."""
        return [SearchReply(result.hits, self.shards, self.as_of, self.took_ms) for result in self.results]
