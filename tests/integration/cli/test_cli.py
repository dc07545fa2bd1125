"""The command line as a whole: which commands there are, what they say of themselves, how they end."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from lifecycle.cli.app import COMMANDS, GROUPS
from tests.integration.cli.world import in_a_process, lifecycle
from tests.integration.world import PROJECT

NAMES = [
    *([name] for name, _, _ in COMMANDS),
    *([group, name] for group, commands, _ in GROUPS for name, _, _ in commands),
]
PAGE = PROJECT / "docs" / "cli.md"
HEAVY = ("alembic", "apscheduler", "pydantic", "rich", "sqlalchemy", "statemachine", "structlog", "yaml")
"""What takes long to import. Pydantic is not wanted either, but Typer itself reads a command's options with it."""


def first_line(command: Sequence[str]) -> str:
    """What a command says of itself first."""
    return lifecycle(*command, "--help").out.splitlines()[2].strip()


def test_these_are_the_commands() -> None:
    """All of them, and nothing more."""
    assert sorted(" ".join(name) for name in NAMES) == [
        "account add",
        "account close",
        "account delete",
        "account edit",
        "account list",
        "account show",
        "activate",
        "add-seats",
        "balance credit",
        "balance pay-out",
        "balance show",
        "balance write-off",
        "billing",
        "cancel",
        "change",
        "check",
        "clock advance",
        "clock create",
        "clock delete",
        "clock list",
        "confirm",
        "credits show",
        "credits use",
        "db check",
        "db current",
        "db stats",
        "db upgrade",
        "demo",
        "doctor",
        "due",
        "explain",
        "fire",
        "forecast",
        "handlers forget",
        "handlers list",
        "health",
        "hold",
        "import",
        "init",
        "invitations list",
        "invitations open",
        "invitations revoke",
        "invitations show",
        "invoices list",
        "invoices show",
        "join",
        "list",
        "log",
        "machine",
        "members add",
        "members assign",
        "members disable",
        "members edit",
        "members enable",
        "members export",
        "members import",
        "members list",
        "members redeem",
        "members remove",
        "members resend",
        "members seats",
        "members show",
        "members template",
        "members unassign",
        "migrate",
        "notices catalogue",
        "notices kinds",
        "notices preview",
        "notices sent",
        "outbox drop",
        "outbox list",
        "outbox retry",
        "outbox show",
        "pay",
        "payment-methods add",
        "payment-methods default",
        "payment-methods list",
        "payment-methods remove",
        "payment-methods start",
        "plans",
        "prune",
        "quarantine list",
        "quarantine retry",
        "quarantine show",
        "quarantine skip",
        "quote activate",
        "quote add-seats",
        "quote buy-tokens",
        "quote cancel",
        "quote change",
        "quote show",
        "quote subscribe",
        "quote withdraw-cancellation",
        "quote withdraw-change",
        "release",
        "run",
        "scenario check",
        "scenario list",
        "scenario run",
        "show",
        "skip",
        "subscribe",
        "timeline",
        "tokens buy",
        "tokens history",
        "tokens packs",
        "tokens show",
        "tokens use",
        "verify",
        "webhooks add",
        "webhooks deliveries",
        "webhooks edit",
        "webhooks list",
        "webhooks pause",
        "webhooks remove",
        "webhooks resend",
        "webhooks resume",
        "webhooks rotate",
        "webhooks schema",
        "webhooks show",
        "webhooks test",
        "withdraw-cancellation",
        "withdraw-change",
    ]


def test_help_names_every_command_with_what_it_does() -> None:
    """`lifecycle --help` is the list of all commands; none of them is cut short."""
    commands = lifecycle("--help").out.partition("\nCommands:\n")[2].partition("\n\n")[0]
    named = re.findall(r"^  ([a-z-]+)  +[A-Z].*\.$", commands, re.M)
    assert named == [*(name for name, _, _ in COMMANDS), *(name for name, _, _ in GROUPS)]
    assert "..." not in commands


@pytest.mark.parametrize("command", NAMES, ids=" ".join)
def test_every_command_has_help_with_an_example(command: list[str]) -> None:
    """The last words of a command's help are an example of just that command."""
    ended = lifecycle(*command, "--help")
    assert (ended.code, ended.err) == (0, "")
    example = " ".join(ended.out.partition("\n  Example: ")[2].split())
    words = example.split()
    assert words[0] == "lifecycle"
    assert " ".join(command) in example.replace("--config shop.yaml ", "")


@pytest.mark.parametrize("command", NAMES, ids=" ".join)
def test_every_command_but_the_demo_speaks_to_programs(command: list[str]) -> None:
    """`--json` is everywhere."""
    assert ("--json" in lifecycle(*command, "--help").out) is (command != ["demo"])


def test_the_page_lists_every_command_and_says_what_help_says() -> None:
    """docs/cli.md, held against the help."""
    rows = re.findall(r"^\| `([a-z -]+)` \| ([A-Z][^|]*\.) \|$", PAGE.read_text(encoding="utf-8"), re.M)
    assert rows == [(" ".join(command), first_line(command)) for command in NAMES]


@pytest.mark.parametrize(("words", "needed"), [(["--help"], []), (["subscribe", "--help"], ["pydantic"])])
def test_help_imports_nothing_that_is_dear(words: list[str], needed: list[str]) -> None:
    """Help is there at once: what takes long to import is imported by the commands that need it."""
    program = "import sys; from lifecycle.cli import main; main(sys.argv[1:]); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=True)
    assert "Usage: lifecycle" in done.stdout
    assert [name for name in HEAVY if name in done.stdout.split()] == needed


def test_a_process_ends_with_the_code_and_speaks_on_two_streams(empty: Path) -> None:
    """Data on stdout, words on stderr, and the exit code of what happened."""
    upgraded = in_a_process("db", "upgrade", "--json", cwd=empty)
    assert upgraded.communicate() == ('{\n  "revision": "0007",\n  "needed": "0007"\n}\n', "")
    assert upgraded.returncode == 0

    missing = in_a_process("show", "nobody", cwd=empty)
    assert missing.communicate() == ("", "not found: There is no subscription 'nobody'.\n")
    assert missing.returncode == 4


def test_without_a_command_there_is_help_on_stderr() -> None:
    """It is a usage error, and tells what there is."""
    ended = lifecycle()
    assert (ended.code, ended.out) == (2, "")
    assert "withdraw-cancellation" in ended.err


def test_version() -> None:
    """`--version` says whose it is."""
    ended = lifecycle("--version")
    assert ended.code == 0
    assert ended.out.startswith("lifecycle ")
