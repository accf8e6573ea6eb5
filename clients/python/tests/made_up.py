"""A client whose server is a function, for what no real server does when it is asked to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Optional, Union

import httpx

import annuli
from annuli import body

Handler = Callable[[httpx.Request], httpx.Response]


def answered_by(handler: Handler, patience: Optional[annuli.Patience] = None) -> annuli.Client:
    """A client whose requests are answered by `handler`."""
    client = annuli.Client("http://mock", patience=patience or annuli.Patience(total_s=0))
    client._transport._http.close()
    client._transport._http = httpx.Client(transport=httpx.MockTransport(handler), base_url="http://mock")
    return client


def answer(status: int, said: Union[bytes, Any], headers: Optional[dict[str, str]] = None) -> httpx.Response:
    """An answer in MessagePack, or of these bytes."""
    content = said if isinstance(said, bytes) else body.encode(said)
    return httpx.Response(status, content=content, headers=headers)


def answering(status: int, said: Union[bytes, Any], headers: Optional[dict[str, str]] = None) -> annuli.Client:
    """A client whose requests are all answered so."""
    return answered_by(lambda request: answer(status, said, headers))
