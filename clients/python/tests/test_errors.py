"""How calls fail: each code of the server's list has a class, and real requests meet them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import REPOSITORY
from made_up import answering
from servers import Server

import annuli
from annuli import Document, errors
from annuli.call import Call
from annuli.retry import Repeat

CODES = REPOSITORY / "indexer" / "api" / "src" / "error.rs"


def codes() -> dict[str, int]:
    """Every code of the server, with its status."""
    text = CODES.read_text()
    listed = re.search(r"pub enum ErrorCode \{(.*?)\n\}", text, re.DOTALL)
    assert listed
    names = re.findall(r"^    (\w+),", listed[1], re.MULTILINE)
    arms = re.search(r"const fn status.*?match self \{(.*?)\n        \}", text, re.DOTALL)
    assert arms
    statuses = {
        name: int(status)
        for variants, status in re.findall(r"((?:Self::\w+[\s|]*)+)=> (\d+)", arms[1])
        for name in re.findall(r"Self::(\w+)", variants)
    }
    return {re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower(): statuses[name] for name in names}


def test_every_code_of_the_server_has_a_class_and_no_other_has() -> None:
    assert sorted(errors.RequestFailed.classes) == sorted(codes())
    for code, known in errors.RequestFailed.classes.items():
        assert re.sub(r"(?<!^)(?=[A-Z])", "_", known.__name__).lower() == code
        assert known.__doc__


@pytest.mark.parametrize(("code", "status"), codes().items())
def test_a_failure_is_raised_as_the_class_of_its_code(code: str, status: int) -> None:
    failure = {"error": {"code": code, "message": "no", "details": {"limit": 7}}}
    with answering(status, failure, {"retry-after": "3"}) as client, pytest.raises(errors.RequestFailed) as caught:
        client.index("faces").count()
    assert type(caught.value) is errors.RequestFailed.classes[code]
    assert (caught.value.code, caught.value.status, caught.value.retry_after_s) == (code, status, 3.0)
    assert caught.value.details == {"limit": 7}
    assert str(caught.value) == f"{code}: no"


def test_a_code_of_a_later_server_is_a_plain_failure() -> None:
    failure = {"error": {"code": "too_early", "message": "no"}}
    with answering(425, failure) as client, pytest.raises(errors.RequestFailed, match="too_early: no") as caught:
        client.index("faces").count()
    assert type(caught.value) is errors.RequestFailed


def test_what_is_no_answer_of_annuli_is_told_as_such() -> None:
    with answering(502, b"<h1>Bad Gateway</h1>") as client, pytest.raises(annuli.UnexpectedAnswer, match="Bad Gateway"):
        client.index("faces").count()
    with answering(200, {"counted": 3}) as client, pytest.raises(annuli.UnexpectedAnswer, match="missing required"):
        client.index("faces").count()


def test_nobody_who_listens_is_a_failed_connection() -> None:
    with annuli.Client("http://127.0.0.1:1", patience=annuli.Patience(total_s=0)) as client:
        with pytest.raises(annuli.ConnectionFailed, match=r"http://127\.0\.0\.1:1"):
            client.indexes()
        assert not client.is_live()
        assert not client.readiness().ready


WRONG: list[tuple[type[errors.RequestFailed], Callable[[annuli.Client, annuli.Index], Any]]] = [
    (errors.AliasConflict, lambda client, index: client.set_alias(index.name, index.name)),
    (errors.AliasNotFound, lambda client, _: client.delete_alias("nobody")),
    (errors.DimensionMismatch, lambda _, index: index.upsert([Document("a", [1, 2])])),
    (errors.DimensionMismatch, lambda _, index: index.search([1, 2])),
    (errors.DocumentNotFound, lambda _, index: index.get("nobody", include=[])),
    (errors.DocumentNotFound, lambda _, index: index.search(id="nobody")),
    (errors.DumpNotFound, lambda _, index: index.dump("nothing")),
    (errors.DumpNotFound, lambda _, index: index.delete_dump("nothing")),
    (errors.EmptyBatch, lambda _, index: index.upsert([])),
    (errors.EmptyBatch, lambda _, index: index.delete([])),
    (errors.IndexExists, lambda client, index: client.create_index(index.name, dim=4, metric="cosine")),
    (errors.IndexNotFound, lambda client, _: client.index("nothing").count()),
    (errors.IndexNotFound, lambda client, _: client.delete_index("nothing")),
    (errors.InvalidFilter, lambda _, index: index.count({"age": {"$about": 7}})),
    (errors.InvalidFilter, lambda _, index: index.delete(filter={})),
    (errors.InvalidId, lambda _, index: index.upsert([Document("", [1, 0, 0])])),
    (errors.InvalidId, lambda _, index: index.upsert([Document("a" * 513, [1, 0, 0])])),
    (errors.InvalidMetadata, lambda _, index: index.upsert([Document("a", [1, 0, 0], {"long": "x" * 70_000})])),
    (errors.InvalidName, lambda client, _: client.create_index("No Name", dim=3, metric="cosine")),
    (errors.InvalidRequest, lambda _, index: index.delete()),
    (errors.InvalidRequest, lambda client, _: client.cluster()),
    (errors.InvalidRequest, lambda client, _: next(client.events())),
    (errors.InvalidRequest, lambda _, index: index.start_rollout()),
    (errors.InvalidSchema, lambda client, _: client.create_index("flat", dim=0, metric="cosine")),
    (errors.InvalidSchema, lambda client, _: client.create_index("flat", dim=3, metric="taxi")),  # type: ignore
    (errors.InvalidVector, lambda _, index: index.upsert([Document("a", [1, np.nan, 0])])),
    (errors.InvalidVector, lambda _, index: index.upsert([Document("a", [0, 0, 0])])),
    (errors.InvalidVector, lambda _, index: index.search(np.array([1e300, 0, 0]))),
    (errors.LimitExceeded, lambda _, index: index.search([1, 0, 0], limit=20_000)),
    (errors.LimitExceeded, lambda _, index: index.count(timeout=10_000)),
    (errors.TaskNotFound, lambda client, _: client.task("nothing")),
    (errors.NotFound, lambda client, _: say(client, "GET", "/v1/nothing")),
    (errors.MethodNotAllowed, lambda client, _: say(client, "PATCH", "/v1/indexes")),
    (errors.MalformedMessagePack, lambda client, index: say(client, "POST", index._path("count"), b"\x81")),
]


def say(client: annuli.Client, method: str, path: str, sent: Any = None) -> Any:
    return client._transport.call(Call(method, path, bytes, Repeat.ALWAYS, body=sent))


@pytest.mark.parametrize(("kind", "wrong"), WRONG, ids=[f"{n}-{kind.__name__}" for n, (kind, _) in enumerate(WRONG)])
def test_what_is_wrong_is_refused_by_a_real_server(
    kind: type[errors.RequestFailed], wrong: Any, client: annuli.Client, index: annuli.Index
) -> None:
    with pytest.raises(kind) as caught:
        wrong(client, index)
    assert type(caught.value) is kind
    assert caught.value.message
    assert not caught.value.begun
    assert index.count() == 0


def test_a_body_that_is_too_large_names_the_limit(program: Path, tmp_path: Path) -> None:
    with Server(program, tmp_path, ANNULI_LIMITS__BODY_BYTES_MAX="2000") as server, annuli.Client(server.url) as client:
        index = client.create_index("faces", dim=3, metric="cosine")
        with pytest.raises(errors.BodyTooLarge) as caught:
            index.upsert([Document("a", [1, 0, 0], {"long": "x" * 3000})])
        assert caught.value.details == {"limit": 2000}


def test_a_server_with_keys_lets_in_who_shows_one_and_tells_which_is_needed(program: Path, tmp_path: Path) -> None:
    key = "key-of-the-reader-0001"
    with Server(program, tmp_path, ANNULI_API_KEY_READ=key) as server:
        with annuli.Client(server.url) as stranger, pytest.raises(errors.Unauthenticated, match="asks for a key"):
            stranger.indexes()
        with annuli.Client(server.url, api_key=key) as reader:
            assert reader.indexes().indexes == []
            with pytest.raises(errors.Forbidden, match="has the role read, this needs admin") as caught:
                reader.create_index("faces", dim=3, metric="cosine")
            assert caught.value.details["needs"] == "admin"
            assert not caught.value.begun


def test_a_token_of_an_index_that_is_gone_is_stale(client: annuli.Client, index: annuli.Index) -> None:
    session = index.session()
    session.upsert([Document("a", [1, 0, 0])])
    client.delete_index(index.name)
    client.create_index(index.name, dim=3, metric="cosine")
    with pytest.raises(errors.StaleToken):
        session.count()
    session.forget()
    assert session.count() == 0


def test_too_little_time_is_the_servers_to_say(index: annuli.Index) -> None:
    vectors = np.ones((9_000, 3), np.float32)
    with pytest.raises(errors.DeadlineExceeded) as caught:
        index.upsert(annuli.Rows([str(n) for n in range(len(vectors))], vectors), timeout=0.001)
    assert caught.value.begun


def test_a_value_that_only_messagepack_knows_is_refused(index: annuli.Index) -> None:
    with pytest.raises(errors.InvalidRequest, match="expected a JSON value"):
        index.upsert([Document("a", [1, 0, 0], {"bytes": b"x"})])
    assert index.count() == 0


def test_what_a_failure_says_of_its_effect_is_read() -> None:
    def begun(code: str, **details: Any) -> bool:
        return errors.RequestFailed.of(code, "no", details).begun

    part = {"code": "shard_unavailable", "message": "gone"}
    without = {**part, "details": {"effect": "none"}}
    assert not begun("overloaded")
    assert not begun("shutting_down")
    assert not begun("invalid_request")
    assert begun("shard_unavailable")
    assert begun("deadline_exceeded")
    assert not begun("shard_unavailable", effect="none")
    assert begun("shard_unavailable", effect="unknown")
    assert not begun("shard_unavailable", failed=[{"shard": 0, "error": without}])
    assert begun("shard_unavailable", failed=[{"shard": 0, "error": without}, {"shard": 1, "error": part}])
    assert begun("shard_unavailable", failed=[{"shard": 0, "error": without}], acknowledged={"1": 7})
