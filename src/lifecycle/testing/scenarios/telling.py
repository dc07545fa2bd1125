"""What became of stories, told: in lines for people, in plain values for programs, and as JUnit XML for servers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from xml.etree import ElementTree

from lifecycle.domain.calendar import local
from lifecycle.store.queries import Step as Transition
from lifecycle.testing.scenarios.playing import Outcome, Played

AROUND = 3
"""How many steps before and after one that failed are shown with it."""
WIDEST = 70
"""Columns up to which the words of a step are padded."""
MOST_FIRED = 6
"""How many things that fired at one step are named one by one."""


def tale(outcome: Outcome, *, brief: bool = False) -> Iterator[str]:
    """A story in lines: what it is, then each step with its instant and what was not as expected; `brief`: of steps
    only those around one that failed."""
    yield headline(outcome)
    failed = [number for number, step in enumerate(outcome.steps) if step.wrong]
    near = {one for at in failed for one in range(at - AROUND, at + AROUND + 1)}
    shown = [step for number, step in enumerate(outcome.steps) if number in near or not brief]
    width = min(max((len(step.words) for step in shown), default=0), WIDEST)
    for step in shown:
        yield from _step(step, outcome.story.zone, width)


def headline(outcome: Outcome) -> str:
    """Whether it held, in one line."""
    sign, story = ("✓" if outcome.held else "✗"), outcome.story
    return f"{sign} {story.name} ({story.file}): {len(outcome.steps)} steps, {outcome.seconds:.2f} s"


def _step(step: Played, zone: str, width: int) -> Iterator[str]:
    sign = "✗" if step.wrong else " "
    came = "; ".join(part for part in (step.came, _fired(step.fired, zone)) if part)
    at = f"{local(step.at, zone):%Y-%m-%d %H:%M}"
    yield f"  {sign} {step.line:>4}  {at}  {step.words:<{width}}  {came}".rstrip()
    for one in step.wrong:
        yield f"          {one.what}: expected {one.expected}, actual {one.actual}"


def _fired(steps: Sequence[Transition], zone: str) -> str:
    if len(steps) > MOST_FIRED:
        return f"{len(steps)} transitions, the last {_named(steps[-1], zone)}"
    return ", ".join(_named(step, zone) for step in steps)


def _named(step: Transition, zone: str) -> str:
    return f"{step.event} on {local(step.at, zone):%Y-%m-%d}"


def described(outcome: Outcome) -> dict[str, Any]:
    """A story's outcome for programs."""
    scenario = outcome.story.scenario
    return {
        "file": str(outcome.story.file),
        "scenario": outcome.story.name,
        "covers": scenario.covers,
        "held": outcome.held,
        "seconds": round(outcome.seconds, 3),
        "steps": [
            {
                "line": step.line,
                "step": step.words,
                "at": step.at,
                "came": step.came,
                "fired": [
                    {"at": one.at, "machine": one.machine, "event": one.event, "source": one.source, "to": one.target}
                    for one in step.fired
                ],
                "wrong": step.wrong,
            }
            for step in outcome.steps
        ],
    }


def junit(outcomes: Sequence[Outcome]) -> bytes:
    """All outcomes as a JUnit test suite, in UTF-8."""
    failed = sum(not outcome.held for outcome in outcomes)
    seconds = sum(outcome.seconds for outcome in outcomes)
    numbers = {"tests": str(len(outcomes)), "failures": str(failed), "errors": "0", "time": f"{seconds:.3f}"}
    suite = ElementTree.Element("testsuite", {"name": "lifecycle scenarios", **numbers})
    for outcome in outcomes:
        named = {"name": outcome.story.name, "classname": str(outcome.story.file), "time": f"{outcome.seconds:.3f}"}
        case = ElementTree.SubElement(suite, "testcase", named)
        if not outcome.held:
            wrong = [one for step in outcome.steps for one in step.wrong]
            message = f"{wrong[0].what}: expected {wrong[0].expected}, actual {wrong[0].actual}"
            ElementTree.SubElement(case, "failure", {"message": message}).text = "\n".join(tale(outcome, brief=True))
    document: bytes = ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True)
    return document
