"""Scenario files are read strictly: what is mistyped is told with its line, all at once, and nothing is guessed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lifecycle.config import ConfigError
from lifecycle.config.shape import below, core, element, items, keys
from lifecycle.errors import LifecycleError
from lifecycle.testing.scenarios.model import Expect as Expectation
from lifecycle.testing.scenarios.model import ExpectQuote, Scenario, Step
from lifecycle.testing.scenarios.reading import ScenarioInvalid, Story, found_in, read_scenario
from tests.scenarios.library import CONFIG, ROOT

HEAD = "scenario: A story\nstart: 2026-06-01\nsteps:\n"
PAGE = (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")


def read(folder: Path, text: str, config: Path = CONFIG) -> Story:
    """The story of this text."""
    file = folder / "a.scenario.yaml"
    file.write_text(text, encoding="utf-8")
    return read_scenario(file, config)


def problems(folder: Path, steps: str, head: str = HEAD) -> list[str]:
    """What is wrong with these steps, from their line on, without the file's name."""
    with pytest.raises(ScenarioInvalid) as wrong:
        read(folder, head + steps)
    assert wrong.value.code == "scenario_invalid"
    return [str(problem).replace(f"{folder}/a.scenario.yaml:", "") for problem in wrong.value.problems]


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("wihdraw_change", "4: steps[0].wihdraw_change: {}: expected a known key: one of subscribe, "),
        (
            "change: {pln: pro}",
            "4: steps[0].change.pln: 'pro': expected a known key: one of plan, interval, seats, when",
        ),
        ("change: {when: later}", "4: steps[0].change.when: 'later': expected now, next_cycle, or an instant"),
        (
            "cancel: {when: 2026-02-30}",
            "4: steps[0].cancel.when: '2026-02-30': expected period_end, now, or an instant",
        ),
        ("travel: tomorrow", "4: steps[0].travel: 'tomorrow': expected an instant, a length such as +14d or"),
        ("travel: +1 fortnight", "4: steps[0].travel: '+1 fortnight': expected a length of time such as 2h, 14d or"),
        ("down: soon", "4: steps[0].down: 'soon': expected a length of time such as 2h, 14d or '1 month'"),
        ("card: gold", "4: steps[0].card: 'gold': expected ok, declines, expired, times_out, reply_lost, none, "),
        ("card: {declines_after: x}", "4: steps[0].card: {declines_after: 'x'}: expected ok, declines"),
        ("run: fast", "4: steps[0].run: 'fast': expected 'scheduler'"),
        ("balance: {credit: 5}", '4: steps[0].balance.credit: 5: expected an amount in quotes, such as "75.00"'),
        (
            'balance: {credit: "1", pay_out: "1"}',
            "4: steps[0].balance: {credit: '1', pay_out: '1'}: expected one of credit",
        ),
        ("use: {credits: 0}", "4: steps[0].use.credits: 0: expected a number of at least 1"),
        ("quote: {card: ok}", "4: steps[0].quote.card: 'ok': expected a known key: one of subscribe, activate"),
        ("quote: {}", "4: steps[0].quote: {}: expected one of subscribe, activate, change"),
        (
            "{change: {plan: pro}, cancel: {}}",
            "4: steps[0]: {change: {plan: 'pro'}, cancel: {}}: expected one command a",
        ),
        ("{sub: acme}", "4: steps[0]: {sub: 'acme'}: expected a command or an expectation"),
        ("{expect: {}, refused: ended}", "4: steps[0].refused: 'ended': expected a command that is refused"),
        (
            "{cancel: {}, refused: ended, expect: {state: ended}}",
            "4: steps[0].expect: {state: 'ended'}: expected an expec",
        ),
        ("expect: {stat: active}", "4: steps[0].expect.stat: 'active': expected a known key: one of state, standing, "),
        (
            "expect: {invoices: [{totl: '5'}]}",
            "4: steps[0].expect.invoices[0].totl: '5': expected a known key: one of ",
        ),
        (
            "expect: {pending: {plan: 5}}",
            "4: steps[0].expect.pending.plan: 5: expected a text (in quotes, if it looks ",
        ),
        ("expect: {history: broken}", "4: steps[0].expect.history: 'broken': expected 'whole'"),
        (
            "{quote: {cancel: {}}, expect: {state: active}}",
            "4: steps[0].expect.state: 'active': expected a known key: one",
        ),
        ("7", "4: steps[0]: 7: expected a map of keys to values"),
    ],
)
def test_what_is_mistyped_is_told_with_its_line(tmp_path: Path, step: str, expected: str) -> None:
    """One thing wrong: its line, the way to it, what stands there, and what is expected."""
    [problem] = problems(tmp_path, f"  - {step}\n")
    assert problem.startswith(expected)


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    """In steps, in expectations, at the top and in the configuration, by line."""
    told = problems(
        tmp_path,
        "steps:\n  - chnge: {plan: pro}\n  - expect: {stat: active}\nextra: 1\n",
        "scenario: A story\nstart: never\ncovers: [five]\nconfig: {catalog: {plans: {basic: {nme: B}}}}\n",
    )
    assert [problem.split(": ")[:2] for problem in told] == [
        ["2", "start"],
        ["3", "covers[0]"],
        ["4", "config.catalog.plans.basic.nme"],
        ["4", "config.catalog.plans.basic.prices"],
        ["6", "steps[0].chnge"],
        ["7", "steps[1].expect.stat"],
        ["8", "extra"],
    ]


def test_a_key_twice_and_an_alias_are_refused(tmp_path: Path) -> None:
    """Nothing in a story may be overlooked."""
    told = problems(tmp_path, "  - {travel: next, travel: next}\n  - &again {travel: next}\n  - *again\n")
    assert [problem.split(": ")[0] for problem in told] == ["4", "5", "6", "6"]


def test_a_story_that_says_nothing_is_refused(tmp_path: Path) -> None:
    """An empty file, one without steps, and one that is no map."""
    with pytest.raises(ScenarioInvalid, match=r"a.scenario.yaml:1: steps: missing"):
        read(tmp_path, "scenario: A story\nstart: 2026-06-01\n")
    for text in ("", "- a\n", "just words"):
        with pytest.raises(ScenarioInvalid, match="a map of keys to values"):
            read(tmp_path, text)
    with pytest.raises(ScenarioInvalid, match="at least 1 entry"):
        read(tmp_path, "scenario: A story\nstart: 2026-06-01\nsteps: []\n")


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """Not there, and not in UTF-8."""
    with pytest.raises(ScenarioInvalid, match="a readable file: No such file"):
        read_scenario(tmp_path / "none.scenario.yaml", CONFIG)
    file = tmp_path / "latin.scenario.yaml"
    file.write_bytes(b"scenario: caf\xe9\n")
    with pytest.raises(ScenarioInvalid, match="a file in UTF-8"):
        read_scenario(file, CONFIG)


def test_bare_words_are_commands_without_arguments(tmp_path: Path) -> None:
    """As a word, with nothing behind the colon, and in a quote."""
    story = read(tmp_path, f"{HEAD}  - withdraw_change\n  - cancel:\n  - quote: activate\n  - account: acme\n")
    assert [told.words for told in story.steps] == [
        "withdraw_change",
        "cancel",
        "quote activate",
        "account name=acme",
    ]
    assert story.steps[1].step.cancel is not None
    assert story.steps[1].step.cancel.when == "period_end"


def test_the_configuration_is_the_projects_with_the_storys_over_it(tmp_path: Path) -> None:
    """Maps merge, lists are replaced, and so are the plans; the zone is the story's."""
    plans = "catalog: {plans: {solo: {name: Solo, rank: 1, prices: {month: '5'}}}}"
    config = f"config: {{policies: {{dunning: {{retries: [1d]}}}}, {plans}}}"
    told = read(tmp_path, f"zone: Europe/Paris\n{config}\n{HEAD}  - travel: next\n").config
    dunning = told.catalog.policies_of("solo").dunning
    assert [*told.catalog.plans] == ["solo"]
    assert (len(dunning.retries), dunning.grace.days, told.zone) == (1, 14, "Europe/Paris")
    assert [*read(tmp_path, f"{HEAD}  - travel: next\n").config.catalog.plans] == ["basic", "flexible", "team"]


def test_what_is_wrong_with_the_projects_configuration_is_not_the_storys(tmp_path: Path) -> None:
    """It has its own error."""
    broken = tmp_path / "config.yaml"
    broken.write_text("zone: Mars\n")
    with pytest.raises(ConfigError, match=r"config.yaml:1: zone: 'Mars'"):
        read(tmp_path, f"{HEAD}  - travel: next\n", broken)


def test_nothing_of_the_environment_gets_into_a_story(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that a variable names is not the story's (rule G4)."""
    monkeypatch.setenv("LIFECYCLE_ZONE", "Asia/Tokyo")
    assert read(tmp_path, f"{HEAD}  - travel: next\n").zone == "UTC"


def test_folders_are_searched_for_stories(tmp_path: Path) -> None:
    """By their names, each once; a folder without one, and a file that is not there, are told."""
    (tmp_path / "b").mkdir()
    files = [tmp_path / "a.scenario.yaml", tmp_path / "b" / "c.scenario.yaml"]
    for file in (*files, tmp_path / "config.yaml"):
        file.touch()
    assert found_in([tmp_path, files[1]]) == files
    for nothing in (tmp_path / "b" / "none.scenario.yaml", tmp_path / "c"):
        with pytest.raises(LifecycleError, match="no scenario file"):
            found_in([nothing])


def everything(kind: object) -> set[str]:
    """The keys of a section and of all below it."""
    names = keys(kind)
    parts = [element(names[name]) or (items(names[name]) or (None, None))[1] or core(names[name]) for name in names]
    return {*names, *(key for part in parts for key in everything(part))}


def test_the_page_names_every_key() -> None:
    """Who writes a story finds there what can be said; `below` finds the same keys as the reader."""
    named = set(re.findall(r"\w+", PAGE))
    for kind in (Scenario, Step, Expectation, ExpectQuote):
        assert {key for key in everything(kind) if key not in named} == set()
    assert below(Scenario, "steps") is not None
