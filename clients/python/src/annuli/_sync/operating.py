"""Dumps and rollouts of an index. What takes its time is a task: `client.wait` waits for it."""

from __future__ import annotations

from typing import Optional

from annuli import body
from annuli._sync.named import Named
from annuli.call import Call
from annuli.operations import Canary, DumpInfo, DumpList, RolloutPlan, RolloutWord
from annuli.retry import Repeat
from annuli.tasks import TaskInfo, TaskStarted


class Operating(Named):
    """What is done with the whole of an index."""

    def start_dump(self) -> str:
        """Begins a dump; returns its task, for `client.wait`."""
        return (self._post(("dumps",), {}, TaskStarted, Repeat.UNLESS_BEGUN)).task

    def dumps(self) -> list[DumpInfo]:
        """The dumps of the index, the oldest first."""
        return (self._transport.call(Call("GET", self._path("dumps"), DumpList, Repeat.ALWAYS))).dumps

    def dump(self, dump: str) -> DumpInfo:
        """A dump.

        Raises:
            DumpNotFound: the index has none of this id.
        """
        return self._transport.call(Call("GET", self._path("dumps", dump), DumpInfo, Repeat.ALWAYS))

    def delete_dump(self, dump: str) -> None:
        """Deletes a dump.

        Raises:
            DumpInUse: replicas serve it.
        """
        call = Call("DELETE", self._path("dumps", dump), type(None), Repeat.UNLESS_BEGUN)
        self._transport.call(call)

    def start_restore(self, dump: str) -> str:
        """Begins to make this index, which must not be there, of a dump in the cluster's store; returns the task."""
        return (self._post(("restore",), {"dump": dump}, TaskStarted, Repeat.UNLESS_BEGUN)).task

    def start_rollout(
        self,
        generation: Optional[int] = None,
        *,
        max_unavailable: Optional[int] = None,
        drain: Optional[bool] = None,
        approve: Optional[bool] = None,
        canary: Optional[Canary] = None,
    ) -> str:
        """Begins to let replicas serve a generation, the newest unless one is named; returns the task.

        `max_unavailable` replicas of a shard prepare it at once. With `approve` it waits before the switch for
        `say_to_rollout(task, "resume")`. With `canary` a share of the live searches is first made in it as well.
        With `drain` each replica lets go of what it serves before it prepares.
        """
        options = {"max_unavailable": max_unavailable, "drain": drain, "approve": approve, "canary": canary}
        asked = body.given(generation=generation, **options)
        return (self._post(("rollouts",), asked, TaskStarted, Repeat.UNLESS_BEGUN)).task

    def plan_rollout(
        self,
        generation: Optional[int] = None,
        *,
        max_unavailable: Optional[int] = None,
        drain: Optional[bool] = None,
        approve: Optional[bool] = None,
        canary: Optional[Canary] = None,
    ) -> RolloutPlan:
        """What such a rollout would do. Nothing is done."""
        options = {"max_unavailable": max_unavailable, "drain": drain, "approve": approve, "canary": canary}
        asked = body.given(generation=generation, **options, plan=True)
        return self._post(("rollouts",), asked, RolloutPlan, Repeat.ALWAYS)

    def rollout(self, rollout: str) -> TaskInfo:
        """How a rollout is.

        Raises:
            TaskNotFound: the index has none of this id.
        """
        return self._transport.call(Call("GET", self._path("rollouts", rollout), TaskInfo, Repeat.ALWAYS))

    def say_to_rollout(self, rollout: str, word: RolloutWord) -> None:
        """`pause`, `resume` (which is the approval as well) or `rollback`.

        Raises:
            TaskConflict: the rollout cannot do this now.
        """
        self._post(("rollouts", rollout, word), {}, type(None), Repeat.UNLESS_BEGUN)
