"""Single values that cannot be: amounts, intervals, durations, zones, numbers, names."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.config_files import SHOP, plan, told

Case = tuple[str, str, str, str]

CASES: list[Case] = [
    (
        "bad zone",
        SHOP + "zone: Mars/Olympus\n",
        "config.yaml:8: zone: 'Mars/Olympus'",
        "an IANA time zone such as UTC or Europe/Paris",
    ),
    (
        "number for a text",
        SHOP + "zone: 1\n",
        "config.yaml:8: zone: 1",
        "a text (in quotes, if it looks like a number)",
    ),
    (
        "negative price",
        plan('prices:\n  month: "-5.00"'),
        "config.yaml:6: catalog.plans.basic.prices.month: '-5.00'",
        "an amount of at least 0",
    ),
    (
        "unquoted amount",
        plan("prices:\n  month: 50.00"),
        "config.yaml:6: catalog.plans.basic.prices.month: 50.0",
        'an amount as text: write it in quotes, such as "50.00"',
    ),
    (
        "list for an amount",
        plan("prices:\n  month: [5]"),
        "config.yaml:6: catalog.plans.basic.prices.month: [5]",
        'an amount in quotes, such as "50.00"',
    ),
    (
        "too many decimals",
        plan('prices:\n  month: {EUR: "1", JPY: "0.5"}'),
        "config.yaml:6: catalog.plans.basic.prices.month.JPY: '0.5'",
        "an amount in JPY: digits, and at most 0 decimals after a point",
    ),
    (
        "unknown currency of a price",
        plan('prices: {month: {USX: "1"}}'),
        "config.yaml:5: catalog.plans.basic.prices.month.USX: '1'",
        "an ISO 4217 currency code such as USD as the key",
    ),
    (
        "no currency",
        plan("prices: {month: {}}"),
        "config.yaml:5: catalog.plans.basic.prices.month: {}",
        "an amount, or a map of currencies to amounts",
    ),
    (
        "unknown currency",
        'catalog: {currency: US, plans: {basic: {prices: {month: "5.123"}}}}\n',
        "config.yaml:1: catalog.currency: 'US'",
        "an ISO 4217 currency code such as USD",
    ),
    (
        "unknown interval",
        plan('prices: {fortnight: "1"}'),
        "config.yaml:5: catalog.plans.basic.prices.fortnight: 'fortnight'",
        "an interval: day, week, month, quarter, year, or a count such as '6 months'",
    ),
    (
        "interval twice",
        plan('prices: {year: "1", 12 months: "2"}'),
        "config.yaml:5: catalog.plans.basic.prices: {year: '1', 12 months: '2'}",
        "each interval once: two of these keys are the same interval",
    ),
    (
        "plan without prices",
        plan("rank: 3"),
        "config.yaml:4: catalog.plans.basic.prices: missing",
        "a value: it has no default",
    ),
    ("empty prices", plan("prices: {}"), "config.yaml:5: catalog.plans.basic.prices: {}", "at least 1 entry"),
    (
        "rank that is no whole number",
        plan('rank: 1.5\nprices: {month: "1"}'),
        "config.yaml:5: catalog.plans.basic.rank: 1.5",
        "a whole number",
    ),
    (
        "blank name",
        plan('name: " "\nprices: {month: "1"}'),
        "config.yaml:5: catalog.plans.basic.name: ' '",
        "a text that is not blank",
    ),
    (
        "bad plan id",
        'catalog: {currency: USD, plans: {a/b: {prices: {month: "1"}}}}\n',
        "config.yaml:1: catalog.plans.a/b: 'a/b'",
        "a name of at most 64 letters, digits, '_', '-' and '.', which starts with a letter or digit",
    ),
    (
        "empty trial",
        plan('prices: {month: "1"}\ntrial: {days: 0}'),
        "config.yaml:6: catalog.plans.basic.trial.days: 0",
        "a number of at least 1",
    ),
    (
        "text for a number",
        plan('prices: {month: "1"}\ntrial: {days: "14"}'),
        "config.yaml:6: catalog.plans.basic.trial.days: '14'",
        "a whole number",
    ),
    (
        "fewest seats above the most",
        plan('prices: {month: "1"}\nseats:\n  min: 5\n  max: 3'),
        "config.yaml:7: catalog.plans.basic.seats.min: 5",
        "at most `max`, which is 3",
    ),
    (
        "included seats above the most",
        plan('prices: {month: "1"}\nseats:\n  max: 3\n  included: 4'),
        "config.yaml:8: catalog.plans.basic.seats.included: 4",
        "at most `max`, which is 3",
    ),
    (
        "seats priced in one interval of two",
        plan('prices: {month: "1", year: "9"}\nseats:\n  price: {month: "1"}'),
        "config.yaml:7: catalog.plans.basic.seats.price: {month: '1'}",
        "a price for year in USD, as the plan has one",
    ),
    (
        "token pack without a number",
        plan('prices: {month: "1"}\ntokens: {packs: {many: "9"}}'),
        "config.yaml:6: catalog.plans.basic.tokens.packs.many: 'many'",
        "a number of tokens, at least 1, as the key",
    ),
    (
        "too large a batch",
        SHOP + "scheduler: {batch: 100001}\n",
        "config.yaml:8: scheduler.batch: 100001",
        "a number of at most 100000",
    ),
    (
        "no heartbeat",
        SHOP + "scheduler: {heartbeat: 0s}\n",
        "config.yaml:8: scheduler.heartbeat: '0s'",
        "a duration longer than none",
    ),
    (
        "too long a heartbeat",
        SHOP + "scheduler: {heartbeat: 31s}\n",
        "config.yaml:8: scheduler.heartbeat: '31s'",
        "a duration of at most 30s",
    ),
    (
        "number for a duration",
        SHOP + "scheduler: {heartbeat: 30}\n",
        "config.yaml:8: scheduler.heartbeat: 30",
        "a duration such as 30s, 5m, 2h, 3d or 1w",
    ),
    (
        "bad dotted path",
        SHOP + "machines:\n  - a:B\n  - a.B\n",
        "config.yaml:10: machines[1]: 'a.B'",
        "a dotted path such as package.module:Name",
    ),
    (
        "unknown word",
        SHOP + "log: {level: loud}\n",
        "config.yaml:8: log.level: 'loud'",
        "'debug', 'info', 'warning' or 'error'",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_a_value_that_cannot_be_is_told(tmp_path: Path, case: Case) -> None:
    """One thing wrong is one problem: its line, its path, the value, and what is expected."""
    _, text, place_and_value, expected = case
    assert told(tmp_path, text) == [f"{place_and_value}: expected {expected}"]
