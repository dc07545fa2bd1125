"""What the demo's customers are like: who changes a plan, who changes their mind, who tries what can't be.

A habit is a row of moves. Some moves are refused: people try. Days count from the customer's arrival, or, where they
are negative, back from the story's end. `card` is another payment method, by the sandbox's name of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Move:
    """On that day a customer does this. `do`: a command of the API; `arguments`: its own, and `when` may be a number
    of days from that day."""

    day: int
    do: str
    arguments: Mapping[str, object] = field(default_factory=dict)


def on(day: int, do: str, **arguments: object) -> Move:
    """A move, written short."""
    return Move(day, do, arguments)


Habit = tuple[Move, ...]

CONTENT: Habit = ()

BASIC: tuple[Habit, ...] = (
    (  # grows
        on(75, "change", plan="team", when="now"),
        on(110, "add_seats", seats=2),
        on(150, "add_seats", seats=3),
        on(210, "change", seats=6),
        on(-6, "add_seats", seats=1),
    ),
    (  # thinks it over
        on(60, "change", plan="team"),
        on(63, "withdraw_change", reason="The board wants to see figures first."),
        on(64, "withdraw_change"),
        on(140, "change", plan="team"),
        on(-9, "change", plan="basic", seats=1),
    ),
    (  # leaves, comes to regret it, leaves
        on(90, "cancel", reason="Quiet season."),
        on(92, "change", plan="team", when="now"),
        on(94, "withdraw_cancellation", reason="It is busier than we thought."),
        on(190, "cancel", reason="We have hired somebody for this."),
    ),
    (  # cannot wait for the trial's end
        on(6, "activate"),
        on(8, "activate"),
        on(130, "change", interval="year"),
    ),
    (  # pays no more, and is heard of no more
        on(70, "card", named="declines"),
    ),
    (  # leaves for good, at once
        on(100, "cancel", when="now", reason="The shop is closing."),
        on(101, "change", plan="team"),
    ),
    (  # has a card that is declined, falls behind, and is well again with a new one
        on(40, "card", named="declines"),
        on(41, "change", plan="team", when="now"),
        on(48, "change", plan="team", when="now"),
        on(50, "card", named="ok"),
        on(60, "change", plan="team", when="now"),
        on(160, "add_seats", seats=1),
        on(-5, "cancel", reason="Too dear for us."),
    ),
    CONTENT,
    (  # goes, and is back ten weeks later
        on(80, "cancel", when="now", reason="We found another tool."),
        on(150, "create", plan="basic", interval="month", reason="The other tool was worse."),
        on(152, "create", plan="basic", interval="month"),
        on(190, "change", plan="team", when="now"),
    ),
    (  # makes mistakes
        on(40, "change", plan="platinum"),
        on(41, "add_seats", seats=3),
        on(42, "cancel", when=-5),
        on(90, "change", plan="team", when=10),
        on(-4, "change", plan="basic", seats=1),
    ),
    (  # ends on a date of its own, and moves it
        on(110, "cancel", when=45, reason="Our lease runs out."),
        on(120, "cancel", when=20, reason="We are out earlier."),
    ),
)

WITHOUT_CARD: tuple[Habit, ...] = (
    (
        on(5, "activate"),
        on(10, "card", named="ok"),
        on(70, "change", plan="team", when="now"),
        on(130, "change", seats=5),
    ),
    (on(20, "activate"),),  # too late
)
"""For those who begin a trial without a payment method: it decides what becomes of them."""

TEAM: tuple[Habit, ...] = (
    (  # fills its seats
        on(40, "add_seats", seats=4),
        on(95, "add_seats", seats=60),
        on(140, "change", seats=5),
        on(200, "add_seats", seats=3),
        on(-7, "add_seats", seats=2),
    ),
    (  # steps down
        on(120, "change", plan="basic", seats=1),
        on(190, "cancel", reason="The project is over."),
        on(197, "withdraw_cancellation", reason="There is a second project."),
    ),
    (  # goes over to yearly
        on(70, "change", interval="year"),
        on(130, "add_seats", seats=2),
        on(-3, "cancel"),
        on(-2, "withdraw_cancellation", reason="That was the wrong button."),
    ),
    (  # two people at two desks
        on(60, "add_seats", seats=2),
        on(60, "add_seats", seats=2, version=1),
        on(150, "change", seats=9, when=12),
        on(220, "change", plan="team"),
    ),
    (  # steps down on a date of its own, and up again
        on(70, "change", plan="basic", seats=1, when=25),
        on(71, "change", plan="basic", seats=1, when=24),
        on(180, "change", plan="team", when="now"),
        on(184, "add_seats", seats=2),
    ),
    CONTENT,
    (  # leaves at the period's end
        on(160, "cancel", reason="We merge with another company."),
        on(161, "cancel"),
        on(250, "withdraw_cancellation"),
    ),
)

FLEXIBLE: tuple[Habit, ...] = (
    (  # buys without a card, then with one
        on(45, "change", plan="basic", when="now"),
        on(47, "card", named="ok"),
        on(47, "change", plan="basic", when="now"),
    ),
    (on(90, "change", interval="year"), on(-5, "cancel", when=21)),
    CONTENT,
)

HABITS: Mapping[str, tuple[Habit, ...]] = {
    "basic": BASIC,
    "basic without a card": WITHOUT_CARD,
    "team": TEAM,
    "flexible": FLEXIBLE,
}

HERO = "lindner"
"""Whose year is told in full: a trial that ends on a 31st, and a bit of everything after it."""

FAREWELL = "delft-bikes"
"""Who asks, as the demo ends, to end a few minutes later: there is something to watch."""

SCRIPTED: Mapping[str, Habit] = {
    HERO: (
        on(50, "change", plan="team"),
        on(52, "withdraw_change", reason="Not before the summer."),
        on(84, "change", plan="team"),
        on(120, "add_seats", seats=2),
        on(173, "cancel", reason="We spend too much on tools."),
        on(177, "withdraw_cancellation", reason="The waiters protested."),
        on(266, "change", seats=4),
        on(-6, "change", interval="year"),
    ),
    FAREWELL: CONTENT,
}
