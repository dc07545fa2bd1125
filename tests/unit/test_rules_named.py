"""The rules and the tests name each other: docs/rules.md states what tests and stories name, and they name what it
states."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from tests.scenarios.library import FILES as STORIES
from tests.scenarios.library import story

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "rules.md"
STATEMENT = re.compile(r"^- \*\*([A-Z][0-9]+) ", re.M)
NAME = re.compile(r"\b[A-IX][1-9][0-9]{0,2}\b")


def stated() -> Sequence[str]:
    """The ids of the rules that the page states, in its order."""
    return STATEMENT.findall(PAGE.read_text(encoding="utf-8"))


@cache
def named() -> Mapping[str, Sequence[str]]:
    """The tests whose docstrings name a rule, and the stories that cover it, by its id."""
    tests: dict[str, list[str]] = defaultdict(list)
    for file in STORIES:
        for rule in story(file).scenario.covers:
            tests[rule].append(str(file.relative_to(TESTS)))
    for file in sorted(TESTS.rglob("test_*.py")):
        for name, docstring in docstrings(file):
            for rule in NAME.findall(docstring):
                tests[rule].append(f"{file.relative_to(TESTS)}::{name}")
    return tests


def docstrings(file: Path) -> Iterator[tuple[str, str]]:
    """The tests of a file with their docstrings, and what the file says of them all."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    yield "*", ast.get_docstring(tree) or ""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield node.name, ast.get_docstring(node) or ""


def test_every_rule_is_named_by_a_test() -> None:
    """A rule that no test shows is a wish."""
    tests = named()
    assert [rule for rule in stated() if rule not in tests] == []


def test_every_rule_that_a_test_names_is_stated() -> None:
    """Who reads the test finds the rule on the page."""
    rules = set(stated())
    assert {rule: tests for rule, tests in named().items() if rule not in rules} == {}


def test_a_rule_is_stated_once_and_refers_to_rules_that_are() -> None:
    """An id leads to one place, and each id in the page's text to a rule of it."""
    rules = stated()
    assert len(rules) > 60
    assert sorted(rules) == sorted(set(rules))
    assert set(NAME.findall(PAGE.read_text(encoding="utf-8"))) == set(rules)
