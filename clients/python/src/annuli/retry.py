"""When a failed call is made again, and after what pause. Decided without a clock, a socket or a die of its own."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Optional

from annuli.errors import AnnuliError, NoAnswer, RequestFailed, TimedOut, Transient, UnexpectedAnswer

#: What a proxy answers when it has nobody to ask. 504 is not among them: whoever was asked may still be at it.
_PROXY_STATUSES = frozenset({502, 503})


class Repeat(enum.Enum):
    """What a call that failed may be."""

    #: Done twice is as done once: reads, and writes without `if_seq`.
    ALWAYS = "always"
    #: Done twice is something else: conditional writes, deletions of indexes, whatever starts a task.
    UNLESS_BEGUN = "unless begun"


@dataclass(frozen=True)
class Patience:
    """For how long a failed call is made again, and with what pauses.

    Pauses are drawn between nothing and a bound that doubles, so that clients which failed at one moment do not come
    back at one moment. A server's `Retry-After` is the least pause, and ends the matter where it is too long.
    """

    #: Seconds from the first failure after which nothing is begun again; 0: a failure is final.
    total_s: float = 5.0
    #: The bound of the first pause, in seconds.
    first_s: float = 0.1
    #: The bound of every later one, in seconds.
    longest_s: float = 5.0

    def pause_s(
        self, error: AnnuliError, repeat: Repeat, failures: int, waited_s: float, drawn: float
    ) -> Optional[float]:
        """The pause before a call is made again, in seconds; `None` if it is not.

        `failures` counts those before this one, `waited_s` is the time since the first, `drawn` is of [0, 1).
        """
        if not is_worth_repeating(error, repeat):
            return None
        bound_s = min(self.first_s * 2.0 ** min(failures, 30), self.longest_s)
        least_s = (error.retry_after_s or 0.0) if isinstance(error, RequestFailed) else 0.0
        pause_s = least_s + drawn * bound_s
        return pause_s if waited_s + pause_s <= self.total_s else None


#: A failure is final.
IMPATIENT = Patience(total_s=0.0)

#: An upload outlives a restart of the server.
FOR_BULK = Patience(total_s=60.0)


def is_worth_repeating(error: AnnuliError, repeat: Repeat) -> bool:
    """Whether the same call may succeed in a moment, and does no harm if the first one was done after all."""
    if isinstance(error, TimedOut):
        # Its time was the caller's to give: to take as much again is not ours to decide.
        return False
    if isinstance(error, NoAnswer):
        return repeat is Repeat.ALWAYS or not error.begun
    if isinstance(error, Transient):
        return repeat is Repeat.ALWAYS or not error.begun
    if isinstance(error, UnexpectedAnswer):
        return repeat is Repeat.ALWAYS and error.status in _PROXY_STATUSES
    return False
