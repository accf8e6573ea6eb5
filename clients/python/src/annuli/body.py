"""Bodies of requests and answers: MessagePack, in which vectors are bytes."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import Any, Optional, TypeVar

import msgspec
import numpy as np

from annuli import vectors
from annuli.filters import Condition

CONTENT_TYPE = "application/msgpack"

T = TypeVar("T")


class _WireFailure(msgspec.Struct):
    code: str
    message: str
    details: dict[str, Any] = {}


class _WireFailureBody(msgspec.Struct):
    error: _WireFailure


def given(**fields: Any) -> dict[str, Any]:
    """Those fields that somebody has given: the server knows what the others are."""
    return {name: value for name, value in fields.items() if value is not None}


def encode(value: Any) -> bytes:
    """A body.

    Raises:
        TypeError: a value in it is of a type that neither JSON nor numpy has.
        OverflowError: a whole number in it takes more than 64 bits.
    """
    # What JSON has no word for becomes a text where that is usual (moments, UUIDs), as do keys that are none.
    return _ENCODER.encode(msgspec.to_builtins(value, builtin_types=(bytes,), str_keys=True, enc_hook=_encode_other))


def as_json(value: Any) -> str:
    """A value in JSON, which is what addresses hold."""
    return _JSON.encode(value).decode()


def decode(answer: bytes, kind: type[T]) -> T:
    """An answer.

    Raises:
        msgspec.DecodeError: it is none of this kind.
    """
    decoder: msgspec.msgpack.Decoder[T] = _decoder(kind)  # type: ignore[arg-type]
    return decoder.decode(answer)


def decode_failure(answer: bytes) -> Optional[tuple[str, str, Mapping[str, Any]]]:
    """Code, message and details of a failure; `None` if it is none."""
    try:
        error = decode(answer, _WireFailureBody).error
    except msgspec.DecodeError:
        return None
    return error.code, error.message, error.details


def batch(field: str, encoded: Iterable[bytes], rest: Mapping[str, Any]) -> bytes:
    """A body whose one field is a list of what is encoded already: a batch is measured before it is sent."""
    return _ENCODER.encode({field: [msgspec.Raw(item) for item in encoded], **rest})


def _encode_other(value: Any) -> Any:
    if isinstance(value, Condition):
        return value.to_dict()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a value of type {type(value).__name__} has no place in a request: {value!r}")


def _decode_other(kind: type, value: Any) -> Any:
    if kind is np.ndarray:
        return vectors.unpack(value)
    raise NotImplementedError(kind)


_ENCODER = msgspec.msgpack.Encoder()
_JSON = msgspec.json.Encoder(enc_hook=_encode_other)


@functools.cache
def _decoder(kind: Any) -> Any:
    # Keys that are numbers may be numbers or texts: JSON knows texts alone.
    return msgspec.msgpack.Decoder(kind, dec_hook=_decode_other, strict=False)
