"""What holds of any story of a subscription, whatever is commanded, whatever falls due, whatever is edited meanwhile.

A story itself checks each step: that nothing but a refusal is raised and that asking foretells it, that the state is
what the facts say, that the facts survive the store, and that something in the future is due in every live state.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from hypothesis import assume, given
from hypothesis import strategies as st

from lifecycle.domain.account import Account
from lifecycle.domain.catalog import Catalog
from lifecycle.domain.machine import REMINDED
from lifecycle.domain.policies import CancelPolicy, ChangeRule, Dunning, Policies
from lifecycle.domain.refusals import REFUSALS
from lifecycle.domain.subscription import dump
from tests.unit.machine_world import (
    ACCOUNT,
    KEEP,
    MATRIX,
    NO_CARD,
    PRO,
    SURROUNDINGS,
    TEAM,
    Story,
    utc,
    with_plan,
    with_policies,
    without_plan,
)

CHANGE_RULES = (
    ChangeRule(source="team", target="basic", refuse="contact_us", message="Please write to us."),
    ChangeRule(direction="downgrade", when=("next_cycle",)),
)
CATALOGS = (
    with_policies(Policies()),
    with_policies(KEEP),
    with_policies(Policies(change=CHANGE_RULES, seats_decrease="refuse", dunning=Dunning(exhausted="keep"))),
    with_policies(Policies(change=CHANGE_RULES[1:], seats_decrease="now", cancel=CancelPolicy(when=("period_end",)))),
    with_plan(replace(TEAM, prices=PRO.prices)),
    without_plan("pro"),
    without_plan("team"),
)


@dataclass(frozen=True)
class Command:
    """An event so many hours after what was before it; a number as `when` is a date, in hours from then."""

    event: str
    hours: int
    when: str | int
    choice: Mapping[str, object]

    def arguments(self, now: datetime) -> Mapping[str, object]:
        """What it asks for at that instant."""
        when = self.when if isinstance(self.when, str) else (now + timedelta(hours=self.when)).isoformat()
        who = {"members": ["mem_1"]} if self.event.startswith("seats_") else {}
        return {"at": when, **who, **self.choice}


Act = Command | Catalog | Account | None  # None: the next deferral

# Most commands are ones that may well be taken, so that stories get somewhere before they end.
anything = st.fixed_dictionaries(
    {},
    optional={
        "plan": st.sampled_from(["basic", "team", "pro", "free", "storage", "gold"]),
        "interval": st.sampled_from(["month", "year", "week"]),
        "seats": st.integers(1, 60),
    },
)
likely: st.SearchStrategy[Mapping[str, object]] = st.sampled_from(
    [{}, {"plan": "team"}, {"plan": "pro"}, {"plan": "basic"}, {"plan": "team", "seats": 5}, {"interval": "year"}]
)
commands = st.builds(
    Command,
    event=st.sampled_from([*MATRIX.commands, "payment_exhausted", *["schedule_change", "withdraw_cancellation"] * 5]),
    hours=st.sampled_from([0, 1, 24, 24 * 5, 24 * 9]) | st.integers(0, 24 * 40),
    when=st.sampled_from(["next_cycle", "period_end"]) | st.integers(-48, 24 * 80),
    choice=likely | likely | anything,
)
acts: st.SearchStrategy[Act] = st.one_of(
    commands, commands, st.none(), st.none(), st.sampled_from(CATALOGS), st.sampled_from([ACCOUNT, NO_CARD])
)
plots = st.lists(acts, min_size=3, max_size=16)
beginnings = st.integers(0, 800 * 24).map(lambda hours: utc("2026-01-01") + timedelta(hours=hours))
openings = st.tuples(
    st.sampled_from(["basic", "basic", "team", "pro", "free"]),
    st.booleans(),
    beginnings,
    st.sampled_from(["UTC", "Europe/Paris", "America/New_York", "Pacific/Apia"]),
)
Opening = tuple[str, bool, datetime, str]


def played(opening: Opening, plot: list[Act]) -> Iterator[tuple[Story, datetime]]:
    """The story after each of its steps that was taken, and the instant of that."""
    plan, trial, now, zone = opening
    story = Story(replace(SURROUNDINGS, account=replace(ACCOUNT, zone=zone)))
    assert story.answer("subscribed", now, plan=plan, interval="month", **({} if trial else {"trial": False})) != "-"
    yield story, now
    for act in plot:
        match act:
            case Catalog():
                story.meanwhile(catalog=act)
            case Account():
                story.meanwhile(account=replace(act, zone=zone))
            case Command():
                now += timedelta(hours=act.hours)
                yield from due(story, now)
                facts, stored = story.facts, dump(story.facts)
                answer = story.answer(act.event, now, **act.arguments(now))
                assert dump(facts) == stored
                assert answer in MATRIX.states or answer == "-" or answer.removeprefix("!") in REFUSALS
                if answer in MATRIX.states:
                    yield story, now
            case None if story.due:
                now = story.fire_one()
                yield story, now


def due(story: Story, now: datetime) -> Iterator[tuple[Story, datetime]]:
    """Fire what is due by now."""
    while (deferral := story.earliest()) and deferral[0] <= now:
        yield story, story.fire_one()


def ending(opening: Opening, plot: list[Act]) -> tuple[Story, datetime]:
    """How the story stands at its end."""
    return list(played(opening, plot))[-1]


@given(openings, plots)
def test_a_cycle_is_billed_once(opening: Opening, plot: list[Act]) -> None:
    """Cycle numbers never restart; a bill is of a stretch of time, and but for changes and what had been cut off, one
    for each cycle (rules E3, I17)."""
    seen = 0
    for story, _ in played(opening, plot):
        for bill in story.bills:
            assert bill.start < bill.end
            assert bill.cycle == story.facts.cycle
            assert bill.cycle > seen or bill.reason in {"rest_of_cycle", "change"}
            seen = bill.cycle


@given(openings, plots)
def test_what_is_due_comes_in_order(opening: Opening, plot: list[Act]) -> None:
    """Time never goes back, and each step has a period that holds it or has just ended with it (rules C3, C6)."""
    before = opening[2]
    for story, now in played(opening, plot):
        assert now >= before
        assert story.facts.period_start <= now <= story.facts.boundary
        before = now


@given(openings, plots)
def test_a_change_withdrawn_at_once_was_never_there(opening: Opening, plot: list[Act]) -> None:
    """Where nothing was pending before, the facts, the state and all that is due are as they were."""
    story, now = ending(opening, plot)
    assume(story.state in ("trial", "active"))
    story.meanwhile(catalog=CATALOGS[0])
    story.replan(now)
    facts, state, schedule = story.facts, story.state, story.all_due
    other = "pro" if facts.plan == "team" else "team"
    answer = story.answer("schedule_change", now, plan=other, interval="month", seats=1, at="next_cycle")
    assert answer == "pending_change"
    assert story.answer("withdraw_change", now) == state
    assert (story.facts, story.all_due) == (facts, schedule)


@given(openings, plots, st.integers(1, 24 * 120), st.integers(0, 6))
def test_a_cancellation_withdrawn_was_never_there(opening: Opening, plot: list[Act], hours: int, number: int) -> None:
    """Whatever fired before it was withdrawn: all is as if it had not been asked for, but that a reminder stays away
    whose instant has passed meanwhile (rule B6)."""
    story, now = ending(opening, plot)
    assume(story.state in ("trial", "active", "pending_change"))
    story.meanwhile(catalog=CATALOGS[0])
    story.replan(now)
    other, end = copy(story), now + timedelta(hours=hours)
    assert story.answer("cancel", now, at=end.isoformat()) == "pending_cancellation"
    for _ in range(number):
        deferral = other.earliest()
        if deferral is None or deferral[0] >= end:
            break
        now = other.fire_one()
        if deferral[1] != REMINDED or REMINDED in story.all_due:
            assert story.fire_one() == now
    if story.state == "pending_cancellation":
        story.answer("withdraw_cancellation", now)
    for either in (story, other):
        either.until(now)
    assert (story.state, story.all_due) == (other.state, other.all_due)
    assert replace(story.facts, reminded=False) == replace(other.facts, reminded=False)
