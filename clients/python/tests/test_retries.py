"""What is asked again, and what is not."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Union

import httpx
import pytest
from made_up import answer, answered_by
from servers import Server

import annuli
from annuli import Document, Patience, errors
from annuli._sync import transport
from annuli.retry import Repeat

STORED = {"indexed": 1, "duplicates": [], "shards": {"0": 1}, "as_of": "t"}
COUNTED = {"count": 0, "as_of": "t"}
STARTED = {"task": "t"}


def failure(status: int, code: str, **details: Any) -> httpx.Response:
    retry = {"retry-after": "1"} if status in (429, 503) else {}
    return answer(status, {"error": {"code": code, "message": "no", "details": details}}, retry)


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """The pauses that are made, none of which lasts."""
    pauses: list[float] = []
    monkeypatch.setattr(transport, "sleep", pauses.append)
    return pauses  # type: ignore[return-value]


def requests_of(call: Callable[[annuli.Client], Any], *answers: Union[httpx.Response, Exception]) -> int:
    """How many requests are made of a call, of which the first are answered so, and all others well."""
    left, made = list(answers), 0

    def handle(request: httpx.Request) -> httpx.Response:
        nonlocal made
        made += 1
        if left:
            said = left.pop(0)
            if isinstance(said, Exception):
                raise said
            return said
        if request.url.path.endswith("/count"):
            return answer(200, COUNTED)
        return answer(200, STARTED if request.url.path.endswith("/dumps") else STORED)

    with answered_by(handle, Patience(total_s=60)) as client:
        try:
            call(client)
        except annuli.AnnuliError:
            return -made
    return made


def read(client: annuli.Client) -> Any:
    return client.index("faces").count()


def write(client: annuli.Client) -> Any:
    return client.index("faces").upsert([Document("a", [1, 0, 0])])


def write_if(client: annuli.Client) -> Any:
    return client.index("faces").upsert([Document("a", [1, 0, 0], if_seq=3)])


def begin(client: annuli.Client) -> Any:
    return client.index("faces").start_dump()


#: What happens first, and how many requests a read, a write, a conditional write and a task come to; negative if they
#: fail all the same.
CASES: list[tuple[Callable[[], Union[httpx.Response, Exception]], tuple[int, int, int, int]]] = [
    (lambda: failure(429, "overloaded"), (2, 2, 2, 2)),
    (lambda: failure(503, "shutting_down"), (2, 2, 2, 2)),
    (lambda: failure(503, "shard_unavailable"), (2, 2, -1, -1)),
    (lambda: failure(503, "shard_unavailable", effect="unknown"), (2, 2, -1, -1)),
    (lambda: failure(503, "shard_unavailable", effect="none"), (2, 2, 2, 2)),
    (lambda: failure(503, "coordination_unavailable"), (2, 2, -1, -1)),
    (lambda: failure(503, "index_sealed", effect="none"), (2, 2, 2, 2)),
    (lambda: failure(504, "deadline_exceeded"), (-1, -1, -1, -1)),
    (lambda: failure(500, "storage_failed"), (-1, -1, -1, -1)),
    (lambda: failure(404, "index_not_found"), (-1, -1, -1, -1)),
    (lambda: answer(502, b"Bad Gateway"), (2, 2, -1, -1)),
    (lambda: answer(504, b"Gateway Timeout"), (-1, -1, -1, -1)),
    (lambda: httpx.ConnectError("refused"), (2, 2, 2, 2)),
    (lambda: httpx.ConnectTimeout("slow"), (2, 2, 2, 2)),
    (lambda: httpx.ReadError("reset"), (2, 2, -1, -1)),
    (lambda: httpx.RemoteProtocolError("cut off"), (2, 2, -1, -1)),
    (lambda: httpx.ReadTimeout("silent"), (-1, -1, -1, -1)),
]


@pytest.mark.parametrize(("first", "expected"), CASES)
def test_a_call_is_made_again_where_that_may_help_and_does_no_harm(
    first: Callable[[], Union[httpx.Response, Exception]], expected: tuple[int, ...], slept: list[float]
) -> None:
    assert tuple(requests_of(call, first()) for call in (read, write, write_if, begin)) == expected


def test_pauses_are_at_least_what_the_server_asks_for(slept: list[float]) -> None:
    assert requests_of(read, *[failure(429, "overloaded") for _ in range(4)]) == 5
    assert all(1.0 <= pause <= 1.0 + bound for pause, bound in zip(slept, [0.1, 0.2, 0.4, 0.8]))


def pauses(patience: Patience, error: annuli.AnnuliError, drawn: float, count: int) -> list[Union[float, None]]:
    return [patience.pause_s(error, Repeat.ALWAYS, failures, 0.0, drawn) for failures in range(count)]


def test_pauses_double_up_to_a_bound_and_are_drawn_below_it() -> None:
    gone = annuli.ConnectionFailed("gone", begun=False)
    patience = Patience(total_s=60, first_s=1.0, longest_s=5.0)
    assert pauses(patience, gone, 0.5, 5) == [0.5, 1.0, 2.0, 2.5, 2.5]
    assert pauses(patience, gone, 0.0, 2) == [0.0, 0.0]
    assert patience.pause_s(gone, Repeat.ALWAYS, 10_000, 0.0, 0.5) == 2.5


def test_patience_ends() -> None:
    gone = annuli.ConnectionFailed("gone", begun=False)
    patience = Patience(total_s=3, first_s=1.0)
    assert patience.pause_s(gone, Repeat.ALWAYS, 0, 2.4, 0.5) == 0.5
    assert patience.pause_s(gone, Repeat.ALWAYS, 0, 2.6, 0.5) is None
    long = errors.RequestFailed.of("overloaded", "no", {}, 429, retry_after_s=4.0)
    assert patience.pause_s(long, Repeat.ALWAYS, 0, 0.0, 0.5) is None
    assert Patience(total_s=0).pause_s(gone, Repeat.ALWAYS, 0, 0.0, 0.5) is None


def test_a_server_that_is_full_is_waited_for(program: Path, tmp_path: Path) -> None:
    with Server(program, tmp_path, ANNULI_LIMITS__CONCURRENT_REQUESTS_MAX="1") as server:
        with annuli.Client(server.url, patience=Patience(total_s=0)) as client:
            index = client.create_index("faces", dim=3, metric="cosine")
            place = occupied(server.url)
            with pytest.raises(errors.Overloaded) as caught:
                index.upsert([Document("a", [1, 0, 0])])
            assert caught.value.retry_after_s == 1.0
        with annuli.Client(server.url, patience=Patience(total_s=30)) as client:
            place.close()
            assert client.index("faces").upsert([Document("a", [1, 0, 0], if_seq=0)]).indexed == 1


def occupied(url: str) -> socket.socket:
    """A request whose body never comes to its end: it keeps its place as long as it is connected."""
    host, port = url.removeprefix("http://").split(":")
    place = socket.create_connection((host, int(port)))
    headers = "content-type: application/json\r\ncontent-length: 9\r\nexpect: 100-continue"
    place.sendall(f"POST /v1/indexes/faces/count HTTP/1.1\r\nhost: x\r\n{headers}\r\n\r\n".encode())
    # By this answer the server says that it waits for the body.
    assert place.recv(12) == b"HTTP/1.1 100"
    return place


def test_a_server_that_says_nothing_is_given_up(own_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_GRACE_S", 0.1)
    with annuli.Client(own_server.url) as client:
        index = client.create_index("faces", dim=3, metric="cosine")
        own_server.freeze()
        with pytest.raises(annuli.TimedOut) as caught:
            index.upsert([Document("a", [1, 0, 0])], timeout=0.1)
        assert caught.value.begun
        own_server.thaw()
        index.upsert([Document("a", [1, 0, 0])])
        assert index.count() == 1


def test_a_server_that_comes_back_is_found_again(own_server: Server) -> None:
    with annuli.Client(own_server.url, patience=Patience(total_s=60)) as client:
        index = client.create_index("faces", dim=3, metric="cosine")
        index.upsert([Document("a", [1, 0, 0])])
        # The connection that is kept is dead by then.
        own_server.kill()
        own_server.start()
        assert index.count() == 1
