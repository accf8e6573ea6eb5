"""Indexes, aliases, tasks, dumps of one process; rollouts, events and sessions of a cluster."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from servers import Cluster

import annuli
from annuli import Document, errors
from annuli.operations import Canary, Compare, Flip, Prepare


def test_an_index_tells_how_it_is(client: annuli.Client, index: annuli.Index) -> None:
    index.upsert([Document("a", [1, 0, 0])])
    info = index.info()
    assert (info.name, info.dim, info.metric, info.shards, info.documents) == (index.name, 3, "cosine", 2, 1)
    assert info.status in ("ready", "building")
    assert info.hnsw is not None
    assert info.hnsw.m == 16
    assert info.quantization == "int8"
    assert [shard.shard for shard in info.shard_status] == [0, 1]
    assert sum(shard.tail.documents for shard in info.shard_status if shard.tail) == 1
    assert index.name in [known.name for known in client.indexes().indexes]


def test_to_create_what_is_there_is_no_error(client: annuli.Client, index: annuli.Index) -> None:
    client.create_index(index.name, dim=3, metric="cosine", shards=2)
    client.delete_index(index.name)
    with pytest.raises(errors.IndexNotFound):
        index.info()


def test_an_alias_stands_for_one_index_after_the_other(client: annuli.Client, index: annuli.Index, name: str) -> None:
    other, alias = client.create_index(f"{name}-b", dim=3, metric="cosine"), f"{name}-alias"
    index.upsert([Document("a", [1, 0, 0])])
    client.set_alias(alias, index.name)
    assert client.index(alias).count() == 1
    client.set_alias(alias, other.name)
    assert client.index(alias).count() == 0
    assert client.aliases()[alias] == other.name
    client.delete_alias(alias)
    assert alias not in client.aliases()


def test_a_dump_is_taken_found_and_deleted(client: annuli.Client, index: annuli.Index) -> None:
    index.upsert([Document("a", [1, 0, 0])])
    task = client.wait(index.start_dump(), timeout=60)
    assert (task.kind, task.status, task.index, task.is_over) == ("dump", "succeeded", index.name, True)
    assert task.id in [known.id for known in client.tasks()]
    [dump] = index.dumps()
    assert index.dump(dump.dump) == dump
    assert (dump.index, dump.documents, dump.shards, dump.generation) == (index.name, 1, 2, None)
    index.delete_dump(dump.dump)
    assert index.dumps() == []


def test_a_name_that_leads_elsewhere_is_no_name(client: annuli.Client, index: annuli.Index) -> None:
    # As a path, this would be the index.
    with pytest.raises(ValueError, match=r"`\.\.` is no name"):
        index.delete_dump("..")
    with pytest.raises(ValueError, match=r"`\.` is no name"):
        client.delete_alias(".")
    assert index.count() == 0


def test_a_server_tells_how_it_does(client: annuli.Client) -> None:
    assert client.is_live()
    assert client.readiness() == annuli.operations.Readiness(True, "")
    assert "annuli_" in client.metrics()


@pytest.fixture
def clustered(cluster: Cluster) -> Iterator[annuli.Client]:
    with annuli.Client(cluster.url) as client:
        yield client


@pytest.fixture
def served(clustered: annuli.Client, name: str) -> annuli.Index:
    """An index of a cluster of which a generation is official, with the document `old`."""
    index = clustered.create_index(name, dim=3, metric="cosine")
    index.upsert([Document("old", [1, 0, 0])])
    roll_out(clustered, index)
    return index


def roll_out(client: annuli.Client, index: annuli.Index) -> str:
    client.wait(index.start_dump(), timeout=60)
    return client.wait(index.start_rollout(), timeout=60).id


def test_a_session_sees_its_writes_where_others_see_what_replicas_have(served: annuli.Index) -> None:
    session = served.session()
    for n in range(8):
        session.upsert([Document(f"{n}", [1, n, 0])])
    # Replicas have the dump, and nobody rolls out another one.
    assert served.count() == 1
    assert session.count() == 9
    assert len(session.search([1, 0, 0], limit=100)) == 9
    assert session.get("7").id == "7"
    assert len(list(session.documents())) == 9
    assert [hit.shards.total for hit in session.search_many([[1, 0, 0]], limit=100)] == [2]
    assert served.count(consistency="primary") == 9
    assert served.count() == 1


def test_a_rollout_is_planned_begun_and_taken_back(clustered: annuli.Client, served: annuli.Index) -> None:
    served.upsert([Document("new", [0, 1, 0])])
    clustered.wait(served.start_dump(), timeout=60)
    plan = served.plan_rollout(max_unavailable=1, canary=Canary(5, floor_percent=70))
    assert plan.generation == 2
    assert isinstance(plan.steps[0], Prepare)
    assert Compare(percent=5, searches=100, floor_percent=70) in plan.steps
    assert any(isinstance(step, Flip) and step.from_generation == 1 for step in plan.steps)

    rollout = served.start_rollout(2, approve=True)
    waits_for_approval(clustered, rollout)
    assert served.count() == 1
    served.say_to_rollout(rollout, "resume")
    assert clustered.wait(rollout, timeout=60).status == "succeeded"
    assert served.rollout(rollout).status == "succeeded"
    assert served.count() == 2

    served.say_to_rollout(rollout, "rollback")
    with pytest.raises(annuli.TaskFailed, match="rolled_back"):
        clustered.wait(rollout, timeout=60)
    assert served.count() == 1
    cluster = clustered.cluster()
    assert cluster.coordinator
    assert (cluster.indexes[served.name].generation, cluster.indexes[served.name].held) == (1, True)
    with pytest.raises(errors.TaskConflict):
        served.say_to_rollout(rollout, "resume")


def waits_for_approval(client: annuli.Client, rollout: str) -> None:
    for event in client.events(after="0"):
        if event.kind == "rollout_paused" and event.data["rollout"] == rollout:
            return


def test_a_task_that_takes_longer_is_told(clustered: annuli.Client, served: annuli.Index) -> None:
    served.upsert([Document("new", [0, 1, 0])])
    clustered.wait(served.start_dump(), timeout=60)
    rollout = served.start_rollout(approve=True)
    with pytest.raises(annuli.TimedOut, match=f"the rollout {rollout} is still"):
        clustered.wait(rollout, timeout=0.2)


def test_what_is_served_is_not_deleted_and_makes_another_index(clustered: annuli.Client, served: annuli.Index) -> None:
    [dump] = served.dumps()
    with pytest.raises(errors.DumpInUse):
        served.delete_dump(dump.dump)
    copy = clustered.index(f"{served.name}-copy")
    assert clustered.wait(copy.start_restore(dump.dump), timeout=60).kind == "restore"
    assert copy.get("old", consistency="primary").id == "old"


def test_events_are_told_in_their_order_and_gone_on_with(clustered: annuli.Client, served: annuli.Index) -> None:
    told = list(clustered.events(after="0", follow=False))
    mine = [event.kind for event in told if event.data.get("index") == served.name]
    assert [kind for kind in mine if kind != "replica_ready" and kind != "replica_allowed"] == [
        "index_created",
        "dump_begun",
        "dump_taken",
        "rollout_begun",
        "generation_official",
    ]
    middle = told[len(told) // 2]
    rest = list(clustered.events(after=middle.id, follow=False))
    assert [event.id for event in rest] == [event.id for event in told[len(told) // 2 + 1 :]]


def test_another_router_may_coordinate(clustered: annuli.Client) -> None:
    # There is one router, which is elected again.
    before = clustered.step_down()
    assert before.epoch >= 1


def test_a_name_of_nothing_is_no_task_of_a_cluster(clustered: annuli.Client, served: annuli.Index) -> None:
    with pytest.raises(errors.TaskNotFound):
        served.rollout(str(uuid.uuid4()))
