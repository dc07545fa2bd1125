"""Values that are fine alone and make no sense together, or refer to what is not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.config_files import SHOP, told

Case = tuple[str, str, str, str]

CASES: list[Case] = [
    (
        "unknown plan in a rule",
        SHOP + "policies:\n  change:\n    - {from: basic, when: [now]}\n    - {to: pro, when: [now]}\n",
        "config.yaml:11: policies.change[1].to: 'pro'",
        "a plan of the catalogue or '*': one of basic, team, *",
    ),
    (
        "rule that an earlier one covers",
        SHOP + "policies:\n  change:\n    - {from: team, when: [now]}\n    - {from: team, to: basic, refuse: no}\n",
        "config.yaml:11: policies.change[1]: {from: 'team', to: 'basic', refuse: 'no'}",
        "a rule that can match: rule [0] before it matches all that it does",
    ),
    (
        "rule of a plan about another plan",
        SHOP + "      policies: {change: [{from: basic, when: [now]}]}\n",
        "config.yaml:8: catalog.plans.team.policies.change[0].from: 'basic'",
        "team or '*': these are its own changes",
    ),
    (
        "rule that decides nothing",
        SHOP + "policies:\n  change:\n    - {from: team}\n",
        "config.yaml:10: policies.change[0]: {from: 'team'}",
        "either `when` (the times allowed) or `refuse` (a code), and not both",
    ),
    (
        "message of a rule that refuses nothing",
        SHOP + "policies:\n  change:\n    - {when: [now], message: No.}\n",
        "config.yaml:10: policies.change[0].message: 'No.'",
        "no message beside `when`: it belongs to `refuse`",
    ),
    (
        "refusal that is no code",
        SHOP + "policies:\n  change:\n    - {refuse: Contact us}\n",
        "config.yaml:10: policies.change[0].refuse: 'Contact us'",
        "a refusal code of small letters, digits and '_', such as contact_us",
    ),
    (
        "no time to cancel",
        SHOP + "policies: {cancel: {when: []}}\n",
        "config.yaml:8: policies.cancel.when: []",
        "at least 1 entry",
    ),
    (
        "server that nobody names",
        SHOP + "mail: {use: smtp, from: shop@shop.test}\n",
        "config.yaml:8: mail: {use: 'smtp', from: 'shop@shop.test'}",
        "the server as `smtp: {host: …}`, for `use: smtp`",
    ),
    (
        "mail from nobody",
        SHOP + "mail: {use: smtp, smtp: {host: localhost}}\n",
        "config.yaml:8: mail: {use: 'smtp', smtp: {host: 'localhost'}}",
        "an address as `from`, for `use: smtp`",
    ),
    (
        "login without a password",
        SHOP + "mail: {smtp: {host: localhost, user: shop}}\n",
        "config.yaml:8: mail.smtp: {host: 'localhost', user: 'shop'}",
        "a user and a password, or neither",
    ),
    (
        "mail that takes longer than its lease",
        SHOP + "mail: {smtp: {host: localhost, timeout: 1m}}\n",
        "config.yaml:8: mail.smtp.timeout: '1m'",
        "a duration shorter than `outbox.lease`",
    ),
    (
        "page for a password without a token",
        SHOP + 'mail: {password_link: "https://shop.test"}\n',
        "config.yaml:8: mail.password_link: '***'",
        "an address with {token} in it",
    ),
    (
        "page that is none",
        SHOP + 'mail: {link: "javascript:alert(1)"}\n',
        "config.yaml:8: mail.link: 'javascript:alert(1)'",
        "the address of a page, such as https://example.com/{account}",
    ),
    (
        "address that is none",
        SHOP + "mail: {operator: nobody}\n",
        "config.yaml:8: mail.operator: 'nobody'",
        "an e-mail address such as billing@example.com",
    ),
    (
        "language that nobody knows",
        SHOP + "language: klingon\n",
        "config.yaml:8: language: 'klingon'",
        "a language such as en, de or pt-BR",
    ),
    (
        "job without a time",
        SHOP + 'jobs:\n  clean:\n    run: "a:b"\n',
        "config.yaml:9: jobs.clean: {run: 'a:b'}",
        "either `every` (a duration) or `cron` (a cron line), and not both",
    ),
    (
        "job with two times",
        SHOP + 'jobs:\n  clean: {run: "a:b", every: 1h, cron: "0 4 * * *"}\n',
        "config.yaml:9: jobs.clean: {run: 'a:b', every: '1h', cron: '0 4 * * *'}",
        "either `every` (a duration) or `cron` (a cron line), and not both",
    ),
    (
        "bad cron line",
        SHOP + 'jobs:\n  clean: {run: "a:b", cron: "61 4 * * *"}\n',
        "config.yaml:9: jobs.clean.cron: '61 4 * * *'",
        "a cron line of 5 fields (minute, hour, day, month, weekday), such as '0 4 * * *'",
    ),
    (
        "bad database URL",
        SHOP + "database: {url: lifecycle.db}\n",
        "config.yaml:8: database.url: 'lifecycle.db'",
        "a database URL such as sqlite:///lifecycle.db or postgresql+psycopg://user@host/name",
    ),
    (
        "database of another kind",
        SHOP + 'database: {url: "mysql://host/name"}\n',
        "config.yaml:8: database.url: 'mysql://host/name'",
        "a database URL such as sqlite:///lifecycle.db or postgresql+psycopg://user@host/name",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_what_makes_no_sense_is_told(tmp_path: Path, case: Case) -> None:
    """One thing wrong is one problem: its line, its path, the value, and what is expected."""
    _, text, place_and_value, expected = case
    assert told(tmp_path, text) == [f"{place_and_value}: expected {expected}"]
