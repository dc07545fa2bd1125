"""Webhooks: addresses that are told of transitions, signed, at least once each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from jsonschema import Draft202012Validator
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from lifecycle import Lifecycle, LifecycleError, Refused, VirtualClock
from lifecycle.app.webhook_schemas import schema_for
from lifecycle.config.settings import MACHINES
from lifecycle.engine.registry import load_machines
from lifecycle.engine.relay import Relayed
from lifecycle.errors import NotFound
from lifecycle.verify import verify
from lifecycle_jobs.webhooks import forget_deliveries
from tests.integration.live import wait_until
from tests.integration.world import travelling
from tests.receiver import HERE, Answering, Sent, receiving

pytestmark = pytest.mark.sampled

START = "2026-01-31T09:00+00:00"
NOW = datetime.fromisoformat(START)
REGISTRY = load_machines(MACHINES)
World = tuple[Lifecycle, VirtualClock, Answering]
SUBSCRIBED = ("subscription.subscribed",)


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """A shop on a virtual clock that sends no mail, and a server that says yes."""
    with receiving() as server, travelling(database_url, START, LIFECYCLE_MAIL__USE="none", **HERE) as (shop, clock):
        shop.accounts.create("acme", email="ann@acme.test")
        yield shop, clock, server


def subscribe(shop: Lifecycle) -> str:
    """A trial of acme's, to 14 February."""
    return shop.subscriptions.create("acme", plan="basic", by="ann@acme.test").id


def fits(secret: str, sent: Sent, at: datetime) -> bool:
    """Whether the library takes the signature, at that instant."""
    try:
        with time_machine.travel(at, tick=False):
            Webhook(secret).verify(sent.body, sent.headers)
    except WebhookVerificationError:
        return False
    return True


def test_a_webhook_is_told_of_what_it_has_asked_for(world: World) -> None:
    """On 31 January acme subscribes, and the webhook is told, with a signature by the secret that was shown when it was
    added (X330, X331)."""
    shop, _, server = world
    added = shop.webhooks.add(server.url, events=SUBSCRIBED)
    subscription = subscribe(shop)
    assert shop.relay_outbox() == Relayed(delivered=1)
    [sent] = server.sent
    [message] = shop.outbox.list(destination=f"webhook:{added.webhook.id}")
    assert sent.path == "/hooks?shop=1"
    assert (sent.headers["webhook-id"], sent.headers["webhook-timestamp"]) == (message.id, "1769850000")
    assert (sent.headers["content-type"], sent.headers["user-agent"]) == ("application/json", "lifecycle/0.1.0")
    assert fits(added.secret, sent, NOW)
    told = json.loads(sent.body)
    assert (told["type"], told["timestamp"]) == ("subscription.subscribed", "2026-01-31T09:00:00+00:00")
    assert (told["data"]["instance"], told["data"]["to"], told["data"]["number"]) == (subscription, "trial", 1)
    assert told["data"] == message.payload
    [delivery] = shop.webhooks.deliveries(webhook=added.webhook.id)
    assert (delivery.message_id, delivery.number, delivery.at) == (message.id, 1, NOW)
    assert (delivery.status, delivery.body, delivery.error) == (200, "thanks", None)
    assert verify(shop.database).findings == ()


def test_what_is_sent_of_a_webhook_itself_is_as_published(world: World) -> None:
    """It hears of itself too, where it has asked for everything; and of a test (X340)."""
    shop, clock, server = world
    id = shop.webhooks.add(server.url, description="CRM").webhook.id
    shop.webhooks.test(id)
    shop.webhooks.edit(id, description="")
    shop.webhooks.rotate(id)
    shop.webhooks.pause(id, reason="A while.")
    clock.move_to(NOW + timedelta(hours=1))
    shop.webhooks.resume(id)
    shop.relay_outbox()
    told = [json.loads(sent.body) for sent in server.sent]
    types = [f"webhook.{what}" for what in ("added", "test", "tested", "edited", "rotated", "paused", "resumed")]
    assert sorted(one["type"] for one in told) == sorted(types)
    for one in told:
        Draft202012Validator(schema_for(REGISTRY, one["type"])).validate(one)
    assert verify(shop.database).findings == ()


def test_a_repeat_is_the_same(world: World) -> None:
    """What the webhook has not taken is sent again, under the same id and byte by byte the same, with the time of the
    attempt (X331)."""
    shop, clock, server = world
    server.statuses = [500, 200]
    secret = shop.webhooks.add(server.url, events=SUBSCRIBED).secret
    subscribe(shop)
    assert shop.relay_outbox() == Relayed(failed=1)
    clock.move_to(NOW + timedelta(seconds=5))
    assert shop.relay_outbox() == Relayed(delivered=1)
    first, again = server.sent
    assert (first.body, first.headers["webhook-id"]) == (again.body, again.headers["webhook-id"])
    assert again.headers["webhook-timestamp"] == "1769850005"
    assert fits(secret, again, NOW + timedelta(seconds=5))
    assert [(one.number, one.status) for one in shop.webhooks.deliveries()] == [(1, 500), (2, 200)]


def test_while_a_secret_is_replaced_both_sign(world: World) -> None:
    """For a day from its rotation; then the new one alone (X332)."""
    shop, clock, server = world
    added = shop.webhooks.add(server.url, events=SUBSCRIBED)
    new = shop.webhooks.rotate(added.webhook.id).secret
    shop.webhooks.test(added.webhook.id)
    shop.relay_outbox()
    assert [fits(secret, server.sent[0], NOW) for secret in (added.secret, new)] == [True, True]
    assert len(server.sent[0].headers["webhook-signature"].split(" ")) == 2
    clock.move_to(NOW + timedelta(days=1))
    shop.webhooks.test(added.webhook.id)
    shop.relay_outbox()
    later = NOW + timedelta(days=1)
    assert [fits(secret, server.sent[1], later) for secret in (added.secret, new)] == [False, True]


def test_no_more_than_two_secrets_sign(world: World) -> None:
    """Two rotations at one instant leave the last two, and a rotation without overlap the last; none is logged or sent
    (X332)."""
    shop, _, server = world
    added = shop.webhooks.add(server.url, events=SUBSCRIBED)
    middle, new = (shop.webhooks.rotate(added.webhook.id).secret for _ in range(2))
    shop.webhooks.test(added.webhook.id)
    shop.relay_outbox()
    three = (added.secret, middle, new)
    assert [fits(secret, server.sent[-1], NOW) for secret in three] == [False, True, True]
    only = shop.webhooks.rotate(added.webhook.id, overlap=timedelta()).secret
    shop.webhooks.test(added.webhook.id)
    shop.relay_outbox()
    assert [fits(secret, server.sent[-1], NOW) for secret in (*three, only)] == [False, False, False, True]
    logged = repr([(step.arguments, step.changes, step.effects) for step in shop.log()])
    assert "whsec_" not in logged + "".join(sent.body.decode() for sent in server.sent)


def test_a_paused_webhook_is_told_when_it_is_resumed(world: World) -> None:
    """What is written for it waits, and is delivered in order (X333)."""
    shop, clock, server = world
    id = shop.webhooks.add(server.url, events=("subscription.*",)).webhook.id
    shop.webhooks.pause(id, reason="They move house.")
    shop.subscriptions.cancel(subscribe(shop), by="ann@acme.test")
    assert shop.relay_outbox() == Relayed()
    assert (shop.webhooks.get(id).state, shop.webhooks.get(id).waiting) == ("paused", 2)
    clock.move_to(NOW + timedelta(days=3))
    assert shop.webhooks.resume(id).state == "live"
    assert shop.relay_outbox() == Relayed(delivered=2)
    assert [json.loads(sent.body)["data"]["event"] for sent in server.sent] == ["subscribed", "cancel"]


def test_a_webhook_that_only_fails_is_paused_and_loses_nothing(world: World) -> None:
    """On 5 February it has failed for five days: it is paused, with a notice, and what waits arrives once it is resumed
    (X334)."""
    shop, clock, server = world
    server.statuses = [500]
    id = shop.webhooks.add(server.url, events=SUBSCRIBED).webhook.id
    subscribe(shop)
    shop.relay_outbox()
    assert shop.webhooks.get(id).failing_since == NOW
    clock.move_to(NOW + timedelta(days=5) - timedelta(hours=13))
    assert shop.relay_outbox() == Relayed(failed=1)
    clock.move_to(NOW + timedelta(days=5))
    assert shop.relay_outbox() == Relayed(postponed=1)
    assert shop.webhooks.get(id).state == "paused"
    [paused] = [step for step in shop.log(instance=id) if step.event == "paused"]
    assert (paused.actor, paused.cause) == ("system", "outcome")
    clock.move_to(NOW + timedelta(days=9))
    assert shop.relay_outbox() == Relayed()
    server.statuses = [204]
    assert shop.webhooks.resume(id).failing_since is None
    assert shop.relay_outbox() == Relayed(delivered=1)
    assert len(server.sent) == 4


def test_two_failures_far_apart_pause_nothing(world: World) -> None:
    """On 31 January one failed that was dropped since, and on 6 February the next fails, for the first time (X334)."""
    shop, clock, server = world
    server.statuses = [500]
    id = shop.webhooks.add(server.url, events=SUBSCRIBED).webhook.id
    subscribe(shop)
    shop.relay_outbox()
    shop.outbox.drop(shop.outbox.list(destination=f"webhook:{id}")[0].id, reason="nobody needs it")
    clock.move_to(NOW + timedelta(days=6))
    shop.webhooks.test(id)
    assert shop.relay_outbox() == Relayed(failed=1)
    assert shop.webhooks.get(id).state == "live"


def test_rights_are_judged_before_anything_else(world: World) -> None:
    """A customer's person learns neither whether there is such a webhook, nor whether a host can be found (I14)."""
    shop, _, _ = world
    for act in (
        lambda: shop.webhooks.add("https://nowhere.invalid/", by="ann@acme.test"),
        lambda: shop.webhooks.edit("whk_nothing", url="https://nowhere.invalid/", by="ann@acme.test"),
        lambda: shop.webhooks.pause("whk_nothing", by="ann@acme.test"),
        lambda: shop.webhooks.resend("out_nothing", by="ann@acme.test", reason="why not"),
    ):
        with pytest.raises(Refused) as refused:
            act()
        assert refused.value.code == "not_operator"


def test_the_last_attempt_pauses_instead_of_giving_up(database_url: str) -> None:
    """A webhook has no dead letters of its own making: who would be one waits. Its attempts are those of webhooks, and
    not of the outbox (X334)."""
    attempts = {"LIFECYCLE_WEBHOOKS__ATTEMPTS": "2", "LIFECYCLE_OUTBOX__ATTEMPTS": "1"}
    terms = {**attempts, "LIFECYCLE_MAIL__USE": "none"}
    with receiving(404) as server, travelling(database_url, START, **terms, **HERE) as (shop, clock):
        shop.accounts.create("acme", email="ann@acme.test")
        id = shop.webhooks.add(server.url, events=SUBSCRIBED).webhook.id
        subscribe(shop)
        assert shop.relay_outbox() == Relayed(failed=1)
        clock.move_to(NOW + timedelta(seconds=5))
        assert shop.relay_outbox() == Relayed(postponed=1)
        assert (shop.webhooks.get(id).state, shop.webhooks.get(id).waiting) == ("paused", 1)
        server.statuses = [200]
        shop.webhooks.resume(id)
        assert shop.relay_outbox() == Relayed(delivered=1)  # at once, with all its attempts


def test_a_webhook_that_says_it_is_gone_is_disabled(world: World) -> None:
    """410: the message is a dead letter, the others that wait are dropped, and nothing more is written (X335)."""
    shop, _, server = world
    server.statuses = [410]
    id = shop.webhooks.add(server.url, events=("subscription.*",)).webhook.id
    subscription = subscribe(shop)
    shop.subscriptions.cancel(subscription, by="ann@acme.test")
    assert shop.relay_outbox() == Relayed(dead=1)
    shop.subscriptions.withdraw_cancellation(subscription, by="ann@acme.test")
    assert [one.status for one in shop.outbox.list()] == ["dead", "dropped"]
    assert shop.webhooks.get(id).state == "disabled"
    with pytest.raises(LifecycleError) as caught:
        shop.webhooks.test(id)
    assert caught.value.code == "webhook_disabled"
    server.statuses = [200]
    shop.webhooks.resume(id)
    shop.subscriptions.cancel(subscription, by="ann@acme.test")
    assert shop.relay_outbox() == Relayed(delivered=1)
    assert verify(shop.database).findings == ()


def test_a_removed_webhook_is_told_nothing_more(world: World) -> None:
    """What waits for it is dropped in the same transaction (X335)."""
    shop, _, server = world
    id = shop.webhooks.add(server.url, events=SUBSCRIBED).webhook.id
    subscribe(shop)
    assert shop.webhooks.remove(id).state == "removed"
    assert shop.relay_outbox() == Relayed()
    assert [one.status for one in shop.outbox.list()] == ["dropped"]
    assert shop.webhooks.list() == []
    with pytest.raises(LifecycleError) as caught:
        shop.webhooks.resume(id)
    assert caught.value.code == "webhook_removed"


def test_what_has_arrived_can_be_sent_again(world: World) -> None:
    """By an operator with a reason, under the same id, and the log says so (X336)."""
    shop, _, server = world
    shop.webhooks.add(server.url, events=SUBSCRIBED)
    subscription = subscribe(shop)
    shop.relay_outbox()
    [message] = shop.outbox.list()
    again = shop.webhooks.resend(message.id, reason="They lost it.")
    assert (again.status, again.attempts, again.finished_at) == ("waiting", 0, None)
    assert shop.relay_outbox() == Relayed(delivered=1)
    assert [one.headers["webhook-id"] for one in server.sent] == [message.id, message.id]
    assert [one.number for one in shop.webhooks.deliveries(message=message.id)] == [1, 2]
    assert [step.event for step in shop.log(instance=subscription)] == ["subscribed", "outbox_retried"]
    with pytest.raises(NotFound):
        shop.webhooks.resend("out_nothing", reason="?")
    assert verify(shop.database).findings == ()


def test_one_that_fails_holds_up_nobody_else(world: World) -> None:
    """Two subscriptions are told to a server that is down: it is asked once, then left alone, and the second message
    has lost no attempt (X337)."""
    shop, clock, server = world
    server.statuses = [503, 200]
    shop.accounts.create("zeta", email="zoe@zeta.test")
    shop.webhooks.add(server.url, events=SUBSCRIBED)
    subscribe(shop)
    shop.subscriptions.create("zeta", plan="basic", by="zoe@zeta.test")
    assert shop.relay_outbox() == Relayed(failed=1, postponed=1)
    assert len(server.sent) == 1
    assert sorted(one.attempts for one in shop.outbox.list()) == [0, 1]
    clock.move_to(NOW + timedelta(seconds=5))
    assert shop.relay_outbox() == Relayed(delivered=2)


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [("120", 120), ("Sat, 31 Jan 2026 09:02:00 GMT", 120), ("999999999999", 3600), ("soon", 5)],
)
def test_a_webhook_can_ask_for_time(asked: str, seconds: int, world: World) -> None:
    """429 with `Retry-After` in seconds or as a date is an attempt, and nothing is sent before that; for an hour at
    most (X337)."""
    shop, clock, server = world
    server.statuses, server.headers = [429, 200], [("Retry-After", asked)]
    shop.webhooks.add(server.url, events=SUBSCRIBED)
    subscribe(shop)
    assert shop.relay_outbox() == Relayed(failed=1)
    if seconds > 5:
        clock.move_to(NOW + timedelta(seconds=seconds - 1))
        assert shop.relay_outbox() == Relayed(postponed=1)
    clock.move_to(NOW + timedelta(seconds=seconds + 5))
    assert shop.relay_outbox() == Relayed(delivered=1)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("ftp://shop.test/", "webhook_forbidden"),
        ("http://user:secret@127.0.0.1:8080/", "webhook_forbidden"),
        ("http://10.0.0.1:8080/", "webhook_forbidden"),
        ("http://127.0.0.1:25/", "webhook_forbidden"),
        ("http://nowhere.invalid/", "invalid"),
    ],
)
def test_an_address_is_refused_when_it_is_added(url: str, code: str, world: World) -> None:
    """And nothing is written of it (X338)."""
    shop, _, _ = world
    with pytest.raises(LifecycleError) as caught:
        shop.webhooks.add(url)
    assert caught.value.code == code
    assert [step for step in shop.log() if step.machine == "webhook"] == []


def test_what_is_wrong_with_a_webhook_is_said(world: World) -> None:
    """Events that nothing has, none at all, no operator, and nothing to change."""
    shop, _, server = world
    id = shop.webhooks.add(server.url, events=SUBSCRIBED).webhook.id
    for code, job in (
        ("hook_unknown", lambda: shop.webhooks.add(server.url, events=["subscription.lapsed"])),
        ("invalid", lambda: shop.webhooks.add(server.url, events=[])),
        ("not_operator", lambda: shop.webhooks.add(server.url, by="ann@acme.test")),
        ("not_operator", lambda: shop.webhooks.remove(id, by="ann@acme.test")),
        ("no_change", lambda: shop.webhooks.edit(id, events=SUBSCRIBED)),
        ("no_change", lambda: shop.webhooks.resume(id)),
        ("not_found", lambda: shop.webhooks.get("whk_nothing")),
        ("invalid", lambda: shop.webhooks.rotate(id, overlap=timedelta(days=31))),
    ):
        with pytest.raises(LifecycleError) as caught:
            job()
        assert caught.value.code == code


def test_a_configuration_without_the_machine_says_what_to_add(database_url: str) -> None:
    """Those that list machines of their own may not have it."""
    machines = "[lifecycle_machines.subscription:SubscriptionMachine]"
    with travelling(database_url, START, LIFECYCLE_MACHINES=machines) as (shop, _):
        with pytest.raises(LifecycleError, match=r"- lifecycle_machines\.webhook:WebhookMachine") as caught:
            shop.webhooks.add("https://shop.test/")
        assert caught.value.code == "webhooks_not_configured"


def test_attempts_are_kept_for_a_month(world: World) -> None:
    """At what has arrived; what still waits keeps all of them (X339)."""
    shop, clock, server = world
    server.statuses = [200, 500]
    id = shop.webhooks.add(server.url, events=("subscription.*",)).webhook.id
    subscription = subscribe(shop)
    shop.relay_outbox()
    shop.subscriptions.cancel(subscription, by="ann@acme.test")
    shop.relay_outbox()
    clock.move_to(NOW + timedelta(days=30, seconds=1))
    forget_deliveries(shop)
    assert [one.status for one in shop.webhooks.deliveries(webhook=id)] == [500]


def test_what_was_answered_goes_with_the_account(world: World) -> None:
    """A receiver may have written anything into it (A2)."""
    shop, _, server = world
    shop.webhooks.add(server.url, events=("account.closed",))
    shop.accounts.close("acme", by="operator")
    shop.relay_outbox()
    [delivery] = shop.webhooks.deliveries()
    shop.accounts.delete("acme", by="operator")
    assert shop.webhooks.deliveries() == [replace(delivery, body="")]


def test_what_happens_on_a_named_clock_is_sent_nowhere(database_url: str, tmp_path: Path) -> None:
    """It becomes a file in the mailbox, and no webhook hears of it."""
    allowed = {"LIFECYCLE_CLOCKS__ALLOWED": "true", "LIFECYCLE_MAIL__PATH": str(tmp_path / "mail")}
    with receiving() as server, travelling(database_url, START, **allowed, **HERE) as (shop, _):
        shop.webhooks.add(server.url, events=SUBSCRIBED)
        shop.clocks.create("qa", NOW)
        shop.accounts.create("acme", email="ann@acme.test", clock="qa")
        subscribe(shop)
        shop.clocks.advance("qa", NOW + timedelta(hours=1))
        shop.relay_outbox()
        assert server.sent == []
        assert len(list((tmp_path / "mail").iterdir())) == 2  # its notice is the other
        shop.clocks.delete("qa")
        assert shop.outbox.list() == []


def test_a_daemon_delivers_beside_everything_else(database_url: str) -> None:
    """With a lane of its own: what hangs elsewhere does not hold it up (X344)."""
    with receiving() as server, travelling(database_url, START, LIFECYCLE_MAIL__USE="none", **HERE) as (shop, _):
        shop.accounts.create("acme", email="ann@acme.test")
        shop.webhooks.add(server.url, events=SUBSCRIBED)
        subscribe(shop)
        shop.relay_in_lanes()
        wait_until(lambda: [one.status for one in shop.outbox.list()] == ["delivered"])
        assert len(server.sent) == 1
