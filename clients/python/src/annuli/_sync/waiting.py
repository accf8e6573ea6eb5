"""What waits: pauses, and calls that are under way beside each other. Each twin has its own."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Callable, Generic, Optional, TypeVar

A = TypeVar("A")
R = TypeVar("R")


def sleep(seconds: float) -> None:
    """Lets others go on."""
    time.sleep(seconds)


class Beside(Generic[A, R]):
    """Calls beside each other; leaving it waits for those that are under way."""

    def __init__(self, at_once: int) -> None:
        if at_once < 1:
            raise ValueError(f"{at_once} calls at once would never end: it takes at least 1")
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="annuli")

    def start(self, call: Callable[[A], R], argument: A) -> Future[R]:
        """Begins a call."""
        return self._threads.submit(call, argument)

    def finish(self, task: Future[R]) -> R:
        """What came of it."""
        return task.result()

    def __enter__(self) -> Beside[A, R]:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self._threads.shutdown(cancel_futures=True)
