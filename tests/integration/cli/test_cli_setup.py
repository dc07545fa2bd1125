"""How commands fail where the configuration, the database or the name is wrong from the start."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.integration.cli.world import in_a_process, lifecycle, shop

pytestmark = pytest.mark.usefixtures("empty")

BROKEN = """\
zone: Mars/Olympus
catalog:
  currency: USD
  plans:
    basic: {prices: {month: "-5.00"}}
"""
UNLOADABLE = """\
machines: [nowhere.at_all:Machine, "lifecycle_machines.subscription:SubscriptionMachine"]
jobs:
  fine: {run: "lifecycle_jobs.verify:verify_history", every: 1d}
  absent: {run: "os:absent", every: 1d}
  number: {run: "lifecycle_jobs.verify:MOST_LINES", every: 1d}
catalog: {currency: USD, plans: {basic: {prices: {month: "50.00"}}}}
"""


@pytest.mark.parametrize("command", ["check", "plans", "list", "run"])
def test_a_wrong_configuration_is_told_whole(empty: Path, command: str) -> None:
    """2: each problem on a line, with its place, value and what is expected."""
    shop(empty, BROKEN)
    ended = lifecycle(command)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.splitlines() == [
        "config.yaml:1: zone: 'Mars/Olympus': expected an IANA time zone such as UTC or Europe/Paris",
        "config.yaml:5: catalog.plans.basic.prices.month: '-5.00': expected an amount of at least 0",
    ]


def test_a_program_gets_the_problems_of_a_configuration_one_by_one(empty: Path) -> None:
    """The code is `config_invalid`."""
    shop(empty, BROKEN)
    error = lifecycle("check", "--json").json["error"]
    assert error["code"] == "config_invalid"
    assert [(problem["line"], problem["path"]) for problem in error["problems"]] == [
        (1, "zone"),
        (5, "catalog.plans.basic.prices.month"),
    ]


def test_check_loads_machines_and_jobs_and_tells_all_that_does_not_load(empty: Path) -> None:
    """Paths that lead nowhere are found before the daemon starts, all of them."""
    shop(empty, UNLOADABLE)
    ended = lifecycle("check")
    assert (ended.code, ended.out) == (2, "")
    assert [line.partition(": expected")[0] for line in ended.err.splitlines()] == [
        "config.yaml: machines[0]: 'nowhere.at_all:Machine'",
        "config.yaml: jobs.absent.run: 'os:absent'",
        "config.yaml: jobs.number.run: 'lifecycle_jobs.verify:MOST_LINES'",
    ]


def test_a_configuration_that_is_not_there() -> None:
    """2, and which file it is."""
    ended = lifecycle("--config", "shop.yaml", "list")
    assert (ended.code, ended.err) == (2, "shop.yaml: expected a readable file: No such file or directory\n")


def test_the_environment_names_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """LIFECYCLE_CONFIG stands for --config, which goes over it."""
    monkeypatch.setenv("LIFECYCLE_CONFIG", "shop.yaml")
    assert lifecycle("check").err.startswith("shop.yaml: ")
    assert lifecycle("--config", "config.yaml", "check").code == 0


@pytest.mark.parametrize("words", [["list"], ["show", "acme"], ["db", "check"], ["run"], ["account", "list"]])
def test_without_a_schema_a_command_says_how_to_make_one(words: list[str]) -> None:
    """1, and the command to run."""
    ended = lifecycle(*words)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == "failed (schema_missing): The database has no schema yet. Run: lifecycle db upgrade\n"


def test_a_database_that_is_out_of_reach(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """1, in a line, without a password."""
    monkeypatch.setenv("LIFECYCLE_DATABASE__URL", f"sqlite:///{empty}/nowhere/lifecycle.db")
    ended = lifecycle("list")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("failed (database_unavailable): ")


def test_the_demo_takes_a_folder_and_touches_nothing_that_is_not_its_own(empty: Path) -> None:
    """1, where somebody's own configuration stands in it."""
    before = (empty / "config.yaml").read_text()
    ended = lifecycle("demo", str(empty))
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith(f"failed (not_a_demo): {empty} has config.yaml that no demo has made")
    assert {file.name: file.read_text() for file in empty.iterdir()} == {"config.yaml": before}


def test_ctrl_c_ends_a_command_quietly(empty: Path) -> None:
    """130, and not a word: here while it waits for its configuration to be written."""
    os.mkfifo(empty / "slow.yaml")
    process = in_a_process("--config", "slow.yaml", "check", cwd=empty)
    with open(empty / "slow.yaml", "w"):  # noqa: PTH123  # opens once the other side is reading
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "")


def test_a_reference_with_several_live_subscriptions_is_ambiguous(empty: Path) -> None:
    """2, and the ids that it could mean."""
    shop(
        empty,
        """\
catalog:
  currency: USD
  plans:
    basic: {prices: {month: "50.00"}}
    extra: {family: extras, prices: {month: "5.00"}}
""",
    )
    lifecycle("db", "upgrade")
    lifecycle("account", "add", "acme", "--email", "ann@acme.test", "--payment-method")
    ids = [lifecycle("subscribe", "acme", "--plan", plan, "--json").json["id"] for plan in ("basic", "extra")]

    ended = lifecycle("cancel", "acme", "--when", "now")

    assert (ended.code, ended.out) == (2, "")
    assert ended.err == f"failed (ambiguous): 'acme' has 2 subscriptions; name one: {ids[0]}, {ids[1]}.\n"
    assert lifecycle("cancel", ids[1], "--when", "now").code == 0
    assert lifecycle("show", "acme", "--json").json["id"] == ids[0]
