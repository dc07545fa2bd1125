"""Who may do what (rule B11): the one table, cell by cell, and the page that is written from it.

`LIFECYCLE_TEST_WRITE_DOCS=1 pytest tests/integration/test_rights.py` writes the page anew.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from lifecycle import Lifecycle
from lifecycle.app.parts import Parts
from lifecycle.domain.rights import RIGHTS, ROLES, Right, Role
from lifecycle.errors import LifecycleError, Refused
from lifecycle.testing.databases import IN_MEMORY
from tests.integration.world import travelling

PAGE = Path(__file__).parents[2] / "docs" / "rights.md"
INTRODUCTION = """\
# Who may do what

Written from `lifecycle.domain.rights`, the one table that every command asks. Who somebody is follows from the name
with which they act (`by`):

- `system` and `scheduler` are the engine itself.
- An e-mail address, or a member's id (`mem_…`), is a person: an *administrator*, if they are an enabled member of the
  account with the role `admin`; else a *member* of it, or a *stranger*.
- Any other name, such as `operator` or `support:jim`, is an *operator*: one of the host's own people or programs.

So a host that acts on behalf of a customer's person gives their address or id, and never a name of its own making.
Rights are judged before everything else, and who lacks one hears nothing about the account but the refusal.
"""

NAMES: Mapping[Role, str] = {
    "operator": "support:jim",
    "system": "system",
    "administrator": "ann@acme.test",
    "member": "bob@acme.test",
    "stranger": "eve@umbra.test",
}


def page() -> str:
    """The page as the table has it."""
    lines = [INTRODUCTION, f"| | {' | '.join(ROLES)} |", f"|---|{'---|' * len(ROLES)}"]
    for allowed, code, what in RIGHTS.values():
        cells = ["yes" if role in allowed else f"`{code}`" for role in ROLES]
        lines.append(f"| {what} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def test_the_page_is_the_table() -> None:
    """docs/rights.md is written from the table (rule B11)."""
    if os.environ.get("LIFECYCLE_TEST_WRITE_DOCS"):
        PAGE.write_text(page())
    assert PAGE.read_text() == page()


@dataclass(frozen=True, slots=True)
class Shop:
    """An account with an administrator, a plain member and a subscription."""

    lifecycle: Lifecycle
    sub: str


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    """In memory; every call of this module is made on it, whatever the one before has done."""
    with travelling(IN_MEMORY, "2026-06-01T09:00:00+00:00") as (lifecycle, _):
        lifecycle.accounts.create("acme", email="ann@acme.test", payment_method=True)
        sub = lifecycle.subscriptions.create("acme", plan="team", trial=False, by="operator").id
        lifecycle.members.add("acme", "bob@acme.test", subscription=sub, by="operator")
        lifecycle.members.enable("acme", "bob@acme.test", by="operator")
        lifecycle.invitations.open(sub, code="known code", by="operator")
        lifecycle.balances.credit("acme", 100, reason="to have some", by="operator")
        yield Shop(lifecycle, sub)


Call = Callable[[Lifecycle, str, str], object]
"""With the engine, the subscription, and the name of who asks."""

CALLS: Mapping[str, tuple[Right, Call]] = {
    "subscriptions.create": ("command", lambda it, _, by: it.subscriptions.create("acme", plan="basic", by=by)),
    "subscriptions.activate": ("command", lambda it, sub, by: it.subscriptions.activate(sub, by=by)),
    "subscriptions.change": ("command", lambda it, sub, by: it.subscriptions.change(sub, plan="basic", by=by)),
    "subscriptions.withdraw_change": ("command", lambda it, sub, by: it.subscriptions.withdraw_change(sub, by=by)),
    "subscriptions.add_seats": ("command", lambda it, sub, by: it.subscriptions.add_seats(sub, 1, by=by)),
    "subscriptions.cancel": ("command", lambda it, sub, by: it.subscriptions.cancel(sub, by=by)),
    "subscriptions.withdraw_cancellation": (
        "command",
        lambda it, sub, by: it.subscriptions.withdraw_cancellation(sub, by=by),
    ),
    "subscriptions.use_credits": ("command", lambda it, sub, by: it.subscriptions.use_credits(sub, 1, by=by)),
    "quotes.create": ("command", lambda it, _, by: it.quotes.create("acme", plan="basic", by=by)),
    "quotes.activate": ("command", lambda it, sub, by: it.quotes.activate(sub, by=by)),
    "quotes.change": ("command", lambda it, sub, by: it.quotes.change(sub, plan="basic", by=by)),
    "quotes.withdraw_change": ("command", lambda it, sub, by: it.quotes.withdraw_change(sub, by=by)),
    "quotes.add_seats": ("command", lambda it, sub, by: it.quotes.add_seats(sub, 1, by=by)),
    "quotes.cancel": ("command", lambda it, sub, by: it.quotes.cancel(sub, by=by)),
    "quotes.withdraw_cancellation": ("command", lambda it, sub, by: it.quotes.withdraw_cancellation(sub, by=by)),
    "quotes.confirm": (
        "command",
        lambda it, sub, by: it.quotes.confirm(it.quotes.add_seats(sub, 1, by="operator").id, by=by),
    ),
    "subscriptions.buy_tokens": ("command", lambda it, sub, by: it.subscriptions.buy_tokens(sub, 100, by=by)),
    "quotes.buy_tokens": ("command", lambda it, sub, by: it.quotes.buy_tokens(sub, 100, by=by)),
    "tokens.use": ("command", lambda it, _, by: it.tokens.use("acme", 1, by=by)),
    "invoices.pay": ("command", lambda it, _, by: it.invoices.pay(it.invoices.list()[0].id, by=by)),
    "payment_methods.start_setup": ("command", lambda it, _, by: it.payment_methods.start_setup("acme", by=by)),
    "payment_methods.add": ("command", lambda it, _, by: it.payment_methods.add("acme", "ok", by=by)),
    "payment_methods.make_default": (
        "command",
        lambda it, _, by: it.payment_methods.make_default("acme", "4242", by=by),
    ),
    "payment_methods.remove": ("command", lambda it, _, by: it.payment_methods.remove("acme", "0000", by=by)),
    "members.add": ("command", lambda it, _, by: it.members.add("acme", "cy@acme.test", by=by)),
    "members.add_all": ("command", lambda it, _, by: it.members.add_all("acme", ["cy@acme.test"], by=by)),
    "members.preview": ("command", lambda it, _, by: it.members.preview("acme", ["cy@acme.test"], by=by)),
    "members.edit": ("command", lambda it, _, by: it.members.edit("acme", "cy@acme.test", position=by, by=by)),
    "members.enable": ("command", lambda it, _, by: it.members.enable("acme", "cy@acme.test", by=by)),
    "members.disable": ("command", lambda it, _, by: it.members.disable("acme", "cy@acme.test", by=by)),
    "members.remove": ("command", lambda it, _, by: it.members.remove("acme", "nobody@acme.test", by=by)),
    "members.resend_password_email": (
        "command",
        lambda it, _, by: it.members.resend_password_email("acme", "bob@acme.test", by=by),
    ),
    "members.assign": ("command", lambda it, sub, by: it.members.assign(sub, "cy@acme.test", by=by)),
    "members.unassign": ("command", lambda it, sub, by: it.members.unassign(sub, "cy@acme.test", by=by)),
    "invitations.open": ("command", lambda it, sub, by: it.invitations.open(sub, by=by)),
    "invitations.join": ("join", lambda it, _, by: it.invitations.join("known code", "hal@umbra.test", by=by)),
    "invitations.revoke": ("command", lambda it, _, by: it.invitations.revoke("known code", by=by)),
    "pages.account": ("read", lambda it, _, by: it.pages.account("acme", by=by)),
    "accounts.edit": ("command", lambda it, _, by: it.accounts.edit("acme", name=f"Acme of {by}", by=by)),
    "accounts.close": ("command", lambda it, _, by: it.accounts.close("acme", by=by)),
    "accounts.delete": ("operate", lambda it, _, by: it.accounts.delete("acme", by=by)),
    "balances.credit": ("operate", lambda it, _, by: it.balances.credit("acme", 1, reason="why", by=by)),
    "balances.write_off": ("operate", lambda it, _, by: it.balances.write_off("acme", 1, reason="why", by=by)),
    "balances.pay_out": ("operate", lambda it, _, by: it.balances.pay_out("acme", 1, reason="why", by=by)),
    "operations.hold": ("operate", lambda it, sub, by: it.operations.hold(sub, reason="why", by=by)),
    "operations.release": ("operate", lambda it, sub, by: it.operations.release(sub, reason="why", by=by)),
    "operations.retry": ("operate", lambda it, sub, by: it.operations.retry(sub, reason="why", by=by)),
    "operations.fire": ("operate", lambda it, sub, by: it.operations.fire(sub, reason="why", by=by)),
    "operations.skip": ("operate", lambda it, sub, by: it.operations.skip(sub, reason="why", by=by)),
}


def test_no_command_is_left_out(shop: Shop) -> None:
    """Every method of the API that says on whose behalf it is called is tried by every role."""
    said = {"by", "said", "given", "told", "changed"}
    found = {
        f"{name}.{method}"
        for name, part in vars(Parts(shop.lifecycle._context)).items()
        if type(part).__module__.startswith("lifecycle.app.")
        for method, function in inspect.getmembers(type(part), inspect.isfunction)
        if not method.startswith("_") and said & set(inspect.signature(function).parameters)
    }
    inside = {"subscriptions.open"}  # for those who have a transaction already
    assert found - inside - {name for name in found if name.startswith("_")} == CALLS.keys()


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("command", CALLS)
def test_each_cell(shop: Shop, command: str, role: Role) -> None:
    """Who has the right is refused for other reasons at most; who has not, with the right's own code, before anything
    else and without a trace in the log (rules B2, B11, I14)."""
    right, call = CALLS[command]
    allowed, code, _ = RIGHTS[right]
    rows = len(shop.lifecycle.log())
    try:
        call(shop.lifecycle, shop.sub, NAMES[role])
        answer = ""
    except LifecycleError as error:
        answer = error.code
    if role in allowed:
        assert answer not in ("not_admin", "not_operator")
    else:
        assert answer == code
        asked_first = 1 if command == "quotes.confirm" else 0  # the quote
        assert len(shop.lifecycle.log()) == rows + asked_first


@pytest.mark.parametrize("state", ["invited", "disabled", "removed"])
def test_only_an_enabled_administrator_administers(state: str) -> None:
    """An administrator who was only invited, was disabled or removed may not command; enabled again they may."""
    with travelling(IN_MEMORY, "2026-06-01T09:00:00+00:00") as (lifecycle, _):
        members = lifecycle.members
        lifecycle.accounts.create("acme", email="ann@acme.test")
        second = members.add("acme", "bea@acme.test", role="admin", by="operator").email
        if state == "disabled":
            members.disable("acme", second, by="ann@acme.test")
        elif state == "removed":
            members.remove("acme", second, by="ann@acme.test")
        with pytest.raises(Refused) as refusal:
            members.add("acme", "cy@acme.test", by=second)
        assert refusal.value.code == "not_admin"
        if state != "removed":
            members.enable("acme", second, by="ann@acme.test")
            assert members.add("acme", "cy@acme.test", by=second.upper()).state == "invited"
