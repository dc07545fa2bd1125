"""What the gateways' tests start from: an empty ledger on three databases, and a Stripe of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lifecycle.gateways.sandbox_tables import metadata
from lifecycle.gateways.stripe import StripeGateway
from lifecycle.store.database import Database
from tests.gateways.stripe_server import KEY, StripeServer
from tests.gateways.till import Till
from tests.postgres import Databases


@pytest.fixture(scope="session")
def postgresql_ledger(databases: Databases) -> Iterator[str]:
    """One database for the run; who takes it empties it."""
    with databases.create() as url:
        yield url.render_as_string(hide_password=False)


@pytest.fixture(params=["sqlite", "postgresql"])
def shared_url(request: pytest.FixtureRequest) -> str:
    """The URL of a database without a table, that several processes can use."""
    return _empty(request.param, request)


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def till(request: pytest.FixtureRequest) -> Iterator[Till]:
    """An empty sandbox, on each kind of database."""
    till = Till(_empty(request.param, request))
    yield till
    till.gateway.close()


def _empty(kind: str, request: pytest.FixtureRequest) -> str:
    if kind == "memory":
        return "sqlite://"
    if kind == "sqlite":
        folder: Path = request.getfixturevalue("tmp_path")
        return f"sqlite:///{folder / 'sandbox.db'}"
    url: str = request.getfixturevalue("postgresql_ledger")
    database = Database(url)
    with database.writing() as connection:
        metadata.drop_all(connection)
    database.dispose()
    return url


@pytest.fixture
def server() -> Iterator[StripeServer]:
    """A Stripe that has seen nobody yet."""
    with StripeServer() as server:
        yield server


@pytest.fixture
def gateway(server: StripeServer) -> Iterator[StripeGateway]:
    """The gateway to that Stripe, with two live webhook secrets."""
    gateway = StripeGateway(KEY, webhook_secrets=("whsec_old", "whsec_new"), api_base=server.url, timeout_seconds=10)
    yield gateway
    gateway.close()
