"""`lifecycle members …`: people added, seated, imported and shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.cli.world import lifecycle

pytestmark = pytest.mark.usefixtures("history")


def test_somebody_is_added_edited_and_removed() -> None:
    """With a seat of acme's team; each command answers with the member (rules A3, F1)."""
    added = lifecycle("members", "add", "acme", "bob@acme.test", "--first-name", "Bob", "--sub", "acme", "--json").json
    assert (added["state"], added["first_name"], len(added["subscriptions"])) == ("invited", "Bob", 1)
    assert "enabled" in lifecycle("members", "enable", "acme", "bob@acme.test").out
    seats = lifecycle("members", "seats", "acme")
    assert [line.split()[0] for line in seats.lines[::2]] == ["address", "bob@acme.test"]
    assert seats.err == "1 of 5 seats are taken.\n"
    assert lifecycle("members", "edit", "acme", "bob@acme.test", "--role", "admin", "--json").json["role"] == "admin"
    assert lifecycle("members", "disable", "acme", "bob@acme.test", "--json").json["state"] == "disabled"
    assert lifecycle("members", "unassign", "acme", "bob@acme.test", "--json").json["subscriptions"] == []
    assert lifecycle("members", "assign", "acme", "bob@acme.test").code == 0
    assert lifecycle("members", "remove", "acme", "bob@acme.test", "--json").json["state"] == "removed"
    assert [one["email"] for one in lifecycle("members", "list", "acme", "--json").json] == ["ann@acme.test"]
    assert "bob@acme.test" in lifecycle("members", "list", "acme", "--removed").out
    refused = lifecycle("members", "disable", "acme", "ann@acme.test")
    assert (refused.code, refused.err.partition(":")[0]) == (3, "refused (last_admin)")


def test_a_file_is_previewed_and_imported(tmp_path: Path) -> None:
    """Wrong rows are told with their lines, exit code 1; mended, everybody gets a seat, and a second time nothing
    happens (rules F2, F3)."""
    file = tmp_path / "people.csv"
    file.write_text("email;first_name\nbob@acme.test;Bob\ncy;Cy\n")
    seen = lifecycle("members", "import", "acme", str(file), "--sub", "acme", "--dry-run")
    assert seen.code == 1
    assert "cy" in seen.out
    assert "rows: 1" in seen.err
    failed = lifecycle("members", "import", "acme", str(file), "--sub", "acme", "--json")
    assert (failed.code, failed.json["error"]["code"]) == (1, "import_failed")
    file.write_text("email;first_name\nbob@acme.test;Bob\ncy@acme.test;Cy\n")
    done = lifecycle("members", "import", "acme", str(file), "--sub", "acme")
    assert (done.code, done.err) == (0, "New: 2. There before: 0. Got a seat: 2.\n")
    again = lifecycle("members", "import", "acme", str(file), "--sub", "acme", "--json").json
    assert (again["added"], again["assigned"], len(again["members"])) == (0, 0, 2)


def test_missing_seats_are_quoted_and_bought(tmp_path: Path) -> None:
    """Acme is to have three seats only from the next cycle on: first that is withdrawn; then seven people want five."""
    file = tmp_path / "people.csv"
    file.write_text("email\n" + "".join(f"p{n}@acme.test\n" for n in range(7)))
    assert lifecycle("members", "import", "acme", str(file), "--sub", "acme").err.startswith("refused (no_free_seat)")
    assert lifecycle("withdraw-change", "acme").code == 0
    seen = lifecycle("members", "import", "acme", str(file), "--sub", "acme", "--dry-run", "--grow", "--json").json
    assert (seen["free"], seen["missing"], seen["quote"]["seats"]) == (5, 2, 7)
    assert lifecycle("confirm", seen["quote"]["id"], "--json").json["free_seats"] == 0
    assert len(lifecycle("members", "seats", "acme", "--json").json["members"]) == 7


def test_a_template_an_export_and_a_token() -> None:
    """Files on stdout; the token is shown once and used once."""
    assert lifecycle("members", "template").out.splitlines()[0] == "email,first_name,last_name,position"
    assert lifecycle("members", "export", "acme").out.splitlines()[1] == "ann@acme.test,,,"
    assert lifecycle("members", "add", "acme", "bob@acme.test").code == 0
    token = lifecycle("members", "resend", "acme", "bob@acme.test", "--json").json["token"]
    assert lifecycle("members", "redeem", token, "--json").json["state"] == "enabled"
    assert lifecycle("members", "redeem", token).code == 3
    assert "bob@acme.test" in lifecycle("members", "show", "acme", "bob@acme.test").out
