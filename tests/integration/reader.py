"""A reader of the pages, who runs their scripts and their commands: each in a child of one process, which has imported
what all of them import first. A child ends as a process does, after its threads; what it says lands in two files.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import structlog

from tests.forking import Forker, forker, serve

SCRIPT, OUT, ERR = "script.py", "stdout.txt", "stderr.txt"


@contextmanager
def reader(*modules: str) -> Iterator[Forker]:
    """Who runs scripts and commands, and has imported these modules too."""
    with forker(__name__, *modules) as reader:
        yield reader


def run_script(forker: Forker, folder: Path, code: str) -> str:
    """Run Python code in a folder; what it printed."""
    (folder / SCRIPT).write_text(code, encoding="utf-8")
    return _done(forker, folder, ())


def run_command(forker: Forker, folder: Path, words: Sequence[str]) -> str:
    """Run `lifecycle` with these words in a folder; what it printed."""
    return _done(forker, folder, words)


def _done(forker: Forker, folder: Path, words: Sequence[str]) -> str:
    became = forker.ask(json.dumps([str(folder), *words]))
    printed, said = ((folder / name).read_text(encoding="utf-8") for name in (OUT, ERR))
    assert became == "done", f"{' '.join(words) or SCRIPT}: {became}\n{printed}\n{said}"
    return printed


def _begin() -> None:
    """As `python -W error` does, without any setting of this environment."""
    for name in [name for name in os.environ if name.startswith("LIFECYCLE_")]:
        del os.environ[name]
    warnings.simplefilter("error")
    from lifecycle.config.settings import MACHINES  # noqa: PLC0415  # under that filter

    for module in ("lifecycle.app.lifecycle", "lifecycle.config.check", "email_validator", *sys.argv[1:]):
        import_module(module)
    for module in MACHINES:  # what all import first, or when they open a shop
        import_module(module.partition(":")[0])


def _read(line: str) -> None:
    """A child's part: it leaves by an exception, so that it ends as any process does."""
    folder, *words = json.loads(line)
    os.chdir(folder)
    sys.path[0] = folder
    for number, name in ((1, OUT), (2, ERR)):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    if words:
        from lifecycle.cli import main  # noqa: PLC0415  # no script has it

        sys.exit(main(words))
    # log lines come from several threads, in the middle of what is printed: they go elsewhere
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    runpy.run_path(SCRIPT, run_name="__main__")
    sys.exit()


if __name__ == "__main__":
    _begin()
    serve(_read)
