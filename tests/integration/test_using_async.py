"""`using_async`: the same inside the transactions of an AsyncSession or AsyncConnection."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from lifecycle import Refused
from lifecycle.app.accounts import Accounts
from lifecycle.app.awaited import (
    AsyncAccounts,
    AsyncBalances,
    AsyncInvoices,
    AsyncOperations,
    AsyncPaymentMethods,
    AsyncQuotes,
    AsyncSubscriptions,
)
from lifecycle.app.balances import Balances
from lifecycle.app.invoices import Invoices
from lifecycle.app.operations import Operations
from lifecycle.app.payment_methods import PaymentMethods
from lifecycle.app.quotes import Quotes
from lifecycle.app.subscriptions import Subscriptions
from tests.integration.host import ANN, Heard, Host, Order, hosting

pytestmark = pytest.mark.sampled

TAKE_A_TRANSACTION = {"prepared", "write", "open"}
"""What the import calls inside a transaction of its own."""


def public(part: type) -> set[str]:
    """The names of a class that are for users."""
    return {name for name in dir(part) if not name.startswith("_")}


@asynccontextmanager
async def engine(host: Host) -> AsyncIterator[AsyncEngine]:
    """The host's database by an asynchronous driver."""
    url = host.engine.url
    driver = "sqlite+aiosqlite" if url.get_backend_name() == "sqlite" else "postgresql+psycopg_async"
    engine = create_async_engine(url.set(drivername=driver))
    host.lifecycle.prepare(engine)
    try:
        yield engine
    finally:
        await engine.dispose()


@pytest.mark.parametrize(
    ("sync", "awaited"),
    [
        (Accounts, AsyncAccounts),
        (PaymentMethods, AsyncPaymentMethods),
        (Subscriptions, AsyncSubscriptions),
        (Quotes, AsyncQuotes),
        (Invoices, AsyncInvoices),
        (Balances, AsyncBalances),
        (Operations, AsyncOperations),
    ],
)
def test_every_method_can_be_awaited(sync: type, awaited: type) -> None:
    """None is forgotten, and each keeps its name, its words and its arguments."""
    assert public(awaited) == public(sync) - TAKE_A_TRANSACTION
    for name in public(awaited):
        method = getattr(awaited, name)
        assert inspect.getdoc(method) == inspect.getdoc(getattr(sync, name))
        assert inspect.signature(method) == inspect.signature(getattr(sync, name))
        assert (method.__name__, method.__qualname__) == (name, f"{sync.__name__}.{name}")


def test_an_async_session_commits_the_command_with_its_own_rows(database_url: str) -> None:
    """Order 1 and the cancellation; a refusal in between; a rollback leaves neither. Hooks hear of the first."""

    async def scenario(host: Host, sub: str) -> None:
        async with engine(host) as db:
            async with AsyncSession(db) as session, session.begin():
                parts = host.lifecycle.using_async(session)
                session.add(Order(id=1))
                assert (await parts.subscriptions.cancel(sub, by=ANN)).state == "pending_cancellation"
                with pytest.raises(Refused, match="The subscription is to end"):
                    await parts.subscriptions.add_seats(sub, 1, by=ANN)
                assert (await parts.subscriptions.get(sub)).state == "pending_cancellation"
                assert host.lifecycle.subscriptions.get(sub).state == "active"
            async with AsyncSession(db) as session:
                session.add(Order(id=2))
                await host.lifecycle.using_async(session).subscriptions.withdraw_cancellation(sub, by=ANN)
                await session.rollback()

    with hosting(database_url) as (host, _):
        sub, heard = host.subscribe().id, Heard()
        host.lifecycle.on("subscription.*")(heard)
        asyncio.run(scenario(host, sub))
        assert host.orders() == [1]
        assert host.events(sub) == ["subscribed", "cancel"]
        assert heard.next() == "cancel"
        assert heard.rest() == []


def test_an_async_connection_does_as_well(database_url: str) -> None:
    """A customer in one transaction; and `run` for what has no method of its own."""

    async def scenario(host: Host) -> str:
        async with engine(host) as db, db.begin() as connection:
            parts = host.lifecycle.using_async(connection)
            await parts.accounts.create("acme", email=ANN)
            await parts.payment_methods.add("acme", "ok")
            sub = await parts.subscriptions.create("acme", plan="basic", by=ANN)
            await parts.operations.hold(sub.id, reason="checks")
            assert (await parts.operations.standing(sub.id)).status == "held"
            assert (await parts.operations.explain(sub.id, "cancel")).status == "held"
            assert await parts.run(lambda sync: sync.subscriptions.list()) == await parts.subscriptions.list()
            return sub.id

    with hosting(database_url) as (host, _):
        assert host.events(asyncio.run(scenario(host))) == ["subscribed", "held"]


def test_many_tasks_at_once_lose_none(database_url: str) -> None:
    """Twenty tasks of one event loop each add a seat to the 3 that are included, from the very first use on."""

    async def scenario(host: Host, sub: str) -> None:
        async with engine(host) as db:

            async def add(number: int) -> None:
                async with AsyncSession(db) as session, session.begin():
                    session.add(Order(id=number))
                    await host.lifecycle.using_async(session).subscriptions.add_seats(sub, 1, by=ANN)

            await asyncio.gather(*(add(number) for number in range(20)))

    with hosting(database_url) as (host, _):
        sub = host.subscribe().id
        asyncio.run(scenario(host, sub))
        assert host.lifecycle.subscriptions.get(sub).seats == 23
        assert host.orders() == list(range(20))


def test_an_event_loop_goes_on_while_a_command_waits(database_url: str) -> None:
    """One task holds the subscription until another one, which has to wait for nothing, has run."""

    async def scenario(host: Host, sub: str) -> list[str]:
        done: list[str] = []
        async with engine(host) as db:
            held, ticked = asyncio.Event(), asyncio.Event()

            async def first() -> None:
                async with AsyncSession(db) as session, session.begin():
                    await host.lifecycle.using_async(session).subscriptions.add_seats(sub, 1, by=ANN)
                    held.set()
                    await ticked.wait()
                    done.append("first")

            async def second() -> None:
                await held.wait()
                async with AsyncSession(db) as session, session.begin():
                    asyncio.get_running_loop().call_later(0.05, ticked.set)
                    await host.lifecycle.using_async(session).subscriptions.add_seats(sub, 1, by=ANN)
                    done.append("second")

            await asyncio.gather(first(), second())
        return done

    with hosting(database_url) as (host, _):
        sub = host.subscribe().id
        assert asyncio.run(scenario(host, sub)) == ["first", "second"]
        assert host.lifecycle.subscriptions.get(sub).seats == 5
