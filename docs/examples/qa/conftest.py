"""The shop's own wiring goes around the fixture of the plugin, and every test gets it."""

from __future__ import annotations

import pytest
from shop import diary, open_shop

from lifecycle import Lifecycle


@pytest.fixture
def lifecycle(lifecycle: Lifecycle) -> Lifecycle:
    """The engine of the test, with the shop's hook, and a customer who pays."""
    diary.clear()
    open_shop(lifecycle)
    lifecycle.accounts.create("acme", email="ann@acme.test", payment_method=True)
    return lifecycle
