"""People who come with seats that are paid for: nobody before the money, and no money without a seat for each."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.money.shop import Shop, code

pytestmark = pytest.mark.sampled

FIVE = [f"p{n}@acme.example" for n in range(5)]


def quoted(shop: Shop) -> tuple[str, str]:
    """Acme has team, with three seats; five people want in, for which two seats more are quoted."""
    sub = shop.bought("acme", "team")
    seen = shop.lifecycle.members.preview("acme", FIVE, subscription=sub, grow=True, by="host")
    assert (seen.free, seen.missing, seen.quote is None) == (3, 2, False)
    return sub, seen.quote.id if seen.quote else ""


def seated(shop: Shop, sub: str) -> list[str]:
    """Who has a seat."""
    return [one.member.email for one in shop.lifecycle.members.beneficiaries(sub)]


def test_a_seat_that_somebody_took_meanwhile_makes_the_quote_stale(shop: Shop) -> None:
    """Of three free seats Zoe takes one: the two that are quoted would not do, so nothing is charged (F2, D2, I24)."""
    sub, quote = quoted(shop)
    shop.lifecycle.members.add("acme", "zoe@acme.example", subscription=sub, by="host")
    assert code(shop.lifecycle.quotes.confirm, quote, by="host") == "quote_stale"
    assert (seated(shop, sub), shop.charged("acme")) == (["zoe@acme.example"], ["06-01 100.00"])
    again = shop.lifecycle.members.preview("acme", FIVE, subscription=sub, grow=True, by="host")
    assert again.missing == 3
    shop.lifecycle.quotes.confirm(again.quote.id if again.quote else "", by="host")
    assert seated(shop, sub) == ["zoe@acme.example", *FIVE]
    shop.check()


def test_one_of_them_who_got_a_seat_meanwhile_does_no_harm(shop: Shop) -> None:
    """They sit where they sit, and the others get the rest (F2)."""
    sub, quote = quoted(shop)
    shop.lifecycle.members.add("acme", FIVE[3], subscription=sub, by="host")
    assert shop.lifecycle.quotes.confirm(quote, by="host").seats == 5
    assert sorted(seated(shop, sub)) == FIVE
    shop.check()


def test_without_the_money_nobody_is_in(shop: Shop) -> None:
    """A declined card: neither seats nor members (F2, D2)."""
    sub, quote = quoted(shop)
    shop.card("acme", "declines")
    assert code(shop.lifecycle.quotes.confirm, quote, by="host") == "payment_declined"
    assert (seated(shop, sub), len(shop.lifecycle.members.list("acme")), shop.get(sub).seats) == ([], 1, 3)
    shop.check()


def taken(shop: Shop) -> None:
    """The money was taken, and only the answer was late."""
    shop.line.is_late = False


def lost(shop: Shop) -> None:
    """Nothing got there."""
    shop.line.is_down = True
    shop.wait(minutes=3)
    shop.line.is_late = shop.line.is_down = False


@pytest.mark.parametrize(("happens", "seats", "people"), [(taken, 5, FIVE), (lost, 3, [])])
def test_everybody_is_in_when_the_money_is(
    shop: Shop, happens: Callable[[Shop], None], seats: int, people: list[str]
) -> None:
    """The charge has no answer in the call: nobody is in, and nobody can take a seat, until it has one. A success that
    comes too late is given back, and takes nobody in (F2, B9, I1)."""
    sub, quote = quoted(shop)
    shop.line.is_late = True
    view = shop.lifecycle.quotes.confirm(quote, by="host")
    assert view.order is not None
    assert (view.order.state, seated(shop, sub)) == ("confirmed", [])
    assert code(shop.lifecycle.members.add, "acme", "zoe@a.example", subscription=sub, by="host") == "order_in_progress"
    happens(shop)
    shop.wait(minutes=30)
    assert (shop.get(sub).seats, seated(shop, sub)) == (seats, people)
    assert shop.kept("acme") == 10000 + (3867 if people else 0)  # 2 × 20.00 × 29/30 = 38.67
    shop.check()


def test_a_list_longer_than_a_statement_is_harmless_when_repeated(shop: Shop) -> None:
    """501 people and then three of them: who is there is found, however many are asked for (F2)."""
    shop.account("acme")
    people = [f"p{n}@acme.example" for n in range(501)]
    first = shop.lifecycle.members.add_all("acme", people, by="host")
    again = shop.lifecycle.members.add_all("acme", people, by="host")
    some = shop.lifecycle.members.add_all("acme", ["P7@acme.example", "new@acme.example", people[3]], by="host")
    assert (first.added, again.added, some.added) == (501, 0, 1)
    assert again.members == first.members
    assert (some.members[0], some.members[2]) == (first.members[7], first.members[3])
