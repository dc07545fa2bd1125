"""`lifecycle invitations …` and `join`: codes with which people take seats themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lifecycle.cli import options
from lifecycle.cli.output import display, emit, facts, table, when
from lifecycle.cli.session import opened

if TYPE_CHECKING:
    from lifecycle import Lifecycle
    from lifecycle.app.invitations import InvitationView

Invitation = Annotated[str, typer.Argument(metavar="INVITATION", help="The invitation's code or id.")]


def open_(
    context: typer.Context,
    sub: options.Sub,
    *,
    code: Annotated[str | None, typer.Option(metavar="CODE", help="A code of your choice; default: a new one.")] = None,
    limit: Annotated[int | None, typer.Option(metavar="N", help="How often it can be used.")] = None,
    expires: Annotated[
        str | None, typer.Option(metavar="WHEN", help="A date or time, local to the account, or a length: +14d.")
    ] = None,
    by: options.By = "operator",
    reason: options.Reason = None,
    key: options.Key = None,
    as_json: options.AsJson = False,
) -> None:
    """Open an invitation to seats of a subscription."""
    from lifecycle.cli.directory import find

    with opened(context) as lifecycle:
        said: dict[str, Any] = {"by": by, "reason": reason, "key": key}
        made = lifecycle.invitations.open(find(lifecycle, sub), code=code, limit=limit, expires=expires, **said)
        _tell(lifecycle, made, as_json)


def list_(context: typer.Context, account: options.Account, as_json: options.AsJson = False) -> None:
    """List the invitations of an account."""
    with opened(context) as lifecycle:
        found, zone = lifecycle.invitations.list(account), lifecycle.accounts.get(account).zone
    if as_json:
        emit(found)
        return
    rows = [
        [one.code, one.state, _uses(one), when(one.expires_at, zone) if one.expires_at else "", one.subscription]
        for one in found
    ]
    display(table(["code", "state", "used", "expires", "subscription"], rows, right=["used"]))


def show(context: typer.Context, invitation: Invitation, as_json: options.AsJson = False) -> None:
    """Show an invitation."""
    with opened(context) as lifecycle:
        _tell(lifecycle, lifecycle.invitations.get(invitation), as_json)


def revoke(
    context: typer.Context,
    invitation: Invitation,
    *,
    by: options.By = "operator",
    reason: options.Reason = None,
    as_json: options.AsJson = False,
) -> None:
    """Let nobody join with a code any more."""
    with opened(context) as lifecycle:
        _tell(lifecycle, lifecycle.invitations.revoke(invitation, by=by, reason=reason), as_json)


def join(
    context: typer.Context,
    code: Annotated[str, typer.Argument(metavar="CODE", help="The code.")],
    *,
    email: Annotated[str, typer.Option(metavar="EMAIL", help="Who joins.")],
    first_name: Annotated[str, typer.Option(metavar="NAME", help="Their first name.")] = "",
    last_name: Annotated[str, typer.Option(metavar="NAME", help="Their last name.")] = "",
    caller: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Whose attempts are counted; default: the address.")
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Join an account with an invitation's code.

    With a seat of its subscription.
    """
    from lifecycle.cli.members import tell

    with opened(context) as lifecycle:
        member = lifecycle.invitations.join(code, email, caller=caller, first_name=first_name, last_name=last_name)
        tell(lifecycle, member, as_json)


def _uses(one: InvitationView) -> str:
    return f"{one.used}" if one.limit is None else f"{one.used} of {one.limit}"


def _tell(lifecycle: Lifecycle, one: InvitationView, as_json: bool) -> None:
    if as_json:
        emit(one)
        return
    zone = lifecycle.accounts.get(one.account_id).zone
    named = {
        "code": one.code,
        "state": one.state,
        "used": _uses(one),
        "expires": when(one.expires_at, zone) if one.expires_at else None,
        "subscription": one.subscription,
        "id": one.id,
    }
    display(facts(named))
