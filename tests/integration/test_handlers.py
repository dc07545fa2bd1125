"""A host's handlers: told of transitions by the outbox, at least once each, whoever has made them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from lifecycle import Lifecycle, LifecycleError, Transition, TryLater, Undeliverable, VirtualClock
from lifecycle.app.loading import unloadable
from lifecycle.config import load_config
from lifecycle.engine.relay import Relayed
from lifecycle.errors import DefinitionError
from lifecycle.verify import verify
from tests.integration.world import PROJECT, travelling

pytestmark = pytest.mark.sampled

START = "2026-01-31T09:00+00:00"
NOW = datetime.fromisoformat(START)
HERE = "tests.integration.test_handlers"
World = tuple[Lifecycle, VirtualClock]
heard: list[Transition] = []


def hear(transition: Transition) -> None:
    """What a configuration names by a dotted path."""
    heard.append(transition)


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """A shop on a virtual clock that sends no mail."""
    with travelling(database_url, START, LIFECYCLE_MAIL__USE="none") as world:
        world[0].accounts.create("acme", email="ann@acme.test")
        yield world


def subscribe(lifecycle: Lifecycle) -> str:
    """A trial of acme's, to 14 February."""
    return lifecycle.subscriptions.create("acme", plan="basic", by="ann@acme.test").id


def test_a_handler_is_told_of_what_it_has_asked_for(world: World) -> None:
    """By its event, or by the state that is entered: ids, instants, and the facts as the transition has left them
    (X342)."""
    lifecycle, _ = world
    told: list[Transition] = []
    lifecycle.handler("subscription.cancel", "subscription.ended")(told.append)
    subscription = subscribe(lifecycle)
    lifecycle.subscriptions.cancel(subscription, by="ann@acme.test")
    lifecycle.advance_to(datetime.fromisoformat("2026-03-01T00:00+00:00"))
    assert [(one.event, one.source, one.target, one.at.isoformat()) for one in told] == [
        ("cancel", "trial", "pending_cancellation", "2026-01-31T09:00:00+00:00"),
        ("end_date_arrives", "pending_cancellation", "ended", "2026-02-14T09:00:00+00:00"),
    ]
    cancelled, ended = told
    assert cancelled.facts["ends_at"] == "2026-02-14T09:00:00+00:00"
    assert (ended.instance, ended.root, ended.number, ended.machine) == (subscription, subscription, 3, "subscription")
    assert ended.account == lifecycle.accounts.get("acme").id
    assert (ended.cause, ended.attempt, ended.again) == ("deferral", 1, False)
    assert verify(lifecycle.database).findings == ()


def test_a_handler_that_raises_is_told_again_under_the_same_id(world: World) -> None:
    """And what it was told before is never told once more (X343)."""
    lifecycle, clock = world
    told: list[tuple[str, str, int]] = []

    @lifecycle.handler("subscription.*", name="billing")
    def bill(transition: Transition) -> None:
        told.append((transition.id, transition.event, transition.attempt))
        if len(told) == 1:
            raise OSError("the book is away")

    lifecycle.subscriptions.cancel(subscribe(lifecycle), by="ann@acme.test")
    assert lifecycle.relay_outbox() == Relayed(failed=1)  # in order: the second waits for the first
    clock.move_to(NOW + timedelta(seconds=5))
    assert lifecycle.relay_outbox() == Relayed(delivered=2)
    (first, _, _), again, last = told
    assert again == (first, "subscribed", 2)
    assert (last[0] != first, last[1:]) == (True, ("cancel", 1))
    assert {message.destination for message in lifecycle.outbox.list()} == {"handler:billing"}


@pytest.mark.parametrize(("answer", "done"), [(Undeliverable("no"), "dead"), (TryLater("x", at=NOW), "postponed")])
def test_a_handler_answers_as_a_destination_does(answer: LifecycleError, done: str, world: World) -> None:
    """It can give up, and it can ask for later."""
    lifecycle, _ = world

    @lifecycle.handler("subscription.subscribed")
    def refuse(_transition: Transition) -> None:
        raise answer

    subscribe(lifecycle)
    assert lifecycle.relay_outbox() == Relayed(**{done: 1})


def test_a_handler_may_be_a_coroutine_function(world: World) -> None:
    """It runs in an event loop of its own, and is done when it is."""
    lifecycle, _ = world
    told: list[str] = []

    @lifecycle.handler("subscription.subscribed")
    async def later(transition: Transition) -> None:
        await asyncio.sleep(0)
        told.append(transition.event)

    subscribe(lifecycle)
    lifecycle.relay_outbox()
    assert told == ["subscribed"]


@pytest.mark.parametrize("used", [False, True])
def test_what_another_process_has_committed_is_told_too(database_url: str, *, used: bool) -> None:
    """A command line that knows of no handler leaves the message; whoever has the handler delivers it, whether that was
    added before the database was first used or after (X342)."""
    with ExitStack() as stack:
        mail = {"LIFECYCLE_MAIL__USE": "none"}
        host, _ = stack.enter_context(travelling(database_url, START, **mail))
        told: list[str] = []
        if used:
            host.accounts.list()
        host.handler("subscription.subscribed")(lambda transition: told.append(transition.event))
        host.accounts.create("acme", email="ann@acme.test")
        environ = {"LIFECYCLE_DATABASE__URL": host.config.database_url, **mail}
        other = Lifecycle.from_config(PROJECT / "config.yaml", clock=VirtualClock(NOW), environ=environ)
        stack.callback(other.close)
        subscribe(other)
        assert other.relay_outbox() == Relayed()
        assert host.relay_outbox() == Relayed(delivered=1)
        assert told == ["subscribed"]


def test_a_handler_is_named_by_the_configuration(database_url: str) -> None:
    """By its dotted path, and what waits for it bears the name there."""
    handlers = f'{{crm: {{run: "{HERE}:hear", on: [subscription.subscribed]}}}}'
    heard.clear()
    mail = {"LIFECYCLE_MAIL__USE": "none"}
    with travelling(database_url, START, LIFECYCLE_HANDLERS=handlers, **mail) as (lifecycle, _):
        lifecycle.accounts.create("acme", email="ann@acme.test")
        subscribe(lifecycle)
        [message] = lifecycle.outbox.list()
        assert (message.destination, message.kind, message.place) == ("handler:crm", "subscription.subscribed", -1)
        lifecycle.relay_outbox()
    assert [one.event for one in heard] == ["subscribed"]


def test_a_handler_that_can_not_be_had_keeps_what_is_told(database_url: str) -> None:
    """It is tried again like any other trouble, and says what is wrong."""
    handlers = '{crm: {run: "nowhere.at.all:hear", on: ["*"]}}'
    mail = {"LIFECYCLE_MAIL__USE": "none"}
    with travelling(database_url, START, LIFECYCLE_HANDLERS=handlers, **mail) as (lifecycle, _):
        lifecycle.accounts.create("acme", email="ann@acme.test")
        subscribe(lifecycle)
        assert lifecycle.relay_outbox() == Relayed(failed=1)
        [message] = lifecycle.outbox.list()
        assert message.status == "waiting"
        assert message.error == (
            "lifecycle.errors.DefinitionError: The handler 'crm' can't be loaded from 'nowhere.at.all:hear': "
            "No module named 'nowhere'."
        )


@pytest.mark.parametrize(("path", "wrong"), [("nowhere.at.all:hear", "No module"), (f"{HERE}:START", "not a function")])
def test_the_check_of_a_configuration_tries_its_handlers(path: str, wrong: str) -> None:
    """As it does machines and jobs: a path that leads nowhere is told before anything waits for it."""
    environ = {"LIFECYCLE_HANDLERS": f'{{crm: {{run: "{path}", on: ["*"]}}}}'}
    [problem] = unloadable(load_config(PROJECT / "config.yaml", environ))
    assert (problem.path, wrong in problem.expected) == ("handlers.crm.run", True)


def test_what_is_wrong_with_a_handler_is_said_at_once(world: World) -> None:
    """An event that nothing has, and a name that is taken."""
    lifecycle, _ = world
    with pytest.raises(LifecycleError) as caught:
        lifecycle.handler("subscription.lapsed")
    assert caught.value.code == "hook_unknown"
    lifecycle.handler("*", name="crm")(heard.append)
    with pytest.raises(DefinitionError, match="There is a handler 'crm' already; give it a name"):
        lifecycle.handler("*", name="crm")(heard.append)


def test_nothing_is_told_of_a_refusal(world: World) -> None:
    """Nor of what was rolled back (rule B2)."""
    lifecycle, _ = world
    lifecycle.handler("*")(heard.append)
    subscription = subscribe(lifecycle)
    before = lifecycle.outbox.list()
    with pytest.raises(LifecycleError):
        lifecycle.subscriptions.withdraw_change(subscription, by="ann@acme.test")
    assert lifecycle.outbox.list() == before


def test_a_named_clock_keeps_handlers_out(database_url: str, tmp_path: Path) -> None:
    """What happens on a tester's clock becomes a file, and the handler is not called."""
    environ = {"LIFECYCLE_CLOCKS__ALLOWED": "true", "LIFECYCLE_MAIL__PATH": str(tmp_path / "mail")}
    with travelling(database_url, START, **environ) as (lifecycle, _):
        told: list[Transition] = []
        lifecycle.handler("subscription.subscribed", name="crm")(told.append)
        lifecycle.clocks.create("qa", NOW)
        lifecycle.accounts.create("acme", email="ann@acme.test", clock="qa")
        subscribe(lifecycle)
        lifecycle.clocks.advance("qa", NOW + timedelta(hours=1))
        assert told == []
        assert len(list((tmp_path / "mail").iterdir())) == 2  # its notice is the other
