"""Playing a story: its steps one after the other, what came of each, and what was not as expected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from lifecycle.domain.calendar import parse_instant
from lifecycle.engine.clock import stopwatch
from lifecycle.errors import LifecycleError, Refused
from lifecycle.store import queries
from lifecycle.store.queries import Step as Transition
from lifecycle.testing.databases import IN_MEMORY
from lifecycle.testing.scenarios.commands import lead_up
from lifecycle.testing.scenarios.commands import play as carry_out
from lifecycle.testing.scenarios.comparing import Mismatch, compare, named
from lifecycle.testing.scenarios.facts import facts, quoted
from lifecycle.testing.scenarios.model import MODIFIERS, ExpectQuote, Step
from lifecycle.testing.scenarios.reading import Story, Told
from lifecycle.testing.scenarios.stage import Stage
from lifecycle.testing.traveller import Traveller, journey

DECLINED = "payment_declined"
"""The refusal that leaves its order and its attempt on record (rule B2)."""
FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Played:
    """A step that was played: where the clock stood after it, what came of it in words, what fired by itself, and what
    was not as expected."""

    line: int
    words: str
    at: datetime
    came: str
    fired: tuple[Transition, ...] = ()
    wrong: tuple[Mismatch, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a story: its steps as far as they were played, the whole log at the end, and the seconds it took.

    It ends early at a step that fails otherwise than by an expectation.
    """

    story: Story
    steps: tuple[Played, ...]
    log: tuple[Transition, ...]
    seconds: float

    @property
    def held(self) -> bool:
        """Whether everything was as expected."""
        return not any(step.wrong for step in self.steps)


def play(story: Story, *, url: str = IN_MEMORY, by_scheduler: bool = False) -> Outcome:
    """Play a story on an empty database of `url` (see `databases.fresh`); `by_scheduler`: every journey goes through
    the real scheduler. Raises LifecycleError where there can be no such database."""
    started = stopwatch()
    start = parse_instant(story.scenario.start, story.zone)
    with journey(story.config, start, url=url) as traveller:
        player = _Player(story, traveller, by_scheduler=by_scheduler)
        steps = player.play()
        return Outcome(story, tuple(steps), tuple(traveller.lifecycle.log()), stopwatch() - started)


class _Player:
    def __init__(self, story: Story, traveller: Traveller, *, by_scheduler: bool) -> None:
        self._story = story
        self._stage = Stage(traveller, Path(story.file).parent)
        self._by_scheduler = by_scheduler

    def play(self) -> list[Played]:
        played: list[Played] = []
        for told in self._story.steps:
            self._stage.by_scheduler |= self._by_scheduler
            played.append(self._step(told))
            if played[-1].wrong and played[-1].came.startswith(FAILED):
                break
        return played

    def _step(self, told: Told) -> Played:
        """A command, then what is expected after it."""
        step, came = told.step, ""
        fired: list[Transition] = []
        wrong: list[Mismatch] = []
        try:
            if step.model_fields_set - MODIFIERS:
                came, fired, wrong = self._command(step)
            if told.expected is not None:
                wrong += self._differences(told)
        except LifecycleError as error:
            came, wrong = f"{FAILED} ({error.code})", [Mismatch("this step", "to be carried out", _sentence(error))]
        return Played(told.line, told.words, self._stage.traveller.now, came, tuple(fired), tuple(wrong))

    def _command(self, step: Step) -> tuple[str, list[Transition], list[Mismatch]]:
        """Carry it out; a refusal that is expected is to change nothing."""
        meanwhile = lead_up(self._stage, step)
        if step.refused is None:
            came, fired = carry_out(self._stage, step)
            return came, [*meanwhile, *fired], []
        before = self._shown(step.refused)
        try:
            came, fired = carry_out(self._stage, step)
        except Refused as refused:
            return f"refused ({refused.code})", meanwhile, self._after(refused, step.refused, before)
        return came, [*meanwhile, *fired], [Mismatch("refused", step.refused, "not refused")]

    def _after(self, refused: Refused, expected: str, before: Mapping[str, Any]) -> list[Mismatch]:
        """What is wrong with a refusal: its code, or that something has changed."""
        if refused.code != expected:
            return [Mismatch("refused", expected, _sentence(refused))]
        changed = {name: after for name, after in self._shown(expected).items() if after != before[name]}
        return [Mismatch(f"{name} after a refusal", str(before[name]), str(after)) for name, after in changed.items()]

    def _shown(self, code: str) -> dict[str, Any]:
        """What a refusal leaves as it is (rule B2)."""
        lifecycle = self._stage.lifecycle
        with lifecycle.database.reading() as connection:
            rows = queries.rows_ever(connection)
        due = [(one.instance_id, one.event, one.due_at) for one in lifecycle.due(reminders=True)]
        kept: dict[str, Any] = {"deferrals": due, "invoices": len(lifecycle.invoices.list())}
        charges = len(self._stage.traveller.gateway.ledger())
        return kept if code == DECLINED else kept | {"rows of the log": rows, "charges": charges}

    def _differences(self, told: Told) -> list[Mismatch]:
        stage, zone, expected = self._stage, self._story.zone, told.expected
        if isinstance(expected, ExpectQuote):
            quote = stage.lifecycle.quotes.get(stage.quote or "")
            return list(compare("", expected, quoted(quote, stage.account_of(told.step).zone), zone))
        asked = named(expected) if expected else {}
        return list(compare("", expected, facts(stage, stage.subject_of(told.step), asked), zone))


def _sentence(error: LifecycleError) -> str:
    return f"{error.code}: {error}"
