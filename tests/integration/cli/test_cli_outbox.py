"""`lifecycle outbox`: what is on its way, and what an operator can do about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle import Lifecycle, Undeliverable
from lifecycle.engine.commands import Command, Creation
from tests.contract.outbox_world import COURIER, Desk
from tests.integration.cli.world import NOW, lifecycle, standing_at
from tests.integration.world import travelling

pytestmark = pytest.mark.sampled

MACHINES = {"LIFECYCLE_MACHINES": f"[{COURIER}]", "LIFECYCLE_MAIL__USE": "none"}


@pytest.fixture
def sent(empty: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of three messages: the office has refused the first and failed at the second; nobody serves the crm."""
    for name, value in MACHINES.items():
        monkeypatch.setenv(name, value)
    with travelling(f"sqlite:///{empty}/lifecycle.db", "2020-03-19T12:00+00:00", **MACHINES) as (engine, _):
        engine.destination("office")(Desk(Undeliverable("no such office"), OSError("shut\x1b[2J")))
        for destination, kind in (("office", "first"), ("office", "second"), ("crm", "third")):
            send(engine, destination, kind)
            engine.relay_outbox()
        return [message.id for message in engine.outbox.list()]


def send(engine: Lifecycle, destination: str, kind: str) -> None:
    """A courier sends one message."""
    creation = Creation("courier", "hired", "usr_1", "cou", arguments={})
    courier = engine.engine.attempt(lambda work: work.create(creation)).id
    engine.engine.command(Command(courier, "sends", "usr_1", {"messages": [[destination, kind]]}))


def test_messages_are_listed_with_what_became_of_them(sent: list[str]) -> None:
    """One line each; an error plays no tricks with the terminal."""
    lines = lifecycle("outbox", "list").lines
    assert [line.split()[3] for line in lines[2:]] == sent
    assert "office" in lines[2]
    assert "dead" in lines[2]
    assert "Undeliverable: no such office" in lines[2]
    assert "waiting" in lines[3]
    assert "\x1b" not in lines[3]
    assert "crm" in lines[4]


def test_a_list_can_be_narrowed(sent: list[str]) -> None:
    """By status, by destination, by number; a mistyped status is a usage error."""
    waiting = lifecycle("outbox", "list", "--status", "waiting", "--json").json
    assert [message["id"] for message in waiting] == sent[1:]
    crm = lifecycle("outbox", "list", "--destination", "crm", "--json").json
    assert [message["id"] for message in crm] == sent[2:]
    newest = lifecycle("outbox", "list", "--limit", "1", "--json")
    assert [message["id"] for message in newest.json] == sent[2:]
    assert newest.err == "There are more than 1; see them with --limit.\n"
    mistyped = lifecycle("outbox", "list", "--status", "deda")
    assert mistyped.code == 2
    assert "there are waiting, parked, leased, delivered, dead, dropped" in mistyped.err


def test_a_message_is_shown_whole(sent: list[str]) -> None:
    """With its payload, and the transition that sent it."""
    shown = lifecycle("outbox", "show", sent[0])
    assert '{"round": 0}' in shown.out
    assert "transition 2 of cou_" in shown.out
    assert lifecycle("outbox", "show", sent[0], "--json").json["payload"] == {"round": 0}
    assert lifecycle("outbox", "show", "out_none").code == 4


def test_an_operator_retries_and_drops(sent: list[str]) -> None:
    """Each with a reason, which the log tells; what is dropped stays so (X23)."""
    with standing_at(NOW):
        retried = lifecycle("outbox", "retry", sent[0], "--reason", "the office is back", "--by", "op", "--json").json
        dropped = lifecycle("outbox", "drop", sent[1], "--reason", "told them")
    assert (retried["status"], retried["wake_at"]) == ("waiting", "2020-03-20T00:00:00Z")
    assert "dropped" in dropped.out
    logged = [(row["event"], row["actor"], row["reason"]) for row in lifecycle("log", "--json").json[-2:]]
    assert logged == [
        ("outbox_retried", "op", "the office is back"),
        ("outbox_dropped", "operator", "told them"),
    ]
    refused = lifecycle("outbox", "retry", sent[1], "--reason", "after all")
    assert (refused.code, refused.err) == (3, "refused (already_dropped): The message was given up for good.\n")
    assert lifecycle("outbox", "drop", sent[2]).code == 2
    assert lifecycle("verify").code == 0
