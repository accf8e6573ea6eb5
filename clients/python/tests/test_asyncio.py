"""The API for asyncio: what `tools/make_sync.py` makes of it is tested elsewhere, what only it has is tested here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest
from servers import Cluster, Server

import annuli
from annuli import BatchSize, Change, Document, Field, errors


@pytest.fixture
async def aclient(server: Server) -> AsyncIterator[annuli.AsyncClient]:
    async with annuli.AsyncClient(server.url) as client:
        yield client


@pytest.fixture
async def aindex(aclient: annuli.AsyncClient, name: str) -> annuli.AsyncIndex:
    return await aclient.create_index(name, dim=3, metric="cosine", shards=2)


def rows(count: int) -> annuli.Rows:
    vectors = np.random.default_rng(1).standard_normal((count, 3)).astype(np.float32)
    return annuli.Rows([f"{n:05}" for n in range(count)], vectors, [{"n": n} for n in range(count)])


async def test_documents_live_and_die(aindex: annuli.AsyncIndex) -> None:
    assert (await aindex.upsert([Document("ann", [1, 0, 0.2], {"age": 31})])).indexed == 1
    assert (await aindex.update([Change("ann", metadata={"age": 32})])).updated == 1
    assert (await aindex.get("ann")).metadata == {"age": 32}
    assert (await aindex.get_many(["ann", "bob"])).missing == ["bob"]
    assert (await aindex.search([1, 0, 0], limit=1, filter=Field("age") == 32)).ids == ["ann"]
    assert await aindex.count() == 1
    assert (await aindex.info()).documents == 1
    assert (await aindex.delete(["ann"])).deleted == 1
    with pytest.raises(errors.DocumentNotFound):
        await aindex.get("ann")


async def test_bulk_calls_do_the_same(aindex: annuli.AsyncIndex) -> None:
    told: list[int] = []
    report = await aindex.upsert_many(rows(500), batch=BatchSize(items=50), at_once=4, progress=told.append)
    assert (report.written, told) == (500, [50] * 10)
    assert [document.id async for document in aindex.documents(page_size=99)] == [f"{n:05}" for n in range(500)]
    replies = await aindex.search_many(np.eye(3), limit=5)
    assert [len(reply) for reply in replies] == [5, 5, 5]
    assert (await aindex.update_many([Change("x", metadata={"n": 1})])).missing == ["x"]
    assert (await aindex.delete_many(f"{n:05}" for n in range(500))).written == 500


async def test_a_bulk_call_that_is_cancelled_leaves_nothing_behind(aindex: annuli.AsyncIndex) -> None:
    enough = asyncio.Event()
    call = asyncio.ensure_future(
        aindex.upsert_many(rows(5_000), batch=BatchSize(items=10), progress=lambda done: enough.set())
    )
    await enough.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert 0 < await aindex.count() < 5_000


async def test_many_calls_share_connections(aclient: annuli.AsyncClient, aindex: annuli.AsyncIndex) -> None:
    await aindex.upsert(rows(10))
    counts = await asyncio.gather(*(aindex.count() for _ in range(100)))
    assert counts == [10] * 100


async def test_a_crash_is_outlived(own_server: Server) -> None:
    async with annuli.AsyncClient(own_server.url) as client:
        index = await client.create_index("faces", dim=3, metric="cosine")
        told: list[int] = []
        crashing: list[asyncio.Future[None]] = []

        def crash() -> None:
            own_server.kill()
            own_server.start()

        def tell(done: int) -> None:
            told.append(done)
            if len(told) == 3:
                crashing.append(asyncio.get_running_loop().run_in_executor(None, crash))

        report = await index.upsert_many(rows(2_000), batch=BatchSize(items=100), progress=tell)
        await crashing[0]
        assert report.written == 2_000
        assert await index.count() == 2_000


async def test_events_of_a_cluster_are_followed(cluster: Cluster, name: str) -> None:
    async with annuli.AsyncClient(cluster.url) as client:
        [*before] = [event async for event in client.events(after="0", follow=False)]
        following = client.events(after=before[-1].id if before else "0")
        await client.create_index(name, dim=3, metric="cosine")
        async for event in following:
            if event.kind == "index_created":
                assert event.data["index"] == name
                break
        await following.aclose()  # type: ignore[attr-defined]
        session = client.index(name).session()
        for n in range(4):
            await session.upsert([Document(f"{n}", [1, n, 0])])
        assert await session.count() == 4
        await client.wait(await session.start_dump(), timeout=60)
        assert (await client.cluster()).indexes[name].generation is None
        assert [dump.generation for dump in await session.dumps()] == [1]
