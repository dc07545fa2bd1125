"""Scenario files as pytest's own tests: each is collected, played, and told where it fails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from lifecycle.app.beside import look_beside
from lifecycle.errors import LifecycleError
from lifecycle.store.database import Database
from lifecycle.testing.databases import IN_MEMORY
from lifecycle.testing.scenarios.playing import Outcome, play
from lifecycle.testing.scenarios.reading import SUFFIX, read_scenario
from lifecycle.testing.scenarios.telling import tale
from lifecycle.testing.settings import settings


class DidNotHold(Exception):
    """A story has failed."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        super().__init__(outcome.story.name)


class ScenarioFile(pytest.File):
    """A file, with its one story."""

    def collect(self) -> Iterator[ScenarioItem]:
        yield ScenarioItem.from_parent(self, name=self.path.name.removesuffix(SUFFIX))


class ScenarioItem(pytest.Item):
    """A story, played on the database of the plugin's settings; on SQLite always in memory. Log lines are dropped."""

    def runtest(self) -> None:
        wanted = settings(self)
        look_beside(wanted.config)
        url = IN_MEMORY if Database(wanted.database).is_sqlite else wanted.database
        with capture_logs():
            outcome = play(read_scenario(self.path, wanted.config), url=url)
        if not outcome.held:
            raise DidNotHold(outcome)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:
        """What went wrong, in the story's own words."""
        del style
        match excinfo.value:
            case DidNotHold(outcome=outcome):
                return "\n".join(tale(outcome, brief=True))
            case LifecycleError() as error:
                return str(error)
        return str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where it stands."""
        return self.path, 0, self.name
