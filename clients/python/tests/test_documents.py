"""Documents, written and read."""

from __future__ import annotations

import datetime
import uuid

import numpy as np
import pytest

import annuli
from annuli import Change, Document, Field, errors

ANN = Document("ann", [1, 0, 0.2], {"age": 31, "tags": ["x", "y"]})
BOB = Document("bob", np.array([0, 1, 0.1]), {"age": 44, "home": {"town": "Ulm"}})


def ids(documents: object) -> list[str]:
    return [document.id for document in documents]  # type: ignore[attr-defined]


def test_what_is_stored_is_read_back_as_it_was_sent(index: annuli.Index) -> None:
    reply = index.upsert([ANN, BOB])
    assert (reply.indexed, reply.duplicates, reply.conflicts) == (2, [], [])
    ann = index.get("ann")
    assert ann.metadata == {"age": 31, "tags": ["x", "y"]}
    assert ann.vector is not None
    assert ann.vector.dtype == np.float32
    np.testing.assert_array_equal(ann.vector, np.array([1, 0, 0.2], np.float32))
    assert ann.as_of


def test_a_dict_is_a_document_and_a_change(index: annuli.Index) -> None:
    index.upsert([{"id": "ann", "vector": (1, 0, 0), "metadata": {"n": 1}}])
    assert index.update([{"id": "ann", "metadata": {"m": 2}}]).updated == 1
    assert index.get("ann").metadata == {"n": 1, "m": 2}


def test_a_misspelt_field_of_a_dict_is_refused(index: annuli.Index) -> None:
    with pytest.raises(errors.InvalidRequest, match="vectr"):
        index.upsert([{"id": "ann", "vectr": [1, 0, 0]}])


def test_the_last_of_several_with_one_id_wins(index: annuli.Index) -> None:
    reply = index.upsert([ANN, Document("ann", [0, 0, 1])])
    assert (reply.indexed, reply.duplicates) == (1, ["ann"])
    assert index.get("ann").metadata == {}


def test_a_change_merges_metadata_and_none_removes_a_field(index: annuli.Index) -> None:
    index.upsert([BOB])
    reply = index.update([Change("bob", metadata={"home": {"town": None, "zip": 89073}}), Change("eve", [1, 0, 0])])
    assert (reply.updated, reply.missing) == (1, ["eve"])
    assert index.get("bob").metadata == {"age": 44, "home": {"zip": 89073}}


def test_a_change_of_the_vector_leaves_the_metadata(index: annuli.Index) -> None:
    index.upsert([ANN])
    index.update([Change("ann", vector=np.array([0, 0, 2], np.float64))])
    ann = index.get("ann")
    assert ann.vector is not None
    assert ann.vector.tolist() == [0, 0, 2]
    assert ann.metadata == ANN.metadata


def test_documents_are_removed_by_id_and_by_filter(index: annuli.Index) -> None:
    index.upsert([ANN, BOB, Document("eve", [0, 0, 1], {"age": 70})])
    assert index.delete(["ann", "nobody"]).deleted == 1
    assert index.delete(filter=Field("age") > 60).deleted == 1
    assert ids(index.documents()) == ["bob"]


def test_a_condition_holds_or_nothing_is_written(index: annuli.Index) -> None:
    index.upsert([Document("ann", [1, 0, 0], if_seq=0)])
    seq = index.get("ann").seq
    with pytest.raises(errors.SeqConflict) as caught:
        index.upsert([Document("ann", [0, 1, 0], if_seq=0)])
    assert caught.value.details["conflicts"] == [{"id": "ann", "seq": seq}]
    index.update([Change("ann", metadata={"n": 1}, if_seq=seq)])
    with pytest.raises(errors.SeqConflict):
        index.delete(["ann"], if_seq=seq)
    assert index.count() == 1


def test_conditions_that_hold_are_not_hindered_by_those_that_do_not(index: annuli.Index) -> None:
    index.upsert([Document("ann", [1, 0, 0])])
    reply = index.upsert([Document("ann", [1, 0, 0], if_seq=0), Document("bob", [1, 0, 0], if_seq=0)])
    assert reply.indexed == 1
    assert [conflict.id for conflict in reply.conflicts] == ["ann"]


def test_many_are_read_in_the_order_asked(index: annuli.Index) -> None:
    index.upsert([ANN, BOB])
    reply = index.get_many(["bob", "eve", "ann"], include=["vector"])
    assert (ids(reply.documents), reply.missing) == (["bob", "ann"], ["eve"])
    assert reply.documents[0].metadata is None
    assert reply.documents[0].vector is not None
    assert reply.documents[0].vector.tolist() == pytest.approx([0, 1, 0.1])


def test_a_vector_that_was_given_out_may_be_written_to(index: annuli.Index) -> None:
    index.upsert([ANN])
    vector = index.get_many(["ann"]).documents[0].vector
    assert vector is not None
    vector *= 2
    assert vector[0] == 2


def test_pages_follow_one_another_to_the_end(index: annuli.Index) -> None:
    index.upsert([Document(f"{n:03}", [1, n, 0], {"n": n}) for n in range(25)])
    first = index.page(limit=10)
    assert ids(first.documents) == [f"{n:03}" for n in range(10)]
    second = index.page(limit=10, cursor=first.next, include=["metadata", "vector"])
    assert second.documents[0].vector is not None
    assert second.documents[0].vector.tolist() == [1, 10, 0]
    assert index.page(limit=100).next is None
    assert len(list(index.documents(page_size=7))) == 25


def test_listing_and_counting_take_filters(index: annuli.Index) -> None:
    index.upsert([Document(f"{n:03}", [1, n, 0], {"n": n, "name": "ü & ?"}) for n in range(25)])
    assert ids(index.documents(filter={"n": {"$gte": 20}}, page_size=2)) == ["020", "021", "022", "023", "024"]
    assert index.count(Field("name") == "ü & ?") == 25
    assert index.count() == 25


@pytest.mark.parametrize("strange", ["a/b?c=d#e%2F ü ..\n", "..", "."])
def test_an_id_may_be_any_text(index: annuli.Index, strange: str) -> None:
    index.upsert([Document(strange, [1, 0, 0])])
    assert index.get(strange).id == strange
    assert index.delete([strange]).deleted == 1


def test_values_of_numpy_are_metadata(index: annuli.Index) -> None:
    metadata = {"n": np.int64(7), "x": np.float32(0.5), "list": np.arange(3), "flag": np.bool_(True)}
    index.upsert([Document("ann", [1, 0, 0], metadata)])
    assert index.get("ann").metadata == {"n": 7, "x": 0.5, "list": [0, 1, 2], "flag": True}


def test_moments_and_their_like_become_texts(index: annuli.Index) -> None:
    moment, name = datetime.datetime(2026, 2, 3, tzinfo=datetime.timezone.utc), uuid.UUID(int=7)
    index.upsert([Document("ann", [1, 0, 0], {"at": moment, "id": name, 7: "seven"})])  # type: ignore[dict-item]
    assert index.get("ann").metadata == {"at": "2026-02-03T00:00:00Z", "id": str(name), "7": "seven"}
    assert index.count(Field("at") < moment + datetime.timedelta(days=1)) == 1  # type: ignore[operator]


def test_rows_of_arrays_are_documents(index: annuli.Index) -> None:
    vectors = np.eye(3, dtype=np.float16)
    rows = annuli.Rows(["a", "b", "c"], vectors, [{"n": n} for n in range(3)])
    assert len(rows) == 3
    index.upsert(rows[1:])
    assert ids(index.documents()) == ["b", "c"]
    assert index.get("c").metadata == {"n": 2}
    with pytest.raises(ValueError, match="2 ids go with 3 vectors"):
        annuli.Rows(["a", "b"], vectors)


def test_what_is_no_vector_is_refused_before_it_is_sent(index: annuli.Index) -> None:
    with pytest.raises(ValueError, match=r"one row of numbers, this has the shape \(1, 3\)"):
        index.upsert([Document("ann", [[1, 0, 0]])])
    with pytest.raises(TypeError, match="type object"):
        index.upsert([Document("ann", [1, 0, 0], {"what": object()})])
