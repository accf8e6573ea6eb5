"""What an HTTP response says."""

from __future__ import annotations

from typing import Optional, TypeVar

import httpx
import msgspec

from annuli import body
from annuli.call import Call
from annuli.errors import AnnuliError, ConnectionFailed, RequestFailed, TimedOut, UnexpectedAnswer

T = TypeVar("T")


def read(call: Call[T], response: httpx.Response) -> T:
    """The answer to a call.

    Raises:
        AnnuliError: it is a failure, or none of Annuli's.
    """
    if not response.is_success:
        raise failure(response)
    if call.reply is type(None):
        return None
    if call.reply is bytes:
        return response.content  # type: ignore[return-value]
    try:
        return body.decode(response.content, call.reply)
    except msgspec.DecodeError as error:
        raise UnexpectedAnswer(
            f"{call.method} {response.url} was answered by what this release cannot read: {error}",
            status=response.status_code,
        ) from error


def failure(response: httpx.Response) -> AnnuliError:
    """The error of a response that is no success."""
    found = body.decode_failure(response.content)
    if found is None:
        return UnexpectedAnswer(
            f"{response.url} answered {response.status_code} and no error of Annuli's: {response.text[:200]!r}",
            status=response.status_code,
            text=response.text,
        )
    code, message, details = found
    return RequestFailed.of(code, message, details, response.status_code, _retry_after_s(response))


def _retry_after_s(response: httpx.Response) -> Optional[float]:
    # A date, which proxies may send, is not worth a parser: the pauses of our own do.
    text = response.headers.get("retry-after", "")
    return float(text) if text.isdigit() else None


def no_answer(error: httpx.TransportError, url: str) -> AnnuliError:
    """The error of a call that got no response."""
    # Nothing is sent before there is a connection.
    begun = not isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout))
    what = str(error) or type(error).__name__
    if isinstance(error, httpx.TimeoutException) and begun:
        return TimedOut(f"{url} did not answer in time ({what})", begun=begun)
    return ConnectionFailed(f"no answer from {url}: {what}", begun=begun)
