"""Several processes use the last three uses of a code, or the last three seats, at once: exactly three succeed."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.forking import forker
from tests.torture import joiners
from tests.torture.judge import assert_whole
from tests.torture.shop import lifecycle_on
from tests.torture.size import SIZE

pytestmark = pytest.mark.sampled

THREADS = 8 if SIZE.is_long else 1
CLIENTS = joiners.PROCESSES * THREADS


def three_of_all_join(url: str, *, limit: int | None, seats: int, refusal: str) -> None:
    """Two have joined before; of the clients three join, and each other one is told why not."""
    with lifecycle_on(url) as lifecycle:
        lifecycle.accounts.create("acme", email="ann@shop.test", payment_method=True)
        team = lifecycle.subscriptions.create("acme", plan="team", seats=seats, by="ann@shop.test").id
        lifecycle.invitations.open(team, code="SPRING-2026", limit=limit, by="ann@shop.test")
        for name in ("bob", "cid"):
            lifecycle.invitations.join("SPRING-2026", f"{name}@shop.test")
        with forker(joiners.__name__, url) as clients:
            clients.tell(f"SPRING-2026 / {THREADS}")
            answers = Counter(clients.hear() for _ in range(CLIENTS))
            assert clients.hear() == "done"
        assert answers == {"joined": 3, refusal: CLIENTS - 3}
        assert lifecycle.invitations.get("SPRING-2026").used == 5
        assert len(lifecycle.members.beneficiaries(team)) == 5
    assert_whole(url)


def test_the_last_three_uses(database_url: str) -> None:
    """A limit of five, and two have joined before (F4)."""
    three_of_all_join(database_url, limit=5, seats=50, refusal="invitation_used_up")


def test_the_last_three_seats(database_url: str) -> None:
    """Five seats, two of which are taken; who finds none uses nothing up (F4, I25)."""
    three_of_all_join(database_url, limit=None, seats=5, refusal="no_free_seat")
