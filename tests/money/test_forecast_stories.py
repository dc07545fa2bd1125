"""Any story goes on as its forecast says, whatever has been done before it (G3, X90)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle.store import migrate
from tests.money.foretelling import comes_true
from tests.money.shop import Shop, code

NAMES = ("ann", "bob")
PLANS = ("basic", "team", "pro", "tried", "forgiving", "saved", "saved_less", "back", "back_less")
WHEN = ("now", "next_cycle", "period_end", "2026-06-20", "2026-07-11", "2026-08-01T09:00Z")


@dataclass(frozen=True)
class Act:
    """What is done after so many days, to the account or the subscription of that number; or it is refused."""

    days: int
    verb: str
    number: int
    plan: str
    when: str

    def play(self, shop: Shop) -> None:
        """Do it."""
        name, lifecycle = NAMES[self.number % 2], shop.lifecycle
        held = [one.id for one in lifecycle.subscriptions.list() if one.state != "ended"]
        sub = held[self.number % len(held)] if held else "nobody"
        acts: Mapping[str, Callable[[], object]] = {
            "buy": lambda: lifecycle.subscriptions.create(name, plan=self.plan, by=name),
            "change": lambda: lifecycle.subscriptions.change(sub, plan=self.plan, when=self.when, by=name),
            "seats": lambda: lifecycle.subscriptions.change(sub, seats=self.number + 1, when=self.when, by=name),
            "cancel": lambda: lifecycle.subscriptions.cancel(sub, when=self.when, by=name),
            "quote": lambda: lifecycle.quotes.change(sub, plan=self.plan, when="now", by=name),
            "credit": lambda: lifecycle.balances.credit(name, 3000, reason="a present"),
            "down": lambda: shop.clock.move_to(shop.clock.now() + timedelta(days=20)),  # nobody is there meanwhile
        }
        shop.wait(days=self.days)
        code(acts[self.verb])


acts = st.builds(
    Act,
    days=st.integers(0, 25),
    verb=st.sampled_from(["change", "change", "seats", "cancel", "quote", "credit", "down"]),
    number=st.integers(0, 5),
    plan=st.sampled_from(PLANS),
    when=st.sampled_from(WHEN),
)
purchases = st.builds(Act, st.just(0), st.just("buy"), st.integers(0, 1), st.sampled_from(PLANS), st.just("now"))


@settings(max_examples=4)
@given(st.lists(purchases, min_size=2, max_size=4), st.lists(acts, min_size=1, max_size=6), st.booleans())
def test_any_story_goes_on_as_was_foretold(bought: Sequence[Act], done: Sequence[Act], declines: bool) -> None:
    """Four months of it, step by step and invoice by invoice, with cards that pay and with cards that are declined."""
    with TemporaryDirectory() as folder:
        shop = Shop("sqlite://", Path(folder))
        migrate.create(shop.lifecycle.database)
        for name in NAMES:
            shop.account(name)
        for act in (*bought, *done):
            act.play(shop)
        for name in NAMES if declines else ():
            shop.card(name, "declines")
        end = shop.clock.now() + timedelta(days=120)
        comes_true(shop, f"{end:%Y-%m-%d %H:%M}", declines=declines)
        shop.close()
        shop.till.close()
