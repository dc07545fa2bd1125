"""Travelling tells thousands of lines; nobody reads them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True, scope="package")
def silence() -> Iterator[None]:
    """Spare the rendering of the log."""

    def drop(_logger: object, _level: str, _line: object) -> str:
        raise structlog.DropEvent

    structlog.configure(processors=[drop])
    yield
    structlog.reset_defaults()
