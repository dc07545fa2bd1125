"""`lifecycle webhooks …`: the addresses that are told of transitions, and what became of each attempt."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lifecycle.cli import options
from lifecycle.cli.output import display, emit, facts, framed, say, table, when
from lifecycle.cli.session import opened

if TYPE_CHECKING:
    from lifecycle import Lifecycle
    from lifecycle.app.webhook_views import WebhookSecret, WebhookView

OneWebhook = Annotated[str, typer.Argument(metavar="WEBHOOK", help="The webhook's id.")]
Events = Annotated[
    list[str] | None,
    typer.Option("--event", metavar="EVENT", help="machine.event, machine.state, machine.* or '*'; may be repeated."),
]
Description = Annotated[str | None, typer.Option(metavar="TEXT", help="What it is for.")]


def add(
    context: typer.Context,
    url: Annotated[str, typer.Argument(metavar="URL", help="The https address.")],
    *,
    event: Events = None,
    description: Description = None,
    by: options.Operator = "operator",
    reason: options.Reason = None,
    as_json: options.AsJson = False,
) -> None:
    """Have an address told of transitions.

    Its secret is shown now and never again.
    """
    with opened(context) as lifecycle:
        made = lifecycle.webhooks.add(url, events=event or ("*",), description=description or "", by=by, reason=reason)
        _tell_secret(lifecycle, made, as_json)


def list_(context: typer.Context, as_json: options.AsJson = False) -> None:
    """List webhooks, oldest first.

    What each is told of, how it stands, and how much waits for it.
    """
    with opened(context) as lifecycle:
        found = lifecycle.webhooks.list()
        zone = lifecycle.config.zone
    if as_json:
        emit(found)
        return
    columns = ("id", "url", "told of", "state", "waiting", "failing since", "description")
    rows = [
        (
            one.id,
            one.url,
            ", ".join(one.events),
            one.state,
            str(one.waiting),
            _at(one.failing_since, zone) or "",
            one.description,
        )
        for one in found
    ]
    display(table(columns, rows, right=("waiting",), widest=60))


def show(context: typer.Context, webhook: OneWebhook, as_json: options.AsJson = False) -> None:
    """Show a webhook.

    Without its secrets.
    """
    with opened(context) as lifecycle:
        _tell(lifecycle, lifecycle.webhooks.get(webhook), as_json)


def edit(
    context: typer.Context,
    webhook: OneWebhook,
    *,
    url: Annotated[str | None, typer.Option(metavar="URL", help="Another address.")] = None,
    event: Events = None,
    description: Description = None,
    by: options.Operator = "operator",
    reason: options.Reason = None,
    as_json: options.AsJson = False,
) -> None:
    """Change a webhook's address, events or description.

    What waits for it goes to the new address.
    """
    said: dict[str, Any] = {"url": url, "events": event, "description": description}
    wanted = {name: value for name, value in said.items() if value is not None}
    with opened(context) as lifecycle:
        _tell(lifecycle, lifecycle.webhooks.edit(webhook, **wanted, by=by, reason=reason), as_json)


def rotate(
    context: typer.Context,
    webhook: OneWebhook,
    *,
    overlap: Annotated[
        str, typer.Option(metavar="LENGTH", help="How long the old secret signs beside the new one.")
    ] = "24h",
    by: options.Operator = "operator",
    reason: options.Reason = None,
    as_json: options.AsJson = False,
) -> None:
    """Give a webhook a new secret.

    It is shown now and never again. What is sent is signed by both for a while.
    """
    with opened(context) as lifecycle:
        made = lifecycle.webhooks.rotate(webhook, overlap=_length(overlap), by=by, reason=reason)
        _tell_secret(lifecycle, made, as_json)


def send_test(
    context: typer.Context,
    webhook: OneWebhook,
    by: options.Operator = "operator",
    reason: options.Reason = None,
    as_json: options.AsJson = False,
) -> None:
    """Send a webhook a test.

    Of the type webhook.test, by the outbox as everything else.
    """
    with opened(context) as lifecycle:
        _tell(lifecycle, lifecycle.webhooks.test(webhook, by=by, reason=reason), as_json)


def pause(
    context: typer.Context,
    webhook: OneWebhook,
    by: options.Operator = "operator",
    reason: options.Reason = None,
    as_json: options.AsJson = False,
) -> None:
    """Deliver nothing to a webhook for now.

    What is written for it waits until it is resumed.
    """
    with opened(context) as lifecycle:
        _tell(lifecycle, lifecycle.webhooks.pause(webhook, by=by, reason=reason), as_json)


def resume(
    context: typer.Context,
    webhook: OneWebhook,
    by: options.Operator = "operator",
    reason: options.Reason = None,
    as_json: options.AsJson = False,
) -> None:
    """Deliver to a webhook again.

    What has waited for it goes at once, in order.
    """
    with opened(context) as lifecycle:
        _tell(lifecycle, lifecycle.webhooks.resume(webhook, by=by, reason=reason), as_json)


def remove(
    context: typer.Context,
    webhook: OneWebhook,
    by: options.Operator = "operator",
    reason: options.Reason = None,
    as_json: options.AsJson = False,
) -> None:
    """Tell a webhook nothing more.

    What waits for it is dropped, and its secrets are forgotten.
    """
    with opened(context) as lifecycle:
        _tell(lifecycle, lifecycle.webhooks.remove(webhook, by=by, reason=reason), as_json)


def _tell_secret(lifecycle: Lifecycle, made: WebhookSecret, as_json: bool) -> None:
    if as_json:
        emit(made)
        return
    _tell(lifecycle, made.webhook, as_json)
    display(facts({"secret": made.secret}))
    say("Keep the secret now: it is not shown again.")


def _tell(lifecycle: Lifecycle, one: WebhookView, as_json: bool) -> None:
    if as_json:
        emit(one)
        return
    pairs = {
        "url": one.url,
        "told of": ", ".join(one.events),
        "state": one.state,
        "waiting": str(one.waiting),
        "failing since": _at(one.failing_since, lifecycle.config.zone),
        "description": one.description or None,
    }
    display(framed(one.id, facts(pairs)))


def _at(instant: datetime | None, zone: str) -> str | None:
    return None if instant is None else when(instant, zone)


def _length(text: str) -> timedelta:
    """A mistyped length is a usage error."""
    from lifecycle.domain.calendar import Duration

    if text == "0":
        return timedelta()
    try:
        return Duration.parse(text).timedelta
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no length of time, such as 24h, 30m or 0.") from error
