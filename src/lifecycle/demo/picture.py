"""What the demo's year looks like, for people who see all this for the first time. Only renders; knows no database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from rich.bar import Bar
from rich.table import Table
from rich.text import Text

from lifecycle.domain.account import Account
from lifecycle.domain.calendar import local
from lifecycle.domain.money import format_amount
from lifecycle.domain.refusals import REFUSALS
from lifecycle.domain.subscription import Subscription, load
from lifecycle.store.queries import Step
from lifecycle.verify import Report

LATE = timedelta(hours=1)
STATES = {
    "trial": "trying it out",
    "active": "paid for, and renewing",
    "pending_change": "another plan, interval or number of seats is to come",
    "pending_cancellation": "still in use, with an end date",
    "ended": "over; the account can subscribe again",
}
CHOICE = {"plan", "interval", "seats"}
HEADINGS = ("New", "Converted", "Renewals", "Changes", "Cancelled", "Withdrawn", "Ended")
LEGEND = "Converted: trials that became paid. Cancelled: an end date was set; withdrawn: it was taken back."
BAR = 24


@dataclass
class Month:
    """What happened in a calendar month (UTC), and how many subscriptions were live at its end."""

    name: str
    live: int
    counts: Counter[str] = field(default_factory=Counter)


def summary(steps: Sequence[Step], refused: int, seconds: float) -> Table:
    """The year in numbers."""
    fired = [step for step in steps if step.cause == "deferral"]
    late = sum(step.fired_at - step.at > LATE for step in fired)
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(justify="right", style="bold")
    table.add_row(str(len(steps)), f"transitions in {seconds:.1f} s, {len(steps) / seconds:.0f} a second; of these")
    answers = sum(step.cause == "outcome" for step in steps)
    table.add_row(str(len(fired)), "fired by themselves, when they were due")
    table.add_row(str(answers), "are what the payment gateway has answered")
    table.add_row(str(len(steps) - len(fired) - answers), "were asked for by people, and done at once")
    table.add_row(str(refused), "other commands were refused, and changed nothing")
    table.add_row(str(late), "transitions came due while the daemon was down, and fired as soon as it was back")
    return table


def verdict(report: Report) -> Text:
    """What the verification says."""
    if not report.findings:
        return Text.assemble(
            ("Yes. ", "bold green"),
            f"{report.rows} log rows of {report.roots} accounts and subscriptions were read again by code of its own: "
            "no gap, no broken hash; every state, due date and invoice is what the log adds up to; the books balance.",
        )
    lines = (f"{finding.level} {finding.code}: {finding.message}" for finding in report.findings)
    return Text("\n".join(lines), "red" if report.errors else "yellow")


def months(steps: Sequence[Step]) -> Table:
    """The year by month. `steps`: the whole log, in nominal order."""
    told = list(_by_month(steps))
    most = max((month.live for month in told), default=1)
    table = plain("Month", *(f">{name}" for name in HEADINGS), ">Live", "at the end")
    for month in told:
        counts = (str(month.counts[name] or "·") for name in HEADINGS)
        table.add_row(month.name, *counts, str(month.live), Bar(most, 0, month.live, width=BAR, color="green"))
    return table


def _by_month(steps: Sequence[Step]) -> Iterator[Month]:
    month: Month | None = None
    for step in steps:
        name = f"{step.at:%b %Y}"
        if month is None or month.name != name:
            if month:
                yield month
            month = Month(name, month.live if month else 0)
        month.counts.update(_kinds(step))
        month.live += (step.source is None) - _ends(step)
    if month:
        yield month


def _kinds(step: Step) -> Iterator[str]:
    """Under which headings a step counts."""
    if step.source is None:
        yield "New"
        return
    if CHOICE & step.changes.keys():
        yield "Changes"
    if step.changes.get("phase") == "paid":
        yield "Converted"
    if step.event == "cycle_starts":
        yield "Renewals"
    if step.event == "cancel":
        yield "Cancelled"
    if step.event == "withdraw_cancellation":
        yield "Withdrawn"
    if _ends(step):
        yield "Ended"


def _ends(step: Step) -> bool:
    return step.target == "ended" and step.source != "ended"


def states(held: Mapping[str, int]) -> Table:
    """How many subscriptions are in each state."""
    table = plain(">", "State", "which is")
    for state, meaning in STATES.items():
        table.add_row(str(held.get(state, 0)), state, Text(meaning, "dim"))
    return table


def refused(codes: Sequence[str]) -> Table:
    """What the engine refused, by code."""
    table = plain(">", "Code", "which says")
    for code, times in Counter(codes).most_common():
        sentence, _instead = REFUSALS.get(code, ("", ""))
        table.add_row(str(times), code, Text(sentence, "dim"))
    return table


def timeline(steps: Sequence[Step], account: Account) -> Table:
    """The life of one subscription, in the time of its account's zone."""
    table = plain("Local time", "By", "Event", "State", "What it means")
    facts: dict[str, Any] = {}
    for step in steps:
        facts = {key: value for key, value in (facts | step.changes).items() if value is not None}
        table.add_row(
            f"{local(step.at, account.zone):%d %b %H:%M}",
            "customer" if step.actor == account.email else step.actor,
            Text(step.event, "" if step.cause == "deferral" else "bold"),
            _way(step),
            _meaning(step, load(facts)),
        )
    return table


def _way(step: Step) -> Text:
    if step.source == step.target:
        return Text(step.target, "dim")
    color = {"active": "green", "ended": "red"}.get(step.target, "yellow")
    return Text.assemble("→ ", (step.target, color))


def _meaning(step: Step, facts: Subscription) -> Text:
    told = Text("; ".join(_remarks(step, facts)))
    if step.fired_at - step.at > LATE:
        told.append(f"; fired {_lasting(step.fired_at - step.at)} late", "bold magenta")
    return told


def _remarks(step: Step, facts: Subscription) -> Iterator[str]:
    changes = step.changes
    if CHOICE & changes.keys():
        yield _choice(facts.plan, facts.interval, facts.seats)
    if "cycle" in changes and facts.phase == "paid":
        price = f"{format_amount(facts.price, facts.terms.currency)} {facts.terms.currency}"
        yield f"until {_day(facts.period_end, facts)}, {price}"
    elif "trial_end" in changes:
        yield f"trial until {_day(facts.period_end, facts)}"
    if "pending" in changes and facts.pending:
        change = facts.pending
        yield f"{_choice(change.plan, change.interval, change.seats)} from {_day(change.due_at, facts)}"
    if step.event == "withdraw_change":
        yield "all stays as it is"
    if "ends_at" in changes:
        yield f"ends on {_day(facts.ends_at, facts)}" if facts.ends_at else "goes on, as if not asked"


def _choice(plan: str | None, interval: object, seats: int | None) -> str:
    number = None if seats is None else f"{seats} seat" if seats == 1 else f"{seats} seats"
    return ", ".join(str(part) for part in (plan, interval, number) if part)


def _day(instant: datetime, facts: Subscription) -> str:
    return f"{local(instant, facts.zone):%d %b}"


def _lasting(length: timedelta) -> str:
    hours = length // timedelta(hours=1)
    return f"{hours // 24} d {hours % 24} h"


def plain(*columns: str) -> Table:
    """A plain table; a column that begins with `>` is aligned to the right."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold cyan")
    for column in columns:
        table.add_column(column.lstrip(">"), justify="right" if column.startswith(">") else "left", overflow="fold")
    return table
