"""`lifecycle invitations …` and `lifecycle join`: codes by which people join a subscription."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lifecycle.cli import options
from lifecycle.cli.output import display, emit, facts, table, when
from lifecycle.cli.session import opened

if TYPE_CHECKING:
    from lifecycle import Lifecycle
    from lifecycle.app.invitations import InvitationView

OneInvitation = Annotated[str, typer.Argument(metavar="CODE", help="The invitation's code or id.")]


def open_(
    context: typer.Context,
    sub: options.Sub,
    *,
    code: Annotated[
        str | None, typer.Option(metavar="CODE", help="A code of your own; else one is made that nobody can guess.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(metavar="N", help="How many can join by it; else as many as seats.")
    ] = None,
    expires: Annotated[
        str | None, typer.Option(metavar="WHEN", help="A date or time, local to the account, or a length such as 14d.")
    ] = None,
    by: options.By = "operator",
    reason: options.Reason = None,
    key: options.Key = None,
    as_json: options.AsJson = False,
) -> None:
    """Open an invitation to a subscription.

    Whoever holds its code can join, and has a seat at once.
    """
    from lifecycle.cli.directory import find

    with opened(context) as lifecycle:
        chosen: dict[str, Any] = {"code": code, "limit": limit, "expires": expires}
        made = lifecycle.invitations.open(find(lifecycle, sub), **chosen, by=by, reason=reason, key=key)
        _tell(lifecycle, made, as_json)


def list_(
    context: typer.Context,
    account: Annotated[
        str, typer.Argument(metavar="SUB", help="A subscription's id, or an account's reference or id.")
    ],
    as_json: options.AsJson = False,
) -> None:
    """List the invitations to a subscription, or to all of an account.

    Oldest first, with how often each was used.
    """
    from lifecycle.errors import NotFound

    with opened(context) as lifecycle:
        try:
            found = lifecycle.invitations.list(account=account)
        except NotFound:
            found = lifecycle.invitations.list(subscription=account)
        zone = _zone(lifecycle, found[0]) if found else ""
    if as_json:
        emit(found)
        return
    columns = ("code", "state", "used", "limit", "expires", "subscription", "id")
    rows = [
        (one.code, one.state, str(one.used), _limit(one), _expires(one, zone) or "", one.subscription, one.id)
        for one in found
    ]
    display(table(columns, rows, right=("used", "limit")))


def show(context: typer.Context, invitation: OneInvitation, as_json: options.AsJson = False) -> None:
    """Show an invitation.

    Its state, how often it was used, and when it expires.
    """
    with opened(context) as lifecycle:
        _tell(lifecycle, lifecycle.invitations.get(invitation), as_json)


def revoke(
    context: typer.Context,
    invitation: OneInvitation,
    *,
    by: options.By = "operator",
    reason: options.Reason = None,
    key: options.Key = None,
    as_json: options.AsJson = False,
) -> None:
    """Let nobody join by an invitation any more.

    Those who have joined stay. Its code is never given out again.
    """
    with opened(context) as lifecycle:
        _tell(lifecycle, lifecycle.invitations.revoke(invitation, by=by, reason=reason, key=key), as_json)


def join(
    context: typer.Context,
    code: Annotated[str, typer.Argument(metavar="CODE", help="The code; capitals, spaces and dashes do not matter.")],
    *,
    email: Annotated[str, typer.Option(metavar="EMAIL", help="Who joins.")],
    first_name: Annotated[str, typer.Option(metavar="NAME", help="Their first name.")] = "",
    last_name: Annotated[str, typer.Option(metavar="NAME", help="Their last name.")] = "",
    position: Annotated[str, typer.Option(metavar="TEXT", help="What they are there.")] = "",
    caller: Annotated[
        str | None, typer.Option(metavar="WHO", help="Whose attempts are counted; default: the e-mail address.")
    ] = None,
    by: Annotated[str | None, typer.Option(metavar="NAME", help="On whose behalf; default: theirs.")] = None,
    reason: options.Reason = None,
    key: options.Key = None,
    as_json: options.AsJson = False,
) -> None:
    """Join a subscription by an invitation's code.

    They become a member of the account, enabled, and have a seat. Harmless for somebody who has one.
    """
    who = {"first_name": first_name, "last_name": last_name, "position": position}
    with opened(context) as lifecycle:
        joined = lifecycle.invitations.join(code, email, **who, caller=caller, by=by, reason=reason, key=key)
        account = lifecycle.accounts.get(joined.member.account_id)
    if as_json:
        emit(joined)
        return
    pairs = {
        "member": joined.member.email,
        "id": joined.member.id,
        "account": account.reference,
        "subscription": joined.subscription,
        "joined": "yes" if joined.used else "had a seat already",
    }
    display(facts(pairs))


def _tell(lifecycle: Lifecycle, one: InvitationView, as_json: bool) -> None:
    if as_json:
        emit(one)
        return
    zone = _zone(lifecycle, one)
    pairs = {
        "code": one.code,
        "id": one.id,
        "state": one.state,
        "used": f"{one.used} of {one.limit}" if one.limit else str(one.used),
        "expires": _expires(one, zone),
        "opened": when(one.opened_at, zone),
        "subscription": one.subscription,
    }
    display(facts(pairs))


def _zone(lifecycle: Lifecycle, one: InvitationView) -> str:
    return lifecycle.accounts.get(one.account_id).zone


def _limit(one: InvitationView) -> str:
    return "" if one.limit is None else str(one.limit)


def _expires(one: InvitationView, zone: str) -> str | None:
    return None if one.expires_at is None else when(one.expires_at, zone)
