"""What to try after the demo: commands that work as they stand, from the directory in which it was started."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from rich.text import Text

from lifecycle.demo.folder import Folder
from lifecycle.demo.habits import FAREWELL, HERO
from lifecycle.demo.story import Story

NAME = "lifecycle"
NO_SETTINGS = ("LIFECYCLE_CONFIG", "LIFECYCLE_TEST_")


def hints(folder: Folder, story: Story) -> Text:
    """The commands, each under a line that says what it shows."""
    told = Text()
    for comment, words in _commands(story):
        command = shlex.join([program(), "--config", str(folder.config), *words])
        told.append(f"# {comment}\n", "dim").append(f"{command}\n", "bold")
    for variable in _variables():
        told.append(f"# {variable} is set: it goes over {folder.config}; unset it first.\n", "red")
    told.rstrip()
    return told


def _commands(story: Story) -> Iterator[tuple[str, list[str]]]:
    yield "the last transitions: whose, by whom and why", ["log", "--last", "20"]
    yield "one subscription: what holds, and what comes next", ["show", HERO]
    yield "what it has paid", ["billing", HERO]
    yield (
        "what another plan would cost now, before it is confirmed",
        ["quote", "change", HERO, "--seats", "9", "--when", "now"],
    )
    yield "all that is to come, in order", ["due", "--limit", "20"]
    yield "who is about to leave", ["list", "--state", "pending_cancellation"]
    yield "the state machine, read from its class", ["machine"]
    yield "read the whole history again, and judge it", ["verify"]
    yield "act for a customer, then show it again; withdraw-cancellation undoes it", ["cancel", HERO]
    yield f"run the daemon, until Ctrl-C: {FAREWELL} ends at {story.farewell:%H:%M} UTC, before your eyes", ["run"]


def program() -> str:
    """How this program was started: `lifecycle` where that is found, else its path."""
    started = sys.argv[0]
    if Path(started).name != NAME:
        return NAME
    found = shutil.which(NAME)
    return NAME if found and Path(found).resolve() == Path(started).resolve() else started


def _variables() -> Iterator[str]:
    """Settings of the environment, which would lead these commands elsewhere."""
    return (name for name in sorted(os.environ) if name.startswith("LIFECYCLE_") and not name.startswith(NO_SETTINGS))
