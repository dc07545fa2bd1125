"""`lifecycle notices`: what would be written, what was sent, and the texts for translators."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle.notices.kinds import KINDS
from tests.integration.cli.world import lifecycle


@pytest.mark.usefixtures("empty")
def test_the_occasions_are_listed() -> None:
    """Each with who is written to (G2)."""
    listed = lifecycle("notices", "kinds", "--json").json
    assert [one["kind"] for one in listed] == list(KINDS)
    assert {one["to"] for one in listed} == {"account", "member", "operator"}
    assert lifecycle("notices", "kinds").lines[0].split() == ["kind", "when", "to"]


@pytest.mark.usefixtures("empty")
def test_a_preview_is_of_something_made_up(tmp_path: Path) -> None:
    """As text, as a page in a file, or for programs (X329)."""
    shown = lifecycle("notices", "preview", "renewed")
    assert shown.lines[0] == "Subject: Your subscription to Team was renewed"
    page = tmp_path / "renewed.html"
    assert lifecycle("notices", "preview", "renewed", "--html", str(page)).code == 0
    assert page.read_text("utf-8").startswith("<!doctype html>")
    assert set(lifecycle("notices", "preview", "ended", "--json").json) == {"subject", "text", "html"}


@pytest.mark.usefixtures("history")
def test_a_preview_can_be_of_a_subscription_as_it_stands() -> None:
    """Initech's year of basic ends on 15 June, in New York; nothing is sent (X329)."""
    shown = lifecycle("notices", "preview", "cancellation_scheduled", "--subscription", "initech")
    assert shown.lines[0] == "Subject: Your subscription ends on June 15, 2020"
    german = lifecycle("notices", "preview", "cancellation_scheduled", "--subscription", "initech", "--language", "de")
    assert german.lines[0] == "Subject: Your subscription ends on 15. Juni 2020"
    paid = lifecycle("notices", "preview", "renewed", "--subscription", "acme")
    assert "Thank you for your payment of $140.00." in paid.out
    assert "Hello Ann Example," in lifecycle("notices", "preview", "member_invited", "--subscription", "acme").out
    assert "Card: Sandbox •••• 4242" in lifecycle("notices", "preview", "card_expiring", "--subscription", "acme").out


@pytest.mark.usefixtures("history")
def test_what_was_sent_is_listed() -> None:
    """With when it happened and when it was sent (X329)."""
    listed = lifecycle("notices", "sent", "--account", "globex", "--json").json
    assert [(one["kind"], one["at"], one["status"], one["merged_into"]) for one in listed] == [
        ("trial_started", "2020-02-01T00:00:00Z", "delivered", None),
        ("ended", "2020-02-15T00:00:00Z", "delivered", None),
    ]
    only = lifecycle("notices", "sent", "--kind", "cancellation_scheduled")
    assert len(only.lines) == 3  # with the head
    assert "initech" in only.lines[2]


@pytest.mark.usefixtures("history")
def test_what_there_is_not_is_said() -> None:
    """An occasion, a language, an account."""
    assert lifecycle("notices", "preview", "bike_lost").code == 1
    assert lifecycle("notices", "preview", "renewed", "--language", "klingon").code == 3
    assert lifecycle("notices", "preview", "renewed", "--subscription", "nobody").code == 4


@pytest.mark.usefixtures("empty")
def test_translators_get_every_text() -> None:
    """As a template of gettext (X321)."""
    assert 'msgid "Billing interval"' in lifecycle("notices", "catalogue").out
    assert "msgid_plural" in lifecycle("notices", "catalogue", "--json").json["file"]
