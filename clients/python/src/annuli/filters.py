"""Filters. A plain dict in the server's language is one; `Field` writes the same with Python's operators.

(Field("size") >= 10) & (Field("section") == "web")
{"$and": [{"size": {"$gte": 10}}, {"section": {"$eq": "web"}}]}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Union


class Condition:
    """What a document must be like. Combined by `&`, `|` and `~`."""

    __slots__ = ("_filter",)

    def __init__(self, filter: Mapping[str, Any]) -> None:
        self._filter = dict(filter)

    def to_dict(self) -> dict[str, Any]:
        """As the server reads it."""
        return self._filter

    def __and__(self, other: Condition) -> Condition:
        return self._with("$and", other)

    def __or__(self, other: Condition) -> Condition:
        return self._with("$or", other)

    def __invert__(self) -> Condition:
        return Condition({"$not": self._filter})

    def __bool__(self) -> bool:
        # `a and b` asks for the truth of `a`, and would be `b` alone.
        raise TypeError("conditions are combined by `&`, `|` and `~`, each in brackets of its own")

    def __repr__(self) -> str:
        return f"Condition({self._filter!r})"

    def _with(self, operator: str, other: Condition) -> Condition:
        # `a & b & c` is one list, not a nest: the depth of a filter has a limit.
        flat = self._filter[operator] if set(self._filter) == {operator} else [self._filter]
        return Condition({operator: [*flat, other.to_dict()]})


class Field:
    """A field of the metadata; dots reach into objects."""

    __slots__ = ("path",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, path: str) -> None:
        self.path = path

    def __eq__(self, value: object) -> Condition:  # type: ignore[override]
        return self._test("$eq", value)

    def __ne__(self, value: object) -> Condition:  # type: ignore[override]
        return self._test("$ne", value)

    def __gt__(self, value: Union[float, str]) -> Condition:
        return self._test("$gt", value)

    def __ge__(self, value: Union[float, str]) -> Condition:
        return self._test("$gte", value)

    def __lt__(self, value: Union[float, str]) -> Condition:
        return self._test("$lt", value)

    def __le__(self, value: Union[float, str]) -> Condition:
        return self._test("$lte", value)

    def is_in(self, values: Iterable[Any]) -> Condition:
        """It is one of these; of a list, any element is."""
        return self._test("$in", list(values))

    def is_not_in(self, values: Iterable[Any]) -> Condition:
        """It is none of these."""
        return self._test("$nin", list(values))

    def exists(self) -> Condition:
        """It is there, and not null."""
        return self._test("$exists", True)

    def is_missing(self) -> Condition:
        """It is not there, or null."""
        return self._test("$exists", False)

    def __repr__(self) -> str:
        return f"Field({self.path!r})"

    def _test(self, operator: str, value: Any) -> Condition:
        return Condition({self.path: {operator: value}})


#: What a call takes as a filter.
Filter = Union[Condition, Mapping[str, Any]]
