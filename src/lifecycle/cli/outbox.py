"""`lifecycle outbox …`: the messages on their way out, and what an operator can do about them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, cast

import typer

from lifecycle.cli import options
from lifecycle.cli.output import display, emit, say, table, when
from lifecycle.cli.session import opened

if TYPE_CHECKING:
    from lifecycle.engine.records import OutboxRecord, OutboxStatus

OneMessage = Annotated[str, typer.Argument(metavar="ID", help="The message's id.")]
Why = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it is kept apart from the log.")]


def list_(
    context: typer.Context,
    status: Annotated[
        str | None, typer.Option(metavar="STATUS", help="Only waiting, leased, delivered, dead or dropped ones.")
    ] = None,
    destination: Annotated[str | None, typer.Option(metavar="NAME", help="Only those to this destination.")] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="How many, the newest.")] = 50,
    as_json: options.AsJson = False,
) -> None:
    """List messages, oldest first.

    Where each is to go, what became of it, and when it is tried again.
    """
    if status is not None:
        _check_status(status)
    with opened(context) as lifecycle:
        asked = cast("OutboxStatus | None", status)
        found = lifecycle.outbox.list(status=asked, destination=destination, limit=limit + 1)
        shown, zone = found[-limit:], lifecycle.config.zone
        if as_json:
            emit(shown)
        else:
            columns = ("time", "id", "clock", "destination", "kind", "status", "tried", "next", "root", "error")
            display(table(columns, [_row(message, zone) for message in shown], widest=60))
    if len(found) > limit:
        say(f"There are more than {limit}; see them with --limit.")


def _check_status(status: str) -> None:
    """A mistyped status is a usage error, not an empty list."""
    from typing import get_args

    from lifecycle.engine.records import OutboxStatus

    known = get_args(OutboxStatus)
    if status not in known:
        raise typer.BadParameter(f"{status!r} is no status; there are {', '.join(known)}.")


def _row(message: OutboxRecord, zone: str) -> tuple[str, ...]:
    return (
        when(message.created_at, zone),
        message.id,
        message.clock or "",
        message.destination,
        message.kind,
        message.status,
        f"{message.attempts}×" if message.attempts else "",
        _at(message.wake_at, zone) or "",
        message.root_id,
        message.error or "",
    )


def show(context: typer.Context, message: OneMessage, as_json: options.AsJson = False) -> None:
    """Show a message.

    With its payload, which transition sent it, and its last error.
    """
    with opened(context) as lifecycle:
        _tell(lifecycle.outbox.get(message), lifecycle.config.zone, as_json)


def retry(
    context: typer.Context,
    message: OneMessage,
    reason: Why,
    by: options.By = "operator",
    as_json: options.AsJson = False,
) -> None:
    """Deliver a message now.

    A dead letter, or one that would be tried again later; with all its attempts.
    """
    with opened(context) as lifecycle:
        _tell(lifecycle.outbox.retry(message, reason=reason, by=by), lifecycle.config.zone, as_json)


def drop(
    context: typer.Context,
    message: OneMessage,
    reason: Why,
    by: options.By = "operator",
    as_json: options.AsJson = False,
) -> None:
    """Give a message up for good.

    It is never sent; those that wait for it go on.
    """
    with opened(context) as lifecycle:
        _tell(lifecycle.outbox.drop(message, reason=reason, by=by), lifecycle.config.zone, as_json)


def _tell(message: OutboxRecord, zone: str, as_json: bool) -> None:
    import json

    from lifecycle.cli.output import facts, framed

    if as_json:
        emit(message)
        return
    pairs = {
        "status": message.status,
        "destination": message.destination,
        "kind": message.kind,
        "payload": json.dumps(message.payload, ensure_ascii=False),
        "sent by": f"transition {message.seq} of {message.root_id}, on {when(message.created_at, zone)}",
        "tried": f"{message.attempts}×",
        "next": _at(message.wake_at, zone),
        "finished": _at(message.finished_at, zone),
        "error": message.error,
    }
    display(framed(message.id, facts(pairs)))


def _at(instant: datetime | None, zone: str) -> str | None:
    return None if instant is None else when(instant, zone)
