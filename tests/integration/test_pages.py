"""What a customer sees of their account, in one look."""

from __future__ import annotations

from datetime import timedelta

from lifecycle.app.pages import AccountPage
from tests.integration.world import travelling
from tests.unit.machine_world import utc

ANN = "ann@acme.test"


def test_a_page_without_a_subscription_and_one_with_it(database_url: str) -> None:
    """First what there is to choose from; then the plan, when it renews and for how much, who has a seat, what can be
    done now; then the end, as a banner has it (rule G1)."""
    with travelling(database_url, "2026-06-01T00:00:00+00:00") as (lifecycle, clock):
        lifecycle.accounts.create("acme", email=ANN, payment_method=True)

        def page() -> AccountPage:
            return lifecycle.pages.account("acme", by=ANN)

        assert (page().subscriptions, [offer.current for offer in page().plans]) == ([], [False, False, False])
        assert {offer.plan: offer.prices for offer in page().plans}["basic"] == {"month": 5000, "year": 50000}
        sub = lifecycle.subscriptions.create("acme", plan="team", seats=5, trial=False, by=ANN).id
        lifecycle.members.add("acme", "bob@acme.test", subscription=sub, by=ANN)
        [one] = page().subscriptions
        assert [offer.plan for offer in page().plans if offer.current] == ["team"]
        assert one.renews is not None
        assert (one.renews.date, one.renews.total) == (utc("2026-07-01"), 14000)  # 100.00 and two seats for 20.00
        assert (one.seats_used, one.subscription.free_seats, one.subscription.credits, page().members) == (1, 4, 100, 2)
        assert (one.possible["withdraw_cancellation"], one.possible["cancel"]) == ("no_pending_cancellation", None)
        assert (len(page().billing), page().billing[0].total, page().payment_methods[0].last4) == (1, 14000, "4242")
        lifecycle.subscriptions.cancel(sub, by=ANN)
        [one] = page().subscriptions
        assert (one.ends_at, one.renews, one.possible["add_seats"]) == (utc("2026-07-01"), None, "cancellation_pending")
        lifecycle.advance_to(clock.now() + timedelta(days=30))
        assert page().subscriptions == []
