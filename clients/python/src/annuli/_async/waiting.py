"""What waits: pauses, and calls that are under way beside each other. Each twin has its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from types import TracebackType
from typing import Callable, Generic, Optional, TypeVar

A = TypeVar("A")
R = TypeVar("R")


async def sleep(seconds: float) -> None:
    """Lets others go on."""
    await asyncio.sleep(seconds)


class Beside(Generic[A, R]):
    """Calls beside each other; leaving it ends with those that are under way."""

    def __init__(self, at_once: int) -> None:
        if at_once < 1:
            raise ValueError(f"{at_once} calls at once would never end: it takes at least 1")
        self._under_way: set[asyncio.Task[R]] = set()

    def start(self, call: Callable[[A], Awaitable[R]], argument: A) -> asyncio.Task[R]:
        """Begins a call."""
        task = asyncio.ensure_future(_awaited(call, argument))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return task

    async def finish(self, task: asyncio.Task[R]) -> R:
        """What came of it."""
        return await task

    async def __aenter__(self) -> Beside[A, R]:
        return self

    async def __aexit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        for task in list(self._under_way):
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)


async def _awaited(call: Callable[[A], Awaitable[R]], argument: A) -> R:
    return await call(argument)
