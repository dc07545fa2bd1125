"""What was measured: medians and spreads by section and measure, kept as JSON, and shown as tables."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from rich.table import Table

from bench.world import Figures

STORED = Path(__file__).parent / "results.json"


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of several runs, the least and the most."""

    median: float
    low: float
    high: float
    runs: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of what was measured."""
        return cls(median(values), min(values), max(values), len(values))


@dataclass
class Results:
    """By section, by what was measured there, and by figure; and the machine on which."""

    machine: str
    measured_on: str
    figures: dict[str, dict[str, dict[str, Spread]]] = field(default_factory=dict)

    @classmethod
    def stored(cls) -> Results:
        """Those of this machine so far, or none: figures of two machines are not set side by side."""
        fresh = cls(machine(), f"{datetime.now(UTC):%Y-%m-%d}")
        if not STORED.exists():
            return fresh
        earlier = read()
        return earlier if earlier.machine == fresh.machine else fresh

    def forget(self, section: str) -> None:
        """It is measured anew."""
        self.figures.pop(section, None)
        self.measured_on = f"{datetime.now(UTC):%Y-%m-%d}"

    def add(self, section: str, what: str, runs: Sequence[Figures]) -> None:
        """Some runs; a figure that one of them has not is left out."""
        names = [name for name in runs[0] if all(name in run for run in runs)]
        spreads = {name: Spread.of([run[name] for run in runs]) for name in names}
        self.figures.setdefault(section, {})[what] = spreads

    def store(self) -> None:
        """Keep them."""
        content = {
            "machine": self.machine,
            "measured_on": self.measured_on,
            "figures": {
                section: {
                    what: {
                        name: {"median": one.median, "low": one.low, "high": one.high, "runs": one.runs}
                        for name, one in spreads.items()
                    }
                    for what, spreads in measures.items()
                }
                for section, measures in self.figures.items()
            },
        }
        STORED.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read(path: Path = STORED) -> Results:
    """What is stored."""
    content = json.loads(path.read_text(encoding="utf-8"))
    figures = {
        section: {what: {name: Spread(**one) for name, one in spreads.items()} for what, spreads in measures.items()}
        for section, measures in content["figures"].items()
    }
    return Results(content["machine"], content["measured_on"], figures)


def machine() -> str:
    """What it was measured on, without a name of its own."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{cores} cores, {platform.machine()}, {platform.system()}, Python {platform.python_version()}"


def printed(results: Results) -> Table:
    """For a terminal."""
    table = Table("section", "measure", "figure", "median", "least to most", title=results.machine)
    for section, measures in results.figures.items():
        for what, spreads in measures.items():
            for name, one in spreads.items():
                table.add_row(section, what, name, shown(one.median), f"{shown(one.low)} – {shown(one.high)}")
    return table


def shown(value: float) -> str:
    """Three digits of a small number, and the whole of a large one."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
