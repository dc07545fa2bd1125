"""The story of an organisation and its people, from the first day to the last, through the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import create_engine, select

from lifecycle.store.schema import metadata
from tests.integration.cli.world import Ended, lifecycle, standing_at

BY = ("--by", "ann@umbra.test")


@pytest.mark.usefixtures("empty")
def test_an_organisation_from_its_first_day_to_its_last(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seats are bought, filled by hand, by file and by code; a member may not command; tokens are used; the account is
    closed and erased (rules F1 to F4, B11, D9, D11, A2)."""
    monkeypatch.setenv("LIFECYCLE_DATABASE__URL", database_url)
    lifecycle("db", "upgrade")
    with standing_at("2026-06-01T00:00:00Z"):
        done("account", "add", "umbra", "--email", "ann@umbra.test", "--payment-method")
        done("subscribe", "umbra", "--plan", "team", "--no-trial", *BY)
    with standing_at("2026-06-16T00:00:00Z"):
        quote = done("quote", "add-seats", "umbra", "1", *BY, "--json").json
        assert quote["due_now"] == 933  # 20.00 × 14/30
        assert done("confirm", quote["id"], *BY, "--json").json["free_seats"] == 4
        done("members", "add", "umbra", "bob@umbra.test", "--first-name", "Bob", "--sub", "umbra", *BY)
        file = tmp_path / "people.csv"
        file.write_text("\ufeffemail;first_name\ncy@umbra.test;Cy\n;\ndot@umbra.test;=Dot\n", encoding="utf-8")
        assert "Got a seat: 2." in done("members", "import", "umbra", str(file), "--sub", "umbra", *BY).err
        done("invitations", "open", "umbra", "--code", "Join-Us", "--limit", "5", *BY)
        assert done("join", "join us", "--email", "eli@umbra.test", "--json").json["member"]["state"] == "enabled"
        full = lifecycle("join", "join us", "--email", "fay@umbra.test")
        assert (full.code, full.err.partition(":")[0]) == (3, "refused (no_free_seat)")
        denied = lifecycle("cancel", "umbra", "--by", "bob@umbra.test")
        assert (denied.code, denied.err.partition(":")[0]) == (3, "refused (not_admin)")
        assert len(done("members", "seats", "umbra", "--json").json["members"]) == 4
        assert "'=Dot" in done("members", "export", "umbra").out
        assert "1 of 5" in done("invitations", "show", "Join-Us").out
        done("invitations", "revoke", "Join-Us", *BY)
        fewer = lifecycle("change", "umbra", "--seats", "3", *BY)
        assert "bob@umbra.test" in fewer.err
        page = done("account", "show", "umbra", "--json").json
        assert (page["members"], page["pages"][0]["seats_used"]) == (5, 4)
        assert "4 of 4 are taken" in done("account", "show", "umbra").out
        done("members", "unassign", "umbra", "bob@umbra.test", *BY)
        done("change", "umbra", "--plan", "flexible", "--seats", "1", "--when", "now", code=3)
        for name in ("cy", "dot"):
            done("members", "remove", "umbra", f"{name}@umbra.test", *BY)
        done("change", "umbra", "--plan", "flexible", "--seats", "1", "--when", "now", *BY)
        assert done("tokens", "packs", "umbra", "--json").json[0] == {"tokens": 100, "price": 900, "currency": "USD"}
        done("quote", "buy-tokens", "umbra", "100", *BY)
        done("tokens", "buy", "umbra", "100", *BY)
        assert "left  70" in done("tokens", "use", "umbra", "30").out
        assert done("tokens", "history", "umbra").lines[-1].split()[-2:] == ["-30", "70"]
        assert done("tokens", "show", "umbra", "--json").json["left"] == 70
        assert "subscription_live" in lifecycle("account", "close", "umbra", *BY).err
        done("cancel", "umbra", "--when", "now", *BY)
        done("account", "edit", "umbra", "--address", "1 Main Street", *BY)
        assert "closed" in done("account", "close", "umbra", *BY).out
        gone = done("account", "delete", "umbra", "--yes", "--json").json
        assert done("verify").code == 0
    assert "umbra" not in everything(database_url)
    assert gone["account"].startswith("acct_")


def done(*words: str, code: int = 0) -> Ended:
    """A command that ends so."""
    ended = lifecycle(*words)
    assert ended.code == code, ended.err
    return ended


def everything(url: str) -> str:
    """All that our tables hold."""
    engine = create_engine(url)
    with engine.connect() as connection:
        told = "".join(str(connection.execute(select(table)).all()) for table in metadata.sorted_tables)
    engine.dispose()
    return told
