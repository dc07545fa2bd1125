"""The demo from an empty folder to its picture: set up, a year lived, what happened, what to try next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.text import Text

from lifecycle.app.lifecycle import Lifecycle
from lifecycle.app.running import RELAY
from lifecycle.config import load_config
from lifecycle.demo import hints, money, picture
from lifecycle.demo.folder import Folder, prepare
from lifecycle.demo.habits import HERO
from lifecycle.demo.meter import meter
from lifecycle.demo.story import Customer, Story, plot
from lifecycle.demo.year import Year, read_customers
from lifecycle.documents.html import as_html
from lifecycle.engine.clock import SystemClock, VirtualClock, stopwatch
from lifecycle.engine.ids import Ids
from lifecycle.verify import verify

SEED = 7
WIDTH = 100
"""Columns where nobody looks at a terminal."""


def run(directory: Path, console: Console, *, now: datetime | None = None, days: int = 365) -> int:
    """Live through the `days` before `now` (default: the present) in `directory`, and show what happened.

    The story needs some room: 80 days or more. The same `now` and `days` give the same history, to the last id.
    Returns the exit code: 0, or 1 where the history is not whole. Raises LifecycleError where the directory can't be
    had: `not_a_demo`, `demo_in_use`, `folder_unusable`. The environment is not asked: invented customers never land
    in a database that somebody's variables name.
    """
    if not console.is_terminal:
        console.width = WIDTH
    folder = prepare(directory)
    customers = read_customers(folder)
    end = (now or SystemClock().now()).astimezone(UTC)
    start = (end - timedelta(days=days)).replace(hour=0, minute=0, second=0, microsecond=0)
    story = plot(customers, start, end, _random())
    clock = VirtualClock(start)
    ids = Ids(clock, _random().getrandbits)
    config = load_config(folder.config, {})
    # what is sent is delivered by the year itself, so that the same story gives the same history
    jobs = tuple(job for job in config.jobs if job.name != RELAY)
    lifecycle = Lifecycle(replace(config, jobs=jobs), clock=clock, ids=ids)
    try:
        lifecycle.upgrade_schema()
        _introduce(console, folder, lifecycle, customers, story)
        year = Year(lifecycle, clock, folder, story)
        seconds = _live(console, year, story)
        whole = _show(console, folder, lifecycle, year, seconds)
    finally:
        lifecycle.close()
    _title(console, "What to try next")
    console.print(hints.hints(folder, story), soft_wrap=True)  # whatever the width, to be copied
    return 0 if whole else 1


def _random() -> Random:
    return Random(SEED)  # noqa: S311  # the same story every time, and no secret


def _introduce(
    console: Console, folder: Folder, lifecycle: Lifecycle, customers: Sequence[Customer], story: Story
) -> None:
    plans = ", ".join(plan.name for plan in lifecycle.config.catalog.plans.values())
    zones = len({customer.zone for customer in customers})
    files = {
        "config.yaml": f"what is sold ({plans}), and under which rules",
        "customers.csv": f"{len(customers)} customers in {zones} time zones, who arrive in the course of the year",
        "lifecycle.db": "a new SQLite database: who is in which state, what is due, and what happened",
        "lifecycle.db.sandbox": "the ledger of a payment gateway that takes no real money",
    }
    told = Text(f"In {folder.path}/ there are now:\n")
    for file, meaning in files.items():
        told.append(f"  {file:<22}").append(f"{meaning}\n", "dim")
    told.append(
        f"The daemon starts, on a clock that runs from {story.start:%d %B %Y} to the present. It fires what is due: "
        "trials end, cycles start and are charged, changes take effect, end dates arrive. Customers act on their own."
    )
    _section(console, "lifecycle: a year in the life of a few dozen subscriptions", told)


def _live(console: Console, year: Year, story: Story) -> float:
    """Live the year; how many seconds that took."""
    began = stopwatch()
    with meter(console, story.start, story.end) as shown:
        for moment in year.live():
            shown.stand_at(moment.at, year.commands, len(year.refusals))
            if moment.news:
                shown.tell(moment.at, moment.news)
    console.print()
    return stopwatch() - began


def _show(console: Console, folder: Folder, lifecycle: Lifecycle, year: Year, seconds: float) -> bool:
    """Show what happened; whether the history is whole."""
    steps = lifecycle.log()
    numbers = picture.summary(steps, len(year.refusals), seconds)
    own = [step for step in steps if step.machine == "subscription"]
    _section(console, "What happened", numbers, picture.months(own), Text(picture.LEGEND, "dim"))
    invoices = lifecycle.invoices.list()
    _section(console, "The money", money.months(invoices), Text(money.LEGEND, "dim"))
    held = Counter(view.state for view in lifecycle.subscriptions.list())
    _section(console, "Where the subscriptions stand now", picture.states(held))
    _section(
        console, "What was refused, and changed nothing", picture.refused([refusal.code for refusal in year.refusals])
    )
    hero = lifecycle.accounts.get(HERO)
    history = lifecycle.subscriptions.history(lifecycle.subscriptions.list(account=hero.id)[0].id)
    _section(console, f"One of them: {hero.name}, {hero.zone}", picture.timeline(history, hero))
    shown = money.telling(lifecycle.invoices.list(account=hero.id))
    folder.invoice.write_text(as_html(lifecycle.invoices.printed(shown.id)), encoding="utf-8")
    _section(console, f"One of its invoices: {shown.number}", money.lines(shown), Text(f"See {folder.invoice}.", "dim"))
    report = verify(lifecycle.database, now=lifecycle.clock.now())
    _section(console, "Is the history whole?", picture.verdict(report))
    return not report.errors


def _section(console: Console, title: str, *parts: RenderableType) -> None:
    _title(console, title)
    for part in parts:
        console.print(Padding(part, (0, 0, 0, 2), expand=False))
        console.print()


def _title(console: Console, title: str) -> None:
    console.print(Text(title, "bold underline"))
