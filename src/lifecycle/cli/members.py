"""`lifecycle members …`: the people of an account, and who has a seat of a subscription."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lifecycle.cli import options
from lifecycle.cli.failures import FAILED
from lifecycle.cli.output import display, emit, facts, progress_bar, say, table, when
from lifecycle.cli.session import opened

if TYPE_CHECKING:
    from lifecycle import Lifecycle
    from lifecycle.app.people import MemberView, Preview

Member = Annotated[str, typer.Argument(metavar="MEMBER", help="The member's e-mail address or id.")]
ToSub = Annotated[
    str | None, typer.Option("--sub", metavar="SUB", help="With a seat of this subscription: its id, or its account.")
]
FirstName = Annotated[str | None, typer.Option(metavar="NAME", help="The first name.")]
LastName = Annotated[str | None, typer.Option(metavar="NAME", help="The last name.")]
Position = Annotated[str | None, typer.Option(metavar="TEXT", help="What they are there.")]
Role = Annotated[str | None, typer.Option(metavar="ROLE", help="admin or member.")]


def list_(
    context: typer.Context,
    account: options.Account,
    *,
    removed: Annotated[bool, typer.Option("--removed", help="Also those who were removed.")] = False,
    as_json: options.AsJson = False,
) -> None:
    """List the members of an account."""
    with opened(context) as lifecycle:
        members = lifecycle.members.list(account, removed=removed)
    if as_json:
        emit(members)
        return
    rows = [
        [one.email, _name(one), one.position, one.role, one.state, str(len(one.subscriptions) or "")] for one in members
    ]
    display(table(["address", "name", "position", "role", "state", "seats"], rows, right=["seats"]))


def show(context: typer.Context, account: options.Account, member: Member, as_json: options.AsJson = False) -> None:
    """Show one member."""
    with opened(context) as lifecycle:
        tell(lifecycle, lifecycle.members.get(account, member), as_json)


def add(
    context: typer.Context,
    account: options.Account,
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="Their address.")],
    *,
    first_name: FirstName = None,
    last_name: LastName = None,
    position: Position = None,
    role: Role = None,
    sub: ToSub = None,
    by: options.By = "operator",
    reason: options.Reason = None,
    key: options.Key = None,
    as_json: options.AsJson = False,
) -> None:
    """Add somebody to an account.

    And to a seat of a subscription, where one is named. Harmless when repeated.
    """
    asked = _given(first_name=first_name, last_name=last_name, position=position, role=role)
    with opened(context) as lifecycle:
        subscription = _subscription(lifecycle, sub)
        said: dict[str, Any] = {"by": by, "reason": reason, "key": key}
        member = lifecycle.members.add(account, email, subscription=subscription, **asked, **said)
        tell(lifecycle, member, as_json)


def edit(
    context: typer.Context,
    account: options.Account,
    member: Member,
    *,
    email: Annotated[str | None, typer.Option(metavar="EMAIL", help="Another address.")] = None,
    first_name: FirstName = None,
    last_name: LastName = None,
    position: Position = None,
    role: Role = None,
    by: options.By = "operator",
    reason: options.Reason = None,
    as_json: options.AsJson = False,
) -> None:
    """Change who somebody is, or their role."""
    asked = _given(email=email, first_name=first_name, last_name=last_name, position=position, role=role)
    with opened(context) as lifecycle:
        tell(lifecycle, lifecycle.members.edit(account, member, **asked, by=by, reason=reason), as_json)


def enable(
    context: typer.Context,
    account: options.Account,
    member: Member,
    *,
    by: options.By = "operator",
    reason: options.Reason = None,
    as_json: options.AsJson = False,
) -> None:
    """Let somebody use what they have a seat of."""
    with opened(context) as lifecycle:
        tell(lifecycle, lifecycle.members.enable(account, member, by=by, reason=reason), as_json)


def disable(
    context: typer.Context,
    account: options.Account,
    member: Member,
    *,
    by: options.By = "operator",
    reason: options.Reason = None,
    as_json: options.AsJson = False,
) -> None:
    """Let somebody use nothing.

    They keep their seats.
    """
    with opened(context) as lifecycle:
        tell(lifecycle, lifecycle.members.disable(account, member, by=by, reason=reason), as_json)


def remove(
    context: typer.Context,
    account: options.Account,
    member: Member,
    *,
    by: options.By = "operator",
    reason: options.Reason = None,
    as_json: options.AsJson = False,
) -> None:
    """Take somebody out of an account.

    Their seats are free for others. They can be added again.
    """
    with opened(context) as lifecycle:
        tell(lifecycle, lifecycle.members.remove(account, member, by=by, reason=reason), as_json)


def resend(
    context: typer.Context,
    account: options.Account,
    member: Member,
    *,
    by: options.By = "operator",
    as_json: options.AsJson = False,
) -> None:
    """Send the e-mail for a password again.

    Shows the token that is in it. It works once, and only a digest of it is stored.
    """
    with opened(context) as lifecycle:
        token = lifecycle.members.resend_password_email(account, member, by=by)
        zone = lifecycle.accounts.get(account).zone
    if as_json:
        emit(token)
    else:
        display(facts({"token": token.token, "member": token.member, "expires": when(token.expires_at, zone)}))


def redeem(
    context: typer.Context,
    token: Annotated[str, typer.Argument(metavar="TOKEN", help="What the e-mail has.")],
    as_json: options.AsJson = False,
) -> None:
    """Use the token of a password's e-mail.

    Once. Who was invited is enabled by it.
    """
    with opened(context) as lifecycle:
        tell(lifecycle, lifecycle.members.redeem(token), as_json)


def assign(
    context: typer.Context,
    sub: options.Sub,
    member: Member,
    *,
    by: options.By = "operator",
    reason: options.Reason = None,
    as_json: options.AsJson = False,
) -> None:
    """Give a member a seat of a subscription."""
    with opened(context) as lifecycle:
        found = _subscription(lifecycle, sub) or sub
        tell(lifecycle, lifecycle.members.assign(found, member, by=by, reason=reason), as_json)


def unassign(
    context: typer.Context,
    sub: options.Sub,
    member: Member,
    *,
    by: options.By = "operator",
    reason: options.Reason = None,
    as_json: options.AsJson = False,
) -> None:
    """Take a member's seat of a subscription."""
    with opened(context) as lifecycle:
        found = _subscription(lifecycle, sub) or sub
        tell(lifecycle, lifecycle.members.unassign(found, member, by=by, reason=reason), as_json)


def seats(context: typer.Context, sub: options.Sub, as_json: options.AsJson = False) -> None:
    """Show who has a seat of a subscription.

    In the order in which they were assigned, and whether they have access.
    """
    with opened(context) as lifecycle:
        view = lifecycle.subscriptions.get(_subscription(lifecycle, sub) or sub)
        seated = lifecycle.members.beneficiaries(view.id)
    if as_json:
        emit({"id": view.id, "seats": view.seats, "free": view.free_seats, "members": seated})
        return
    rows = [
        [one.member.email, _name(one.member), when(one.assigned_at, view.zone), "yes" if one.access else "no"]
        for one in seated
    ]
    if rows:
        display(table(["address", "name", "since", "access"], rows))
    say(f"{len(seated)} of {view.seats} seats are taken.")


def import_(  # options
    context: typer.Context,
    account: options.Account,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV: email,first_name,last_name,position.")],
    *,
    sub: ToSub = None,
    grow: Annotated[bool, typer.Option("--grow", help="Buy the seats that are missing, in the same order.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would come of each row; do nothing.")] = False,
    by: options.By = "operator",
    reason: options.Reason = None,
    key: options.Key = None,
    as_json: options.AsJson = False,
) -> None:
    """Add the people of a file.

    All or nobody, and harmless when repeated. With --dry-run --grow it quotes the seats that are missing: to confirm
    that quote adds everybody.
    """
    said: dict[str, Any] = {"by": by, "reason": reason}
    with opened(context) as lifecycle:
        subscription = _subscription(lifecycle, sub)
        if dry_run:
            _tell_preview(
                lifecycle.members.preview(account, file, subscription=subscription, grow=grow, **said), as_json
            )
            return
        with progress_bar("people", visible=not as_json) as progress:
            taken = lifecycle.members.add_all(
                account, file, subscription=subscription, grow=grow, progress=progress, key=key, **said
            )
    if as_json:
        emit(taken)
    elif taken.order is not None:
        say(f"The seats are being charged, without an answer yet (order {taken.order.id}); then everybody is added.")
    else:
        say(f"New: {taken.added}. There before: {len(taken.members) - taken.added}. Got a seat: {taken.assigned}.")


def _tell_preview(preview: Preview, as_json: bool) -> None:
    """What would come of each row; exit code 1 where one is wrong."""
    if as_json:
        emit(preview)
    else:
        rows = [[str(row.line), row.email, row.outcome, row.message] for row in preview.rows]
        if rows:
            display(table(["line", "address", "what", "why"], rows, right=["line"]))
        say(f"New: {preview.new}. Would get a seat: {preview.assigned}; {preview.free} are free.")
    if preview.wrong:
        say(f"Nobody is added before what is wrong has been mended; rows: {len(preview.wrong)}.")
        raise typer.Exit(FAILED)
    if preview.missing:
        say(f"Missing seats: {preview.missing}.")
    if preview.quote is not None:
        say(f"To buy them and add everybody: lifecycle confirm {preview.quote.id}")


def template(as_json: options.AsJson = False) -> None:
    """Print a file to fill in, for members import."""
    from lifecycle.app.people import COLUMNS
    from lifecycle.app.people import template as made

    if as_json:
        emit({"columns": COLUMNS, "file": made()})
    else:
        typer.echo(made(), nl=False)


def export(context: typer.Context, account: options.Account, as_json: options.AsJson = False) -> None:
    """Print the members of an account as CSV.

    It can be imported again. A cell that a spreadsheet would take for a formula has an apostrophe before it.
    """
    from lifecycle.app.people import exported

    with opened(context) as lifecycle:
        members = lifecycle.members.list(account)
    if as_json:
        emit(members)
    else:
        typer.echo(exported(members), nl=False)


def _given(**asked: str | None) -> dict[str, Any]:
    return {name: value for name, value in asked.items() if value is not None}


def _subscription(lifecycle: Lifecycle, sub: str | None) -> str | None:
    from lifecycle.cli.directory import find

    return None if sub is None else find(lifecycle, sub)


def _name(member: MemberView) -> str:
    return " ".join(part for part in (member.first_name, member.last_name) if part)


def tell(lifecycle: Lifecycle, member: MemberView, as_json: bool) -> None:
    """A member as they stand."""
    if as_json:
        emit(member)
        return
    zone = lifecycle.accounts.get(member.account_id).zone
    named = {
        "address": member.email,
        "name": _name(member) or None,
        "position": member.position or None,
        "role": member.role,
        "state": member.state,
        "added": when(member.added_at, zone),
        "seat of": "\n".join(member.subscriptions) or None,
        "id": member.id,
    }
    display(facts(named))
