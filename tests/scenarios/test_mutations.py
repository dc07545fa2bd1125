"""Every story is seen to fail: for each there is a change to the code, by name, with which it no longer holds."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.scenarios.library import CONFIG, FILES, ROOT, Mutation, mutations, name_of

SOURCES = ("src", "machines", "jobs")
RUN = "import sys; from lifecycle.cli import main; sys.exit(main())"
MUTATIONS = mutations()
PATIENCE = 60
"""Seconds after which a story that goes on for ever is taken not to hold."""


def name_it(mutation: Mutation) -> str:
    """As a test is called."""
    return mutation.name.replace(" ", "_")


def test_every_story_is_broken_by_a_mutation_and_every_mutation_breaks_one() -> None:
    """One that nothing breaks shows nothing."""
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS)
    broken = {file for mutation in MUTATIONS for file in mutation.breaks}
    assert [name_of(file) for file in FILES if file not in broken] == []
    assert [mutation.name for mutation in MUTATIONS if not mutation.breaks] == []
    assert [name_of(file) for file in broken if file not in FILES] == []


@pytest.mark.parametrize("mutation", MUTATIONS, ids=name_it)
def test_a_mutation_is_of_something_that_stands_once(mutation: Mutation) -> None:
    """What is to be changed is there, in one place."""
    text = mutation.file.read_text(encoding="utf-8")
    assert text.count(mutation.old) == 1, f"{mutation.old!r} stands {text.count(mutation.old)} times in {mutation.file}"


@pytest.mark.sampled(60)
@pytest.mark.parametrize("mutation", MUTATIONS, ids=name_it)
def test_a_mutation_breaks_its_stories(mutation: Mutation, tmp_path: Path) -> None:
    """Played by a copy of the code with that one change."""
    text = mutation.file.read_text(encoding="utf-8")
    for folder in SOURCES:
        shutil.copytree(ROOT / folder, tmp_path / folder)  # with Python's caches, which hold for all but one file
    changed = tmp_path / mutation.file.relative_to(ROOT)
    changed.write_text(text.replace(mutation.old, mutation.new), encoding="utf-8")
    assert [name for name, held in _played(mutation, tmp_path).items() if held] == []


def _played(mutation: Mutation, folder: Path) -> dict[str, bool]:
    """Whether each of its stories holds there."""
    command = [sys.executable, "-c", RUN, "--config", str(CONFIG), "scenario", "run", "--json"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(str(folder / name) for name in SOURCES)}
    words = [*command, *map(str, mutation.breaks)]
    try:
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return {}
    assert done.returncode == 1, done.stderr
    return {one["file"]: one["held"] for one in json.loads(done.stdout)}
