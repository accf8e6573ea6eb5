"""An index."""

from __future__ import annotations

from typing import Optional

from annuli._sync.bulk import Bulk
from annuli._sync.operating import Operating
from annuli._sync.reading import Reading
from annuli._sync.writing import Writing
from annuli.call import Call
from annuli.freshness import Freshness
from annuli.indexes import IndexInfo
from annuli.retry import Repeat


class Index(Reading, Writing, Bulk, Operating):
    """An index, by its name or an alias. To have one asks the server nothing; times are in seconds."""

    def session(self, freshness: Optional[Freshness] = None) -> Index:
        """The same index, whose reads see whatever was written and read through it before.

        With one process every read does. In a cluster, replicas trail the writes.
        """
        return Index(self._transport, self.name, freshness or Freshness())

    def forget(self) -> None:
        """Lets a session begin anew: after `StaleToken`, when the index was made again or restored."""
        if self._freshness:
            self._freshness.forget()

    def info(self) -> IndexInfo:
        """How the index is: its schema, its shards, what is being built."""
        return self._transport.call(Call("GET", self._path(), IndexInfo, Repeat.ALWAYS))
