"""What holds of any story of a subscription and its money: whatever is commanded, charged, declined or lost sight of.

The world itself checks after each step that the books sum to zero and say what the documents say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from hypothesis import assume, given
from hypothesis import strategies as st

from lifecycle.domain.calendar import Duration, local
from lifecycle.domain.policies import CancelPolicy, Dunning, Policies, Proration
from lifecycle.domain.quoting import next_invoice
from lifecycle.domain.surroundings import Surroundings
from lifecycle.errors import Refused
from tests.unit.machine_world import ACCOUNT, utc, with_policies
from tests.unit.money_world import SUB, Root
from tests.unit.test_invoicing import vat

FAR = utc("2199-01-01")


@dataclass(frozen=True)
class Do:
    """A command so many hours after what was before it; a number as `when` is a date, in hours from then."""

    event: str
    hours: int
    when: str | int
    choice: Mapping[str, object]


@dataclass(frozen=True)
class Hear:
    """The gateway's answers to what it is asked, one after the other."""

    outcomes: tuple[str, ...]


@dataclass(frozen=True)
class Wait:
    """So many hours pass."""

    hours: int


@dataclass(frozen=True)
class Card:
    """Another payment method, or none; what is open is tried with it."""

    method: str | None


Act = Do | Hear | Wait | Card
EVENTS = ["activate", "change_now", "schedule_change", "add_seats", "cancel", "withdraw_cancellation"]

dos = st.builds(
    Do,
    event=st.sampled_from([*EVENTS, *EVENTS, "withdraw_change", "use_credits", "cancel_now"]),
    hours=st.sampled_from([0, 1, 24, 24 * 5, 24 * 9]) | st.integers(0, 24 * 40),
    when=st.sampled_from(["next_cycle", "period_end"]) | st.integers(1, 24 * 80),
    choice=st.sampled_from(
        [{"plan": "team"}, {"plan": "pro"}, {"plan": "basic"}, {"seats": 5}, {"seats": 2}, {"interval": "year"}]
    ),
)
paid = st.just(Hear(("charged",) * 4))
answers = st.lists(st.sampled_from(["charged", "declined", "unknown"]), min_size=1, max_size=4).map(
    lambda some: Hear(tuple(some))
)
waits = st.integers(1, 24 * 40).map(Wait)
cards = st.sampled_from([Card(None), Card("pm_2"), Card("pm_3")])
smooth: st.SearchStrategy[list[Act]] = st.lists(st.one_of(dos, dos, waits), min_size=2, max_size=10)
rough: st.SearchStrategy[list[Act]] = st.lists(
    st.one_of(dos, dos, paid, answers, waits, cards), min_size=2, max_size=12
)
policies = st.builds(
    Policies,
    proration=st.builds(
        Proration,
        unit=st.sampled_from(["day", "day", "second", "fixed_30", "none"]),
        change_day=st.sampled_from(["used", "unused"]),
        excess=st.sampled_from(["forfeit", "balance", "refund"]),
        period=st.sampled_from(["reset", "keep"]),
    ),
    seats_decrease=st.sampled_from(["now", "next_cycle"]),
    cancel=st.builds(CancelPolicy, refund=st.sampled_from(["none", "balance", "refund"])),
    dunning=st.builds(
        Dunning,
        retries=st.sampled_from([(), (Duration(3, 0), Duration(5, 0), Duration(7, 0))]),
        exhausted=st.sampled_from(["end", "keep"]),
    ),
)
worlds = st.builds(
    lambda rules, zone, taxed: Root(
        Surroundings(with_policies(rules), replace(ACCOUNT, zone=zone), tax=vat if taxed else None)
    ),
    policies,
    st.sampled_from(["UTC", "Europe/Paris", "America/New_York", "Pacific/Apia"]),
    st.booleans(),
)
openings = st.tuples(
    st.sampled_from(["basic", "basic", "team", "pro"]),
    st.booleans(),
    st.integers(0, 800 * 24).map(lambda hours: utc("2026-01-01") + timedelta(hours=hours)),
)


class Telling:
    """A story that is told to a world, and what was seen of it. Smoothly: each renewal is paid at once."""

    def __init__(self, here: Root, opening: tuple[str, bool, datetime], *, smoothly: bool = False) -> None:
        self.here = here
        self.outcome = "charged" if smoothly else None
        self.paid_since: datetime | None = None
        plan, trial, start = opening
        more = {} if trial else {"trial": False}
        here.command("subscribed", start, plan=plan, interval="month", **more)

    @property
    def live(self) -> bool:
        """Whether there is a subscription that has not ended."""
        return SUB in self.here.instances and not self.here.subscription.over

    def pay(self) -> None:
        """All that is asked for is paid."""
        while self.here.asked:
            self.here.answer("charged", self.here.now)

    def tell(self, act: Act) -> None:
        """What happens next."""
        here = self.here
        match act:
            case Do():
                self._command(act)
            case Hear():
                for outcome in act.outcomes:
                    if here.asked:
                        here.answer(outcome, here.now)
            case Wait():
                later = here.now + timedelta(hours=act.hours)
                here.until(later, self.outcome)
                here.now = later
            case Card():
                here.card(act.method)
                for id, one in here.all("invoice").items():
                    if act.method and one.state in {"open", "uncollectible"} and one.facts.charge != "asked":
                        here.tell(id, "pay", here.now)
        self.look()

    def _command(self, act: Do) -> None:
        here, now = self.here, self.here.now + timedelta(hours=act.hours)
        here.until(now, self.outcome)
        here.now = now
        waits = self.live and min(here.subscription.facts.schedule().values()) <= now
        if not self.live or waits or any(one.state == "confirmed" for one in here.all("order").values()):
            return
        when = act.when if isinstance(act.when, str) else (now + timedelta(hours=act.when)).isoformat()
        try:
            here.command(act.event, now, **{"at": when, **act.choice})
        except Refused:
            here.check()

    def end(self) -> None:
        """It is cancelled, if nothing stands in the way."""
        self.here.until(self.here.now)
        if self.live and not any(one.state == "confirmed" for one in self.here.all("order").values()):
            self.here.tell(SUB, "cancel_now", self.here.now)

    def look(self) -> None:
        """Note since when it is paid for, and see that the time since then is covered."""
        if not self.live or self.here.subscription.facts.phase != "paid":
            return
        facts = self.here.subscription.facts
        self.paid_since = self.paid_since or facts.period_start
        self._covered(self.paid_since, facts.period_end, facts.zone)

    def _covered(self, start: datetime, end: datetime, zone: str) -> None:
        """What was invoiced leaves no day out, from one instant to the other."""
        unit = self.here.around.catalog.policies.proration.unit
        if unit == "none":
            return
        sold = [
            (line.start, line.end)
            for one in self.here.all("invoice").values()
            if one.state in {"open", "paid", "uncollectible"}
            for line in one.facts.lines
            if line.kind == "plan"
        ]
        for first, last in sorted(sold):
            gap = (local(first, zone).date() - local(start, zone).date()).days
            # where a part of a day was cut off; by 30/360 the 31st is nothing
            assert first <= start or gap < (2 if unit == "fixed_30" else 1), f"nobody was invoiced from {start}"
            start = max(start, last)
        assert (local(end, zone).date() - local(start, zone).date()).days < (2 if unit == "fixed_30" else 1)


@given(worlds, openings, rough)
def test_all_time_is_invoiced_and_the_books_are_right(
    here: Root, opening: tuple[str, bool, datetime], plot: list[Act]
) -> None:
    """Each stretch of a paid subscription is on an invoice, none is of less than nothing, the ledger is zero, and
    nobody has more from us than they paid (rules E7, I6, I17, D7)."""
    telling = Telling(here, opening)
    for act in plot:
        telling.tell(act)
        assert all(one.facts.total >= 0 for one in here.all("invoice").values())
        assert sum(here.book(name) for name in ("cash", "balance", "refunds", "reserved")) >= 0


@given(worlds, openings, rough, st.lists(st.booleans(), min_size=1, max_size=8))
def test_in_the_end_nothing_is_receivable(
    here: Root, opening: tuple[str, bool, datetime], plot: list[Act], outcomes: list[bool]
) -> None:
    """Each invoice is paid or given up, what was set aside is used or back, and refunds are given (rules E5, E7)."""
    telling = Telling(here, opening)
    for act in plot:
        telling.tell(act)
    telling.end()
    number = 0
    while here.asked or here.next():
        while here.asked:
            here.answer("charged" if outcomes[number % len(outcomes)] else "declined", here.now)
            number += 1
        telling.end()
        here.until(FAR)
        here.now = max((one.facts.retry_at or here.now for one in here.all("invoice").values()), default=here.now)
    for id, one in here.all("invoice").items():
        if one.state == "open":
            assert one.facts.charge == "unknown"
            here.tell(id, "charged", here.now)
    here.give_back()
    assert (here.book("receivable"), here.book("reserved"), here.book("refunds")) == (0, 0, 0)
    kept = -here.book("revenue") - here.book("forfeited") - here.book("tax")
    assert kept == here.book("cash") + here.book("balance") + here.book("bad_debt")


@given(worlds, openings, smooth)
def test_the_next_invoice_is_the_one_that_was_foretold(
    here: Root, opening: tuple[str, bool, datetime], plot: list[Act]
) -> None:
    """Its day and its total, as long as nothing is commanded and all is paid (rules D1, H3)."""
    telling = Telling(here, opening, smoothly=True)
    for act in plot:
        telling.pay()
        telling.tell(act)
    telling.pay()
    assume(telling.live)
    foretold, seen = next_invoice(here.subscription.facts, here.around), len(here.all("invoice"))
    for _ in range(30):
        due = here.next()
        if due is None or len(here.all("invoice")) > seen:
            break
        here.until(due[0], "charged")
    new = list(here.all("invoice").values())[seen:]
    assert ((new[0].facts.at, new[0].facts.total) if new else None) == foretold


@given(worlds, openings, smooth)
def test_a_quote_shows_what_is_then_charged(here: Root, opening: tuple[str, bool, datetime], plot: list[Act]) -> None:
    """The charge is what was due now, and the invoice has its lines (rule D1)."""
    telling = Telling(here, opening, smoothly=True)
    seen = 0
    for act in [Wait(0), *plot]:
        if len(here.all("order")) > seen:
            seen = len(here.all("order"))
            shown = here.newest("order").facts.quote
            invoice = here.invoice.facts
            assert shown["due_now"] == shown["total"] - shown["credit"] >= 0
            assert [ask["amount"] for ask in here.asked] == ([shown["due_now"]] if shown["due_now"] else [])
            assert ([one.as_json() for one in invoice.lines], invoice.total) == (shown["lines"], shown["total"])
        telling.pay()
        telling.tell(act)
