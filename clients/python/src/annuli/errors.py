"""How a call fails: a class for each code of the server's closed list, and three for calls without such an answer.

What to do about a code stands at its class. A code of a later server is a plain `RequestFailed`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Optional


class AnnuliError(Exception):
    """Whatever this package raises of its own accord."""


class NoAnswer(AnnuliError):
    """The server gave no answer. `begun` says whether it may have done something all the same."""

    def __init__(self, message: str, *, begun: bool) -> None:
        super().__init__(message)
        self.begun = begun


class ConnectionFailed(NoAnswer):
    """There is no connection to the server, or it was cut off."""


class TimedOut(NoAnswer):
    """Nothing came within the time of the call."""


class UnexpectedAnswer(AnnuliError):
    """The answer is none of Annuli's: something else listens there, or stands in between."""

    def __init__(self, message: str, *, status: int, text: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.text = text


class RequestFailed(AnnuliError):
    """The server refused a request, or failed to do it.

    `code` is one of a closed list, `message` is for people, `details` names the message's objects and bounds.
    """

    code: str = ""
    classes: ClassVar[dict[str, type[RequestFailed]]] = {}

    def __init__(
        self,
        message: str,
        *,
        code: str,
        status: int = 0,
        details: Optional[Mapping[str, Any]] = None,
        retry_after_s: Optional[float] = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.details: dict[str, Any] = dict(details or {})
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"

    @property
    def begun(self) -> bool:
        """Whether something of the request may have been done."""
        return not _is_without_effect(self.code, self.details)

    @staticmethod
    def of(
        code: str,
        message: str,
        details: Mapping[str, Any],
        status: int = 0,
        retry_after_s: Optional[float] = None,
    ) -> RequestFailed:
        """The error of a code."""
        known = RequestFailed.classes.get(code, RequestFailed)
        return known(message, code=code, status=status, details=details, retry_after_s=retry_after_s)

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if cls.code:
            RequestFailed.classes[cls.code] = cls


def _is_without_effect(code: str, details: Mapping[str, Any]) -> bool:
    """Whether a failure says that nothing was done: of a request over several shards, each of them has to."""
    if "acknowledged" in details:
        return False
    if "effect" in details:
        return bool(details["effect"] == "none")
    if "failed" in details:
        inner = [part["error"] for part in details["failed"]]
        return all(_is_without_effect(error["code"], error.get("details", {})) for error in inner)
    # What is refused for want of room, or at the end of a process, was not begun; nor was what is wrong.
    return code not in _MAY_HAVE_BEGUN


_MAY_HAVE_BEGUN = frozenset(
    {
        "coordination_unavailable",
        "deadline_exceeded",
        "index_sealed",
        "index_unavailable",
        "internal",
        "shard_unavailable",
        "storage_failed",
        "storage_full",
    }
)


class InvalidInput(RequestFailed):
    """What was sent is wrong: fix it."""


class Missing(RequestFailed):
    """What was asked for is not there."""


class Conflicting(RequestFailed):
    """What is there stands against it."""


class Transient(RequestFailed):
    """The same may succeed in a moment."""


class NotAllowed(RequestFailed):
    """The server asks for a key that may do this: give another `api_key`."""


class OperatorNeeded(RequestFailed):
    """The server has a defect, or its disk has: call whoever operates it."""


# Alphabetical, as the server's own list.


class AliasConflict(Conflicting):
    """The name is taken by an alias, or the alias's name by an index. Choose another name."""

    code = "alias_conflict"


class AliasNotFound(Missing):
    """There is no alias of this name. Fix the name."""

    code = "alias_not_found"


class BodyTooLarge(InvalidInput):
    """The body is larger than the server takes. Send it in smaller batches."""

    code = "body_too_large"


class CoordinationUnavailable(Transient):
    """The coordination store of the cluster does not answer. Retry; if it lasts, call the operator."""

    code = "coordination_unavailable"


class DeadlineExceeded(RequestFailed):
    """The deadline passed before the answer was there. Retry with a longer `timeout`. A write may have been done."""

    code = "deadline_exceeded"


class DimensionMismatch(InvalidInput):
    """A vector has another dimension than the index. Fix the vector, or the index it is sent to."""

    code = "dimension_mismatch"


class DocumentNotFound(Missing):
    """There is no document of this id. Fix the id."""

    code = "document_not_found"


class DumpInUse(Conflicting):
    """The dump is served by replicas, or about to be, or it is being restored. Roll out another first, or wait."""

    code = "dump_in_use"


class DumpNotFound(Missing):
    """There is no dump of this id. Fix the id."""

    code = "dump_not_found"


class EmptyBatch(InvalidInput):
    """A batch without documents, ids or queries. Fix the request."""

    code = "empty_batch"


class Forbidden(NotAllowed):
    """The key may not do this; the message names the role that is needed. Ask with another key."""

    code = "forbidden"


class IndexExists(Conflicting):
    """An index of this name exists with another schema. Delete it first, or choose another name."""

    code = "index_exists"


class IndexNotFound(Missing):
    """There is no index or alias of this name. Create the index."""

    code = "index_not_found"


class IndexSealed(Transient):
    """The index moves to another number of shards, and takes no writes until it has. Retry in a moment."""

    code = "index_sealed"


class IndexUnavailable(OperatorNeeded):
    """The index cannot be served, the message says why. Call the operator."""

    code = "index_unavailable"


class Internal(OperatorNeeded):
    """A defect of Annuli. Report it, with the message and the log."""

    code = "internal"


class InvalidFilter(InvalidInput):
    """A filter that cannot be read. Fix the filter."""

    code = "invalid_filter"


class InvalidId(InvalidInput):
    """A document id that is empty or too long. Fix the id."""

    code = "invalid_id"


class InvalidMetadata(InvalidInput):
    """Metadata too large or nested too deep. Fix the document."""

    code = "invalid_metadata"


class InvalidName(InvalidInput):
    """Not a name for an index or alias. Fix the name."""

    code = "invalid_name"


class InvalidRequest(InvalidInput):
    """A body of the wrong shape: an unknown field, a missing field, a wrong type. Fix the request."""

    code = "invalid_request"


class InvalidSchema(InvalidInput):
    """A schema out of bounds. Fix the schema."""

    code = "invalid_schema"


class InvalidVector(InvalidInput):
    """A vector that cannot be compared: not finite, without a direction under cosine. Fix the vector."""

    code = "invalid_vector"


class LimitExceeded(InvalidInput):
    """More than the server takes of something, the message names it and the limit. Ask for less."""

    code = "limit_exceeded"


class MalformedJson(InvalidInput):
    """The body is not JSON. This package sends none: something in between has changed it."""

    code = "malformed_json"


class MalformedMessagePack(InvalidInput):
    """The body is not MessagePack that the server reads: a value in it has a type that is none of JSON's."""

    code = "malformed_message_pack"


class MethodNotAllowed(InvalidInput):
    """The path exists, the method does not: the server is of another release."""

    code = "method_not_allowed"


class NotFound(Missing):
    """There is no such path: the server is of another release, or the URL has one."""

    code = "not_found"


class Overloaded(Transient):
    """Too much is under way. Wait as `retry_after_s` says, then retry."""

    code = "overloaded"


class SeqConflict(Conflicting):
    """The document has changed since (`if_seq`). Read it again, then decide."""

    code = "seq_conflict"


class ShardUnavailable(Transient):
    """A shard of the index does not answer. Retry; if it lasts, call the operator."""

    code = "shard_unavailable"


class ShuttingDown(Transient):
    """The server is about to stop. Retry with another one, or in a moment."""

    code = "shutting_down"


class StaleToken(Conflicting):
    """The token is of another index or history than is here now. Go on without it, then use the new one."""

    code = "stale_token"


class StorageFailed(OperatorNeeded):
    """The store failed. Call the operator: the log names the file."""

    code = "storage_failed"


class StorageFull(OperatorNeeded):
    """The disk is full; what was not acknowledged was not written. Call the operator."""

    code = "storage_full"


class TaskConflict(Conflicting):
    """The task cannot do this now: it is over, or has not come that far. Look at it again, then decide."""

    code = "task_conflict"


class TaskNotFound(Missing):
    """There is no task of this id, or it ended long ago. Fix the id."""

    code = "task_not_found"


class Unauthenticated(NotAllowed):
    """The server asks for a key, and got none of its own. Give one as `api_key` or in `ANNULI_API_KEY`."""

    code = "unauthenticated"


class UnsupportedMediaType(InvalidInput):
    """The body is of a type that is not read there. The server is of another release."""

    code = "unsupported_media_type"
