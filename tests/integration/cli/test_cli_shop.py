"""What is sold and what runs: `plans`, `check`, `machine`; and how tables look on a terminal and off it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from tests.integration.cli.world import environment, lifecycle, shop

SHOP = """\
policies:
  seats: {decrease: refuse}
catalog:
  currency: USD
  plans:
    yearly: {rank: 30, prices: {year: "1000.00"}}
    team:
      name: Team
      rank: 20
      prices: {month: {USD: "100.00", JPY: "15000"}, 6 months: {USD: "500.00", JPY: "70000"}}
      trial: {days: 14}
      seats: {included: 3, min: 2, price: {month: {USD: "20.00", JPY: "3000"}, 6 months: {USD: "99.50", JPY: "9000"}}}
      credits: {grant: 100, at_renewal: reset, on_upgrade: carry_over}
      tokens: {packs: {100: {USD: "9.00", JPY: "1300"}}}
      policies:
        change:
          - {from: team, interval: {from: 6 months, to: month}, refuse: contact_us, message: "Please contact us."}
          - {direction: downgrade, when: [next_cycle, date]}
        cancel: {when: [period_end]}
"""


def test_plans_shows_prices_facts_and_the_policies_in_force(empty: Path) -> None:
    """Team's own policies over those for every plan; lower ranks first; yen without decimals."""
    shop(empty, SHOP)
    lines = [line.strip("│╭╮╰╯─ ") for line in lifecycle("plans").lines]
    assert lines == [
        "Team (team)",
        "family       main, rank 20",
        "prices       100.00 USD or 15000 JPY per month",
        "500.00 USD or 70000 JPY per 6 months",
        "trial        14 days, once per account and family; becomes paid with_payment_method",
        "seats        3 included, 2 to any number; one more: 20.00 USD or 3000 JPY per month; "
        "99.50 USD or 9000 JPY per 6 months",
        "credits      100 per cycle; at a renewal reset, on an upgrade carry_over",
        "tokens       100 for 9.00 USD or 1300 JPY",
        "change       team → *, 6 months → month: refused contact_us Please contact us.",
        "any, downgrade: next_cycle or date",
        "fewer seats  refuse",
        "cancel       period_end; refund none",
        "proration    unit day, change day used, excess forfeit, period reset",
        "dunning      retries after 3d, 5d, 1w; grace 2w; exhausted: end",
        "notices      renewal 1w ahead, trial's end 3d ahead",
        "",
        "yearly",
        "family       main, rank 30",
        "prices       1000.00 USD per year",
        "trial        none",
        "seats        1",
        "change       at any time",
        "fewer seats  refuse",
        "cancel       period_end, date, now; refund none",
        "proration    unit day, change day used, excess forfeit, period reset",
        "dunning      retries after 3d, 5d, 1w; grace 2w; exhausted: end",
        "notices      renewal 1w ahead, trial's end 3d ahead",
        "",
    ]


def test_plans_for_programs_are_in_minor_units(empty: Path) -> None:
    """By interval and currency, with every policy."""
    shop(empty, SHOP)
    team, yearly = lifecycle("plans", "--json").json
    assert team["prices"] == {"month": {"USD": 10000, "JPY": 15000}, "6 months": {"USD": 50000, "JPY": 70000}}
    assert (team["trial"], team["seats"]["maximum"], team["token_packs"]) == (
        "2w",
        None,
        {"100": {"USD": 900, "JPY": 1300}},
    )
    assert [rule["interval_to"] for rule in team["policies"]["change"]] == ["month", None]
    assert team["policies"]["dunning"] == {"retries": ["3d", "5d", "1w"], "grace": "2w", "exhausted": "end"}
    assert (yearly["seats"], yearly["policies"]["cancel"]["when"]) == (None, ["period_end", "date", "now"])


@pytest.mark.usefixtures("empty")
def test_check_says_what_it_would_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a database, and without a password."""
    monkeypatch.setenv("LIFECYCLE_DATABASE__URL", "postgresql+psycopg://shop:secret@nowhere.test/shop")
    ended = lifecycle("check")
    assert ended.code == 0
    assert ended.lines == [
        "configuration  config.yaml",
        "database       postgresql+psycopg://shop:***@nowhere.test/shop",
        "zone           UTC",
        "heartbeat      30s",
        "batch          500",
        "machines       lifecycle_machines.subscription:SubscriptionMachine",
        "               lifecycle_machines.invoice:InvoiceMachine",
        "               lifecycle_machines.order:OrderMachine",
        "               lifecycle_machines.credit_note:CreditNoteMachine",
        "               lifecycle_machines.refund:RefundMachine",
        "               lifecycle_machines.adjustment:AdjustmentMachine",
        "               lifecycle_machines.account:AccountMachine",
        "               lifecycle_machines.member:MemberMachine",
        "               lifecycle_machines.wallet:WalletMachine",
        "               lifecycle_machines.invitation:InvitationMachine",
        "               lifecycle_machines.webhook:WebhookMachine",
        "jobs           verify_history: lifecycle_jobs.verify:verify_history, 0 4 * * *",
        "               forget_deliveries: lifecycle_jobs.webhooks:forget_deliveries, 30 4 * * *",
        "               relay_outbox: lifecycle_jobs.relay:relay_outbox, every 5s",
        "plans          basic",
        "               flexible",
        "               team",
        "log            auto, info",
    ]
    assert lifecycle("check", "--json").json["plans"] == ["basic", "flexible", "team"]


@pytest.mark.usefixtures("empty")
def test_machine_draws_a_table_without_a_database() -> None:
    """A row for each event, a column for each state; what is refused says so."""
    lines = lifecycle("machine").lines
    assert lines[0].split() == [
        "event",
        "new",
        "trial",
        "active",
        "pending_change",
        "pending_cancellation",
        "ended",
    ]
    [row] = [line for line in lines if line.startswith("end_date_arrives")]
    assert re.split("  +", row) == ["end_date_arrives", *["does nothing"] * 3, "ended", "does nothing"]
    [row] = [line for line in lines if line.startswith("withdraw_change")]
    assert re.split("  +", row)[1:3] == ["refused no_pending_change"] * 2


@pytest.mark.usefixtures("history")
def test_machine_lights_the_state_that_a_subscription_is_in() -> None:
    """In the table, in the diagram, and for programs."""
    assert "▶ pending_cancellation ◀" in lifecycle("machine", "--sub", "initech").lines[0]
    assert lifecycle("machine", "subscription", "--format", "mermaid", "--sub", "globex").lines[-1] == (
        "    class ended lit"
    )
    drawn = lifecycle("machine", "--sub", "acme", "--json").json
    assert (drawn["machine"], drawn["state"], drawn["states"][0]) == ("subscription", "pending_change", "trial")
    assert drawn["cells"]["end_date_arrives"]["pending_cancellation"] == "ended"


@pytest.mark.usefixtures("empty")
def test_machine_draws_a_diagram() -> None:
    """Mermaid, for a page or a ticket, with no state lit."""
    ended = lifecycle("machine", "--format", "mermaid")
    assert ended.out.startswith("stateDiagram-v2\n    [*] --> trial: ")
    assert "lit" not in ended.out


def on_a_terminal(folder: Path, columns: int, *words: str, **environ: str) -> str:
    """What a command prints on a terminal with so many columns."""
    program = "import sys; from lifecycle.cli import main; sys.exit(main())"
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        process = subprocess.Popen(
            [sys.executable, "-c", program, *words],
            cwd=folder,
            env=environment() | {"TERM": "xterm-256color"} | environ,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        said = b""
        try:
            while part := terminal.read(4096):
                said += part
        except OSError:  # how Linux tells that the other side has closed
            pass
        assert process.wait() == 0, said
    return said.decode().replace("\r\n", "\n")


def test_a_table_fits_a_narrow_terminal_and_nothing_is_cut(history: Path) -> None:
    """In 70 columns cells are wrapped; what is due stays in one piece."""
    said = re.sub("\x1b\\[[0-9;]*m", "", on_a_terminal(history, 70, "due"))
    assert max(len(line) for line in said.splitlines()) <= 70
    assert "…" not in said
    assert "2020-06-15 00:00 EDT  " in said


@pytest.mark.usefixtures("history")
def test_off_a_terminal_nothing_is_wrapped() -> None:
    """However long a reason is, its row is one line."""
    reason = "because " * 60 + "so"
    lifecycle("withdraw-cancellation", "initech", "--reason", reason)
    assert lifecycle("log", "--last", "1").lines[2].endswith(reason)


def test_colours_are_for_terminals_that_want_them(history: Path) -> None:
    """The end date is yellow on a terminal, plain under NO_COLOR, and plain in a file."""
    yellow = re.compile("\x1b\\[[0-9;]*33m")
    assert yellow.search(on_a_terminal(history, 100, "show", "initech"))
    assert not yellow.search(on_a_terminal(history, 100, "show", "initech", NO_COLOR="1"))
    assert "\x1b" not in lifecycle("show", "initech").out
