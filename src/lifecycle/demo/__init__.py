"""`lifecycle demo`: a year in the life of a few dozen customers, on the real engine and its scheduler."""

from __future__ import annotations

from lifecycle.demo.run import run

__all__ = ["run"]
