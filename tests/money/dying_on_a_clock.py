"""A process whose children advance a named clock, and kill themselves at a given point.

Run as `python -m tests.money.dying_on_a_clock URL FOLDER`. A line of its input is `advance NUMBER CLOCK TO`: at point
NUMBER the child says its name and dies; where there is none so high, it says `the end`.
"""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog

from tests.contract.crashing import silence
from tests.forking import say, serve
from tests.money import shop as shops
from tests.money.desk import Desk
from tests.money.shop import Shop
from tests.points import die, watch


def advance(desk: Desk, number: str, clock: str, to: str) -> None:
    """Have time pass on that clock, up to that point."""
    numbers = count(1)

    def passing(name: str) -> None:
        if name.startswith("commit") and next(numbers) == int(number):
            say(name)
            die()

    watch(desk.lifecycle.database.engine, passing)
    desk.clocks.advance(clock, to)
    say("the end")


def story(shop: Shop, account: str) -> None:
    """What an advance does, once."""
    shop.bought(account, "basic")
    shop.on("2026-07-01 09:00")


def main(url: str, folder: str) -> None:
    """Answer line by line; what all children need is made before the first is forked."""
    with TemporaryDirectory() as elsewhere:
        shops.warm(Path(elsewhere), story)
    desk = Desk(Shop(url, Path(folder)), Path(folder))

    def work(line: str) -> None:
        advance(desk, *line.split()[1:])

    serve(work)


if __name__ == "__main__":
    structlog.configure(processors=[silence])
    main(sys.argv[1], sys.argv[2])
