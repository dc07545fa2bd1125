"""JSON Schema (2020-12) of what is told, from the types that describe it: one source, and nothing to keep beside it.

A shape is a TypedDict of text, numbers, truths, literals, lists, maps and other shapes; a key may be `NotRequired`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

Schema = dict[str, Any]
"""A JSON Schema as the json module writes it."""


@dataclass(frozen=True, slots=True)
class Keyword:
    """Something more that the schema of a type says: in `Annotated[type, Keyword(…)]`."""

    name: str
    value: str


Instant = Annotated[str, Keyword("format", "date-time")]
"""An aware instant in ISO 8601."""
Zone = Annotated[str, Keyword("description", "an IANA time zone")]
Amount = Annotated[int, Keyword("description", "minor units of the currency")]
Anything = Annotated[dict[str, Any], Keyword("description", "an object of any shape")]

_PLAIN: Mapping[object, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
    NoneType: {"type": "null"},
    Any: {},
}


def schema_of(shape: object, *, closed: bool = False) -> Schema:
    """The schema of a shape. `closed`: keys that it does not name are wrong; else they may come, as later releases may
    add some. Raises TypeError for a type that is none of those."""
    if shape in _PLAIN:
        return dict(_PLAIN[shape])
    if is_typeddict(shape):
        return _object(shape, closed=closed)
    parts = get_args(shape)
    match get_origin(shape):
        case origin if origin is Annotated:
            made = {**schema_of(parts[0], closed=closed), parts[1].name: parts[1].value}
        case origin if origin is Literal:
            made = {"enum": list(parts)}
        case origin if origin in (Union, UnionType):
            made = {"anyOf": [schema_of(part, closed=closed) for part in parts]}
        case origin if origin is list:
            made = {"type": "array", "items": schema_of(parts[0], closed=closed)}
        case origin if origin is dict:
            made = {"type": "object", "additionalProperties": schema_of(parts[1], closed=closed)}
        case _:
            raise TypeError(f"{shape} has no schema.")
    return made


def _object(shape: Any, *, closed: bool) -> Schema:
    required, properties = list[str](), dict[str, Schema]()
    for name, hint in get_type_hints(shape, include_extras=True).items():
        optional = get_origin(hint) is NotRequired
        properties[name] = schema_of(get_args(hint)[0] if optional else hint, closed=closed)
        if not optional:
            required.append(name)
    made: Schema = {"type": "object", "properties": properties, "required": required}
    return made | {"additionalProperties": False} if closed else made
