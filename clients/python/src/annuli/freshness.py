"""What a session has seen, so that its reads see no less.

A token says how far each shard was that a reply came from; what it says is the server's business. A write touches the
shards of its documents alone, so the tokens of two writes say less together than one of them could, and a read takes
one. After several writes a session therefore asks the primaries, which have everything, and goes on with the token of
that reply.
"""

from __future__ import annotations

import threading
from typing import NamedTuple, Optional


class Asked(NamedTuple):
    """What a read asks for, and how often the session had changed by then."""

    fields: dict[str, str]
    changes: int


class Freshness:
    """How far a session is. May be used by several threads."""

    __slots__ = ("_changes", "_covers", "_lock", "_token")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._token: Optional[str] = None
        # Whether the token says all that was seen.
        self._covers = True
        self._changes = 0

    def asks(self) -> Asked:
        """What a read that begins now has to ask for."""
        with self._lock:
            if self._token is None:
                return Asked({}, self._changes)
            # The token goes along all the same: an index that was made anew is to be noticed.
            spread = {} if self._covers else {"consistency": "primary"}
            return Asked({"after": self._token, **spread}, self._changes)

    def wrote(self, as_of: str) -> None:
        """A write was acknowledged."""
        self._saw(as_of)

    def read_part(self, as_of: str) -> None:
        """Some shards have answered, as fresh as was asked."""
        self._saw(as_of)

    def read_all(self, as_of: str, asked: Asked) -> None:
        """Every shard has answered, as fresh as was asked."""
        self._saw(as_of, asked=asked)

    def forget(self) -> None:
        """Begins anew: after `StaleToken`, when what was seen is gone."""
        with self._lock:
            self._token, self._covers = None, True
            self._changes += 1

    def _saw(self, as_of: str, asked: Optional[Asked] = None) -> None:
        with self._lock:
            # What another thread has seen since then may not be in it.
            covers = asked is not None and asked.changes == self._changes
            if covers or self._token is None:
                self._covers = True
            elif self._token != as_of:
                self._covers = False
            if self._token != as_of:
                self._token = as_of
                self._changes += 1
