"""`lifecycle webhooks deliveries`, `resend` and `schema`: what webhooks are sent, and what became of each attempt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lifecycle.cli import options
from lifecycle.cli.output import display, emit, say, table, when
from lifecycle.cli.session import configuration, opened

if TYPE_CHECKING:
    from lifecycle.store.webhooks import Delivery


def deliveries(
    context: typer.Context,
    webhook: Annotated[str | None, typer.Argument(metavar="[WEBHOOK]", help="Only those to this webhook.")] = None,
    message: Annotated[str | None, typer.Option(metavar="ID", help="Only those of this message.")] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="How many, the newest.")] = 50,
    as_json: options.AsJson = False,
) -> None:
    """List attempts to deliver, oldest first.

    When each was made, how long it took, and what was answered.
    """
    with opened(context) as lifecycle:
        found = lifecycle.webhooks.deliveries(webhook=webhook, message=message, limit=limit + 1)
        zone = lifecycle.config.zone
    shown = found[-limit:]
    if as_json:
        emit(shown)
    else:
        columns = ("time", "webhook", "message", "attempt", "ms", "status", "answer", "error")
        display(table(columns, [_row(one, zone) for one in shown], widest=60, right=("attempt", "ms", "status")))
    if len(found) > limit:
        say(f"There are more than {limit}; see them with --limit.")


def resend(
    context: typer.Context,
    message: Annotated[str, typer.Argument(metavar="ID", help="The message's id.")],
    reason: options.Why,
    by: options.Operator = "operator",
    as_json: options.AsJson = False,
) -> None:
    """Send a message again, under the same id.

    One that has arrived too; with all its attempts.
    """
    with opened(context) as lifecycle:
        again = lifecycle.webhooks.resend(message, reason=reason, by=by)
    if as_json:
        emit(again)
    else:
        say(f"{again.id} is to be delivered to {again.destination} again.")


def schema(
    context: typer.Context,
    type_: Annotated[
        str | None,
        typer.Argument(metavar="[TYPE]", help="Such as subscription.cancel, or subscription for all of it."),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Print the JSON Schema of what webhooks are sent.

    Without a type: which machines there are, and the version of each.
    """
    from lifecycle.app.webhook_schemas import schema_for, types_of
    from lifecycle.engine.registry import load_machines

    config = configuration(context)
    registry = load_machines(config.machines, config.steps)
    if type_ is not None:
        emit(schema_for(registry, type_))
        return
    found = types_of(registry)
    if as_json:
        emit(found)
    else:
        display(table(("type", "version"), [(f"{kind}.*", str(version)) for kind, version in found.items()]))


def _row(one: Delivery, zone: str) -> tuple[str, ...]:
    return (
        when(one.at, zone),
        one.webhook_id,
        one.message_id,
        str(one.number),
        str(one.milliseconds),
        "" if one.status is None else str(one.status),
        one.body,
        one.error or "",
    )
