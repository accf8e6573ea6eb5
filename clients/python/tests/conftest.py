"""Real servers for the tests: each in a folder of its own, on a port of its own."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from servers import Cluster, Server

import annuli

#: This package is tested within the repository that it is a client of.
REPOSITORY = Path(__file__).resolve().parents[3]

_NAMES = (f"index-{number}" for number in itertools.count())


@pytest.fixture(scope="session")
def program() -> Path:
    """The server: `ANNULI_PROGRAM`, or the one that was built last."""
    named = os.environ.get("ANNULI_PROGRAM")
    if named:
        return Path(named).resolve()
    built = [REPOSITORY / "target" / profile / "annuli" for profile in ("release", "debug")]
    there = [path for path in built if path.exists()]
    if not there:
        pytest.fail("no server: build it (cargo build -p annuli --bin annuli), or name one in ANNULI_PROGRAM")
    return max(there, key=lambda path: path.stat().st_mtime)


@pytest.fixture(scope="session")
def server(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that many tests share: each uses indexes of its own."""
    with Server(program, tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture
def own_server(program: Path, tmp_path: Path) -> Iterator[Server]:
    """A server that a test may kill, stop or starve."""
    with Server(program, tmp_path / "workspace") as server:
        yield server


@pytest.fixture(scope="session")
def cluster(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster of two shards with a replica each; it dumps only when it is told to."""
    with Cluster(program, tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture
def client(server: Server) -> Iterator[annuli.Client]:
    """A client of the shared server, which takes a failure as final."""
    with annuli.Client(server.url, patience=annuli.Patience(total_s=0)) as client:
        yield client


@pytest.fixture
def name() -> str:
    """A name that no other test has."""
    return next(_NAMES)


@pytest.fixture
def index(client: annuli.Client, name: str) -> annuli.Index:
    """An empty index of three dimensions on two shards."""
    return client.create_index(name, dim=3, metric="cosine", shards=2)
