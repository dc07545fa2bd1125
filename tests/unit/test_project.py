"""What must hold of the tree itself: no addresses in the locks, docstrings, and one clock."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = [file for folder in ("src", "machines", "jobs") for file in sorted((ROOT / folder).rglob("*.py"))]

ASKS_THE_TIME = {
    ("date", "today"),
    ("datetime", "now"),
    ("datetime", "today"),
    ("datetime", "utcnow"),
    ("func", "current_timestamp"),
    ("func", "now"),
    ("time", "time"),
    ("time", "time_ns"),
}
SQL_ASKS_THE_TIME = re.compile(
    r"\b(current_(date|time|timestamp)|localtimestamp)\b|\b(now|\w+_timestamp)\(\)|\(([^()]*, *)?'now'", re.I
)
# One source of time, which tests and `advance_to` can set.
THE_CLOCK = ROOT / "src/lifecycle/engine/clock.py"
# The one place where a database is asked, to compare its clock with the machine's.
THE_PROBE = ROOT / "src/lifecycle/store/probe.py"


def pins(lock: str) -> dict[str, str]:
    """Map each package of a lock to its version."""
    return dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "requirements" / lock).read_text(), re.M))


def asks_the_time(source: str) -> Iterator[int]:
    """Yield the numbers of the lines that ask a clock or a database for the time, prose left out."""
    tree = ast.parse(source)
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id=owner) | ast.Attribute(attr=owner), attr=name, lineno=line):
                if (owner, name) in ASKS_THE_TIME:
                    yield line
            case ast.ImportFrom(module="time", names=names, lineno=line):
                if any(("time", alias.name) in ASKS_THE_TIME for alias in names):
                    yield line
            case ast.keyword(arg="server_default", lineno=line):
                yield line
            case ast.Constant(value=str(text), lineno=line) if id(node) not in prose:
                if SQL_ASKS_THE_TIME.search(text):
                    yield line


@pytest.mark.parametrize("lock", ["lock.txt", "runtime.txt"])
def test_a_lock_holds_hashes_and_no_address(lock: str) -> None:
    """A lock installs from whatever index its reader uses, and only what was hashed."""
    text = (ROOT / "requirements" / lock).read_text()
    assert re.findall(r"://|^ *-.*(?:index|find-links).*$", text, re.M) == []
    requirements = re.split(r"^(?=\w)", text, flags=re.M)[1:]
    assert len(requirements) > 20
    assert [entry for entry in requirements if "--hash=sha256:" not in entry] == []


def test_the_runtime_lock_is_part_of_the_full_one() -> None:
    """`make test` adds to the environment of `make demo`; it changes nothing in it."""
    assert pins("runtime.txt").items() <= pins("lock.txt").items()


@pytest.mark.parametrize("name", ["uv.lock", "pylock.toml", "poetry.lock", "Pipfile.lock"])
def test_there_is_no_other_lock(name: str) -> None:
    """Locks of other tools write the addresses of a registry."""
    assert not (ROOT / name).exists()


def test_every_module_says_what_it_is() -> None:
    """A module's docstring is the first thing a newcomer reads."""
    silent = [str(file) for file in SOURCES if not ast.get_docstring(ast.parse(file.read_text()))]
    assert silent == []


def test_time_has_one_source() -> None:
    """Neither the code nor its SQL asks for the time, but for the one clock."""
    found = [
        f"{file.relative_to(ROOT)}:{line}"
        for file in SOURCES
        if file not in (THE_CLOCK, THE_PROBE)
        for line in asks_the_time(file.read_text())
    ]
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "datetime.now(UTC)",
        "datetime.datetime.utcnow()",
        "date.today()",
        "clock = datetime.now",
        "time.time()",
        "from time import time",
        "sa.func.now()",
        "Column(DateTime, server_default='0')",
        "text('SELECT CURRENT_TIMESTAMP')",
        "text('SELECT now()')",
        "text('SELECT clock_timestamp()')",
        "text(\"SELECT strftime('%s', 'now')\")",
    ],
)
def test_asking_for_the_time_is_found(line: str) -> None:
    """The scan above sees every way that we know."""
    assert list(asks_the_time(f"# datetime.now()\n{line}\n")) == [2]


def test_speaking_of_the_time_is_allowed() -> None:
    """A docstring may name what the code must not call; a monotonic clock is no time of day."""
    assert list(asks_the_time('"""Never datetime.now() or CURRENT_TIMESTAMP."""\ntime.monotonic()')) == []
