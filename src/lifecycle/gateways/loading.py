"""Gateways that need a library of their own are loaded here, when they are wanted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lifecycle.errors import LifecycleError

if TYPE_CHECKING:
    from lifecycle.gateways.stripe import StripeGateway


def stripe_gateway(
    api_key: str, *, webhook_secrets: Sequence[str] = (), api_base: str | None = None, timeout_seconds: float = 20
) -> StripeGateway:
    """Stripe, as `StripeGateway` says. Raises LifecycleError (`extra_missing`)."""
    try:
        from lifecycle.gateways.stripe import StripeGateway  # noqa: PLC0415 - it imports what may be missing
    except ModuleNotFoundError as error:
        raise LifecycleError(
            "Stripe needs its library: pip install 'lifecycle-engine[stripe]'", code="extra_missing"
        ) from error
    return StripeGateway(api_key, webhook_secrets=webhook_secrets, api_base=api_base, timeout_seconds=timeout_seconds)
