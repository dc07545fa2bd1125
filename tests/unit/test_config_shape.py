"""Files that are not made as a configuration is made: keys, maps, lists, and what YAML could mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.config_files import SHOP, told

Case = tuple[str, str, str, str]

CASES: list[Case] = [
    (
        "unknown key",
        "zone: UTC\n" + SHOP + "databse: {url: x}\n",
        "config.yaml:9: databse: {url: 'x'}",
        "a known key: one of database, zone, language, scheduler, machines, jobs, handlers, log, outbox, webhooks, "
        "mail, gateway, invoices, seller, quotes, members, invitations, notices, clocks, policies, catalog",
    ),
    (
        "unknown key inside",
        SHOP + "policies:\n  cancel: {refnud: none}\n",
        "config.yaml:9: policies.cancel.refnud: 'none'",
        "a known key: one of when, refund",
    ),
    (
        "duplicate key",
        SHOP + "zone: UTC\nlog: {level: info}\nzone: Europe/Paris\n",
        "config.yaml:10: zone: 'Europe/Paris'",
        "this key once: line 8 has it already",
    ),
    ("anchor", SHOP + "zone: &home UTC\n", "config.yaml:8: zone: &home", "the value alone: anchors are not read"),
    (
        "alias",
        SHOP + "policies:\n  notices: {renewal: *week}\n",
        "config.yaml:9: policies.notices.renewal: *week",
        "the value, written out: aliases are not read",
    ),
    (
        "merge key",
        SHOP + "log:\n  <<: {level: info}\n",
        "config.yaml:9: log: '<<'",
        "the keys themselves, written out: merge keys are not read",
    ),
    (
        "tag",
        SHOP + "zone: !!str UTC\n",
        "config.yaml:8: zone: tag:yaml.org,2002:str",
        "the value alone: tags are not read",
    ),
    (
        "list as a key",
        SHOP + "log:\n  [a]: b\n",
        "config.yaml:9: log: a list, map or alias as a key",
        "a word as a key",
    ),
    ("bad YAML", SHOP + "zone: a: b\n", "config.yaml:8", "valid YAML: mapping values are not allowed here"),
    ("control character", SHOP + "zone: \x07\n", "config.yaml:8", "valid YAML: special characters are not allowed"),
    ("nested too deeply", SHOP + "zone: " + "[" * 500, "config.yaml:8", "valid YAML: nested too deeply"),
    ("two documents", SHOP + "---\na: 1\n", "config.yaml:9: ---", "one document only"),
    ("not a map", "- a\n", "config.yaml:1: ['a']", "a map of keys to values"),
    ("empty", "", "config.yaml: catalog: missing", "a value: it has no default"),
    ("section without keys", SHOP + "database:\n", "config.yaml:8: database: null", "a map of keys to values"),
    ("word for a list", SHOP + "machines: a:B\n", "config.yaml:8: machines: 'a:B'", "a list"),
    ("list for a map", SHOP + "jobs: [a]\n", "config.yaml:8: jobs: ['a']", "a map of keys to values"),
]


@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_a_file_of_another_shape_is_told(tmp_path: Path, case: Case) -> None:
    """One thing wrong is one problem: its line, its path, what stands there, and what should."""
    _, text, place_and_value, expected = case
    assert told(tmp_path, text) == [f"{place_and_value}: expected {expected}"]
