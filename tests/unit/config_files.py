"""Configuration files for tests: a small shop, and what loading a text gives."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from lifecycle.config import Config, ConfigError, Problem, load_config

SHOP = """\
catalog:
  currency: USD
  plans:
    basic: {prices: {month: "50.00"}}
    team:
      rank: 20
      prices: {month: "100.00", year: "1000.00"}
"""


def plan(text: str) -> str:
    """A file whose only plan has these keys, from line 5 on."""
    lines = "".join(f"      {line}\n" for line in text.splitlines())
    return f"catalog:\n  currency: USD\n  plans:\n    basic:\n{lines}"


def load(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> Config:
    """The configuration of a file with this text."""
    file = folder / "config.yaml"
    file.write_text(text, encoding="utf-8")
    return load_config(file, environ or {})


def problems(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> list[Problem]:
    """All that is wrong with a file with this text, the file named without its folder."""
    with pytest.raises(ConfigError) as caught:
        load(folder, text, environ)
    return [
        Problem(Path(found.file).name, found.line, found.path, found.value, found.expected)
        for found in caught.value.problems
    ]


def told(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> list[str]:
    """The same as lines for people."""
    return [str(problem) for problem in problems(folder, text, environ)]
