"""The stories of this folder, and the mutations of the code that are to break them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from lifecycle.testing.scenarios.reading import SUFFIX, Story, found_in, read_scenario

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CONFIG = ROOT / "config.yaml"
FILES = found_in([HERE])


@dataclass(frozen=True, slots=True)
class Mutation:
    """One change to the code, by name: a text that stands once in a file, and what to put in its place. `breaks` are
    the stories beside it that then no longer hold, by their files' names."""

    name: str
    file: Path
    old: str
    new: str
    breaks: tuple[Path, ...]


def name_of(file: Path) -> str:
    """`money/upgrade_in_mid_month`."""
    return str(file.relative_to(HERE)).removesuffix(SUFFIX)


def story(file: Path) -> Story:
    """A story, over the configuration that the project ships."""
    return read_scenario(file, CONFIG)


def mutations() -> Sequence[Mutation]:
    """All of them, folder by folder."""
    return [_mutation(page.parent, said) for page in sorted(HERE.rglob("mutations.yaml")) for said in _read(page)]


def _read(page: Path) -> list[dict[str, str | list[str]]]:
    read: list[dict[str, str | list[str]]] = yaml.safe_load(page.read_text(encoding="utf-8"))
    return read


def _mutation(folder: Path, said: dict[str, str | list[str]]) -> Mutation:
    breaks = tuple(folder / f"{name}{SUFFIX}" for name in said["breaks"])
    name = f"{folder.name}: {said['mutation']}"
    return Mutation(name, ROOT / str(said["file"]), str(said["old"]), str(said["new"]), breaks)
