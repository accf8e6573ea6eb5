"""What the server says of dumps, rollouts and a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Optional, Union

import msgspec


class DumpInfo(msgspec.Struct, frozen=True):
    """A dump."""

    #: Its id.
    dump: str
    index: str
    index_uuid: str
    #: RFC 3339.
    created_at: str
    shards: int
    documents: int
    #: Of its archives.
    bytes: int
    #: The number by which replicas serve it. Dumps of a cluster have one.
    generation: Optional[int] = None


class DumpList(msgspec.Struct, frozen=True):
    """Dumps, the oldest first."""

    dumps: list[DumpInfo]


class Canary(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a rollout tries its generation on live searches, before it is made official."""

    #: Of a hundred searches of a shard so many are also made in it.
    percent: int
    #: Less than so many common hits of a hundred stop the rollout; 80, if absent.
    floor_percent: Optional[int] = None
    #: It is decided after so many searches of each shard; 100, if absent.
    searches: Optional[int] = None


class PlannedReplica(msgspec.Struct, frozen=True):
    """A replica that is to prepare a generation."""

    shard: int
    id: str
    address: str


class Prepare(msgspec.Struct, frozen=True, tag_field="step", tag="prepare"):
    """Replicas prepare the generation, all of these at once."""

    replicas: list[PlannedReplica]


class Drain(msgspec.Struct, frozen=True, tag_field="step", tag="drain"):
    """Replicas let go of what they serve, then prepare the generation, all of these at once."""

    replicas: list[PlannedReplica]


class Switch(msgspec.Struct, frozen=True, tag_field="step", tag="switch"):
    """Routers ask for the generation of this shard from now on."""

    shard: int


class Compare(msgspec.Struct, frozen=True, tag_field="step", tag="compare"):
    """Live searches are also made in the generation, and compared."""

    #: Of a hundred searches so many.
    percent: int
    #: Until so many were.
    searches: int
    #: Less than so many common hits of a hundred stop the rollout.
    floor_percent: int


class AwaitApproval(msgspec.Struct, frozen=True, tag_field="step", tag="await_approval"):
    """Somebody has to agree."""


class Flip(msgspec.Struct, frozen=True, tag_field="step", tag="flip"):
    """Routers ask for the generation from now on, in place of another, or of the primaries."""

    from_generation: Optional[int] = msgspec.field(name="from", default=None)


class Retire(msgspec.Struct, frozen=True, tag_field="step", tag="retire"):
    """Replicas let go of what was official before."""

    generation: int


class RolloutPlan(msgspec.Struct, frozen=True):
    """What a rollout would do, by who is there now and if nothing fails."""

    generation: int
    dump: str
    #: Tasks of the index that are to end before.
    waits_for: list[str]
    #: One after the other; none, if the replicas serve that generation already.
    steps: list[Union[Prepare, Drain, Switch, Compare, AwaitApproval, Flip, Retire]]


#: What may be said to a rollout.
RolloutWord = Literal["pause", "resume", "rollback"]


class ClusterPrimary(msgspec.Struct, frozen=True):
    """The primary of a shard."""

    address: str
    #: `ready` or `unavailable`.
    state: str


class ClusterReplica(msgspec.Struct, frozen=True):
    """A replica of a shard."""

    id: str
    address: str
    #: The generations that it has or is to have: `ready`, what is being done, or why it failed.
    generations: dict[int, str]


class ClusterShard(msgspec.Struct, frozen=True):
    """A shard of an index, by who serves it."""

    shard: int
    replicas: list[ClusterReplica]
    #: Who writes it; `None`: nobody at the moment.
    primary: Optional[ClusterPrimary] = None


class ClusterIndex(msgspec.Struct, frozen=True):
    """An index of a cluster."""

    shards: list[ClusterShard]
    #: What replicas serve; `None`: nothing yet, the primaries answer.
    generation: Optional[int] = None
    #: What is being rolled out.
    preparing: Optional[int] = None
    #: Somebody has rolled back: no rollout begins by itself until one is asked for.
    held: bool = False


class NextShards(msgspec.Struct, frozen=True):
    """A number of shards that a cluster moves to."""

    shards: int
    #: Of those shards that have a primary, how many there are: nothing is begun before all have.
    primaries: int
    indexes_moved: int
    indexes_total: int
    #: What keeps indexes from moving, in words.
    waits_for: Sequence[str] = ()


class Resharding(msgspec.Struct, frozen=True):
    """How far a cluster is on its way to another number of shards."""

    #: Into how many indexes are divided; `None`: no process that holds one has joined.
    shards: Optional[int] = None
    #: Where it moves to; `None`: nowhere.
    next: Optional[NextShards] = None


class ClusterInfo(msgspec.Struct, frozen=True):
    """Who is there, and what each serves."""

    #: How often a coordinator was elected.
    epoch: int
    indexes: dict[str, ClusterIndex]
    #: Into how many shards indexes are divided; `None`: no process that holds one has joined.
    shards: Optional[int] = None
    #: The number of shards that the cluster moves to.
    next: Optional[NextShards] = None
    #: Who coordinates, as it calls itself; `None`: nobody at the moment.
    coordinator: Optional[str] = None


class SteppedDown(msgspec.Struct, frozen=True):
    """Who has left the seat of the coordinator."""

    epoch: int
    coordinator: Optional[str] = None


class Readiness(msgspec.Struct, frozen=True):
    """Whether a server can serve, and if not, why."""

    ready: bool
    reason: str


class Event(msgspec.Struct, frozen=True):
    """Something that has happened in a cluster."""

    #: Where it stands among all others, at every router; gives `after` of a later call.
    id: str
    #: Such as `rollout_begun`; later releases may have more. `gap`: what came before is not remembered.
    kind: str
    data: dict[str, Any]
