"""A process whose children buy, change, renew, retry and cancel, and kill themselves at a given point.

Run as `python -m tests.money.dying URL FOLDER`. A line of its input is one of

- `live NUMBER ACCOUNT START`: an account lives through everything from that instant on. At point NUMBER the child says
  what the clock shows and the point's name, and dies; where there is none so high, it says `the end`.
- `finish ACCOUNT AT`: at that instant another process finds what was left, finishes it, and ends the subscription.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog

from lifecycle.gateways.protocol import Charge, Outcome, Refund
from tests.contract.crashing import silence
from tests.forking import say, serve
from tests.money import shop as shops
from tests.money.shop import Shop
from tests.money.till import Till
from tests.points import die, watch

CHANGED_AFTER = timedelta(days=10)
RETRIED_AFTER = timedelta(days=3)


class CountingTill(Till):
    """Whoever calls passes a point before the call and after the answer."""

    def charge(self, charge: Charge) -> Outcome:
        """As the sandbox."""
        self._passing("charge: called")
        outcome = super().charge(charge)
        self._passing("charge: answered")
        return outcome

    def find_charge(self, charge: Charge) -> Outcome | None:
        """As the sandbox."""
        outcome = super().find_charge(charge)
        self._passing("look-up: answered")
        return outcome

    def refund(self, refund: Refund) -> Outcome:
        """As the sandbox."""
        self._passing("refund: called")
        outcome = super().refund(refund)
        self._passing("refund: answered")
        return outcome


def live(shop: Shop, number: str, account: str, start: str) -> None:
    """Do what the story tells, up to that point."""
    shop.clock.move_to(datetime.fromisoformat(start))
    numbers = count(1)

    def passing(name: str) -> None:
        if next(numbers) == int(number):
            say(f"{shop.clock.now().isoformat()} {name}")
            die()

    def commits_of(whose: str) -> Callable[[str], None]:
        return lambda name: passing(f"{whose} {name}") if name.startswith("commit") else None

    watch(shop.lifecycle.database.engine, commits_of("store"))
    watch(shop.till.database.engine, commits_of("sandbox"))
    shop.till.hear(passing)
    story(shop, account)
    say("the end")


def story(shop: Shop, account: str) -> None:
    """A purchase, a change after ten days, a renewal that is declined, the retry that is not, and money back."""
    subscription = shop.bought(account, "back_less")
    _later(shop, CHANGED_AFTER)
    shop.change(subscription, "back")
    shop.card(account, "declines_first:1")
    _later(shop, shop.get(subscription).period_end - shop.clock.now())
    _later(shop, RETRIED_AFTER)
    _end(shop, account)


def finish(shop: Shop, account: str, at: str) -> None:
    """A daemon comes up, works until nothing is left, and goes on for ten days; then the subscription is ended."""
    shop.clock.move_to(datetime.fromisoformat(at))
    shop.catch_up()
    shop.wait(days=10)
    if shop.knows(account):
        _end(shop, account)


def _end(shop: Shop, account: str) -> None:
    for one in shop.lifecycle.subscriptions.list(account=account):
        if one.state != "ended":
            shop.lifecycle.subscriptions.cancel(one.id, when="now", by="host")
    shop.catch_up()


def _later(shop: Shop, length: timedelta) -> None:
    shop.clock.move_to(shop.clock.now() + length)
    shop.lifecycle.fire_due()
    shop.lifecycle.relay_outbox()


def main(url: str, folder: str) -> None:
    """Answer line by line; what all children need is made before the first is forked."""
    with TemporaryDirectory() as elsewhere:
        shops.warm(Path(elsewhere), story)
    shop = Shop(url, Path(folder), till=CountingTill)
    jobs: Mapping[str, Callable[..., None]] = {"live": live, "finish": finish}

    def work(line: str) -> None:
        job, *arguments = line.split()
        jobs[job](shop, *arguments)

    serve(work)


if __name__ == "__main__":
    structlog.configure(processors=[silence])
    main(*sys.argv[1:])
