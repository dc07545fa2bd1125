"""Whether the history in a database is whole: checked from the tables alone, by code that the engine does not share."""

from __future__ import annotations

from lifecycle.verify.gateway import ledger_of
from lifecycle.verify.report import CODES, Finding, Report
from lifecycle.verify.verifier import verify

__all__ = ["CODES", "Finding", "Report", "ledger_of", "verify"]
