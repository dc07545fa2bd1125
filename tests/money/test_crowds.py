"""Crowds: 64 clients want the same at once, and many buy on accounts of their own, some with cards that decline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import count

import pytest

from lifecycle.app.views import SubscriptionView
from lifecycle.errors import Refused
from tests.contract.threads import at_once
from tests.money.shop import Shop, code

pytestmark = pytest.mark.sampled

CLIENTS = 64
CARDS = ("ok", "declines", "ok", "reply_lost", "ok", "declines_first:1")


def crowd(act: Callable[[], SubscriptionView]) -> tuple[list[SubscriptionView], Counter[str]]:
    """What 64 clients are answered who do this at one moment, and the codes of those who are refused."""

    def client() -> SubscriptionView | str:
        try:
            return act()
        except Refused as refusal:
            return refusal.code

    told = at_once(CLIENTS, client)
    return [one for one in told if not isinstance(one, str)], Counter(one for one in told if isinstance(one, str))


def test_64_confirm_the_same_quote(shop: Shop) -> None:
    """All get the first answer: the subscription, or that its order is still being charged. The money is taken once."""
    shop.account("ann")
    quote = shop.lifecycle.quotes.create("ann", plan="basic", by="ann")
    answers, refused = crowd(lambda: shop.lifecycle.quotes.confirm(quote.id, by="ann"))
    assert refused == {}
    assert {one.id for one in answers} == {quote.subscription}
    assert {one.state for one in answers} <= {"new", "active"}
    assert {one.order.id for one in answers if one.order} <= {quote.id}
    _end(shop, ["06-01 50.00"])


def test_64_confirm_a_quote_of_a_change(shop: Shop) -> None:
    """The same for a subscription that is there; with a balance, which is another lock, and another subscription."""
    ann = shop.bought("ann", "basic")
    shop.buy("ann", "back")
    shop.lifecycle.balances.credit("ann", 1000, by="operator", reason="A present.")
    quote = shop.lifecycle.quotes.change(ann, plan="team", when="now", by="ann")
    answers, refused = crowd(lambda: shop.lifecycle.quotes.confirm(quote.id, by="ann"))
    assert refused == {}
    assert {one.id for one in answers} == {ann}
    assert shop.get(ann).plan == "team"
    _end(shop, ["06-01 50.00", "06-01 80.00", "06-01 41.67"])


def test_64_change_to_the_same_plan_at_once(shop: Shop) -> None:
    """One wins. Each other is told that an order is in progress, or that nothing would change."""
    ann = shop.bought("ann", "basic")
    answers, refused = crowd(lambda: shop.change(ann, "team"))
    assert [(one.plan, one.state) for one in answers] == [("team", "active")]
    assert refused.keys() <= {"order_in_progress", "no_change"}
    assert refused.total() == CLIENTS - 1
    _end(shop, ["06-01 50.00", "06-01 51.67"])


def test_64_buy_the_first_subscription_of_one_account(shop: Shop) -> None:
    """One wins; each other hears that it is being bought, or that it has been."""
    shop.account("ann")
    answers, refused = crowd(lambda: shop.buy("ann", "basic"))
    assert [one.state for one in answers] == ["active"]
    assert refused.keys() <= {"order_in_progress", "already_subscribed"}
    _end(shop, ["06-01 50.00"])


def test_64_send_one_command_with_one_key(shop: Shop) -> None:
    """All get the answer of the one that was carried out (B10)."""
    ann = shop.bought("ann", "basic")
    answers, refused = crowd(lambda: shop.change(ann, "team", key="one"))
    assert refused == {}
    assert {one.id for one in answers} == {ann}
    assert shop.get(ann).plan == "team"
    _end(shop, ["06-01 50.00", "06-01 51.67"])


def test_quotes_of_several_families_are_confirmed_while_a_daemon_renews(shop: Shop) -> None:
    """An account with a balance has a subscription whose renewals are due, and quotes for others. Everyone locks roots
    before the account, so that nobody waits in a circle."""
    shop.bought("ann", "basic")
    shop.lifecycle.balances.credit("ann", 100_000, by="operator", reason="Everything for a while.")
    for month in ("07", "08", "09"):
        shop.on(f"2026-{month}-01 08:59")
        quotes = [shop.lifecycle.quotes.create("ann", plan=plan, by="ann") for plan in ("saved", "back")]
        shop.down_until(f"2026-{month}-01 09:00")
        turns = count()

        def work(quotes: Sequence[str] = tuple(one.id for one in quotes), turns: count[int] = turns) -> str:
            turn = next(turns)
            if turn % 3 == 0:
                shop.lifecycle.fire_due()
                return "done"
            return code(shop.lifecycle.quotes.confirm, quotes[turn % 2], by="ann")

        assert {*at_once(12, work)} == {"done"}
        for one in shop.lifecycle.subscriptions.list(account="ann"):
            if one.family != "main" and one.state != "ended":
                shop.lifecycle.subscriptions.cancel(one.id, when="now", by="ann")
        shop.catch_up()
    shop.check()


def test_numbers_are_gapless_whoever_is_declined(shop: Shop) -> None:
    """Eight threads buy, change and renew for 24 accounts; a third of the cards are declined at first, and hosts
    roll purchases back meanwhile."""
    names = [f"account-{number}" for number in range(24)]
    for number, name in enumerate(names):
        shop.account(name, CARDS[number % len(CARDS)])
    turns = count()

    def buy_some() -> int:
        bought = 0
        while (turn := next(turns)) < len(names):
            bought += code(shop.buy, names[turn], "basic") == "done"
        return bought

    with shop.host() as engine:

        def roll_some_back() -> int:
            for name in names[::4]:
                with engine.connect() as connection:
                    inside = shop.lifecycle.using(connection).subscriptions
                    code(inside.create, name, plan="back", trial=False, by="host")
                    connection.rollback()
            return 0

        works = iter([buy_some] * 6 + [roll_some_back] * 2)

        def take_one() -> int:
            return next(works)()

        bought = sum(at_once(8, take_one))
    assert bought == 24 - 4 - 4
    shop.down_until("2026-07-01 09:00")
    at_once(4, lambda: (shop.lifecycle.fire_due(), shop.lifecycle.relay_outbox()))
    shop.catch_up()
    assert len(shop.numbers()) == 2 * bought
    shop.check()


def _end(shop: Shop, charged: Sequence[str]) -> None:
    """Nothing is left to deliver, the gateway has taken this once, and all is whole."""
    shop.wait(minutes=2)
    assert shop.charged("ann") == charged
    assert {one.status for one in shop.lifecycle.outbox.list()} == {"delivered"}
    shop.check()
