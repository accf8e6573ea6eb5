"""Client of Annuli, a sharded approximate-nearest-neighbour indexer.

`Client` for threads and `AsyncClient` for asyncio say the same:

    with annuli.Client() as client:
        faces = client.create_index("faces", dim=3, metric="cosine")
        faces.upsert([annuli.Document("ann", [1, 0, 0.2], {"age": 31})])
        faces.search([1, 0.1, 0], limit=1, filter=annuli.Field("age") < 40).ids
"""

from annuli import errors
from annuli._async.client import AsyncClient
from annuli._async.index import AsyncIndex
from annuli._sync.client import Client
from annuli._sync.index import Index
from annuli.batches import BatchSize, BulkFailed, BulkReport
from annuli.documents import Change, Conflict, Document, Page, Rows, StoredDocument
from annuli.errors import AnnuliError, ConnectionFailed, NoAnswer, RequestFailed, TimedOut, UnexpectedAnswer
from annuli.filters import Condition, Field, Filter
from annuli.indexes import Hnsw, IndexInfo
from annuli.operations import DumpInfo, Event
from annuli.retry import Patience
from annuli.searches import Hit, SearchReply
from annuli.tasks import TaskFailed, TaskInfo

__all__ = [
    "AnnuliError",
    "AsyncClient",
    "AsyncIndex",
    "BatchSize",
    "BulkFailed",
    "BulkReport",
    "Change",
    "Client",
    "Condition",
    "Conflict",
    "ConnectionFailed",
    "Document",
    "DumpInfo",
    "Event",
    "Field",
    "Filter",
    "Hit",
    "Hnsw",
    "Index",
    "IndexInfo",
    "NoAnswer",
    "Page",
    "Patience",
    "RequestFailed",
    "Rows",
    "SearchReply",
    "StoredDocument",
    "TaskFailed",
    "TaskInfo",
    "TimedOut",
    "UnexpectedAnswer",
    "errors",
]
