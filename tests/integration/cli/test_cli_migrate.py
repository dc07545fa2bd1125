"""`lifecycle migrate`: what would become what, and then what has."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from lifecycle import Lifecycle
from lifecycle.engine.commands import Creation
from tests.integration.cli.world import lifecycle, shop
from tests.integration.world import PROJECT
from tests.schema import give_schema

HOSTS = "tests.contract.hosts.contract_machine:ContractMachine"


def listing(folder: Path, *machines: str) -> None:
    """A configuration with these machines too."""
    text = (PROJECT / "config.yaml").read_text(encoding="utf-8")
    listed = "".join(f"\n  - {machine}" for machine in machines)
    shop(folder, text.replace("SubscriptionMachine\n", f"SubscriptionMachine{listed}\n", 1))


@pytest.fixture
def contract(empty: Path) -> str:
    """A contract of the first version; the second is listed by now. Its id."""
    listing(empty, HOSTS)
    engine = Lifecycle.from_config("config.yaml")
    give_schema(engine.database)
    signing = Creation("contract", "signed", "usr_1", "con", arguments={"party": "org_7", "days": 30})
    with capture_logs():
        contract = engine.engine.attempt(lambda work: work.create(signing)).id
    engine.close()
    listing(empty, HOSTS, f"{HOSTS}2")
    return contract


def test_a_dry_run_says_what_would_become_what(contract: str) -> None:
    """And changes nothing."""
    ended = lifecycle("migrate", "--dry-run")
    assert (ended.code, ended.err) == (0, "1 would be migrated; 0 can't be.\n")
    assert ended.lines[2].split() == [contract, "–", "contract", "1", "→", "2", "running", "in_force"]
    assert [row["event"] for row in lifecycle("log", "--json").json] == ["signed"]


def test_to_migrate_is_logged_with_its_reason(contract: str) -> None:
    """By the operator; a second time there is nothing to do."""
    ended = lifecycle("migrate", "--reason", "release 2", "--by", "olga", "--json")
    assert [(one["instance_id"], one["target"], one["error"]) for one in ended.json] == [(contract, "in_force", None)]
    last = lifecycle("log", contract, "--last", "1", "--json").json[0]
    assert (last["event"], last["actor"], last["reason"]) == ("migrated", "olga", "release 2")
    again = lifecycle("migrate", "--reason", "release 2")
    assert (again.code, again.out, again.err) == (0, "", "0 are migrated; 0 can't be.\n")


@pytest.mark.usefixtures("contract")
@pytest.mark.parametrize("words", [[], ["--reason", "  "]])
def test_to_migrate_needs_a_reason(words: list[str]) -> None:
    """It is a usage error, and changes nothing."""
    assert lifecycle("migrate", *words).code == 2
    assert len(lifecycle("log", "--json").json) == 1


def test_what_can_not_be_migrated_stays(contract: str, empty: Path) -> None:
    """The third version forgot a state: that is told, the others go on, and the exit code is 1."""
    lifecycle("migrate", "--reason", "release 2")
    listing(empty, HOSTS, f"{HOSTS}2", f"{HOSTS}3")
    ended = lifecycle("migrate", "--reason", "release 3", "--json")
    assert ended.code == 1
    assert [one["error"] for one in ended.json] == ["There is no state 'forgotten'."]
    assert len(lifecycle("log", contract, "--json").json) == 2
