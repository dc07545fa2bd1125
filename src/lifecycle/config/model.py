"""A loaded configuration: plain values, already checked, which need neither pydantic nor YAML."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from lifecycle.domain.calendar import Duration
from lifecycle.domain.catalog import Catalog

LogFormat = Literal["auto", "json", "text"]
LogLevel = Literal["debug", "info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class JobSpec:
    """A calendar job: what to run (``module:name``), and how often or by which cron line, in `Config.zone`."""

    name: str
    run: str
    every: Duration | None = None
    cron: str | None = None


@dataclass(frozen=True, slots=True)
class LogSettings:
    """How to log: `auto` is text on a terminal and JSON elsewhere."""

    format: LogFormat = "auto"
    level: LogLevel = "info"


@dataclass(frozen=True, slots=True)
class OutboxSettings:
    """How long a delivery may take, how often it is tried, and the delays between, doubled up to the longest."""

    lease: Duration = Duration(days=0, seconds=60)
    attempts: int = 20
    first_retry: Duration = Duration(days=0, seconds=5)
    longest_retry: Duration = Duration(days=0, seconds=3600)


@dataclass(frozen=True, slots=True)
class Config:
    """A configuration file with the environment over it. `repr` leaves out the database URL and its password."""

    path: Path
    database_url: str = field(repr=False)
    zone: str
    heartbeat: Duration
    batch: int
    machines: tuple[str, ...]
    jobs: tuple[JobSpec, ...]
    catalog: Catalog
    log: LogSettings
    gateway: str
    invoice_series: str
    quote_lifetime: Duration
    outbox: OutboxSettings
    mailbox: str | None
    """The directory of the file mailbox; None where something else serves the destination `mail`."""
