"""A shop that takes money, by the public API on a virtual clock: what the tests of this folder start from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import ParamSpec

from sqlalchemy import Engine, create_engine, select

from lifecycle import Lifecycle
from lifecycle.app.gateway import sandbox_url
from lifecycle.app.invoices import InvoiceView
from lifecycle.app.views import SubscriptionView
from lifecycle.engine.clock import VirtualClock
from lifecycle.errors import LifecycleError
from lifecycle.store import schema
from lifecycle.verify import verify
from tests.money import till as tills
from tests.money.till import Line, Till
from tests.unit.machine_world import utc

Arguments = ParamSpec("Arguments")

CONFIG = """
database: {url: "URL"}
gateway: {use: "tests.money.till:made"}
scheduler: {batch: BATCH}
policies: {trial: {reminder: 0d}, notices: {renewal: 0d}}
catalog:
  currency: USD
  plans:
    basic: {family: main, rank: 10, prices: {month: "50.00"}}
    team:
      family: main
      rank: 20
      prices: {month: "100.00"}
      seats: {included: 3, min: 1, max: 50, price: {month: "20.00"}}
      credits: {grant: 100}
    pro: {family: main, rank: 30, prices: {month: "200.00"}}
    tried: {family: main, rank: 15, prices: {month: "60.00"}, trial: {days: 14}}
    forgiving: {family: forgiving, rank: 10, prices: {month: "50.00"}, policies: {dunning: {exhausted: keep}}}
    saved: {family: saved, rank: 20, prices: {month: "80.00"}, policies: *balance}
    saved_less: {family: saved, rank: 10, prices: {month: "10.00"}, policies: *balance}
    back: {family: back, rank: 20, prices: {month: "80.00"}, policies: *refund}
    back_less: {family: back, rank: 10, prices: {month: "10.00"}, policies: *refund}
"""
BALANCE, REFUND = (f"{{proration: {{excess: {to}}}, cancel: {{refund: {to}}}}}" for to in ("balance", "refund"))
START = "2026-06-01 09:00"
YEAR = ("07", "08", "09", "10", "11", "12", "01", "02", "03", "04", "05", "06")


class Shop:
    """A `Lifecycle` over a database that has the schema; accounts are named by their references. It is 1 June 2026."""

    def __init__(self, url: str, folder: Path, *, batch: int = 500, till: type[Till] = Till) -> None:
        config = CONFIG.replace("URL", url).replace("BATCH", str(batch))
        (folder / "config.yaml").write_text(config.replace("*balance", BALANCE).replace("*refund", REFUND))
        self.clock = VirtualClock(utc(START))
        self.till = till(sandbox_url(url), self.clock)
        tills.AT_WORK.append(self.till)
        self.lifecycle = Lifecycle.from_config(folder / "config.yaml", clock=self.clock, environ={})

    @property
    def line(self) -> Line:
        """The line to the gateway."""
        return self.till.line

    def close(self) -> None:
        """Close the connections."""
        self.lifecycle.close()

    # Time

    def on(self, day: str) -> None:
        """Travel to that day; all that is due fires and is delivered at its own instant."""
        self.lifecycle.advance_to(utc(day))

    def wait(self, **length: float) -> None:
        """Travel for so long."""
        self.lifecycle.advance_to(self.clock.now() + timedelta(**length))

    def down_until(self, day: str) -> None:
        """Nothing fires or is delivered before that day; the clock goes on."""
        self.clock.move_to(utc(day))

    def catch_up(self) -> None:
        """Fire and deliver what is due now, as a daemon that begins does, until nothing is left."""
        while self.lifecycle.fire_due() or self.lifecycle.relay_outbox().delivered:
            pass

    # What people do

    def account(self, name: str, card: str | None = "ok") -> str:
        """An account with this card; its id."""
        self.lifecycle.accounts.create(name, email=f"{name}@example.com")
        if card is not None:
            self.card(name, card)
        return self.lifecycle.accounts.get(name).id

    def card(self, account: str, card: str) -> None:
        """A new card, which is charged from now on."""
        self.lifecycle.payment_methods.add(account, card)

    def card_past_the_line(self, account: str, card: str) -> None:
        """A new card, entered on the gateway's own page while our line to it is down."""
        self.line.is_down, is_down = False, self.line.is_down
        token = self.till.method(self.till.customer(self.lifecycle.accounts.get(account).id), card).token
        self.line.is_down = is_down
        self.card(account, token)

    def buy(self, account: str, plan: str, *, key: str | None = None) -> SubscriptionView:
        """The account takes a plan, by the month, without a trial."""
        return self.lifecycle.subscriptions.create(account, plan=plan, trial=False, by="host", key=key)

    def bought(self, account: str, plan: str, card: str = "ok") -> str:
        """A new account takes a plan; the subscription's id."""
        self.account(account, card)
        return self.buy(account, plan).id

    def change(self, subscription: str, plan: str, *, key: str | None = None) -> SubscriptionView:
        """Another plan, now."""
        return self.lifecycle.subscriptions.change(subscription, plan=plan, when="now", by="host", key=key)

    # What is there

    def knows(self, account: str) -> bool:
        """Whether the account is there."""
        return code(self.lifecycle.accounts.get, account) == "done"

    def get(self, subscription: str) -> SubscriptionView:
        """A subscription."""
        return self.lifecycle.subscriptions.get(subscription)

    def invoices(self, account: str) -> Sequence[InvoiceView]:
        """What the account has got, oldest first."""
        return self.lifecycle.invoices.list(account=account)

    def last(self, account: str) -> InvoiceView:
        """Its last one."""
        return self.invoices(account)[-1]

    def balance(self, account: str) -> int:
        """In cents."""
        return self.lifecycle.balances.get(account).amount

    def standing(self, subscription: str) -> str:
        """`good` or `past_due`."""
        return self.lifecycle.subscriptions.standing(subscription).standing

    def charged(self, account: str) -> list[str]:
        """The charges of an account as the gateway has them: `06-01 50.00`, or `07-01 card_declined`."""
        rows = self.till.ledger(self.lifecycle.accounts.get(account).id)
        return [f"{row.at:%m-%d} {row.reason or f'{row.amount / 100:.2f}'}" for row in rows if row.kind == "charge"]

    def kept(self, account: str) -> int:
        """What the gateway has taken of an account and not given back, in cents."""
        totals = self.till.totals(self.lifecycle.accounts.get(account).id)
        return totals.total - totals.refunded

    def states(self, account: str, machine: str) -> list[str]:
        """The states of an account's instances of a machine, oldest first."""
        table = schema.instances
        owner = self.lifecycle.accounts.get(account).id
        query = select(table.c.state).where(table.c.owner_id == owner, table.c.machine == machine).order_by(table.c.id)
        with self.lifecycle.database.reading() as connection:
            return list(connection.scalars(query))

    def numbers(self) -> list[int]:
        """The numbers of all invoices, in order."""
        table = schema.numbers
        query = select(table.c.number).where(table.c.series == "INV-").order_by(table.c.number)
        with self.lifecycle.database.reading() as connection:
            return list(connection.scalars(query))

    def check(self) -> None:
        """The verifier finds nothing, and the gateway's ledger agrees."""
        database, now = self.lifecycle.database, self.clock.now()
        assert verify(database, now=now, charges=self.till.ledger()).findings == ()
        assert self.numbers() == list(range(1, len(self.numbers()) + 1))

    # A host of its own

    @contextmanager
    def host(self) -> Iterator[Engine]:
        """An engine of the host's on the same database."""
        engine = create_engine(self.lifecycle.database.url)
        Lifecycle.prepare(engine)
        yield engine
        engine.dispose()


def warm(folder: Path, story: Callable[[Shop, str], None]) -> None:
    """Live through a story once, so that a process which forks has all in memory that it takes."""
    shop = Shop(f"sqlite:///{folder / 'lifecycle.db'}", folder)
    shop.lifecycle.upgrade_schema()
    story(shop, "warm")
    shop.close()
    shop.till.close()


def code(act: Callable[Arguments, object], /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> str:
    """The code with which this is refused or fails; `done` where it is not."""
    try:
        act(*args, **kwargs)
    except LifecycleError as error:
        return error.code
    return "done"
