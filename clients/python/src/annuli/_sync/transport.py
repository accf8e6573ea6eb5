"""Makes calls: sends, waits, makes them again where that may help and does no harm."""

from __future__ import annotations

import contextlib
import os
import random
import time
from collections.abc import Iterator, Mapping
from typing import Optional, TypeVar

import httpx

from annuli import answer, body
from annuli._sync.waiting import sleep
from annuli.call import Call
from annuli.errors import AnnuliError, ConnectionFailed
from annuli.retry import Patience

T = TypeVar("T")

#: Seconds that a server has beyond its deadline to say that it has passed, which says more than silence.
_GRACE_S = 5.0

#: Seconds for a connection at least, however little time there is for the answer: a handshake may be sent twice.
_CONNECT_S = 2.0

#: Servers close what has been silent for 60 seconds. A connection that is older than this is not used again.
_KEEPALIVE_S = 30.0


class Transport:
    """Connections to one server."""

    def __init__(
        self,
        url: Optional[str],
        *,
        timeout_s: float,
        patience: Patience,
        connections: int,
        api_key: Optional[str],
        headers: Optional[Mapping[str, str]],
    ) -> None:
        self.url = (url or os.environ.get("ANNULI_URL") or "http://127.0.0.1:7700").rstrip("/")
        self.timeout_s = timeout_s
        self.patience = patience
        key = api_key or os.environ.get("ANNULI_API_KEY")
        sent = {"accept": body.CONTENT_TYPE, **(headers or {})}
        if key:
            sent["authorization"] = f"Bearer {key}"
        self._http = httpx.Client(
            base_url=self.url,
            headers=sent,
            limits=httpx.Limits(
                max_connections=connections,
                max_keepalive_connections=connections,
                keepalive_expiry=_KEEPALIVE_S,
            ),
        )

    def call(self, call: Call[T], patience: Optional[Patience] = None) -> T:
        """What a call answers.

        Raises:
            AnnuliError: it failed, and was not made again or in vain.
        """
        patience = patience or self.patience
        failures, first_failed_at = 0, 0.0
        while True:
            try:
                return self._call_once(call)
            except AnnuliError as error:
                now = time.monotonic()
                first_failed_at = first_failed_at if failures else now
                pause_s = patience.pause_s(error, call.repeat, failures, now - first_failed_at, random.random())
                if pause_s is None:
                    raise
                failures += 1
            sleep(pause_s)

    def _call_once(self, call: Call[T]) -> T:
        timeout_s = self.timeout_s if call.timeout_s is None else call.timeout_s
        headers = {} if call.body is None else {"content-type": body.CONTENT_TYPE}
        try:
            response = self._http.request(
                call.method,
                call.path,
                content=call.body,
                params=call.query,
                headers=headers,
                timeout=httpx.Timeout(timeout_s + _GRACE_S, connect=max(timeout_s, _CONNECT_S)),
            )
        except httpx.TransportError as error:
            raise answer.no_answer(error, self.url) from error
        return answer.read(call, response)

    @contextlib.contextmanager
    def pieces(self, path: str, query: Mapping[str, str], silence_s: float) -> Iterator[Iterator[str]]:
        """The text of an answer that goes on, as it comes; one that is silent for longer has ended.

        Raises:
            AnnuliError: it was refused, or cut off.
        """
        timeout = httpx.Timeout(silence_s, connect=self.timeout_s)
        try:
            with self._http.stream("GET", path, params=query, timeout=timeout) as response:
                if not response.is_success:
                    response.read()
                    raise answer.failure(response)
                yield response.iter_text()
        except httpx.TransportError as error:
            # Silence is an end as well: whoever listens has not asked for an answer within a time.
            raise ConnectionFailed(f"{self.url} has fallen silent: {error}", begun=False) from error

    def close(self) -> None:
        """Closes every connection."""
        self._http.close()
