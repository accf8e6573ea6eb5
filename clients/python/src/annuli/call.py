"""A call, before anybody makes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, Optional, TypeVar
from urllib.parse import quote

from annuli.retry import Repeat

T = TypeVar("T")


@dataclass(frozen=True)
class Call(Generic[T]):
    """A request, the kind of its answer, and what may be done when it fails."""

    method: str
    path: str
    #: What the answer is: `bytes` for it as it comes, `type(None)` for none.
    reply: type[T]
    repeat: Repeat
    #: Encoded.
    body: Optional[bytes] = None
    query: Optional[Mapping[str, str]] = None
    #: Seconds; the client's if `None`.
    timeout_s: Optional[float] = None


def path(*parts: str) -> str:
    """The path of these parts.

    Raises:
        ValueError: a part is `.` or `..`, by which whoever comes across the path would find another: of a dump to be
            deleted, the index.
    """
    for part in parts:
        if part in (".", ".."):
            raise ValueError(f"`{part}` is no name of anything")
    return "/v1/" + "/".join(quote(part, safe="") for part in parts)


def milliseconds(timeout_s: float) -> int:
    """A time for the server: at least one millisecond."""
    return max(1, round(timeout_s * 1000))
