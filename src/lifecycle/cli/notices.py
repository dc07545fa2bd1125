"""`lifecycle notices …`: what customers are written, what was sent, and the texts for translators."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lifecycle.cli import options
from lifecycle.cli.output import display, emit, save, say, table, when
from lifecycle.cli.session import opened

if TYPE_CHECKING:
    from lifecycle.app.notices import NoticeView
    from lifecycle.cli.directory import Directory


def kinds(context: typer.Context, as_json: options.AsJson = False) -> None:
    """List the occasions.

    When each is, and who is written to; a template of yours too.
    """
    with opened(context) as lifecycle:
        found = lifecycle.notices.kinds()
    if as_json:
        emit(found)
    else:
        display(table(("kind", "when", "to"), [(one.kind, one.when, one.to) for one in found]))


def preview(
    context: typer.Context,
    kind: Annotated[str, typer.Argument(metavar="KIND", help="The occasion: see notices kinds.")],
    *,
    subscription: Annotated[
        str | None,
        typer.Option(
            "--subscription", metavar="SUB", help="Of this subscription, as it stands: its id, or its account."
        ),
    ] = None,
    language: Annotated[
        str | None, typer.Option(metavar="LANGUAGE", help="In this language, such as de; default: the account's.")
    ] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the page to this file; - is stdout.")] = None,
    as_json: options.AsJson = False,
) -> None:
    """Show what would be written.

    Of something made up, unless a subscription is named. Nothing is sent.
    """
    from lifecycle.cli.directory import find

    with opened(context) as lifecycle:
        about = None if subscription is None else find(lifecycle, subscription)
        letter = lifecycle.notices.preview(kind, subscription=about, language=language)
    if html is not None:
        save(letter.html.encode(), html)
    elif as_json:
        emit(letter)
    else:
        typer.echo(f"Subject: {letter.subject}\n\n{letter.text}", nl=False)


def sent(
    context: typer.Context,
    account: options.OneAccount = None,
    kind: Annotated[str | None, typer.Option(metavar="KIND", help="Only those of this occasion.")] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="How many, the newest.")] = 50,
    as_json: options.AsJson = False,
) -> None:
    """List notices, oldest first.

    When each happened and when it was sent, and what tells it where it was late.
    """
    from lifecycle.cli.directory import Directory

    with opened(context) as lifecycle:
        found = lifecycle.notices.sent(account=account, kind=kind, limit=limit + 1)
        shown = found[-limit:]
        if as_json:
            emit(shown)
        else:
            columns = ("time", "id", "clock", "kind", "account", "sent", "status", "tried", "told by", "error")
            known, zone = Directory(lifecycle), lifecycle.config.zone
            display(table(columns, [_row(one, known, zone) for one in shown], widest=60))
    if len(found) > limit:
        say(f"There are more than {limit}; see them with --limit.")


def _row(one: NoticeView, known: Directory, zone: str) -> tuple[str, ...]:
    return (
        when(one.at, zone),
        one.id,
        one.clock or "",
        one.kind,
        known.of_account(one.account).title,
        "" if one.sent_at is None else when(one.sent_at, zone),
        one.status,
        f"{one.attempts}×" if one.attempts else "",
        one.merged_into or "",
        one.error or "",
    )


def catalogue(context: typer.Context, as_json: options.AsJson = False) -> None:
    """Print all texts for translators.

    A .pot file of gettext: your own templates' texts too.
    """
    with opened(context) as lifecycle:
        made = lifecycle.notices.catalogue()
    if as_json:
        emit({"file": made})
    else:
        typer.echo(made, nl=False)
