"""Invitations by the public API: codes, who may use them, what a refusal costs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import Connection, event, func, select

from lifecycle import Lifecycle, VirtualClock
from lifecycle.app.invitations import digest
from lifecycle.errors import LifecycleError
from lifecycle.store import schema
from lifecycle.verify import verify
from tests.integration.world import travelling

pytestmark = pytest.mark.sampled
ANN = "ann@acme.test"


@dataclass(frozen=True, slots=True)
class Shop:
    """Acme with team: three seats."""

    lifecycle: Lifecycle
    clock: VirtualClock
    sub: str

    def refusal(self, code: str, email: str = "eve@umbra.test", caller: str | None = None) -> str:
        """Why somebody can't join."""
        with pytest.raises(LifecycleError) as refused:
            self.lifecycle.invitations.join(code, email, caller=caller)
        return refused.value.code


@pytest.fixture
def shop(database_url: str) -> Iterator[Shop]:
    """On the first of June."""
    with travelling(database_url, "2026-06-01T00:00:00+00:00") as (lifecycle, clock):
        lifecycle.accounts.create("acme", email=ANN, payment_method=True)
        yield Shop(lifecycle, clock, lifecycle.subscriptions.create("acme", plan="team", trial=False, by=ANN).id)
        assert verify(lifecycle.database, now=clock.now()).findings == ()


def test_a_generated_code_can_hardly_be_guessed(shop: Shop) -> None:
    """Thirty letters of 32: 150 bits; no two are the same, and none is in the log (rules A9, A2)."""
    codes = {shop.lifecycle.invitations.open(shop.sub, by=ANN).code for _ in range(20)}
    assert len(codes) == 20
    assert {len(code.replace("-", "")) for code in codes} == {30}
    with shop.lifecycle.database.reading() as connection:
        told = str(connection.execute(select(schema.log)).all()) + str(
            connection.execute(select(schema.instances)).all()
        )
    assert not [code for code in codes if code in told]


@pytest.mark.parametrize("code", ["abc", "a-b c", "", "x" * 65, "ab\ncd", "ab\0cd"])
def test_a_chosen_code_has_four_letters_or_more(shop: Shop, code: str) -> None:
    """Spaces and dashes are none; nothing is kept of what is refused."""
    with pytest.raises(LifecycleError) as refused:
        shop.lifecycle.invitations.open(shop.sub, code=code, by=ANN)
    assert refused.value.code == "invalid"
    assert shop.lifecycle.invitations.list("acme") == []


def test_a_key_opens_one_invitation(shop: Shop) -> None:
    """The first answer again, with the code that it had (rule B10)."""
    first, again = (shop.lifecycle.invitations.open(shop.sub, limit=3, by=ANN, key="k") for _ in range(2))
    assert first == again
    with pytest.raises(LifecycleError) as refused:
        shop.lifecycle.invitations.open(shop.sub, limit=4, by=ANN, key="k")
    assert refused.value.code == "idempotency_conflict"


def test_an_unknown_code_costs_what_a_known_one_does(shop: Shop) -> None:
    """The same statements, whether there was never such a code, or it was used up, revoked, or has expired and the
    daemon has not seen it (rule F4)."""
    invitations = shop.lifecycle.invitations
    invitations.open(shop.sub, code="used", limit=1, by=ANN)
    invitations.join("used", "bob@acme.test")
    invitations.open(shop.sub, code="revoked", by=ANN)
    invitations.revoke("revoked", by=ANN)
    invitations.open(shop.sub, code="expired", expires="+1d", by=ANN)
    shop.clock.move_to(shop.clock.now() + timedelta(days=1))
    costs = {}
    for code in ("used", "revoked", "expired", "unknown"):
        with _statements(shop.lifecycle) as statements:
            why = shop.refusal(code, caller=code)
        costs[why] = statements
    assert costs.keys() == {"invitation_used_up", "invitation_revoked", "invitation_expired", "invitation_unknown"}
    assert len({tuple(one) for one in costs.values()}) == 1
    shop.lifecycle.fire_due()


@contextmanager
def _statements(lifecycle: Lifecycle) -> Iterator[list[str]]:
    told: list[str] = []

    def hear(_c: Connection, _cursor: object, statement: str, *_: object) -> None:
        told.append(statement)

    event.listen(lifecycle.database.engine, "before_cursor_execute", hear)
    yield told
    event.remove(lifecycle.database.engine, "before_cursor_execute", hear)


def test_attempts_survive_their_refusal_and_go_by_themselves(shop: Shop) -> None:
    """Ten in fifteen minutes, by a digest of the caller; the rows go with anybody's next attempt (rules F4, A2)."""
    assert [shop.refusal(f"wrong {n}") for n in range(11)] == ["invitation_unknown"] * 10 + ["too_many_attempts"]
    with shop.lifecycle.database.reading() as connection:
        assert "umbra" not in str(connection.execute(select(schema.code_attempts)).all())
    shop.lifecycle.advance_to(shop.clock.now() + timedelta(minutes=15))
    assert shop.refusal("wrong", "mallory@umbra.test") == "invitation_unknown"
    with shop.lifecycle.database.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(schema.code_attempts)) == 1
    assert shop.refusal("wrong") == "invitation_unknown"


def test_who_joins_is_a_member_like_others(shop: Shop) -> None:
    """Enabled, no administrator whatever is said, named by the host's words; the code is looked up by its digest."""
    made = shop.lifecycle.invitations.open(shop.sub, code="Come-In 1", by=ANN)
    bob = shop.lifecycle.invitations.join("come in1", "Bob@acme.test", first_name="Bob", role="admin")
    assert (bob.state, bob.role, bob.first_name, bob.subscriptions) == ("enabled", "member", "Bob", (shop.sub,))
    assert shop.lifecycle.invitations.get("COMEIN1") == shop.lifecycle.invitations.get(made.id)
    assert digest("Come-In 1") == digest("comein1")
