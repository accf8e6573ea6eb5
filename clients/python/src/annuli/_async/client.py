"""A server, or a router of a cluster."""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Any, Optional, TypeVar

from annuli import body
from annuli._async.index import AsyncIndex
from annuli._async.transport import AsyncTransport
from annuli._async.waiting import sleep
from annuli.call import Call, path
from annuli.errors import NoAnswer, RequestFailed, TimedOut, UnexpectedAnswer
from annuli.events import EventReader
from annuli.indexes import AliasList, AliasTarget, Hnsw, IndexInfo, IndexList, Metric, Quantization
from annuli.operations import ClusterInfo, Event, Readiness, Resharding, SteppedDown
from annuli.retry import IMPATIENT, Patience, Repeat
from annuli.tasks import TaskFailed, TaskInfo, TaskList

T = TypeVar("T")

#: Seconds of silence after which a listener believes that it was cut off: servers speak every 15.
_SILENCE_S = 40.0

#: Bounds of the pauses between two looks at a task, in seconds.
_LOOK_FIRST_S, _LOOK_LONGEST_S = 0.05, 1.0


class AsyncClient:
    """A server, by its URL: `ANNULI_URL` or `http://127.0.0.1:7700` if none is given.

    Nothing is asked until it is used. `timeout` is that of a call, in seconds, which the server is told as well;
    `patience` says for how long what failed for a moment is asked again. `api_key` (`ANNULI_API_KEY`) is sent as a
    bearer token. May be used by several threads or tasks; `connections` are kept open for them.
    """

    def __init__(
        self,
        url: Optional[str] = None,
        *,
        timeout: float = 30.0,
        patience: Optional[Patience] = None,
        connections: int = 16,
        api_key: Optional[str] = None,
        headers: Optional[Mapping[str, str]] = None,
    ) -> None:
        self._transport = AsyncTransport(
            url,
            timeout_s=timeout,
            patience=patience or Patience(),
            connections=connections,
            api_key=api_key,
            headers=headers,
        )

    @property
    def url(self) -> str:
        """Where the server is."""
        return self._transport.url

    async def aclose(self) -> None:
        """Closes every connection."""
        await self._transport.aclose()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        await self.aclose()

    # Indexes.

    def index(self, name: str) -> AsyncIndex:
        """An index or alias of this name. The server is not asked whether there is one."""
        return AsyncIndex(self._transport, name)

    async def create_index(
        self,
        name: str,
        *,
        dim: int,
        metric: Metric,
        shards: Optional[int] = None,
        hnsw: Optional[Hnsw] = None,
        quantization: Optional[Quantization] = None,
    ) -> AsyncIndex:
        """Creates an index; one that is there with the same schema is as good.

        Raises:
            IndexExists: it is there with another schema.
        """
        graph = None if hnsw is None else body.given(m=hnsw.m, ef_construction=hnsw.ef_construction)
        asked = body.given(dim=dim, metric=metric, shards=shards, hnsw=graph, quantization=quantization)
        await self._put(path("indexes", name), asked, IndexInfo)
        return self.index(name)

    async def delete_index(self, name: str) -> None:
        """Deletes an index and all that is in it.

        Raises:
            IndexNotFound: there is none of this name.
        """
        await self._delete(path("indexes", name))

    async def indexes(self) -> IndexList:
        """Every index."""
        return await self._get(path("indexes"), IndexList)

    # Aliases.

    async def aliases(self) -> dict[str, str]:
        """Each alias with its index."""
        return (await self._get(path("aliases"), AliasList)).aliases

    async def set_alias(self, alias: str, index: str) -> None:
        """Lets `alias` stand for an index from now on, in place of the one before, at once."""
        await self._put(path("aliases", alias), {"index": index}, AliasTarget)

    async def delete_alias(self, alias: str) -> None:
        """Removes an alias; its index stays."""
        await self._delete(path("aliases", alias))

    # Tasks.

    async def tasks(self) -> list[TaskInfo]:
        """What is done in the background, the newest first."""
        return (await self._get(path("tasks"), TaskList)).tasks

    async def task(self, task: str) -> TaskInfo:
        """How a task is.

        Raises:
            TaskNotFound: there is none of this id, or it ended long ago.
        """
        return await self._get(path("tasks", task), TaskInfo)

    async def wait(self, task: str, *, timeout: Optional[float] = None) -> TaskInfo:
        """Waits until a task has succeeded; for ever unless `timeout` is given.

        Raises:
            TaskFailed: it ended in another way.
            TimedOut: it has not ended yet; it goes on.
        """
        begun, pause_s = time.monotonic(), _LOOK_FIRST_S
        while True:
            info = await self.task(task)
            if info.status == "succeeded":
                return info
            if info.is_over:
                raise TaskFailed(info)
            if timeout is not None and time.monotonic() - begun + pause_s > timeout:
                raise TimedOut(f"the {info.kind} {task} is still {info.status} after {timeout} s", begun=True)
            await sleep(pause_s)
            pause_s = min(pause_s * 1.5, _LOOK_LONGEST_S)

    # A cluster.

    async def cluster(self) -> ClusterInfo:
        """Who is there, what each serves, who coordinates."""
        return await self._get(path("cluster"), ClusterInfo)

    async def step_down(self) -> SteppedDown:
        """Lets another router coordinate."""
        call = Call(
            "POST",
            path("cluster", "coordinator", "step-down"),
            SteppedDown,
            Repeat.UNLESS_BEGUN,
            body=body.encode({}),
        )
        return await self._transport.call(call)

    async def reshard(self, shards: int) -> Resharding:
        """Begins to divide every index into another number of shards; `cluster` says how far it is."""
        asked = body.encode({"shards": shards})
        call = Call("POST", path("cluster", "reshard"), Resharding, Repeat.UNLESS_BEGUN, body=asked)
        return await self._transport.call(call)

    async def cancel_reshard(self) -> Resharding:
        """Stays with as many shards as there are: until the first index has moved."""
        call = Call("DELETE", path("cluster", "reshard"), Resharding, Repeat.UNLESS_BEGUN)
        return await self._transport.call(call)

    async def events(self, after: Optional[str] = None, *, follow: bool = True) -> AsyncIterator[Event]:
        """What happens, from now on or after the event of the id `after`; `"0"` for all that is remembered.

        Goes on where it was cut off, at whichever router answers then. Without `follow` it ends after what has
        happened.

        Raises:
            AnnuliError: nobody answers any longer.
        """
        reader, patience, failures, failed_at = EventReader(after), self._transport.patience, 0, 0.0
        while True:
            query = body.given(after=reader.at, follow=None if follow else "false")
            try:
                async with self._transport.pieces(path("events"), query, _SILENCE_S) as pieces:
                    async for piece in pieces:
                        failures = 0
                        for event in reader.read(piece):
                            yield event
                if not follow:
                    return
                # The server ends its answers when it ends itself.
                pause_s = patience.first_s
            except (NoAnswer, RequestFailed) as error:
                now = time.monotonic()
                failed_at = failed_at if failures else now
                again_s = patience.pause_s(error, Repeat.ALWAYS, failures, now - failed_at, random.random())
                if again_s is None:
                    raise
                pause_s, failures = again_s, failures + 1
            reader.cut_off()
            await sleep(pause_s)

    # Health.

    async def is_live(self) -> bool:
        """Whether the process runs."""
        try:
            await self._transport.call(Call("GET", "/livez", bytes, Repeat.ALWAYS), IMPATIENT)
        except NoAnswer:
            return False
        return True

    async def readiness(self) -> Readiness:
        """Whether the server can serve, and why not."""
        try:
            await self._transport.call(Call("GET", "/readyz", bytes, Repeat.ALWAYS), IMPATIENT)
        except NoAnswer as error:
            return Readiness(False, str(error))
        except UnexpectedAnswer as error:
            return Readiness(False, error.text.strip())
        return Readiness(True, "")

    async def metrics(self) -> str:
        """Figures, as Prometheus reads them."""
        return (await self._transport.call(Call("GET", "/metrics", bytes, Repeat.ALWAYS))).decode()

    async def _get(self, where: str, reply: type[T]) -> T:
        return await self._transport.call(Call("GET", where, reply, Repeat.ALWAYS))

    async def _put(self, where: str, asked: Mapping[str, Any], reply: type[T]) -> T:
        # Done twice is as done once.
        return await self._transport.call(Call("PUT", where, reply, Repeat.ALWAYS, body=body.encode(asked)))

    async def _delete(self, where: str) -> None:
        # By then the name may be another's.
        await self._transport.call(Call("DELETE", where, type(None), Repeat.UNLESS_BEGUN))
