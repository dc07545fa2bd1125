"""The pytest plugin: fixtures that let a host's test read like a story in dates, and stories in files as tests.

pytest loads it into every project that has lifecycle installed. Until a fixture is used or a story is found it costs
nothing and changes nothing: it imports the standard library and pytest only.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from lifecycle.testing import settings

if TYPE_CHECKING:
    from pathlib import Path

    from lifecycle import Lifecycle
    from lifecycle.testing.collecting import ScenarioFile
    from lifecycle.testing.story import (
        AssertNext,
        AssertTransitions,
        Card,
        Notices,
        StandStill,
        Story,
        Travel,
        TravelTo,
        TravelToNext,
    )
    from lifecycle.testing.traveller import Traveller

_TRAVELLER: pytest.StashKey[Traveller] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options."""
    settings.declare(parser)


def pytest_configure(config: pytest.Config) -> None:
    """The marker."""
    settings.describe(config)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> ScenarioFile | None:
    """Stories in files are tests, too."""
    if not file_path.name.endswith(".scenario.yaml"):
        return None
    from lifecycle.testing.collecting import ScenarioFile  # noqa: PLC0415  # until there is a story, it is not needed

    return ScenarioFile.from_parent(parent, path=file_path)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """To a failure of a test that used the fixtures add what has happened in it."""
    report = yield
    traveller = item.stash.get(_TRAVELLER, None)
    if report.failed and traveller is not None:
        from lifecycle.testing.failures import sections  # noqa: PLC0415  # until something fails, it is not needed

        report.sections.extend(sections(traveller))
    return report


@pytest.fixture
def lifecycle_traveller(request: pytest.FixtureRequest) -> Iterator[Traveller]:
    """The test's own engine, its clock and its gateway (`lifecycle.testing.traveller.Traveller`)."""
    from lifecycle.errors import LifecycleError  # noqa: PLC0415  # whoever asks for the fixture needs these
    from lifecycle.testing.fixtures import traveller  # noqa: PLC0415

    item: pytest.Item = request.node
    with ExitStack() as stack:
        try:
            wanted = settings.settings(item)
            made = stack.enter_context(traveller(wanted, lambda: request.getfixturevalue("tmp_path")))
        except (LifecycleError, ValueError) as error:
            pytest.fail(str(error), pytrace=False)
        item.stash[_TRAVELLER] = made
        try:
            yield made
        finally:
            del item.stash[_TRAVELLER]


@pytest.fixture
def lifecycle(lifecycle_traveller: Traveller) -> Lifecycle:
    """The engine of the test: a fresh database, the sandbox, a clock that stands still. Give it hooks and destinations
    by a fixture of the same name that asks for this one."""
    return lifecycle_traveller.lifecycle


@pytest.fixture
def lifecycle_story(lifecycle: Lifecycle, lifecycle_traveller: Traveller) -> Story:
    """All of the fixtures below in one object (`lifecycle.testing.story.Story`)."""
    from lifecycle.testing.story import Story  # noqa: PLC0415

    if lifecycle is not lifecycle_traveller.lifecycle:
        pytest.fail("The project's own fixture `lifecycle` does not hand on the plugin's.", pytrace=False)
    return Story(lifecycle_traveller)


@pytest.fixture
def travel_to(lifecycle_story: Story) -> TravelTo:
    """`travel_to("2026-06-15")`, an instant, `"+14d"` or `"+1 month"`: all that is due up to then fires, each at its
    own instant, and the clock stands there; the transitions. `scheduler=True`: APScheduler fires it."""
    return lifecycle_story.traveller.travel_to


@pytest.fixture
def travel(lifecycle_story: Story) -> Travel:
    """`travel(days=14)`, `travel(months=1)`: the same for so long; also weeks, hours, minutes."""
    return lifecycle_story.traveller.travel


@pytest.fixture
def travel_to_next(lifecycle_story: Story) -> TravelToNext:
    """`travel_to_next()`: the same to the next thing that is due."""
    return lifecycle_story.traveller.travel_to_next


@pytest.fixture
def stand_still_until(lifecycle_story: Story) -> StandStill:
    """`stand_still_until("+3d")`: no daemon is there until then; then one comes up, and catches up; what it fired."""
    return lifecycle_story.traveller.stand_still_until


@pytest.fixture
def card(lifecycle_story: Story) -> Card:
    """`card("acme", "declines")`: a new card of the sandbox becomes the account's default."""
    return lifecycle_story.card


@pytest.fixture
def notices(lifecycle_story: Story) -> Notices:
    """`notices()`, `notices("acme")`: the kinds of the notices sent since the last call, oldest first."""
    return lifecycle_story.notices


@pytest.fixture
def assert_transitions(lifecycle_story: Story) -> AssertTransitions:
    """`assert_transitions(sub, ["subscribed", "trial_ends"])`: these were all so far, reminders left out."""
    return lifecycle_story.assert_transitions


@pytest.fixture
def assert_next(lifecycle_story: Story) -> AssertNext:
    """`assert_next(sub, "cycle_starts", "2026-07-15")`, `assert_next(sub, None)`: this comes next but reminders."""
    return lifecycle_story.assert_next
