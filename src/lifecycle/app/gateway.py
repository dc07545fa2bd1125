"""The gateway and the tax function that a configuration names."""

from __future__ import annotations

import threading
from importlib import import_module
from typing import Any

from sqlalchemy import make_url

from lifecycle.config import Config
from lifecycle.domain.invoicing import TaxFunction
from lifecycle.engine.clock import Clock
from lifecycle.engine.ids import Ids
from lifecycle.errors import DefinitionError, LifecycleError
from lifecycle.gateways.loading import stripe_gateway
from lifecycle.gateways.protocol import Gateway
from lifecycle.gateways.sandbox import SandboxGateway
from lifecycle.store.database import in_memory


class GatewayOf:
    """The gateway of a configuration, and the sandbox of its named clocks. Each is made when it is first asked for;
    they go along with forks."""

    def __init__(self, config: Config, database_url: str, clock: Clock, ids: Ids) -> None:
        self._how = (config, database_url, clock, ids)
        self._making = threading.Lock()
        self._gateway: Gateway | None = None
        self._sandbox: SandboxGateway | None = None

    def get(self) -> Gateway:
        """The gateway. Raises as `make_gateway` does."""
        with self._making:
            if self._gateway is None:
                self._gateway = make_gateway(*self._how)
            return self._gateway

    def sandbox(self, clock: Clock) -> SandboxGateway:
        """The sandbox by another clock, whatever the gateway is; if that is the sandbox, the same ledger."""
        config, database_url, real, ids = self._how
        if config.gateway.use == "sandbox" and isinstance(gateway := self.get(), SandboxGateway):
            return gateway.at(clock)
        with self._making:
            if self._sandbox is None:
                self._sandbox = SandboxGateway(config.gateway.url or sandbox_url(database_url), real, ids=ids)
            return self._sandbox.at(clock)

    def before_fork(self) -> None:
        """Let it close what a child must not inherit."""
        self._tell("before_fork")

    def after_fork_in_parent(self) -> None:
        """Let it go on."""
        self._tell("after_fork_in_parent")

    def after_fork(self) -> None:
        """In a child process: let it begin anew."""
        self._making = threading.Lock()
        self._tell("after_fork")

    def close(self) -> None:
        """Let it close its connections."""
        self._tell("close")

    def _tell(self, what: str) -> None:
        """A gateway that keeps nothing open has none of these."""
        for one in (self._gateway, self._sandbox):
            if one is not None and hasattr(one, what):
                getattr(one, what)()


def make_gateway(config: Config, database_url: str, clock: Clock, ids: Ids) -> Gateway:
    """The gateway. A dotted path names a host's own: what takes no arguments and returns one.

    Raises LifecycleError (`extra_missing`, `gateway_incomplete`) and DefinitionError.
    """
    settings = config.gateway
    if settings.use == "sandbox":
        return SandboxGateway(settings.url or sandbox_url(database_url), clock, ids=ids)
    if settings.use == "stripe":
        if settings.api_key is None:
            raise LifecycleError(
                "Stripe needs its key: set LIFECYCLE_GATEWAY__API_KEY in the environment.", code="gateway_incomplete"
            )
        return stripe_gateway(settings.api_key, webhook_secrets=settings.webhook_secrets, api_base=settings.api_base)
    made: Gateway = _load(settings.use)()
    return made


def sandbox_url(database_url: str) -> str:
    """Where the sandbox keeps its ledger: a file beside that of the database, or tables in the same PostgreSQL."""
    url = make_url(database_url)
    if url.get_backend_name() != "sqlite":
        return database_url
    if in_memory(url):
        return "sqlite://"
    return url.set(database=f"{url.database}.sandbox").render_as_string(hide_password=False)


def tax_function(config: Config) -> TaxFunction | None:
    """The host's tax function, if it names one. Raises DefinitionError."""
    return None if config.invoices.tax is None else _load(config.invoices.tax)


def _load(path: str) -> Any:
    module, _, name = path.partition(":")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise DefinitionError(f"{path!r} can't be loaded: {error}.") from error
