"""The configuration: what a good file gives, and how all that is wrong with a bad one is told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lifecycle.config import ConfigError, JobSpec, LogSettings, Problem, load_config
from lifecycle.config.model import NO_MAIL, GatewaySettings, InvoiceSettings, MailSettings, OutboxSettings
from lifecycle.config.settings import MACHINES
from lifecycle.domain.calendar import Duration, Interval
from lifecycle.domain.catalog import ChangeRule, CreditTerms, Policies, Proration, SeatTerms
from tests.unit.config_files import SHOP, load, plan, problems

ROOT = Path(__file__).parents[2]
MONTH, YEAR = Interval.parse("month"), Interval.parse("year")

# ------------------------------------------------------------------------------------------------- good files


def test_the_shipped_configuration_loads() -> None:
    """What `config.yaml` writes out are the defaults, a daily verification, a relay, and three plans."""
    config = load_config(ROOT / "config.yaml", {})
    assert config.database_url == "sqlite:///lifecycle.db"
    assert (config.zone, config.heartbeat, config.batch) == ("UTC", Duration(0, 30), 500)
    assert config.machines == MACHINES
    assert config.jobs == (
        JobSpec("verify_history", "lifecycle_jobs.verify:verify_history", cron="0 4 * * *"),
        JobSpec("forget_deliveries", "lifecycle_jobs.webhooks:forget_deliveries", cron="30 4 * * *"),
        JobSpec("relay_outbox", "lifecycle_jobs.relay:relay_outbox", every=Duration(0, 5)),
    )
    assert config.outbox == OutboxSettings(Duration(0, 60), 20, Duration(0, 5), Duration(0, 3600))
    assert config.mail == MailSettings("file", "mail")
    assert config.language == "en"
    assert config.log == LogSettings("auto", "info")
    assert config.gateway == GatewaySettings("sandbox", Duration(0, 120))
    assert config.invoices == InvoiceSettings("INV-", "CN-", None)
    assert (config.seller.name, config.quote_lifetime) == ("Example Ltd", Duration(0, 3600))
    assert config.catalog.policies == Policies()
    assert list(config.catalog.plans) == ["basic", "flexible", "team"]


def test_the_shipped_plans_are_as_written() -> None:
    """Prices in minor units, 14 days of trial, seats, credits and token packs (rule A4)."""
    plans = load_config(ROOT / "config.yaml", {}).catalog.plans
    basic, flexible, team = plans["basic"], plans["flexible"], plans["team"]
    assert (basic.name, basic.family, basic.rank, basic.trial) == ("Basic", "main", 10, Duration(14, 0))
    assert basic.prices == {MONTH: {"USD": 5000}, YEAR: {"USD": 50000}}
    assert flexible.prices == {MONTH: {"USD": 0}}
    assert flexible.token_packs == {100: {"USD": 900}, 1000: {"USD": 8000}}
    assert team.seats == SeatTerms(3, 1, 50, {MONTH: {"USD": 2000}, YEAR: {"USD": 20000}})
    assert team.credits == CreditTerms(100, "reset", "carry_over")


def test_a_catalogue_is_all_that_has_to_be_written(tmp_path: Path) -> None:
    """Everything else has the defaults of the shipped file, but no calendar jobs."""
    config, shipped = load(tmp_path, SHOP), load_config(ROOT / "config.yaml", {})
    assert config.jobs == ()
    assert config.database_url == shipped.database_url
    assert (config.zone, config.heartbeat, config.batch) == (shipped.zone, shipped.heartbeat, shipped.batch)
    assert (config.machines, config.log, config.gateway) == (shipped.machines, shipped.log, shipped.gateway)
    assert config.quote_lifetime == shipped.quote_lifetime
    assert (config.outbox, config.mail) == (shipped.outbox, shipped.mail)
    assert config.catalog.policies == shipped.catalog.policies


def test_a_plan_needs_prices_only(tmp_path: Path) -> None:
    """Its name is its id, its family main, its rank 0; it has no trial and one seat."""
    basic = load(tmp_path, SHOP).catalog.plans["basic"]
    assert (basic.name, basic.family, basic.rank) == ("basic", "main", 0)
    assert (basic.trial, basic.seats, basic.credits, dict(basic.token_packs)) == (None, None, None, {})


def test_the_outbox_has_settings(tmp_path: Path) -> None:
    """How long a lease is, how often and after how long a delivery is tried again; and no mail."""
    text = SHOP + "outbox: {lease: 5m, attempts: 3, first_retry: 10s, longest_retry: 1d}\nmail: {use: none}\n"
    config = load(tmp_path, text)
    assert config.outbox == OutboxSettings(Duration(0, 300), 3, Duration(0, 10), Duration(1, 0))
    assert config.mail == NO_MAIL


def test_prices_by_currency_have_that_currencys_decimals(tmp_path: Path) -> None:
    """45.00 EUR is 4500, 500 JPY is 500, 1.500 KWD is 1500."""
    text = plan('prices: {month: {EUR: "45.00", JPY: "500", KWD: "1.500"}}')
    assert load(tmp_path, text).catalog.plans["basic"].prices == {MONTH: {"EUR": 4500, "JPY": 500, "KWD": 1500}}


def test_a_change_rule_is_read_whole(tmp_path: Path) -> None:
    """The two rules that the documentation gives as examples."""
    text = SHOP + (
        "policies:\n  change:\n"
        '    - {from: team, interval: {from: year, to: month}, refuse: contact_us, message: "Please contact us."}\n'
        "    - {direction: downgrade, when: [next_cycle]}\n"
    )
    assert load(tmp_path, text).catalog.policies.change == (
        ChangeRule("team", "*", None, YEAR, MONTH, (), "contact_us", "Please contact us."),
        ChangeRule("*", "*", "downgrade", None, None, ("next_cycle",), "", ""),
    )


def test_a_plans_policies_merge_over_the_defaults(tmp_path: Path) -> None:
    """Maps merge key by key; the list of retries replaces the other whole."""
    text = plan(
        'prices: {month: "50.00"}\n'
        "policies: {proration: {unit: second}, dunning: {retries: [1d]}, seats: {decrease: refuse}}"
    )
    text += "policies: {proration: {excess: refund, unit: none}, dunning: {retries: [2d, 4d], grace: 1w}}\n"
    catalog = load(tmp_path, text).catalog
    own = catalog.policies_of("basic")
    assert own.proration == Proration(unit="second", change_day="used", excess="refund", period="reset")
    assert (own.dunning.retries, own.dunning.grace) == ((Duration(1, 0),), Duration(7, 0))
    assert own.seats_decrease == "refuse"
    assert catalog.policies.proration.unit == "none"
    assert catalog.policies.seats_decrease == "next_cycle"


@pytest.mark.parametrize("plan_id", ["on", "no", "null", "1", "2026-06-01"])
def test_a_plan_id_is_always_text(tmp_path: Path, plan_id: str) -> None:
    """What YAML might take for a truth value, a number or a date stays the id that was written."""
    text = f'catalog:\n  currency: USD\n  plans:\n    {plan_id}: {{prices: {{month: "5"}}}}\n'
    text += f"policies: {{change: [{{to: '{plan_id}', refuse: contact_us}}]}}\n"
    assert list(load(tmp_path, text).catalog.plans) == [plan_id]


def test_a_plan_named_no_can_stand_in_a_rule(tmp_path: Path) -> None:
    """`from: no` is the plan `no`, not false."""
    text = "catalog: {currency: USD, plans: {no: {prices: {month: '5'}}}}\n"
    text += "policies: {change: [{from: no, when: [date]}]}\n"
    assert load(tmp_path, text).catalog.policies.change == (ChangeRule(source="no", when=("date",)),)


def test_a_job_runs_by_interval_or_by_cron_line(tmp_path: Path) -> None:
    """Both kinds of calendar jobs, in the order of the file."""
    jobs = 'jobs:\n  b: {run: "x.y:z", every: 5m}\n  a: {run: "x:z", cron: "0 4 * * mon"}\n'
    assert load(tmp_path, SHOP + jobs).jobs == (
        JobSpec("b", "x.y:z", every=Duration(0, 300)),
        JobSpec("a", "x:z", cron="0 4 * * mon"),
    )


def test_importing_the_package_waits_for_no_library() -> None:
    """A command that reads no configuration does not pay for pydantic, YAML, SQLAlchemy or APScheduler."""
    code = "import sys, lifecycle.config; print({'pydantic', 'yaml', 'sqlalchemy', 'apscheduler'} & sys.modules.keys())"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout == "set()\n"


# -------------------------------------------------------------------------------------------------- bad files


def test_each_problem_has_its_parts(tmp_path: Path) -> None:
    """A program finds the file, the line, the path, the value and the expectation apart; and a stable code."""
    assert problems(tmp_path, plan('prices:\n  month: "-5.00"'), {"LIFECYCLE_ZONE": "Mars"}) == [
        Problem("config.yaml", 6, "catalog.plans.basic.prices.month", "'-5.00'", "an amount of at least 0"),
        Problem("environment", None, "LIFECYCLE_ZONE", "'Mars'", "an IANA time zone such as UTC or Europe/Paris"),
    ]
    assert ConfigError([]).code == "config_invalid"


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    """Unknown and duplicate keys, values, meaning and the environment, in the order of the lines, one per line."""
    text = (
        "zone: Mars\n"
        "zone: UTC\n"
        "databse: {}\n"
        "policies:\n"
        "  change: [{from: pro, refuse: no}]\n"
        "  notices: {renewal: 7}\n"
        "catalog:\n"
        "  currency: USD\n"
        "  plans:\n"
        '    basic: {prices: {month: "-5.00", year: "x"}, seats: {max: 1, min: 3, included: 2}}\n'
    )
    found = problems(tmp_path, text, {"LIFECYCLE_ZONES": "UTC", "LIFECYCLE_LOG__LEVEL": "loud"})
    assert [(problem.file, problem.line, problem.path) for problem in found] == [
        ("config.yaml", 2, "zone"),
        ("config.yaml", 3, "databse"),
        ("config.yaml", 5, "policies.change[0].from"),
        ("config.yaml", 6, "policies.notices.renewal"),
        ("config.yaml", 10, "catalog.plans.basic.prices.month"),
        ("config.yaml", 10, "catalog.plans.basic.prices.year"),
        ("config.yaml", 10, "catalog.plans.basic.seats.included"),
        ("config.yaml", 10, "catalog.plans.basic.seats.min"),
        ("environment", None, "LIFECYCLE_LOG__LEVEL"),
        ("environment", None, "LIFECYCLE_ZONES"),
    ]


def test_the_error_says_each_problem_in_one_line(tmp_path: Path) -> None:
    """Place, path, value, expectation; without a line for a variable."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, plan('prices:\n  month: "-5.00"'), {"LIFECYCLE_ZONE": "Mars"})
    assert str(caught.value).splitlines() == [
        f"{tmp_path}/config.yaml:6: catalog.plans.basic.prices.month: '-5.00': expected an amount of at least 0",
        "environment: LIFECYCLE_ZONE: 'Mars': expected an IANA time zone such as UTC or Europe/Paris",
    ]


def test_a_file_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    """No file, no configuration."""
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "none.yaml", {})
    assert str(caught.value) == f"{tmp_path}/none.yaml: expected a readable file: No such file or directory"


def test_a_file_in_another_encoding_is_a_problem(tmp_path: Path) -> None:
    """The words of a Latin-1 file are not guessed at."""
    file = tmp_path / "config.yaml"
    file.write_bytes("zone: Zürich\n".encode("latin-1"))
    with pytest.raises(ConfigError) as caught:
        load_config(file, {})
    assert caught.value.problems == (Problem(str(file), None, "", "", "a file in UTF-8"),)


@pytest.mark.parametrize(
    "text",
    [
        'database: {url: "postgresql//admin:hunter2@db/x"}\n',
        'database: {url: "postgresql:admin:hunter2@db"}\n',
        'database: {url: "postgresql:admin:hunter2"}\n',
        'database: {url: "mysql://admin:hun/ter@hunter2@db"}\n',
        'database: {url: "mysql://admin:hunter2"}\n',
        'database: {url: "mysql://db/x?password=hunter2"}\n',
        'database: {uri: "postgresql://admin:hunter2@db"}\n',
        "database: {password: hunter2}\n",
        'database: ["postgresql://admin:hunter2@db"]\n',
        'databse: {url: "postgresql://admin:hunter2@db"}\n',
        'database: {url: "postgresql://a:hunter1@db"}\ndatabase: {url: "postgresql://admin:hunter2@db"}\n',
        'database: {url: "postgresql://admin:hunter2@db\n',
    ],
)
def test_no_problem_shows_a_password(tmp_path: Path, text: str) -> None:
    """However the URL is malformed or misplaced."""
    shown = "\n".join(str(problem) for problem in problems(tmp_path, SHOP + text))
    assert "config.yaml:" in shown
    assert "hunter2" not in shown
    assert "ter@" not in shown


def test_a_loaded_configuration_does_not_show_its_database_url(tmp_path: Path) -> None:
    """Its repr may end up in a log."""
    config = load(tmp_path, SHOP, {"LIFECYCLE_DATABASE__URL": "postgresql+psycopg://admin:hunter2@db/x"})
    assert config.database_url == "postgresql+psycopg://admin:hunter2@db/x"
    assert "hunter2" not in repr(config)


def test_the_password_of_the_mail_server_is_not_shown(tmp_path: Path) -> None:
    """Not by the configuration, however it is printed."""
    smtp = "mail: {use: smtp, from: shop@shop.test, smtp: {host: localhost, user: shop, password: geheim}}\n"
    config = load(tmp_path, SHOP + smtp)
    assert config.mail.smtp is not None
    assert config.mail.smtp.password == "geheim"  # noqa: S105  # it opens nothing
    assert "geheim" not in repr(config)
