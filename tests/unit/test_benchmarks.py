"""The page about speed says what was measured, and nothing else."""

from __future__ import annotations

from bench import report
from bench.results import read


def test_the_page_is_what_was_measured() -> None:
    """Every figure of it stands in bench/results.json; `python -m bench.report` writes it anew."""
    assert (report.DOCS / "benchmarks.md").read_text(encoding="utf-8") == report.rendered(read())


def test_so_is_the_picture() -> None:
    """Its bars are as long as what was measured is large."""
    assert (report.DOCS / "benchmarks.svg").read_text(encoding="utf-8") == report.pictured(read())
