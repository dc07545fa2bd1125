"""Many processes want the last seats at once, by file, by code and by hand; the last uses of a code; the last tokens:
exactly so many succeed, each other one is told why not, and history is whole."""

from __future__ import annotations

from collections import Counter

import pytest

from lifecycle import Lifecycle
from tests.forking import forker
from tests.torture import joiners
from tests.torture.joiners import CODE
from tests.torture.judge import assert_whole
from tests.torture.shop import lifecycle_on
from tests.torture.size import SIZE

pytestmark = pytest.mark.sampled

PROCESSES = 64 if SIZE.is_long else 9
LAST = 10 if SIZE.is_long else 4


def team(lifecycle: Lifecycle, *, seats: int, limit: int | None = None) -> str:
    """A subscription with so many seats, two of which are taken by a code."""
    lifecycle.accounts.create("acme", email="ann@shop.test", payment_method=True)
    made = lifecycle.subscriptions.create("acme", plan="team", seats=seats, by="ann@shop.test").id
    lifecycle.invitations.open(made, code=CODE, limit=limit, by="ann@shop.test")
    for name in ("bob", "cid"):
        lifecycle.invitations.join(CODE, f"{name}@shop.test")
    return made


def answers(url: str, ways: str, subscription: str) -> Counter[str]:
    """What the processes were answered."""
    with forker(joiners.__name__, url) as clients:
        clients.tell(f"{ways} / {subscription} / {PROCESSES}")
        heard = [clients.hear() for _ in range(PROCESSES)]
        assert clients.hear() == "done"
    assert {one.split()[0] for one in heard} == set(ways.split())  # each way was tried
    return Counter(one.split()[1] for one in heard)


def test_the_last_seats_by_file_by_code_and_by_hand(database_url: str) -> None:
    """Who finds none is told `no_free_seat`, and uses nothing up (F1, F2, F4, I25)."""
    with lifecycle_on(database_url) as lifecycle:
        made = team(lifecycle, seats=LAST + 2)
        assert answers(database_url, "file code hand", made) == {"done": LAST, "no_free_seat": PROCESSES - LAST}
        seated = lifecycle.members.beneficiaries(made)
        joined = [one for one in seated if one.member.state == "enabled"]
        assert (len(seated), lifecycle.subscriptions.get(made).free_seats) == (LAST + 2, 0)
        assert lifecycle.invitations.get(CODE).used == len(joined)
        assert len(lifecycle.members.list("acme")) == LAST + 3
    assert_whole(database_url)


def test_the_last_uses_of_a_code(database_url: str) -> None:
    """There are seats enough (F4)."""
    with lifecycle_on(database_url) as lifecycle:
        made = team(lifecycle, seats=50, limit=LAST + 2)
        assert answers(database_url, "code", made) == {"done": LAST, "invitation_used_up": PROCESSES - LAST}
        assert (lifecycle.invitations.get(CODE).used, len(lifecycle.members.beneficiaries(made))) == (
            LAST + 2,
            LAST + 2,
        )
    assert_whole(database_url)


def test_the_last_tokens(database_url: str) -> None:
    """A hundred were bought, and most are used (D11)."""
    with lifecycle_on(database_url) as lifecycle:
        lifecycle.accounts.create("acme", email="ann@shop.test", payment_method=True)
        made = lifecycle.subscriptions.create("acme", plan="flexible", by="ann@shop.test").id
        lifecycle.subscriptions.buy_tokens(made, 100, by="ann@shop.test")
        lifecycle.tokens.use("acme", 100 - LAST, by="ann@shop.test")
        assert answers(database_url, "token", made) == {"done": LAST, "tokens_exhausted": PROCESSES - LAST}
        assert lifecycle.tokens.get("acme").left == 0
    assert_whole(database_url)
