"""`lifecycle webhooks`: the addresses that are told of transitions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.cli.world import lifecycle
from tests.receiver import HERE, Answering, receiving

pytestmark = pytest.mark.sampled


@pytest.fixture
def server(empty: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Answering]:
    """A server that says yes, and a database with nothing in it but a customer."""
    del empty
    for name, value in {**HERE, "LIFECYCLE_MAIL__USE": "none"}.items():
        monkeypatch.setenv(name, value)
    assert lifecycle("db", "upgrade").code == 0
    assert lifecycle("account", "add", "acme", "--email", "ann@acme.test").code == 0
    with receiving() as answering:
        yield answering


def test_a_webhook_from_its_first_day_to_its_last(server: Answering) -> None:
    """The secret is shown where it is made and nowhere else (X332)."""
    added = lifecycle("webhooks", "add", server.url, "--event", "subscription.*", "--description", "CRM", "--json").json
    id, secret = added["webhook"]["id"], added["secret"]
    assert secret.startswith("whsec_")
    assert lifecycle("webhooks", "show", id, "--json").json == {
        "id": id,
        "url": server.url,
        "events": ["subscription.*"],
        "description": "CRM",
        "state": "live",
        "waiting": 0,
        "failing_since": None,
    }
    edited = lifecycle("webhooks", "edit", id, "--event", "subscription.subscribed", "--json").json
    assert edited["events"] == ["subscription.subscribed"]
    assert lifecycle("webhooks", "pause", id, "--reason", "They move house.", "--json").json["state"] == "paused"
    lifecycle("subscribe", "acme", "--plan", "basic")
    assert lifecycle("webhooks", "resume", id, "--json").json["waiting"] == 1
    assert lifecycle("webhooks", "test", id, "--json").json["waiting"] == 2
    [message, _] = lifecycle("outbox", "list", "--json").json
    assert message["destination"] == f"webhook:{id}"
    assert lifecycle("webhooks", "deliveries", id, "--json").json == []
    rotated = lifecycle("webhooks", "rotate", id, "--overlap", "2h", "--json").json
    assert rotated["secret"] not in (secret, "")
    shown = lifecycle("webhooks", "list").out + lifecycle("log", "--json").out + lifecycle("webhooks", "show", id).out
    assert "whsec_" not in shown
    removed = lifecycle("webhooks", "remove", id, "--json").json
    assert (removed["state"], removed["waiting"]) == ("removed", 0)
    assert lifecycle("webhooks", "list", "--json").json == []


def test_people_are_shown_it_too(server: Answering) -> None:
    """With a word on the secret."""
    added = lifecycle("webhooks", "add", server.url)
    assert added.err == "Keep the secret now: it is not shown again.\n"
    assert "whsec_" in added.out
    [_, _, line] = lifecycle("webhooks", "list").lines
    assert line.split()[1:] == [server.url, "*", "live", "1"]  # it is told that it was added


def test_a_message_is_sent_again(server: Answering) -> None:
    """By its id, with a reason."""
    id = lifecycle("webhooks", "add", server.url, "--event", "member.*", "--json").json["webhook"]["id"]
    lifecycle("webhooks", "test", id)
    [message] = lifecycle("outbox", "list", "--json").json
    again = lifecycle("webhooks", "resend", message["id"], "--reason", "They lost it.")
    assert (again.code, again.err) == (0, f"{message['id']} is to be delivered to webhook:{id} again.\n")
    assert lifecycle("webhooks", "resend", "out_none", "--reason", "x").code == 4


@pytest.mark.usefixtures("server")
def test_what_can_not_be_is_said() -> None:
    """An address of the inner network is refused, and a mistyped length is a usage error."""
    refused = lifecycle("webhooks", "add", "http://10.0.0.1:8080/", "--json")
    assert (refused.code, refused.json["error"]["code"]) == (3, "webhook_forbidden")
    assert lifecycle("webhooks", "rotate", "whk_none", "--overlap", "long").code == 2
    assert lifecycle("webhooks", "show", "whk_none").code == 4
    assert lifecycle("webhooks", "add", "https://192.0.2.1/", "--event", "subscription.lapsed").code == 1


@pytest.mark.usefixtures("empty")
def test_a_schema_is_printed_without_a_database() -> None:
    """Of one event; without a type it is said which there are (X340)."""
    schema = lifecycle("webhooks", "schema", "subscription.cancel").json
    assert schema["properties"]["type"] == {"enum": ["subscription.cancel"]}
    assert lifecycle("webhooks", "schema", "--json").json["webhook"] == 1
    assert lifecycle("webhooks", "schema").lines[2].split() == ["subscription.*", "1"]
    assert lifecycle("webhooks", "schema", "nothing").code == 4
