"""Every story holds on each database and through the real scheduler, and leaves the same log each time (rule G4)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from lifecycle.testing.scenarios.playing import Outcome, play
from lifecycle.testing.scenarios.telling import tale
from tests.scenarios.library import FILES, name_of, story

ENOUGH = 60


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Log lines are kept from the report."""
    with capture_logs():
        yield


def held(outcome: Outcome) -> Outcome:
    """The outcome, if everything was as expected."""
    assert outcome.held, "\n".join(tale(outcome))
    return outcome


def test_pytest_plays_every_story_in_memory(request: pytest.FixtureRequest) -> None:
    """The plugin, which collects the files of this folder, is there."""
    assert request.config.pluginmanager.has_plugin("lifecycle")


@pytest.mark.sampled(30)
@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_a_story_leaves_the_same_log_through_the_real_scheduler(file: Path) -> None:
    """Fired by APScheduler's threads, to the last byte."""
    told = story(file)
    assert held(play(told, by_scheduler=True)).log == held(play(told)).log


@pytest.mark.sampled(30)
@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_a_story_leaves_the_same_log_on_postgresql(file: Path, postgres_url: str) -> None:
    """To the last byte."""
    told = story(file)
    assert held(play(told, url=postgres_url)).log == held(play(told)).log


def test_there_are_enough_stories_and_each_has_a_name_of_its_own() -> None:
    """Who reads a report finds the file."""
    names = [story(file).name for file in FILES]
    assert len(names) >= ENOUGH
    assert sorted(names) == sorted(set(names))
