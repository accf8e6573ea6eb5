"""An index."""

from __future__ import annotations

from typing import Optional

from annuli._async.bulk import AsyncBulk
from annuli._async.operating import AsyncOperating
from annuli._async.reading import AsyncReading
from annuli._async.writing import AsyncWriting
from annuli.call import Call
from annuli.freshness import Freshness
from annuli.indexes import IndexInfo
from annuli.retry import Repeat


class AsyncIndex(AsyncReading, AsyncWriting, AsyncBulk, AsyncOperating):
    """An index, by its name or an alias. To have one asks the server nothing; times are in seconds."""

    def session(self, freshness: Optional[Freshness] = None) -> AsyncIndex:
        """The same index, whose reads see whatever was written and read through it before.

        With one process every read does. In a cluster, replicas trail the writes.
        """
        return AsyncIndex(self._transport, self.name, freshness or Freshness())

    def forget(self) -> None:
        """Lets a session begin anew: after `StaleToken`, when the index was made again or restored."""
        if self._freshness:
            self._freshness.forget()

    async def info(self) -> IndexInfo:
        """How the index is: its schema, its shards, what is being built."""
        return await self._transport.call(Call("GET", self._path(), IndexInfo, Repeat.ALWAYS))
