"""Any number of documents."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from servers import Server

import annuli
from annuli import BatchSize, BulkFailed, Change, Document, errors


def rows(count: int, dim: int = 3) -> annuli.Rows:
    vectors = np.random.default_rng(1).standard_normal((count, dim)).astype(np.float32)
    return annuli.Rows([f"{n:05}" for n in range(count)], vectors, [{"n": n} for n in range(count)])


def test_more_than_the_server_takes_at_once_is_stored(index: annuli.Index) -> None:
    told: list[int] = []
    report = index.upsert_many(rows(10_500), progress=told.append)
    assert (report.written, report.answered, index.count()) == (10_500, 10_500, 10_500)
    assert told == [1_000] * 10 + [500]


def test_a_generator_is_read_as_it_is_sent(index: annuli.Index) -> None:
    taken = 0

    def documents():
        nonlocal taken
        for document in rows(100):
            taken += 1
            yield document

    told: list[int] = []
    index.upsert_many(documents(), batch=BatchSize(items=10), at_once=1, progress=lambda done: told.append(taken))
    assert told[0] < 100
    assert index.count() == 100


def test_a_batch_ends_before_its_bytes_are_too_many(client: annuli.Client, name: str) -> None:
    index = client.create_index(name, dim=1000, metric="cosine")
    told: list[int] = []
    index.upsert_many(rows(10, 1000), batch=BatchSize(bytes=10_000), progress=told.append)
    assert told == [2] * 5


def test_a_server_that_takes_less_is_sent_less(program: object, tmp_path: object) -> None:
    limits = {"ANNULI_LIMITS__BATCH_DOCUMENTS_MAX": "64", "ANNULI_LIMITS__BODY_BYTES_MAX": "20000"}
    with Server(program, tmp_path / "w", **limits) as server, annuli.Client(server.url) as client:  # type: ignore
        index = client.create_index("small", dim=200, metric="cosine")
        report = index.upsert_many(rows(500, 200))
        assert report.written == 500
        assert index.count() == 500
        few = client.create_index("few", dim=3, metric="cosine")
        told: list[int] = []
        few.upsert_many(rows(500), batch=BatchSize(items=100), at_once=1, progress=told.append)
        # The first batch teaches; later ones are as large as may be.
        assert told == [50, 50] + [64] * 6 + [16]
        assert few.delete_many(document.id for document in rows(500)).written == 500


def test_a_document_that_alone_is_too_large_ends_the_call(program: object, tmp_path: object) -> None:
    with (
        Server(program, tmp_path / "w", ANNULI_LIMITS__BODY_BYTES_MAX="2000") as server,  # type: ignore
        annuli.Client(server.url) as client,
    ):
        index = client.create_index("small", dim=3, metric="cosine")
        documents = [Document("a", [1, 0, 0]), Document("b", [1, 0, 0], {"long": "x" * 3000}), Document("c", [1, 0, 0])]
        with pytest.raises(BulkFailed) as caught:
            index.upsert_many(documents, at_once=1)
        assert isinstance(caught.value.cause, errors.BodyTooLarge)
        assert caught.value.report.written == 1


def test_changes_name_what_is_missing(index: annuli.Index) -> None:
    index.upsert_many(rows(50))
    changes = [Change(f"{n:05}", metadata={"m": n}) for n in range(60)]
    report = index.update_many(changes, batch=BatchSize(items=7))
    assert report.written == 50
    assert sorted(report.missing) == [f"{n:05}" for n in range(50, 60)]


def test_a_batch_of_conflicts_alone_does_not_end_the_call(index: annuli.Index) -> None:
    index.upsert([Document(f"{n:05}", [1, 0, 0]) for n in range(10)])
    documents = [Document(f"{n:05}", [1, 0, 0], if_seq=0) for n in range(30)]
    report = index.upsert_many(documents, batch=BatchSize(items=5))
    assert (report.written, report.answered) == (20, 30)
    assert sorted(conflict.id for conflict in report.conflicts) == [f"{n:05}" for n in range(10)]


def test_the_last_of_several_with_one_id_is_the_one_that_stays(index: annuli.Index) -> None:
    documents = [Document("same", [1, 0, 0], {"n": n}) for n in range(40)]
    index.upsert_many(documents, batch=BatchSize(items=1), at_once=8)
    assert index.get("same").metadata == {"n": 39}


def test_what_is_wrong_ends_the_call_and_says_how_far_it_was(index: annuli.Index) -> None:
    documents = [Document(f"{n:05}", [1, 0, 0] if n != 25 else [1, 0]) for n in range(40)]
    with pytest.raises(BulkFailed, match="after 20 documents: dimension_mismatch") as caught:
        index.upsert_many(documents, batch=BatchSize(items=10), at_once=1)
    assert isinstance(caught.value.cause, errors.DimensionMismatch)
    assert isinstance(caught.value.__cause__, errors.DimensionMismatch)
    assert caught.value.report.written == 20
    assert index.count() == 20


def test_a_bulk_call_outlives_a_crash_of_the_server(own_server: Server) -> None:
    with annuli.Client(own_server.url) as client:
        index = client.create_index("faces", dim=3, metric="cosine", shards=2)
        restarted = threading.Event()

        def crash() -> None:
            own_server.kill()
            own_server.start()
            restarted.set()

        told: list[int] = []
        crashing = threading.Thread(target=crash)

        def tell(done: int) -> None:
            told.append(done)
            if len(told) == 5:
                crashing.start()

        report = index.upsert_many(rows(4_000), batch=BatchSize(items=100), progress=tell)
        crashing.join()
        assert restarted.is_set()
        assert report.written == 4_000
        assert index.count() == 4_000


def test_a_server_that_stays_away_ends_a_bulk_call(own_server: Server) -> None:
    with annuli.Client(own_server.url) as client:
        index = client.create_index("faces", dim=3, metric="cosine")
        with pytest.raises(BulkFailed) as caught:
            index.upsert_many(
                rows(1_000),
                batch=BatchSize(items=100),
                at_once=1,
                progress=lambda done: own_server.kill(),
                patience=annuli.Patience(total_s=0.3),
            )
        assert isinstance(caught.value.cause, annuli.ConnectionFailed)
        assert caught.value.report.written == 100


def test_a_bar_shows_how_far_it_is(index: annuli.Index, capsys: pytest.CaptureFixture[str]) -> None:
    index.upsert_many(rows(20), progress=True)
    assert "20/20" in capsys.readouterr().err
