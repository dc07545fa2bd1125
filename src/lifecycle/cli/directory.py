"""Who is who: finding the subscription that people name, and the account that a row belongs to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from lifecycle.cli.failures import Ambiguous
from lifecycle.errors import NotFound

if TYPE_CHECKING:
    from lifecycle import Lifecycle
    from lifecycle.domain.account import Account

SUBSCRIPTION = "subscription"


def find(lifecycle: Lifecycle, name: str) -> str:
    """The id of the subscription that `name` means: its id, or its account's reference.

    An account's name means its one live subscription, or where none is live the only one it had. Raises NotFound and
    Ambiguous.
    """
    try:
        return lifecycle.subscriptions.get(name).id
    except NotFound as error:
        try:
            owned = lifecycle.subscriptions.list(account=name)
        except NotFound:
            raise error from None
    meant = [held.id for held in owned if held.state != "ended"] or [held.id for held in owned]
    if not meant:
        raise NotFound(SUBSCRIPTION, name)
    if len(meant) > 1:
        raise Ambiguous(name, meant)
    return meant[0]


def find_instance(lifecycle: Lifecycle, name: str) -> str:
    """The id of the instance that `name` means: any instance's id, an account's reference, or an invoice's number.

    Raises as `find` does.
    """
    try:
        return lifecycle.operations.standing(name).id
    except NotFound:
        pass
    try:
        return find(lifecycle, name)
    except NotFound as error:
        try:
            return lifecycle.invoices.get(name).id
        except NotFound:
            raise error from None


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a row is, the zone in which they read its times, and the named clock that they are on."""

    reference: str
    zone: str
    clock: str | None = None

    @property
    def title(self) -> str:
        """The reference, with a mark where it is a test."""
        return self.reference if self.clock is None else f"{self.reference} (TEST, clock {self.clock})"


class Directory:
    """The owners of rows, each looked up once; what belongs to no account is nobody's, in the configured zone."""

    def __init__(self, lifecycle: Lifecycle, known: Iterable[Account] = ()) -> None:
        self._lifecycle = lifecycle
        self._accounts = {account.id: _owner(account) for account in known}
        self._instances: dict[str, Owner] = {}
        self._nobody = Owner("–", lifecycle.config.zone)
        self._times: dict[str | None, datetime] = {}

    def of_account(self, account_id: str | None) -> Owner:
        """The owner with this account; where a host's instance belongs to something else, by the id of that."""
        if account_id is None:
            return self._nobody
        if account_id not in self._accounts:
            try:
                self._accounts[account_id] = _owner(self._lifecycle.accounts.get(account_id))
            except NotFound:
                self._accounts[account_id] = Owner(account_id, self._nobody.zone)
        return self._accounts[account_id]

    def now(self, clock: str | None) -> datetime:
        """What time it is for what is on this named clock, looked up once; without a name by the real one."""
        if clock not in self._times:
            self._times[clock] = self._lifecycle.time_of(clock)
        return self._times[clock]

    def of_instance(self, instance_id: str) -> Owner:
        """The owner of an instance, told without reading its facts, which may be damaged."""
        if instance_id not in self._instances:
            owner_id = self._lifecycle.operations.standing(instance_id).owner_id
            self._instances[instance_id] = self.of_account(owner_id)
        return self._instances[instance_id]

    def of_root(self, root_id: str) -> Owner:
        """The owner of a root, which is named by an instance or by an account."""
        try:
            return self.of_instance(root_id)
        except NotFound:
            return self.of_account(root_id)


def _owner(account: Account) -> Owner:
    return Owner(account.reference, account.zone, account.clock)
