"""How far a bulk call is, for people."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Callable, Optional, Union

#: `True` for a bar on stderr (`tqdm`), or a function that is told how many more are done.
Progress = Union[bool, Callable[[int], object]]


@contextlib.contextmanager
def shown(progress: Progress, what: str, total: Optional[int]) -> Iterator[Callable[[int], object]]:
    """What to tell of progress, while it is made."""
    if callable(progress):
        yield progress
    elif progress:
        with _tqdm()(total=total, desc=what, unit="") as bar:
            yield bar.update
    else:
        yield _tell_nobody


def _tell_nobody(_done: int) -> None:
    pass


def _tqdm() -> Any:
    try:
        from tqdm.auto import tqdm
    except ImportError as error:
        raise ImportError("a progress bar needs tqdm: pip install 'annuli[progress]'") from error
    return tqdm
