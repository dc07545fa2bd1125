"""The documentation, carried out: its code, its commands, its links, as a reader would find them."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.conftest import is_whole
from tests.forking import Forker
from tests.integration.reader import reader, run_command, run_script

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = {page.relative_to(ROOT).as_posix(): page for page in (README, *sorted((ROOT / "docs").glob("*.md")))}
WRITTEN = {name: page.read_text(encoding="utf-8") for name, page in PAGES.items()}

BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^ *```$", re.M | re.S)
FILE = re.compile(r"# ([\w.]+\.\w+)\n")
UPGRADE = "lifecycle db upgrade\n"
EXPECTED = re.compile(r"# → (.*)$", re.M)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def blocks(page: str, language: str) -> Sequence[str]:
    """The blocks of a page in a language."""
    return [found[3] for found in BLOCK.finditer(WRITTEN[page]) if found[2] == language]


@dataclass
class Script:
    """Python code; `upgraded`: the page has the reader run `lifecycle db upgrade` before."""

    code: str
    upgraded: bool


@dataclass
class Program:
    """What a page's code comes to: files by their names, and scripts to be run one after the other.

    A block whose first line is a comment with a file's name is that file. A block that begins with an import is a new
    script, with an empty database, or one with the schema where the page has `lifecycle db upgrade` run before it; any
    other goes on where the one before stopped.
    """

    files: dict[str, str] = field(default_factory=dict)
    scripts: list[Script] = field(default_factory=list)

    @classmethod
    def of(cls, page: str) -> Program:
        """All Python of a page, and the YAML that is a file."""
        program = cls()
        for block in [*blocks(page, "yaml"), *blocks(page, "python")]:
            if name := FILE.match(block):
                program.files[name[1]] = block
        upgraded = False
        for language, block in ((found[2], found[3]) for found in BLOCK.finditer(WRITTEN[page])):
            upgraded = upgraded or block == UPGRADE
            if language != "python" or FILE.match(block):
                continue
            if block.startswith(("import ", "from ")):
                program.scripts.append(Script(block, upgraded))
                upgraded = False
            else:
                program.scripts[-1].code += block
        return program


PLUGIN = ("-q", "-p", "lifecycle.testing.plugin")
"""As an installation has it; other plugins are left out, and this one too where it is found by itself."""


def environment() -> dict[str, str]:
    """That of a reader, without any setting of this one."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("LIFECYCLE_", "MAKE"))}
    env["PYTHONPATH"] = os.pathsep.join(str(ROOT / folder) for folder in ("src", "machines", "jobs"))
    env["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    return env


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command as a reader would; what it said on stdout."""
    done = subprocess.run(command, cwd=cwd, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@contextmanager
def making(*words: str) -> Iterator[subprocess.Popen[str]]:
    """A `make` that a reader starts, which is ended with all that it has started."""
    with subprocess.Popen(
        ["/usr/bin/env", "make", *words],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A fresh directory that holds the project's configuration."""
    shutil.copy(ROOT / "config.yaml", tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def scripts() -> Iterator[Forker]:
    """Who runs scripts, each in a process of its own."""
    with reader() as scripts:
        yield scripts


def run_afresh(scripts: Forker, folder: Path, script: Script) -> str:
    """Run it on a database that is empty but for what the reader has done; what it printed, with all that its comments
    expect."""
    for old in folder.glob("*.db*"):
        old.unlink()
    if script.upgraded:
        run_command(scripts, folder, ["db", "upgrade"])
    printed = run_script(scripts, folder, script.code)
    assert list(in_order(EXPECTED.findall(script.code), printed)) == []
    return printed


def in_order(expected: Sequence[str], printed: str) -> Iterator[str]:
    """The lines that are expected and do not come, after those before them, in what was printed."""
    lines = iter(printed.splitlines())
    for line in expected:
        if line not in lines:
            yield line


# Code


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python") and page != "README.md"])
def test_the_python_of_a_page_runs(page: str, scripts: Forker, folder: Path) -> None:
    """Every block as it is written; what a comment says after an arrow is what is printed."""
    program = Program.of(page)
    for name, content in program.files.items():
        (folder / name).write_text(content, encoding="utf-8")
    for script in program.scripts:
        run_afresh(scripts, folder, script)
    if tests := [name for name in program.files if name.startswith("test_")]:
        run(sys.executable, "-m", "pytest", *PLUGIN, "-p", "no:cacheprovider", *tests, cwd=folder)


def test_the_readme_begins_with_a_host(scripts: Forker, folder: Path) -> None:
    """Its first code is a host, on a schema that is there; with a transaction of the host's own at the end, after which
    both are in the database."""
    first, _ = Program.of("README.md").scripts
    run_afresh(scripts, folder, first)
    with closing(sqlite3.connect(folder / "lifecycle.db")) as database:
        assert database.execute("SELECT id FROM orders").fetchall() == [(4711,)]
        assert database.execute("SELECT state FROM lifecycle_instances").fetchall() == [("pending_cancellation",)]
    assert first.upgraded
    assert first.code.endswith("""
with Session.begin() as session:                        # inside the host's own transaction
    session.add(order)
    lifecycle.using(session).subscriptions.cancel(sub.id, by="admin@acme.test")
""")


def test_the_readme_travels_through_three_months(scripts: Forker, folder: Path) -> None:
    """28 February, 31 March, 30 April, as its comment says."""
    _, second = Program.of("README.md").scripts
    printed = run_afresh(scripts, folder, second)
    assert [line for line in printed.splitlines() if line.endswith("+00:00 subscription cycle_starts")] == [
        "2026-02-28 09:00:00+00:00 subscription cycle_starts",
        "2026-03-31 09:00:00+00:00 subscription cycle_starts",
        "2026-04-30 09:00:00+00:00 subscription cycle_starts",
    ]


# Stories


def stories() -> Iterator[tuple[str, str]]:
    """The scenario files that pages show, by their names."""
    for page in PAGES:
        for block in blocks(page, "yaml"):
            if (name := FILE.match(block)) and name[1].endswith(".scenario.yaml"):
                yield name[1], block


def test_the_stories_of_the_pages_hold(folder: Path) -> None:
    """Each as a reader would save it and play it."""
    names = [name for name, _ in stories()]
    for name, block in stories():
        (folder / name).write_text(block, encoding="utf-8")
    shown = run(program(folder) / "lifecycle", "scenario", "run", "--brief", *names, cwd=folder)
    assert [line[0] for line in shown.splitlines()] == ["✓"] * 2


# Commands


def program(folder: Path) -> Path:
    """A directory with the program `lifecycle`, as an installation writes it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    module, _, function = project["scripts"]["lifecycle"].partition(":")
    file = folder / "bin" / "lifecycle"
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"#!{sys.executable}\nimport sys\nfrom {module} import {function}\nsys.exit({function}())\n")
    file.chmod(0o755)
    return file.parent


def test_the_readmes_commands_run_in_order(folder: Path) -> None:
    """From an empty directory to a history that is whole."""
    [console] = [block for block in blocks("README.md", "sh") if block.startswith(UPGRADE) and block != UPGRADE]
    lines = [shlex.split(line) for line in console.splitlines()]
    with reader("lifecycle.cli.app") as commands:
        shown = [run_command(commands, folder, words) for _, *words in lines]
    assert [name for name, *_ in lines] == ["lifecycle"] * 10
    assert "trial_ends" in shown[6]
    assert "is whole" in shown[9]


def test_the_demo_makes_what_it_shows(tmp_path: Path) -> None:
    """`make demo`, in another folder than its own. Everyday's runs see its first month; test_demo.py has the rest."""
    shown = ""
    with making("demo", f"DIR={tmp_path}/demo") as process:
        assert process.stdout is not None
        for line in process.stdout:
            shown += line
            if "commands so far" in line and not is_whole():
                break
        else:
            assert process.wait() == 0
            assert "What to try next" in shown
    assert "there are now:" in shown, shown
    assert (tmp_path / "demo" / "lifecycle.db").is_file()


def test_the_readmes_two_commands_are_what_the_makefile_has_and_ci_runs() -> None:
    """`make demo` and `make test` are there; who checks a change runs the second, as a reader would."""
    [make] = [block for block in blocks("README.md", "sh") if block.startswith("make ")]
    assert [line.split()[:2] for line in make.splitlines()] == [["make", "demo"], ["make", "test"]]
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    assert {"demo", "test"} <= set(targets)
    assert (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()[-1] == "exec make test"


# Links


def anchors(page: Path) -> set[str]:
    """What a page's headings can be linked by."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    """Within the project: to a file that is there, and to a heading that it has."""
    broken = []
    for link in LINK.findall(WRITTEN[page]):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = (PAGES[page].parent / name).resolve() if name else PAGES[page]
        if not target.is_file() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_every_page_is_linked_from_the_readme() -> None:
    """Nothing is written that nobody finds."""
    assert {page for page in PAGES if page.startswith("docs/")} <= set(LINK.findall(WRITTEN["README.md"]))
