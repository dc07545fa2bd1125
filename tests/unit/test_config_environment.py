"""The environment over the file: every value can be overridden, and no `LIFECYCLE_` variable is silently ignored."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from lifecycle.config import JobSpec
from lifecycle.domain.calendar import Duration, Interval
from tests.unit.config_files import SHOP, load, told

MONTH, YEAR = Interval.parse("month"), Interval.parse("year")


def test_a_variable_overrides_the_file(tmp_path: Path) -> None:
    """Text as it is, numbers as numbers, and a key that the file leaves out."""
    environ = {
        "LIFECYCLE_DATABASE__URL": "postgresql+psycopg://host/name",
        "LIFECYCLE_ZONE": "Europe/Paris",
        "LIFECYCLE_SCHEDULER__BATCH": "50",
        "LIFECYCLE_POLICIES__TRIAL__REMINDER": "1d",
    }
    config = load(tmp_path, SHOP + "zone: UTC\nscheduler: {heartbeat: 5s, batch: 10}\n", environ)
    assert config.database_url == "postgresql+psycopg://host/name"
    assert config.zone == "Europe/Paris"
    assert (config.heartbeat, config.batch) == (Duration(0, 5), 50)
    assert config.catalog.policies.trial.reminder == Duration(1, 0)


def test_the_case_of_a_variable_does_not_matter(tmp_path: Path) -> None:
    """Not in its prefix, nor in its keys, nor in the names that the file gives."""
    text = SHOP.replace("basic:", "Basic:")
    config = load(tmp_path, text, {"lifecycle_Catalog__plans__bASIC__rank": "7", "Lifecycle_Zone": "Asia/Tokyo"})
    assert config.catalog.plans["Basic"].rank == 7
    assert config.zone == "Asia/Tokyo"


def test_lists_and_maps_are_written_as_yaml(tmp_path: Path) -> None:
    """They replace those of the file."""
    environ = {
        "LIFECYCLE_MACHINES": "[a:B, c.d:E]",
        "LIFECYCLE_CATALOG__PLANS__TEAM__PRICES": '{year: "900.00"}',
        "LIFECYCLE_POLICIES__CHANGE": "[{from: team, refuse: contact_us}]",
    }
    config = load(tmp_path, SHOP, environ)
    assert config.machines == ("a:B", "c.d:E")
    assert config.catalog.plans["team"].prices == {YEAR: {"USD": 90000}}
    assert [rule.refuse for rule in config.catalog.policies.change] == ["contact_us"]


@pytest.mark.parametrize("amount", ["55.00", '"55.00"', '{USD: "55.00"}'])
def test_a_price_is_an_amount_or_a_map(tmp_path: Path, amount: str) -> None:
    """A variable is text already, so that an amount needs no quotes there."""
    config = load(tmp_path, SHOP, {"LIFECYCLE_CATALOG__PLANS__BASIC__PRICES__MONTH": amount})
    assert config.catalog.plans["basic"].prices == {MONTH: {"USD": 5500}}


def test_a_price_in_one_more_currency(tmp_path: Path) -> None:
    """Currencies are in capitals, even in a variable that is not."""
    text = SHOP.replace('{month: "50.00"}', '{month: {USD: "50.00"}}')
    config = load(tmp_path, text, {"lifecycle_catalog__plans__basic__prices__month__eur": "45.00"})
    assert config.catalog.plans["basic"].prices == {MONTH: {"USD": 5000, "EUR": 4500}}


def test_plans_and_jobs_can_be_added(tmp_path: Path) -> None:
    """A name that the file does not have is a new one, in small letters."""
    environ = {
        "LIFECYCLE_CATALOG__PLANS__PRO__PRICES__MONTH": "80.00",
        "LIFECYCLE_JOBS__CLEAN__RUN": "a:b",
        "LIFECYCLE_JOBS__CLEAN__EVERY": "1h",
    }
    config = load(tmp_path, SHOP, environ)
    assert config.catalog.plans["pro"].prices == {MONTH: {"USD": 8000}}
    assert config.jobs == (JobSpec("clean", "a:b", every=Duration(0, 3600)),)


def test_a_deeper_variable_goes_over_a_shallower_one(tmp_path: Path) -> None:
    """First the whole section, then its single keys."""
    environ = {"LIFECYCLE_SCHEDULER__BATCH": "7", "lifecycle_scheduler": "{batch: 5, heartbeat: 10s}"}
    config = load(tmp_path, SHOP, environ)
    assert (config.batch, config.heartbeat) == (7, Duration(0, 10))


def test_a_bad_value_of_the_file_can_be_overridden(tmp_path: Path) -> None:
    """What counts is the value in the end."""
    assert load(tmp_path, SHOP + "zone: Mars\n", {"LIFECYCLE_ZONE": "UTC"}).zone == "UTC"


def test_what_is_no_setting_is_passed_over(tmp_path: Path) -> None:
    """Variables of others, of the tests, and the one that names the file."""
    environ = {"PATH": "/bin", "LIFECYCLES": "9", "LIFECYCLE_TEST_POSTGRES_URL": "x", "lifecycle_config": "config.yaml"}
    assert load(tmp_path, SHOP, environ) == load(tmp_path, SHOP)


CASES: list[tuple[str, Mapping[str, str], str]] = [
    (
        "mistyped section",
        {"LIFECYCLE_DATABSE__URL": "sqlite://"},
        "LIFECYCLE_DATABSE__URL: 'sqlite://': expected a known name; the nearest is LIFECYCLE_DATABASE__URL",
    ),
    (
        "one underscore",
        {"LIFECYCLE_DATABASE_URL": "sqlite://"},
        "LIFECYCLE_DATABASE_URL: 'sqlite://': expected a known name; the nearest is LIFECYCLE_DATABASE__URL",
    ),
    (
        "mistyped key of a plan",
        {"LIFECYCLE_CATALOG__PLANS__TEAM__RNAK": "1"},
        "LIFECYCLE_CATALOG__PLANS__TEAM__RNAK: '1': expected a known name; "
        "the nearest is LIFECYCLE_CATALOG__PLANS__TEAM__RANK",
    ),
    (
        "below a single value",
        {"LIFECYCLE_ZONE__NAME": "UTC"},
        "LIFECYCLE_ZONE__NAME: 'UTC': expected a known name; the nearest is LIFECYCLE_ZONE",
    ),
    (
        "mistyped plan",
        {"LIFECYCLE_CATALOG__PLANS__BASCI__RANK": "1"},
        "LIFECYCLE_CATALOG__PLANS__BASCI__RANK: prices: missing: expected a value: it has no default",
    ),
    (
        "bad number",
        {"LIFECYCLE_SCHEDULER__BATCH": "many"},
        "LIFECYCLE_SCHEDULER__BATCH: 'many': expected a whole number",
    ),
    (
        "bad value in a list",
        {"LIFECYCLE_MACHINES": "[a:B, c]"},
        "LIFECYCLE_MACHINES: [1]: 'c': expected a dotted path such as package.module:Name",
    ),
    (
        "bad YAML",
        {"LIFECYCLE_MACHINES": "[a:B"},
        "LIFECYCLE_MACHINES: '[a:B': expected valid YAML: expected ',' or ']', but got '<stream end>'",
    ),
    (
        "one setting twice",
        {"LIFECYCLE_ZONE": "UTC", "lifecycle_zone": "Asia/Tokyo"},
        "lifecycle_zone: 'Asia/Tokyo': expected one variable for this setting: LIFECYCLE_ZONE names it too",
    ),
    (
        "below a value of the file",
        {"LIFECYCLE_CATALOG__PLANS__BASIC__PRICES__MONTH__EUR": "45.00"},
        "LIFECYCLE_CATALOG__PLANS__BASIC__PRICES__MONTH__EUR: '45.00': "
        "expected a map at catalog.plans.basic.prices.month, where the file has one value",
    ),
    (
        "password",
        {"LIFECYCLE_DATABASE__PASSWORD": "hunter2"},
        "LIFECYCLE_DATABASE__PASSWORD: '***': expected a known name; the nearest is LIFECYCLE_DATABASE__URL",
    ),
    (
        "password in a URL",
        {"LIFECYCLE_DATABSE__URL": "postgresql://admin:hunter2@db"},
        "LIFECYCLE_DATABSE__URL: 'postgresql://admin:***@db': "
        "expected a known name; the nearest is LIFECYCLE_DATABASE__URL",
    ),
]


@pytest.mark.parametrize(("environ", "problem"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_variable_that_cannot_be_is_told(tmp_path: Path, environ: Mapping[str, str], problem: str) -> None:
    """The problem names the variable, its value, and what is expected."""
    assert told(tmp_path, SHOP, environ) == [f"environment: {problem}"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("zone: a: b\n", "config.yaml:1: expected valid YAML: mapping values are not allowed here"),
        ("- zone\n", "config.yaml:1: ['zone']: expected a map of keys to values"),
    ],
)
def test_mistyped_variables_are_told_even_if_the_file_cannot_be_read(tmp_path: Path, text: str, problem: str) -> None:
    """The bad file and the bad name at once; but nothing that only follows from the missing file."""
    environ = {"LIFECYCLE_ZONES": "UTC", "LIFECYCLE_CATALOG__PLANS__BASIC__RANK": "1"}
    assert told(tmp_path, text, environ) == [
        problem,
        "environment: LIFECYCLE_ZONES: 'UTC': expected a known name; the nearest is LIFECYCLE_ZONE",
    ]
