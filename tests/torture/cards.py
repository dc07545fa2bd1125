"""A gateway for shops in which nothing is charged: it knows everybody, and every card is good."""

from __future__ import annotations

from lifecycle.gateways.protocol import Charge, Method, NoAnswer, Outcome, Refund, SetUp

GATEWAY = "tests.torture.cards:Cards"
NOTHING_IS_CHARGED = {
    "LIFECYCLE_GATEWAY__USE": GATEWAY,
    "LIFECYCLE_MACHINES": "[lifecycle_machines.subscription:SubscriptionMachine, "
    "lifecycle_machines.account:AccountMachine, lifecycle_machines.member:MemberMachine, "
    "lifecycle_machines.wallet:WalletMachine, lifecycle_machines.invitation:InvitationMachine, "
    "lifecycle_machines.webhook:WebhookMachine]",
    "LIFECYCLE_CATALOG__PLANS__TEAM__CREDITS__GRANT": "0",
}
"""Settings for what is about deferred transitions alone, thousands of them: no orders, no invoices, no ledger."""


class Cards:
    """Keeps nothing. What would move money has no answer."""

    name = "cards"

    def customer(self, account: str) -> str:
        """Its account's id."""
        return account

    def start_setup(self, customer: str) -> SetUp:
        """Nothing to enter."""
        return SetUp(customer, "")

    def method(self, customer: str, token: str) -> Method:
        """A card of this name."""
        return Method(f"{customer}-{token}", "Card", "0000", 12, 2099)

    def charge(self, charge: Charge) -> Outcome:
        """Nobody answers."""
        raise NoAnswer(charge.key)

    def refund(self, refund: Refund) -> Outcome:
        """Nobody answers."""
        raise NoAnswer(refund.key)

    def find_charge(self, charge: Charge) -> Outcome | None:
        """Nothing was asked."""
        del charge
        return None

    def find_refund(self, refund: Refund) -> Outcome | None:
        """Nothing was asked."""
        del refund
        return None
