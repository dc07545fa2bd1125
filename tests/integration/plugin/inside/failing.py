"""Tests of a host that fail, each in a way of its own."""

from __future__ import annotations

import pytest

from lifecycle import Lifecycle, Step
from lifecycle.testing.story import AssertTransitions, TravelTo

ANN = "ann@acme.test"


@pytest.fixture
def acme(lifecycle: Lifecycle) -> str:
    """The id of a trial of Acme's, which is to become Team on 20 January."""
    lifecycle.accounts.create("acme", email=ANN, payment_method=True)
    sub = lifecycle.subscriptions.create("acme", plan="basic", by=ANN)
    lifecycle.subscriptions.change(sub.id, plan="team", when="2026-01-20", by=ANN, reason="More room.")
    return sub.id


@pytest.fixture
def broken(acme: str) -> str:
    """Something of the host's own that fails once there is a subscription."""
    raise RuntimeError(f"No room for {acme}.")


def test_expectation(acme: str, travel_to: TravelTo, assert_transitions: AssertTransitions) -> None:
    """It went otherwise."""
    travel_to("2026-02-25")
    assert_transitions(acme, ["subscribed"])


def test_setup(broken: str) -> None:
    """A fixture of the host's own fails."""
    assert broken


def test_hook(lifecycle: Lifecycle) -> None:
    """A hook fails, and so does the test, for what the hook was to do has not been done."""
    done: list[str] = []

    @lifecycle.on("subscription.subscribed")
    def hear(step: Step) -> None:
        raise RuntimeError(f"no line to {step.instance_id}")

    lifecycle.accounts.create("acme", email=ANN)
    lifecycle.subscriptions.create("acme", plan="basic", by=ANN)
    assert done


def test_many(lifecycle: Lifecycle) -> None:
    """More customers than anybody wants to read of."""
    for number in range(5):
        lifecycle.accounts.create(f"customer-{number}", email=ANN)
        lifecycle.subscriptions.create(f"customer-{number}", plan="basic", by=ANN)
    pytest.fail("there are too many")


def test_nothing(travel_to: TravelTo) -> None:
    """It fails before anything has happened."""
    travel_to("2026-03-01")
    pytest.fail("nothing is there")


def test_undrawable(lifecycle: Lifecycle) -> None:
    """What happened can't be read any more."""
    lifecycle.database.engine.dispose()
    pytest.fail("the test's own failure")


@pytest.mark.xfail(reason="it is known")
def test_known(acme: str) -> None:
    """A failure that was expected."""
    assert not acme
