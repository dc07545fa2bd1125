"""`lifecycle explain`, and what stands in the way of what is kept aside: why not, in tables and for programs."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lifecycle.cli import options
from lifecycle.cli.output import display, emit, facts, framed, table, when
from lifecycle.cli.session import opened

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.panel import Panel

    from lifecycle.cli.directory import Owner
    from lifecycle.domain.explaining import Prospect
    from lifecycle.engine.questions import Explanation, First

SAID = {
    "depends": "depends on what is asked for",
    "deferred": "by itself",
    "not_deferred": "nothing asks for it",
    "does_nothing": "does nothing",
}
"""Verdicts in people's words, where these are others."""


def explain(
    context: typer.Context,
    sub: options.Anything,
    event: Annotated[str | None, typer.Argument(metavar="[EVENT]", help="Only this event, as it is asked.")] = None,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="What it is asked with: plan=team at=2026-07-01."),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Say what can happen now, and why not.

    For each event: allowed, or the guard that refuses it, with its code and what to do instead. It changes nothing.
    """
    from lifecycle.app.views import as_json as plain
    from lifecycle.cli.directory import Directory, find_instance

    with opened(context) as lifecycle:
        given = dict(_argument(word) for word in arguments or [])
        instance = find_instance(lifecycle, sub)
        found = lifecycle.operations.explain(instance, event.replace("-", "_") if event else None, given)
        directory = Directory(lifecycle)
        owner = directory.of_account(found.owner_id)
        if as_json:
            emit({"account": owner.reference, "clock": owner.clock, **plain(found)})
        else:
            display(*_explained(found, owner, directory.now(owner.clock)))


def _argument(word: str) -> tuple[str, object]:
    """`seats=3`: whole numbers, `true` and `false` are what they look like, anything else is text."""
    name, equals, value = word.partition("=")
    if not (name and equals):
        raise typer.BadParameter(f"{word!r} is not KEY=VALUE, such as plan=team.")
    if value in ("true", "false"):
        return name, value == "true"
    return name, int(value) if value.isdecimal() and len(value) < 10 else value


def _explained(found: Explanation, owner: Owner, now: datetime) -> list[RenderableType]:
    parts: list[RenderableType] = [framed(owner.title, facts(_standing(found, owner, now)))]
    columns = ("event", "now", "why", "instead")
    rows = [(one.event, _verdict(one), _why(one, owner.zone, now), one.instead) for one in found.events]
    return [*parts, "", table(columns, rows)]


def _standing(found: Explanation, owner: Owner, now: datetime) -> dict[str, str | None]:
    led = f", after what is due: {found.state}" if found.state != found.stored_state else ""
    first = [_first(one, owner.zone, now) for one in found.due]
    return {
        "id": found.id,
        "state": found.stored_state + led,
        "machine": f"{found.machine}, version {found.machine_version}",
        "version": str(found.version),
        "in the way": _obstacle(found, owner.zone),
        "due": "\n".join(first) or None,
    }


def _obstacle(found: Explanation, zone: str) -> str | None:
    if found.obstacle is None:
        return None
    parts = [f"refuses all commands ({found.obstacle.code}): {found.obstacle.message}"]
    if found.error:
        parts.append(f"failed {found.attempts}×: {found.error}" if found.attempts else f"fails: {found.error}")
    if found.status == "live" and found.attempts and found.wake_at:
        parts.append(f"it is tried again at {when(found.wake_at, zone)}")
    return "\n".join(parts)


def _first(one: First, zone: str, now: datetime) -> str:
    from lifecycle.cli.faces import distance

    fires = "; it fires before any command is judged" if one.would_fire else ""
    return f"{one.event} since {when(one.due_at, zone)} ({distance(one.due_at, now)}){fires}"


def _verdict(one: Prospect) -> str:
    if one.verdict == "refused":
        return f"refused {one.code}"
    return {
        "depends": "depends on what is asked for",
        "deferred": "by itself",
        "not_deferred": "nothing asks for it",
    }.get(one.verdict, one.verdict.replace("_", " "))


def _why(one: Prospect, zone: str, now: datetime) -> str:
    from lifecycle.cli.faces import distance

    match one.verdict:
        case "allowed" | "not_deferred":
            return f"it leads to {one.target}"
        case "deferred" if one.due_at:
            return f"{when(one.due_at, zone)} ({distance(one.due_at, now)}), to {one.target}"
        case "depends":
            return "; ".join(f"{question.guard}, else {question.code}" for question in one.questions)
        case "refused":
            return f"{one.guard}: {one.message}" if one.guard else one.message
    return one.message


# What is kept aside


def trouble(found: Explanation, owner: Owner) -> dict[str, Any]:
    """What stands in the way of an instance, for programs."""
    from lifecycle.app.views import as_json

    names = ("id", "machine", "machine_version", "version", "status", "attempts", "error", "wake_at", "obstacle", "due")
    told = {name: as_json(getattr(found, name)) for name in names}
    return {"account": owner.reference, **told, "state": found.stored_state, "can": _possible(found)}


def trouble_panel(found: Explanation, owner: Owner, now: datetime) -> Panel:
    """The same for people."""
    first = [_first(one, owner.zone, now) for one in found.due]
    pairs = {
        "id": found.id,
        "state": f"{found.stored_state} ({found.status})",
        "error": found.error,
        "attempts": str(found.attempts) if found.attempts else None,
        "tried again": when(found.wake_at, owner.zone) if found.attempts and found.wake_at else None,
        "due": "\n".join(first) or "nothing",
        "can be done": "\n".join(f"{name}: {what}" for name, what in _possible(found).items()),
    }
    return framed(f"{owner.reference}: {found.machine}", facts(pairs))


def _possible(found: Explanation) -> dict[str, str]:
    """The acts that are possible, and what each would do."""
    can: dict[str, str] = {}
    first = found.first
    if found.attempts:
        held = " once it is released" if found.status == "held" else ""
        can["retry"] = f"when the cause is removed: it is tried again{held}, with all its attempts"
    if first:
        can["fire"] = f"{first.event} is tried now, by you; if it fails, nothing has changed"
    if first and first.skippable:
        can["skip"] = f"{first.event} is passed over, without its effect"
    if found.status == "held":
        can["release"] = "what is due fires, in order"
    else:
        can["hold"] = "nothing fires, and commands are refused, until it is released"
    return can
