"""Server-sent events, as they come."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Optional

import msgspec

from annuli.operations import Event


class EventReader:
    """Makes events of text, and remembers how far it has come: also where nothing was told."""

    def __init__(self, after: Optional[str]) -> None:
        #: The id of the last event, for whoever goes on.
        self.at = after
        self._line = ""
        self._id = after
        self._kind = ""
        self._data: list[str] = []

    def read(self, piece: str) -> Iterator[Event]:
        """The events that this piece completes, each before the next is counted as seen."""
        # Texts in them may hold what Python takes for the end of a line, so that nothing but "\n" is one.
        *lines, self._line = (self._line + piece).split("\n")
        for line in lines:
            event = self._take(line.removesuffix("\r"))
            if event:
                yield event

    def _take(self, line: str) -> Optional[Event]:
        if not line:
            return self._complete()
        name, _, value = line.partition(":")
        value = value[1:] if value.startswith(" ") else value
        if name == "id":
            # Seen is what has come whole.
            self._id = value
        elif name == "event":
            self._kind = value
        elif name == "data":
            self._data.append(value)
        # A line that begins with a colon is there to be heard, and says nothing.
        return None

    def cut_off(self) -> None:
        """What has begun will not be completed."""
        self._line, self._id, self._kind, self._data = "", self.at, "", []

    def _complete(self) -> Optional[Event]:
        kind, data = self._kind, "\n".join(self._data)
        self._kind, self._data = "", []
        self.at = self._id
        if not data:
            return None
        told: dict[str, Any] = msgspec.json.decode(data, type=dict[str, Any])
        told.pop("event", None)
        return Event(self.at or "", kind, told)
