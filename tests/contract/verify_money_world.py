"""A shop that takes money, by the public API on a virtual clock: every way in which an invoice or an order can end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import create_engine, select
from structlog.testing import capture_logs

from lifecycle import Lifecycle
from lifecycle.engine.clock import VirtualClock
from lifecycle.engine.ids import Ids, counting
from lifecycle.errors import Refused
from lifecycle.gateways.sandbox import Entry, SandboxGateway
from lifecycle.store import schema
from tests.schema import give_schema
from tests.unit.machine_world import utc

CONFIG = """
database: {url: "URL"}
machines:
  - lifecycle_machines.subscription:SubscriptionMachine
  - lifecycle_machines.invoice:InvoiceMachine
  - lifecycle_machines.order:OrderMachine
  - lifecycle_machines.credit_note:CreditNoteMachine
  - lifecycle_machines.refund:RefundMachine
  - lifecycle_machines.adjustment:AdjustmentMachine
  - lifecycle_machines.member:MemberMachine
  - lifecycle_machines.invitation:InvitationMachine
catalog:
  currency: USD
  plans:
    basic: {name: Basic, family: main, rank: 10, prices: {month: "50.00"}, trial: {days: 14}}
    team:
      name: Team
      family: main
      rank: 20
      prices: {month: "100.00", year: "1000.00"}
      seats: {included: 3, min: 1, max: 50, price: {month: "20.00", year: "200.00"}}
      credits: {grant: 100, at_renewal: reset, on_upgrade: carry_over}
    kept:
      name: Kept
      family: kept
      rank: 20
      prices: {month: "99.99"}
      policies: {proration: {period: keep, excess: balance, unit: second}, cancel: {refund: refund}}
    kept_less:
      name: Kept, less
      family: kept
      rank: 10
      prices: {month: "33.33"}
      policies: {proration: {period: keep, excess: balance, unit: second}, cancel: {refund: refund}}
    back:
      name: Money back
      family: back
      rank: 20
      prices: {month: "80.00"}
      policies: {proration: {excess: refund}}
    back_less:
      name: Money back, less
      family: back
      rank: 10
      prices: {month: "10.00"}
      policies: {proration: {excess: refund}}
"""


class Shop:
    """A `Lifecycle` over a database and the sandbox; accounts are named by their references."""

    def __init__(self, url: str, folder: Path, start: str = "2026-06-01 09:00") -> None:
        (folder / "config.yaml").write_text(CONFIG.replace("URL", url))
        self.clock = VirtualClock(utc(start))
        ids = Ids(self.clock, counting())
        self.lifecycle = Lifecycle.from_config(folder / "config.yaml", clock=self.clock, ids=ids, environ={})
        give_schema(self.lifecycle.database)

    def on(self, day: str) -> None:
        """Travel to that day; all that is due fires and is delivered at its own instant."""
        self.lifecycle.advance_to(utc(day))

    def buy(self, account: str, plan: str, *, card: str | None = "ok", trial: bool = False) -> str:
        """An account with this card takes a plan; the subscription's id, empty where the card is declined."""
        self.lifecycle.accounts.create(account, email=f"{account}@example.com")
        self.card(account, card)
        try:
            return self.lifecycle.subscriptions.create(account, plan=plan, trial=trial, by="host").id
        except Refused:
            return ""

    def card(self, account: str, card: str | None) -> None:
        """A new card, which is charged from now on."""
        if card is not None:
            self.lifecycle.payment_methods.add(account, card)

    def moved(self) -> list[Entry]:
        """What the gateway says that it has moved."""
        gateway = self.lifecycle.gateway
        assert isinstance(gateway, SandboxGateway)
        return gateway.ledger()

    def of(self, account: str, machine: str) -> Sequence[str]:
        """The ids of an account's instances of a machine, oldest first."""
        table = schema.instances
        owner = self.lifecycle.accounts.get(account).id
        query = select(table.c.id).where(table.c.owner_id == owner, table.c.machine == machine).order_by(table.c.id)
        with self.lifecycle.database.reading() as connection:
            return list(connection.scalars(query))

    def close(self) -> None:
        """Close the connections."""
        self.lifecycle.close()


def busy(url: str, folder: Path) -> Shop:
    """A shop on 1 September 2026 that has seen everything."""
    shop = Shop(url, folder)
    with capture_logs():
        _june(shop)
        _july(shop)
        _august(shop)
    return shop


def _june(shop: Shop) -> None:
    subscriptions, quotes = shop.lifecycle.subscriptions, shop.lifecycle.quotes
    buyer = shop.buy("buyer", "team")
    upgrades = shop.buy("upgrades", "basic")
    downgrades = shop.buy("downgrades", "team")
    shop.buy("refused", "team", card="declines")
    shop.buy("recovers", "team", card="declines_after:1")
    shop.buy("exhausts", "team", card="declines_after:1")
    shop.buy("pays_late", "team", card="declines_after:1")
    shop.buy("unanswered", "team", card="times_out")
    shop.buy("lost_reply", "team", card="reply_lost")
    for account in ("waits", "charging", "dunned"):
        shop.buy(account, "team")
    shop.buy("tries", "basic", trial=True)
    shop.buy("tries_in_vain", "basic", card=None, trial=True)
    kept, back = shop.buy("kept", "kept"), shop.buy("back", "back")
    refunded = shop.buy("refunded", "kept")
    shop.lifecycle.balances.credit("buyer", 3000, by="operator", reason="A present.")
    quotes.add_seats(buyer, 1, by="buyer")
    shop.on("2026-06-15 09:00")
    quoted = quotes.add_seats(buyer, 2, by="buyer")
    quotes.confirm(quoted.id, by="buyer")
    subscriptions.change(upgrades, plan="team", when="now", by="upgrades")
    subscriptions.change(downgrades, plan="basic", when="now", by="downgrades")
    subscriptions.change(kept, plan="kept_less", when="now", by="kept")
    subscriptions.change(back, plan="back_less", when="now", by="back")
    subscriptions.use_credits(buyer, 7, by="buyer")
    shop.on("2026-06-20 12:34")
    subscriptions.cancel(refunded, when="now", by="refunded")
    subscriptions.cancel(buyer, when="2026-07-20", by="buyer")
    _people(shop, shop.buy("crew", "team"), shop.buy("left", "team"))


def _people(shop: Shop, crew: str, left: str) -> None:
    """Members in every state, and invitations in every state but `expired`, which comes in July."""
    members, invitations = shop.lifecycle.members, shop.lifecycle.invitations
    for name in ("ann", "bob", "cid"):
        members.add("crew", f"{name}@example.com", subscription=crew, by="operator")
    members.remove("crew", "bob@example.com", by="operator")
    members.disable("crew", "cid@example.com", by="operator")
    members.unassign(crew, "cid@example.com", by="operator")
    members.add("crew", "eve@example.com", role="admin", by="operator")
    members.edit("crew", "eve@example.com", role="member", by="operator")
    invitations.open(crew, code="crew", limit=1, by="operator")
    invitations.join("crew", "dan@example.com")
    invitations.open(crew, code="crew open", limit=3, expires="2026-12-01", by="operator")
    invitations.join("crew open", "eve@example.com")
    invitations.open(crew, code="crew gone", expires="2026-07-01", by="operator")
    invitations.open(left, code="left", by="operator")
    shop.lifecycle.subscriptions.cancel(left, when="now", by="operator")


def _july(shop: Shop) -> None:
    subscriptions, balances = shop.lifecycle.subscriptions, shop.lifecycle.balances
    shop.on("2026-07-02 09:00")
    (buyer,) = shop.of("buyer", "subscription")
    subscriptions.withdraw_cancellation(buyer, by="buyer")
    shop.card("recovers", "ok")
    balances.credit("kept", 1000, by="operator", reason="A present.")
    balances.write_off("kept", 200, by="operator", reason="Too much.")
    balances.pay_out("kept", 300, by="operator", reason="They asked.")
    shop.on("2026-07-20 09:00")
    shop.card("pays_late", "ok")
    subscriptions.create("refused", plan="basic", trial=True, by="refused")


def _august(shop: Shop) -> None:
    subscriptions = shop.lifecycle.subscriptions
    shop.on("2026-08-20 09:00")
    shop.card("waits", "times_out")
    for account in ("tries", "dunned"):
        shop.card(account, "declines")
    shop.lifecycle.balances.credit("upgrades", 100_000, by="operator", reason="Everything for a while.")
    within_a_host(shop)
    shop.on("2026-09-01 09:00")
    shop.lifecycle.balances.credit("charging", 500, by="operator", reason="A part of it.")
    shop.card("charging", "times_out")
    subscriptions.add_seats(shop.of("charging", "subscription")[0], 2, by="charging")
    shop.lifecycle.quotes.add_seats(shop.of("buyer", "subscription")[0], 3, by="buyer")


def within_a_host(shop: Shop) -> None:
    """A purchase inside a transaction of a host's: its charge is sent after the host's commit."""
    shop.lifecycle.accounts.create("hosted", email="hosted@example.com")
    shop.card("hosted", "ok")
    engine = create_engine(shop.lifecycle.database.url)
    Lifecycle.prepare(engine)
    with engine.begin() as connection:
        shop.lifecycle.using(connection).subscriptions.create("hosted", plan="team", by="host")
    engine.dispose()
    shop.lifecycle.fire_due()
    shop.lifecycle.relay_outbox()
