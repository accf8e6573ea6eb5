"""What every call to an index needs: its name, its server, and what its session has seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Optional, TypeVar

from annuli import body
from annuli._sync.transport import Transport
from annuli.call import Call, milliseconds, path
from annuli.freshness import Asked, Freshness
from annuli.retry import Repeat

T = TypeVar("T")

#: Who may answer: a replica, which trails the writes, or the primary alone.
Consistency = Literal["replica", "primary"]


class Named:
    """An index by its name."""

    def __init__(self, transport: Transport, name: str, freshness: Optional[Freshness] = None) -> None:
        self.name = name
        self._transport = transport
        self._freshness = freshness

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r} at {self._transport.url})"

    def _path(self, *parts: str) -> str:
        return path("indexes", self.name, *parts)

    def _timeout_ms(self, timeout: Optional[float]) -> int:
        """The time that the server is given is that of the caller: nobody waits for what comes later."""
        return milliseconds(self._transport.timeout_s if timeout is None else timeout)

    def _post(
        self,
        parts: tuple[str, ...],
        asked: Mapping[str, Any],
        reply: type[T],
        repeat: Repeat,
        timeout: Optional[float] = None,
    ) -> T:
        encoded = body.encode(asked)
        return self._transport.call(Call("POST", self._path(*parts), reply, repeat, body=encoded, timeout_s=timeout))

    def _freshly(
        self, after: Optional[str], consistency: Optional[Consistency], timeout: Optional[float]
    ) -> tuple[dict[str, Any], Optional[Asked]]:
        """The fields of a read that say how fresh and how soon, and what the session asked for among them."""
        said = body.given(after=after, consistency=consistency)
        # Who says so for one read knows better than the session, which then cannot tell what the reply covers.
        asked = self._freshness.asks() if self._freshness and not said else None
        fresh = asked.fields if asked else {}
        return {**fresh, **said, "timeout_ms": self._timeout_ms(timeout)}, asked

    def _wrote(self, as_of: str) -> None:
        if self._freshness:
            self._freshness.wrote(as_of)

    def _read(self, as_of: str, asked: Optional[Asked] = None) -> None:
        """A read was answered: by every shard if it says what was asked, else by some."""
        if not self._freshness:
            return
        if asked is None:
            self._freshness.read_part(as_of)
        else:
            self._freshness.read_all(as_of, asked)
