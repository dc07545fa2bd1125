"""Invitations on the command line: opened, listed, shown, revoked, and used."""

from __future__ import annotations

import pytest

from tests.integration.cli.world import lifecycle

pytestmark = pytest.mark.usefixtures("team")


@pytest.fixture
def team(empty: object) -> None:
    """A subscription to Team, with three seats."""
    del empty
    assert lifecycle("db", "upgrade").code == 0
    assert lifecycle("account", "add", "acme", "--email", "ann@acme.test", "--payment-method").code == 0
    assert lifecycle("subscribe", "acme", "--plan", "team", "--no-trial").code == 0


def test_an_invitation_from_its_opening_to_its_end() -> None:
    """Opened with a limit, used by two, used up; the last is told why, with the exit code of a refusal (A9, F4)."""
    opened = lifecycle("invitations", "open", "acme", "--code", "SPRING-2026", "--limit", "2", "--json")
    assert (opened.code, opened.json["state"], opened.json["expires_at"]) == (0, "open", None)
    joined = lifecycle("join", "spring 2026", "--email", "bob@acme.test", "--first-name", "Bob", "--json")
    assert (joined.json["member"]["state"], joined.json["used"]) == ("enabled", True)
    assert "had a seat already" in lifecycle("join", "SPRING-2026", "--email", "bob@acme.test").out
    assert lifecycle("join", "SPRING-2026", "--email", "cid@acme.test", "--by", "operator").code == 0
    refused = lifecycle("join", "SPRING-2026", "--email", "dan@acme.test")
    assert (refused.code, refused.out) == (3, "")
    assert "as often as it may be" in refused.err
    shown = lifecycle("invitations", "show", opened.json["id"]).out
    assert "2 of 2" in shown
    assert "used_up" in shown


def test_a_list_and_a_revoke() -> None:
    """By the account or the subscription, for people and for programs; what is revoked says so (A9)."""
    lifecycle("invitations", "open", "acme", "--code", "SPRING-2026", "--expires", "+1 month")
    revoked = lifecycle("invitations", "revoke", "spring2026", "--reason", "it was posted", "--json")
    assert revoked.json["state"] == "revoked"
    by_account = lifecycle("invitations", "list", "acme", "--json").json
    assert by_account == [revoked.json]
    assert lifecycle("invitations", "list", by_account[0]["subscription"], "--json").json == by_account
    assert "SPRING-2026" in lifecycle("invitations", "list", "acme").out
    assert lifecycle("invitations", "show", "nothing").code == 4
    assert lifecycle("invitations", "list", "nobody").code == 4
