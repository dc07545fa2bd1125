"""The options that several commands share, each told once."""

from __future__ import annotations

from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout, for programs.")]

Sub = Annotated[
    str, typer.Argument(metavar="SUB", help="A subscription's id, or the account's reference if it has only one.")
]
OneSub = Annotated[str | None, typer.Argument(metavar="[SUB]", help="Only this subscription: its id, or its account.")]
Account = Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account's reference or id.")]
OneAccount = Annotated[str | None, typer.Option("--account", metavar="ACCOUNT", help="Only this account's.")]
Quote = Annotated[str, typer.Argument(metavar="QUOTE", help="The quote's id.")]
Invoice = Annotated[str, typer.Argument(metavar="INVOICE", help="The invoice's number or id.")]

Plan = Annotated[str | None, typer.Option(metavar="PLAN", help="The plan; default: as it is.")]
Interval = Annotated[
    str | None, typer.Option(metavar="INTERVAL", help="month, year, '6 months', …; default: as it is.")
]
Seats = Annotated[int | None, typer.Option(metavar="N", help="The number of seats.")]

By = Annotated[
    str, typer.Option(metavar="NAME", help="On whose behalf: an administrator's address, or an operator's name.")
]
Reason = Annotated[str | None, typer.Option(metavar="TEXT", help="Why, in their words; it is kept apart from the log.")]
Key = Annotated[
    str | None, typer.Option(metavar="KEY", help="An idempotency key: the same command again answers the same.")
]
Version = Annotated[int | None, typer.Option(metavar="N", help="Refuse if this is no longer the version.")]

Anything = Annotated[
    str,
    typer.Argument(
        metavar="SUB",
        help="A subscription's id, its account's reference, an invoice's number, or the id of any instance.",
    ),
]
OneThing = Annotated[
    str | None,
    typer.Argument(
        metavar="[SUB]",
        help="Only this: a subscription's id, its account's reference, or the id of any instance.",
    ),
]
Why = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help="Why, in your words; it is kept apart from the log.")
]
Reminders = Annotated[
    bool, typer.Option("--reminders", help="With the reminders, which tell somebody what is to come.")
]
Operator = Annotated[str, typer.Option("--by", metavar="NAME", help="Which operator, by a name.")]
