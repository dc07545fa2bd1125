"""What is published of webhooks is what they are sent (rule X340): a schema for each machine and version, in a file.

`LIFECYCLE_TEST_WRITE_DOCS=1 pytest tests/unit/test_webhook_schemas.py` writes the files anew.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from structlog.testing import capture_logs

import lifecycle_machines
from lifecycle.app.webhook_schemas import schema_for, schema_of_machine, schema_of_test, types_of
from lifecycle.config.settings import MACHINES
from lifecycle.domain.shapes import Amount, Instant, Schema, schema_of
from lifecycle.engine.registry import load_machines
from lifecycle.errors import NotFound
from lifecycle.store.queries import Step
from lifecycle.testing.scenarios.playing import play
from tests.scenarios.library import FILES, name_of, story

FOLDER = Path(lifecycle_machines.__file__).parent / "schemas"
REGISTRY = load_machines(MACHINES)
EACH_MACHINE = (
    "accounts/closed_when_nothing_is_left",
    "accounts/deleted",
    "cancellation/refund_to_the_card",
)
"""Stories in which each machine but the webhook's takes part."""

formats = FormatChecker(())


@formats.checks("date-time", raises=ValueError)
def is_instant(text: object) -> bool:
    """An aware one."""
    return not isinstance(text, str) or datetime.fromisoformat(text).tzinfo is not None


def bodies(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """What a webhook is sent of a log, one after the other."""
    facts: dict[str, dict[str, Any]] = {}
    made = []
    for step in sorted(steps, key=lambda one: (one.root_id, one.seq)):
        after = {**facts.get(step.instance_id, {}), **step.changes}
        facts[step.instance_id] = {name: value for name, value in after.items() if value is not None}
        told = {
            "machine": step.machine,
            "version": step.machine_version,
            "instance": step.instance_id,
            "root": step.root_id,
            "number": step.seq,
            "account": None,
            "event": step.event,
            "from": step.source,
            "to": step.target,
            "cause": step.cause,
            "at": step.at.isoformat(),
            "arguments": step.arguments,
            "facts": facts[step.instance_id],
        }
        made.append({"type": f"{step.machine}.{step.event}", "timestamp": told["at"], "data": told})
    return made


def wrong_with(steps: Sequence[Step]) -> list[str]:
    """What the schemas, without any keys besides, have to say against it."""
    validators = {
        kind: Draft202012Validator(schema_of_machine(REGISTRY.newest(kind), closed=True), format_checker=formats)
        for kind in REGISTRY.kinds
    }
    return [
        f"{body['type']}: {error.json_path}: {error.message}"
        for body in bodies(steps)
        for error in validators[body["data"]["machine"]].iter_errors(body)
    ]


@pytest.mark.sampled(20)
@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_what_happens_is_as_the_schemas_say(file: Path) -> None:
    """The facts of each row of a story, and no fact besides: who adds or changes one changes the schema (X340)."""
    with capture_logs():
        assert wrong_with(play(story(file)).log) == []


def test_each_machine_is_as_its_schema_says() -> None:
    """Every day, whatever the sample (X340)."""
    with capture_logs():
        logs = [play(story(file)).log for file in FILES if name_of(file) in EACH_MACHINE]
    assert {step.machine for log in logs for step in log} == set(REGISTRY.kinds) - {"webhook"}
    assert [wrong for log in logs for wrong in wrong_with(log)] == []


def published() -> dict[str, Schema]:
    """The files by their names, as they have to be."""
    machines = {
        f"{kind}-{version}.json": schema_of_machine(REGISTRY.definition(kind, version))
        for kind, version in types_of(REGISTRY).items()
    }
    return machines | {"webhook.test.json": schema_of_test()}


def test_the_files_are_the_schemas() -> None:
    """Those of this release; what an older version of a machine was sent with stays in its file."""
    wanted = {name: json.dumps(schema, indent=2) + "\n" for name, schema in published().items()}
    if os.environ.get("LIFECYCLE_TEST_WRITE_DOCS"):
        FOLDER.mkdir(exist_ok=True)
        for name, text in wanted.items():
            (FOLDER / name).write_text(text, encoding="utf-8")
    assert {name: (FOLDER / name).read_text(encoding="utf-8") for name in wanted} == wanted


@pytest.mark.parametrize("schema", published().values(), ids=published().keys())
def test_a_schema_is_one(schema: Schema) -> None:
    """By the dialect that it names."""
    Draft202012Validator.check_schema(schema)


def test_the_schema_of_one_event() -> None:
    """With that event alone; and of what there is not, nothing."""
    schema = schema_for(REGISTRY, "invitation.used")
    assert schema["properties"]["type"] == {"enum": ["invitation.used"]}
    assert schema["properties"]["data"]["properties"]["event"] == {"const": "used"}
    assert schema_for(REGISTRY, "webhook.test") == schema_of_test()
    for unknown in ("invitation.eaten", "nothing", "", "nothing.used"):
        with pytest.raises(NotFound):
            schema_for(REGISTRY, unknown)


class Inner(TypedDict):
    """A shape within another."""

    at: NotRequired[Instant]


class Outer(TypedDict):
    """One of everything."""

    name: str
    price: Amount
    limit: int | None
    inner: list[Inner]
    by_name: dict[str, bool]


def test_a_shape_becomes_a_schema() -> None:
    """Each kind of type, what is required, and what may come besides."""
    inner = {"type": "object", "properties": {"at": {"type": "string", "format": "date-time"}}, "required": []}
    assert schema_of(Outer) == {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "price": {"type": "integer", "description": "minor units of the currency"},
            "limit": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "inner": {"type": "array", "items": inner},
            "by_name": {"type": "object", "additionalProperties": {"type": "boolean"}},
        },
        "required": ["name", "price", "limit", "inner", "by_name"],
    }
    assert schema_of(Inner, closed=True) == {**inner, "additionalProperties": False}
    with pytest.raises(TypeError):
        schema_of(Callable)
