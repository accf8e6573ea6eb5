"""Every route of the server has a call, and both twins have every call."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from conftest import REPOSITORY
from made_up import answer, answered_by

import annuli

#: Every operation, which the server's own tests hold to its table of routes.
OPERATIONS = REPOSITORY / "router" / "src" / "http" / "openapi" / "names.txt"

WITHOUT_CALL = {
    # The same as `/livez`, under its older name.
    ("GET", "/healthz"),
    # `get` asks as `get_many` does: an id may be `..`, and vectors come as bytes.
    ("GET", "/v1/indexes/{name}/documents/{id}"),
    # For people, and for those who write clients.
    ("GET", "/openapi.json"),
    ("GET", "/docs"),
    ("GET", "/docs/{file}"),
}

VECTOR = [1.0, 0.0, 0.0]


def routes() -> set[tuple[str, str]]:
    """Method and path of every route."""
    listed = (line.split() for line in OPERATIONS.read_text().splitlines())
    return {(method.upper(), path) for method, path, _ in listed}


#: One call for each; what it is given stands in for the names in the path.
CALLS: list[Callable[[annuli.Client, annuli.Index], Any]] = [
    lambda client, _: client.indexes(),
    lambda client, _: client.create_index("{name}", dim=3, metric="cosine"),
    lambda _, index: index.info(),
    lambda client, _: client.delete_index("{name}"),
    lambda _, index: index.upsert([]),
    lambda _, index: index.update([]),
    lambda _, index: index.delete([]),
    lambda _, index: index.search(VECTOR),
    lambda _, index: index.get("{id}"),
    lambda _, index: index.page(),
    lambda _, index: index.get_many([]),
    lambda _, index: index.count(),
    lambda _, index: index.dumps(),
    lambda _, index: index.start_dump(),
    lambda _, index: index.dump("{dump}"),
    lambda _, index: index.delete_dump("{dump}"),
    lambda _, index: index.start_restore("d"),
    lambda _, index: index.start_rollout(),
    lambda _, index: index.rollout("{id}"),
    lambda _, index: index.say_to_rollout("{id}", "{word}"),  # type: ignore[arg-type]
    lambda client, _: client.cluster(),
    lambda client, _: client.step_down(),
    lambda client, _: client.reshard(3),
    lambda client, _: client.cancel_reshard(),
    lambda client, _: next(client.events()),
    lambda client, _: client.aliases(),
    lambda client, _: client.set_alias("{alias}", "i"),
    lambda client, _: client.delete_alias("{alias}"),
    lambda client, _: client.tasks(),
    lambda client, _: client.task("{id}"),
    lambda client, _: client.is_live(),
    lambda client, _: client.readiness(),
    lambda client, _: client.metrics(),
]


def test_every_route_has_a_call() -> None:
    called = set()

    def note(request: httpx.Request) -> httpx.Response:
        called.add((request.method, httpx.URL(request.url).path))
        return answer(404, {"error": {"code": "not_found", "message": "no"}})

    with answered_by(note) as client:
        for call in CALLS:
            with pytest.raises(annuli.RequestFailed, match="not_found"):
                call(client, client.index("{name}"))
    assert called == routes() - WITHOUT_CALL


def test_every_call_is_in_both_twins_with_the_same_arguments() -> None:
    turned = {"aclose": "close", "__aenter__": "__enter__", "__aexit__": "__exit__"}
    for written, made in ((annuli.AsyncClient, annuli.Client), (annuli.AsyncIndex, annuli.Index)):
        names = {turned.get(name, name) for name in dir(written) if not name.startswith("__")}
        assert names == {name for name in dir(made) if not name.startswith("__")}
        for name in names - {"close", "url"}:
            if inspect.isfunction(getattr(made, name)):
                arguments = [inspect.signature(getattr(twin, name)).parameters.keys() for twin in (written, made)]
                assert arguments[0] == arguments[1], name


def test_the_twin_for_threads_is_what_is_made_of_the_one_for_asyncio() -> None:
    script = REPOSITORY / "clients" / "python" / "tools" / "make_sync.py"
    made = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True)
    assert made.returncode == 0, made.stdout + made.stderr
