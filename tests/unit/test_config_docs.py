"""The table of keys in the documentation, held against the settings themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from lifecycle.config.settings import Settings
from lifecycle.config.shape import core, element, items
from lifecycle.config.values import Section
from lifecycle.domain.calendar import Duration

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"
ROW = re.compile(r"\| `([^`]+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \|")
DURATION = re.compile(r"\b[0-9]+[smhdw]\b")
OWN_POLICIES = "catalog.plans.<id>.policies"  # described once, as `policies`


def documented() -> dict[str, str]:
    """Each key of the page's tables with its default; durations as the program writes them: 14d is 2w."""
    rows = [ROW.fullmatch(line) for line in PAGE.read_text(encoding="utf-8").splitlines()]
    defaults = {row[1]: row[3].strip("`") for row in rows if row}
    return {key: DURATION.sub(lambda found: str(Duration.parse(found[0])), text) for key, text in defaults.items()}


def settings(section: type[Section], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Each key of a section and of all below it, with its default."""
    for name, info in section.model_fields.items():
        key = prefix + (info.alias or name)
        inner = None if key == OWN_POLICIES else below(key, info.annotation)
        if inner:
            yield from settings(*inner)
        else:
            yield key, "required" if info.is_required() else written(info.get_default(call_default_factory=True))


def below(key: str, kind: object) -> tuple[type[Section], str] | None:
    """The section below a key, and how the page writes the way to it; None where a single value stands."""
    free = items(kind)
    name = "<id>" if key == "catalog.plans" else "<name>"
    ways = [(core(kind), f"{key}."), (element(kind), f"{key}[]."), (free and core(free[1]), f"{key}.{name}.")]
    return next(((part, way) for part, way in ways if isinstance(part, type) and issubclass(part, Section)), None)


def written(value: object) -> str:
    """A default as the page writes it."""
    if isinstance(value, list):
        return f"[{', '.join(str(part) for part in value)}]"
    if isinstance(value, bool):
        return str(value).lower()
    return "none" if value in (None, "") or isinstance(value, Section) else str(value)


def test_the_page_names_every_key_and_none_besides() -> None:
    """Keys of sections, of plans, of jobs, of rules."""
    assert sorted(documented()) == sorted(key for key, _ in settings(Settings))


def test_the_page_gives_the_defaults() -> None:
    """What holds when the key is left out."""
    assert documented() == dict(settings(Settings))
