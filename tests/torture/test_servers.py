"""A PostgreSQL that crashes under load, and connections that are cut in the middle of a COMMIT."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.progress import track
from sqlalchemy import make_url

from lifecycle import Lifecycle
from lifecycle.errors import LifecycleError
from tests.integration.live import PATIENCE, Lines
from tests.postgres import Crashable
from tests.torture.client import Client, at_work
from tests.torture.conftest import Tell
from tests.torture.diary import Diary
from tests.torture.judge import UNAVAILABLE, assert_whole, judge
from tests.torture.proxy import Cut, proxy_to
from tests.torture.shop import CUSTOMERS, lifecycle_on, open_shop
from tests.torture.size import SIZE

pytestmark = pytest.mark.sampled


def test_a_postgresql_that_crashes_under_load(
    crashable: Crashable, crashable_url: str, tmp_path: Path, lines: Lines, tell: Tell
) -> None:
    """A daemon catches up and clients command while the server crashes and comes back. Clients hear that the database
    is unavailable, and nothing else; the daemon says so, and goes on by itself; what was acknowledged is there."""
    diary = Diary(tmp_path / "diary")
    open_shop(crashable_url, SIZE.subscriptions)
    with lifecycle_on(crashable_url) as lifecycle:
        customer = lifecycle.subscriptions.list()[-CUSTOMERS].id
        commands, openings = Client(lifecycle, diary, "c"), Client(lifecycle, diary, "o")
        with lifecycle.start(), at_work(lambda: commands.command(customer)), at_work(lambda: _open(openings)):
            for _ in track(range(SIZE.crashes), "crashes"):
                lines.next("transition", cause="command")
                lines.next("transition", cause="deferral")
                crashable.crash()
                failed = lines.next("dispatcher_failed")
                assert "can't be used" in str(failed["error"])
                crashable.start()
                lines.next("transition", cause="deferral")
    outcomes = judge(crashable_url, diary, forgiven=(UNAVAILABLE,))
    assert outcomes["acknowledged"] >= SIZE.crashes
    assert outcomes["in flight"] >= SIZE.crashes
    tell(f"{SIZE.crashes} crashes", outcomes)


@pytest.mark.parametrize(("cut", "there"), [("before", [1]), ("after", [1, 2])])
def test_a_command_whose_commit_is_cut_off(crashable_url: str, cut: Cut, there: list[int]) -> None:
    """Before it reaches the server, nothing is there; after it, everything. The client can't tell one from the other,
    and sends the command again with its key: there is one more seat, and one more row."""
    with (
        proxy_to(crashable_url) as proxy,
        lifecycle_on(_rendered(proxy.url)) as far,
        lifecycle_on(crashable_url) as near,
    ):
        near.accounts.create("acme", email="ann@shop.test", payment_method=True)
        team = near.subscriptions.create("acme", plan="team", by="system")
        far.subscriptions.get(team.id)
        proxy.cut = cut
        with pytest.raises(LifecycleError, match="Whether the transaction was committed is not known") as error:
            far.subscriptions.add_seats(team.id, 1, by="ann@shop.test", key="one more")
        assert error.value.code == "database_unavailable"
        assert _numbers(near, team.id) == there
        again = far.subscriptions.add_seats(team.id, 1, by="ann@shop.test", key="one more")
        assert (again.seats, again.version) == (team.seats + 1, 2)
        assert _numbers(near, team.id) == [1, 2]
    assert_whole(crashable_url)


@pytest.mark.parametrize("cut", ["before", "after"])
def test_a_batch_whose_commit_is_cut_off(crashable_url: str, cut: Cut, lines: Lines) -> None:
    """The daemon says that the database can't be used, connects anew and catches up: each cycle has fired once."""
    open_shop(crashable_url, 20)
    with proxy_to(crashable_url) as proxy, lifecycle_on(_rendered(proxy.url), batch=500) as far:
        _ = far.engine
        proxy.cut = cut
        with far.start() as dispatcher:
            assert "can't be used" in str(lines.next("dispatcher_failed")["error"])
            assert dispatcher.idle(PATIENCE)
    assert_whole(crashable_url)


def _open(client: Client) -> None:
    """Open an account, if the database is there."""
    try:
        client.open()
    except LifecycleError as error:
        if error.code != "database_unavailable":
            raise


def _numbers(lifecycle: Lifecycle, subscription: str) -> list[int]:
    return [step.seq for step in lifecycle.subscriptions.history(subscription)]


def _rendered(url: object) -> str:
    return make_url(str(url)).render_as_string(hide_password=False)
