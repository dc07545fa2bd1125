"""The pytest plugin in a host's project: its fixtures, how it is set, and what it leaves alone (G4)."""

from __future__ import annotations

from pathlib import Path
from shutil import copy

import pytest
from sqlalchemy import create_engine, text

from tests.integration.plugin.project import ROOT, Project, project

OTHER = """
zone: Asia/Tokyo
machines: ["courier_machine:CourierMachine"]
catalog: {currency: EUR, plans: {team: {name: Team, family: main, prices: {month: "1.00"}}}}
"""
COURIER = ROOT / "tests" / "contract" / "hosts" / "courier_machine.py"


@pytest.fixture
def host(tmp_path: Path) -> Project:
    """A host's project, without tests yet."""
    return project(tmp_path)


@pytest.fixture
def stories(host: Project) -> Project:
    """The same with stories, and a second configuration with a module beside it."""
    host.take("stories")
    (host.folder / "other").mkdir()
    host.write("other/config.yaml", OTHER)
    copy(COURIER, host.folder / "other")
    return host


def test_a_hosts_stories(stories: Project) -> None:
    """Travel, cards, notices and expectations; engines and ids of each test's own; the host's code at the same instant,
    the marker, coroutines (G4, X70, X71); what the environment says to the daemon does not get in."""
    run = stories.pytest("-q", LIFECYCLE_DATABASE__URL="nowhere://", LIFECYCLE_ZONE="Mars")
    assert run.counted == {"passed": 16}, run.said


def test_postgresql_by_one_setting(stories: Project, postgres_url: str) -> None:
    """A schema for each test, gone afterwards; the command line goes before the environment (X72)."""
    chosen = ("-q", "-k", "cards or year", "--lifecycle-database", postgres_url)
    run = stories.pytest(*chosen, LIFECYCLE_TEST_DATABASE="sqlite://")
    assert run.counted == {"passed": 1, "failed": 1}, run.said  # the one that expects SQLite
    assert "AssertionError: assert 'postgresql+p" in run.said
    run = stories.pytest("-q", "-k", "cards", LIFECYCLE_TEST_DATABASE=postgres_url)
    assert run.counted == {"passed": 1}, run.said
    engine = create_engine(postgres_url)
    with engine.connect() as connection:
        left = connection.scalars(text("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'lifecycle_test_%'")).all()
    engine.dispose()
    assert left == []


def test_stories_in_files_are_collected(host: Project) -> None:
    """One that holds, one that does not, and one that is mistyped: what is told is the story, and no traceback (G4)."""
    story = "scenario: A story\nstart: 2026-06-01\nsteps:\n  - subscribe: {account: acme, plan: basic}\n"
    (host.folder / "deep").mkdir()
    host.write("deep/good.scenario.yaml", f"{story}  - expect: {{state: trial}}\n")
    host.write("bad.scenario.yaml", f"{story}  - expect: {{state: active}}\n")
    host.write("mistyped.scenario.yaml", f"{story}  - expct: {{state: active}}\n")
    run = host.pytest("-q", LIFECYCLE_ZONE="Mars")
    assert run.counted == {"passed": 1, "failed": 2}, run.said
    assert "state: expected active, actual trial" in run.said
    assert "mistyped.scenario.yaml:5: steps[1].expct: {state: 'active'}: expected a known key" in run.said
    assert "Traceback" not in run.said
    assert "runtest" not in run.said


def test_settings_of_the_ini_file(host: Project) -> None:
    """The configuration, the start and the database; a file is in each test's own folder (X72)."""
    (host.folder / "etc").mkdir()
    (host.folder / "config.yaml").rename(host.folder / "etc" / "shop.yaml")
    settings = (
        "lifecycle_config = etc/shop.yaml",
        "lifecycle_start = 2026-06-01",
        "lifecycle_database = sqlite:///s.db",
    )
    host.write("pytest.ini", "\n".join(["[pytest]", *settings]))
    test = (
        "import pytest\n"
        "@pytest.mark.parametrize('time', [1, 2])\n"
        "def test_it(lifecycle, tmp_path, time):\n"
        "    assert lifecycle.database.url.database == str(tmp_path / 's.db')\n"
        "    assert lifecycle.accounts.list() == []\n"
        "    assert lifecycle.clock.now().isoformat() == '2026-05-31T22:00:00+00:00'\n"
    )
    host.write("test_it.py", test)
    run = host.pytest("-q")
    assert run.counted == {"passed": 2}, run.said


def test_what_is_set_wrong_is_said_in_a_sentence(host: Project) -> None:
    """A marker that says something else, a configuration that is not there, no instant, another `lifecycle`: no
    traceback."""
    test = (
        "import pytest\n"
        "@pytest.mark.lifecycle('2026-06-01', begin='2026-06-01')\n"
        "def test_marker(lifecycle): ...\n"
        "@pytest.mark.lifecycle(config='none.yaml')\n"
        "def test_config(lifecycle): ...\n"
        "@pytest.mark.lifecycle(start='yesterday')\n"
        "def test_start(lifecycle): ...\n"
        "class TestOwn:\n"
        "    @pytest.fixture\n"
        "    def lifecycle(self): return 'mine'\n"
        "    def test_of_its_own(self, lifecycle): assert lifecycle == 'mine'\n"
        "    def test_mixed(self, lifecycle, travel): ...\n"
    )
    host.write("test_it.py", test)
    run = host.pytest("-q")
    assert run.counted == {"passed": 1, "errors": 4}, run.said
    assert "takes config, start, zone by name, and not '2026-06-01', begin." in run.said
    assert "none.yaml" in run.said
    assert "'yesterday'" in run.said
    assert "The project's own fixture `lifecycle` does not hand on the plugin's." in run.said
    assert "Traceback" not in run.said
    assert "src/lifecycle" not in run.said


def test_without_time_machine_the_answer_is_how_to_install_it(host: Project) -> None:
    """The extra is named as pip takes it (X73)."""
    host.write("time_machine.py", "raise ImportError('not installed')\n")
    host.write("test_it.py", "def test_it(lifecycle): ...\n")
    run = host.pytest("-q")
    assert run.counted == {"error": 1}, run.said
    assert "pip install 'lifecycle-engine[testing]'" in run.said
    assert "Traceback" not in run.said


def test_until_a_fixture_is_used_nothing_is_imported(host: Project) -> None:
    """pytest loads the plugin into every project of an environment; there it costs nothing (X73)."""
    heavy = ("sqlalchemy", "pydantic", "yaml", "structlog", "apscheduler", "time_machine", "statemachine", "rich")
    test = f"import sys\ndef test_nothing():\n    assert [name for name in {heavy} if name in sys.modules] == []\n"
    host.write("test_it.py", test)
    (host.folder / "config.yaml").unlink()
    run = host.pytest("-q", "--strict-config")
    assert run.counted == {"passed": 1}, run.said
