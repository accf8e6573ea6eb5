"""What is done in the background."""

from __future__ import annotations

from typing import Any, Optional

import msgspec

from annuli.errors import AnnuliError
from annuli.searches import ShardFailure


class TaskInfo(msgspec.Struct, frozen=True):
    """How something is that is done in the background."""

    id: str
    #: `dump`, `rollout`, `restore`, `seal` or `merge`.
    kind: str
    #: `queued`, `running`, `paused`, `succeeded`, `failed`, `rolled_back` or `cancelled`.
    status: str
    #: Figures of its progress.
    progress: dict[str, Any]
    index: Optional[str] = None
    shard: Optional[int] = None
    #: Why it failed.
    error: Optional[ShardFailure] = None
    #: What came of it.
    result: Optional[Any] = None

    @property
    def is_over(self) -> bool:
        """Nothing more will come of it."""
        return self.status not in ("queued", "running", "paused")


class TaskStarted(msgspec.Struct, frozen=True):
    """Something was begun."""

    task: str


class TaskList(msgspec.Struct, frozen=True):
    """What is done, the newest first."""

    tasks: list[TaskInfo]


class TaskFailed(AnnuliError):
    """A task ended without success: it failed, was taken back or given up. `task` says which, and why."""

    def __init__(self, task: TaskInfo) -> None:
        why = f": {task.error.message}" if task.error else ""
        super().__init__(f"the {task.kind} {task.id} is {task.status}{why}")
        self.task = task
