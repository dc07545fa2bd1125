"""The published schemas of what webhooks are sent: one for each machine and version, from the machine itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypedDict

from lifecycle.app.hooks import BY_HAND
from lifecycle.domain.matrix import AnyMachine, matrix_of
from lifecycle.domain.shapes import Anything, Instant, Schema, schema_of
from lifecycle.engine.registry import Registry
from lifecycle.errors import NotFound

TEST = "webhook.test"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _Told(TypedDict):
    """What every transition is told with (the `from` and `facts` are added)."""

    machine: str
    version: int
    instance: str
    root: str
    number: int
    account: str | None
    event: str
    to: str
    cause: Literal["command", "deferral", "operator", "outcome"]
    at: Instant
    arguments: Anything


class _Body(TypedDict):
    """What is sent, around what is told."""

    type: str
    timestamp: Instant


class _Test(TypedDict):
    """What a test tells."""

    webhook: str
    at: Instant


def schema_for(registry: Registry, type_: str) -> Schema:
    """The schema of what is sent with this type: `subscription.cancel`, or of all of a machine: `subscription`. Raises
    NotFound."""
    kind, _, event = type_.partition(".")
    if type_ == TEST:
        return schema_of_test()
    if kind not in registry.kinds:
        raise NotFound("type of what webhooks are sent", type_)
    definition = registry.newest(kind)
    if event and event not in _events(definition):
        raise NotFound("type of what webhooks are sent", type_)
    return schema_of_machine(definition, event or None)


def schema_of_machine(definition: type[AnyMachine], event: str | None = None, *, closed: bool = False) -> Schema:
    """Of what is sent about a machine of this version; or only of one `event`. `closed`: without keys besides."""
    matrix, kind = matrix_of(definition), definition.kind
    states = sorted(matrix.states)
    told = schema_of(_Told, closed=closed)
    told["properties"] |= {
        "machine": {"const": kind},
        "version": {"const": definition.version},
        "event": {"const": event} if event else {"enum": _events(definition)},
        "from": {"enum": [None, *states]},
        "to": {"enum": states},
        "facts": schema_of(definition.shape or Anything, closed=closed),
    }
    told["required"] += ["from", "facts"]
    types = [f"{kind}.{one}" for one in ([event] if event else _events(definition))]
    title = f"What webhooks are sent about the machine {kind}, version {definition.version}"
    return _body(f"{kind}:{definition.version}", title, types, told, closed=closed)


def schema_of_test() -> Schema:
    """Of what a test sends."""
    return _body("test", "What webhooks are sent as a test", [TEST], schema_of(_Test), closed=False)


def types_of(registry: Registry) -> Mapping[str, int]:
    """The machines that webhooks can be told of, with the version of what is sent."""
    return {kind: registry.newest(kind).version for kind in registry.kinds}


def _body(name: str, title: str, types: list[str], told: dict[str, Any], *, closed: bool) -> Schema:
    body = schema_of(_Body, closed=closed)
    body["properties"] |= {"type": {"enum": types}, "data": told}
    body["required"].append("data")
    return {"$schema": DIALECT, "$id": f"urn:lifecycle:webhooks:{name}", "title": title, **body}


def _events(definition: type[AnyMachine]) -> list[str]:
    """All that can be told of a machine, by the names in the log."""
    matrix = matrix_of(definition)
    return sorted({*matrix.creations, *matrix.commands, *matrix.deferred, *BY_HAND})
