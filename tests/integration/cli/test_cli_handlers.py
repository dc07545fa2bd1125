"""`lifecycle handlers`: who is told of transitions, and what waits for them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from lifecycle import Lifecycle, VirtualClock
from tests.integration.cli.world import lifecycle
from tests.integration.world import PROJECT

pytestmark = pytest.mark.sampled


@pytest.fixture
def told(empty: Path) -> None:
    """A host's process was here, whose handler has not been told of a subscription yet."""
    assert lifecycle("db", "upgrade").code == 0
    clock = VirtualClock(datetime(2020, 3, 19, 12, tzinfo=UTC))
    url = f"sqlite:///{empty}/lifecycle.db"
    host = Lifecycle.from_config(PROJECT / "config.yaml", clock=clock, environ={"LIFECYCLE_DATABASE__URL": url})
    host.handler("subscription.*", "account.edited", name="crm")(print)
    host.accounts.create("acme", email="ann@acme.test")
    host.subscriptions.create("acme", plan="basic", by="ann@acme.test")
    host.close()


@pytest.mark.usefixtures("told")
def test_handlers_are_listed_with_what_waits_for_them() -> None:
    """This process has no such function."""
    assert lifecycle("handlers", "list", "--json").json == [
        {"name": "crm", "events": ["subscription.*", "account.edited"], "here": False, "waiting": 1}
    ]
    [_, _, line] = lifecycle("handlers", "list").lines
    assert line.split() == ["crm", "subscription.*,", "account.edited", "1"]


@pytest.mark.usefixtures("told")
def test_a_handler_that_is_gone_is_forgotten() -> None:
    """What waited for it is dropped, as the operator's act, and it is told no more."""
    forgotten = lifecycle("handlers", "forget", "crm", "--reason", "the CRM is gone")
    assert (forgotten.code, forgotten.err) == (0, "crm is told no more; 1 messages were dropped.\n")
    assert lifecycle("handlers", "list", "--json").json == []
    [message] = lifecycle("outbox", "list", "--destination", "handler:crm", "--json").json
    assert message["status"] == "dropped"
    assert lifecycle("log", "--json").json[-1]["event"] == "outbox_dropped"
    assert lifecycle("handlers", "forget", "crm", "--reason", "again").code == 4


@pytest.mark.usefixtures("told")
def test_a_handler_that_is_configured_is_not_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would subscribe again with the next start."""
    monkeypatch.setenv("LIFECYCLE_HANDLERS", '{crm: {run: "builtins:print", on: ["subscription.*"]}}')
    refused = lifecycle("handlers", "forget", "crm", "--reason", "away", "--json")
    assert (refused.code, refused.json["error"]["code"]) == (1, "handler_served")
    assert lifecycle("handlers", "list", "--json").json[0]["here"] is True
