"""Vectors as they travel: little-endian 32-bit floats, which are read many times faster than lists of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Union

import numpy as np
import numpy.typing as npt

#: A vector, as one has it: an array of any kind of numbers, or a list.
VectorLike = Union[npt.ArrayLike, Sequence[float]]

#: A vector, as it is given out.
Vector = npt.NDArray[np.float32]


def pack(vector: VectorLike) -> bytes:
    """The bytes of one vector.

    Raises:
        ValueError: it is not one row of numbers.
    """
    return _floats(vector, 1, "a vector is one row of numbers").tobytes()


def pack_rows(vectors: VectorLike) -> list[bytes]:
    """The bytes of each row.

    Raises:
        ValueError: it is not rows of numbers, all equally long.
    """
    rows = _floats(vectors, 2, "vectors are rows of numbers")
    return [row.tobytes() for row in rows]


def unpack(wire: Any) -> Vector:
    """The vector of bytes, or of a list of numbers. It is its own: it may be written to."""
    if isinstance(wire, (bytes, bytearray, memoryview)):
        return np.frombuffer(wire, dtype="<f4").astype(np.float32)
    return np.asarray(wire, dtype=np.float32)


def _floats(vectors: VectorLike, dimensions: int, rule: str) -> npt.NDArray[Any]:
    # What is too large for 32 bits becomes infinite, and the server says which document that was.
    with np.errstate(over="ignore"):
        array = np.ascontiguousarray(vectors, dtype="<f4")
    if np.ndim(vectors) != dimensions:
        raise ValueError(f"{rule}, this has the shape {np.shape(vectors)}")
    return array
