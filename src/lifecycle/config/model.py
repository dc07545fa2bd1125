"""A loaded configuration: plain values, already checked, which need neither pydantic nor YAML."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lifecycle.domain.calendar import Duration
from lifecycle.domain.catalog import Catalog

if TYPE_CHECKING:
    from lifecycle.domain.compiled import Steps

LogFormat = Literal["auto", "json", "text"]
LogLevel = Literal["debug", "info", "warning", "error"]
MailUse = Literal["file", "smtp", "none"]
Tls = Literal["starttls", "implicit", "none"]


@dataclass(frozen=True, slots=True)
class JobSpec:
    """A calendar job: what to run (``module:name``), and how often or by which cron line, in `Config.zone`."""

    name: str
    run: str
    every: Duration | None = None
    cron: str | None = None


@dataclass(frozen=True, slots=True)
class HandlerSpec:
    """A host's handler: what to run (``module:name``), and the transitions that it is told of. What waits for it bears
    its `name`."""

    name: str
    run: str
    on: tuple[str, ...]


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
class WebhookSettings:
    """How webhooks are delivered: the attempts and the delays between them as the outbox has them, how long an answer
    may take, and after how long with failures alone one is paused. `allow` are networks (CIDR) that may be connected
    to besides the public one, `http` allows that too, and `ca` is a file of the certificates to trust."""

    attempts: int = 24
    first_retry: Duration = Duration(days=0, seconds=5)
    longest_retry: Duration = Duration(days=0, seconds=43200)
    timeout: Duration = Duration(days=0, seconds=10)
    pause_after: Duration = Duration(days=5, seconds=0)
    allow: tuple[str, ...] = ()
    http: bool = False
    ca: str | None = None


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """The server that takes mail. `timeout` is how long a whole delivery may take. `repr` leaves the password out."""

    host: str
    port: int
    tls: Tls
    user: str | None
    password: str | None = field(repr=False)
    timeout: Duration


@dataclass(frozen=True, slots=True)
class MailSettings:
    """How notices are written and sent: `smtp` to a server, `file` into the folder `path`, `none`: not at all. A
    mail has so many `attempts`, the later ones an hour apart: a server may be away for days.

    `sender` is an address, as are `reply_to` and `operator`, who is told of what concerns no account. `templates` and
    `catalogues` are folders of the host's. `link` is a page of the host's, with `{account}` and `{reference}` in it,
    and `password_link` one with `{token}`. Paths are relative to the configuration file.
    """

    use: MailUse = "file"
    path: str = "mail"
    attempts: int = 130
    sender: str | None = None
    reply_to: str | None = None
    operator: str | None = None
    templates: str | None = None
    catalogues: str | None = None
    link: str = ""
    password_link: str = ""
    smtp: SmtpSettings | None = None

    @property
    def is_used(self) -> bool:
        """Whether notices are sent anywhere."""
        return self.use != "none"


NO_MAIL = MailSettings(use="none")


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """Who takes payments: `sandbox`, `stripe`, or what a dotted path names. `repr` leaves secrets out.

    `url` is where the sandbox keeps its ledger, `api_base` where Stripe is; after `charge_timeout` without an answer a
    charge is unknown. A daemon asks for so many charges `at_once`.
    """

    use: str = "sandbox"
    charge_timeout: Duration = Duration(days=0, seconds=120)
    at_once: int = 4
    url: str | None = field(default=None, repr=False)
    api_key: str | None = field(default=None, repr=False)
    api_base: str | None = None
    webhook_secrets: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class InvoiceSettings:
    """What the numbers of invoices and credit notes begin with, and the dotted path of a host's tax function."""

    series: str = "INV-"
    credit_notes: str = "CN-"
    tax: str | None = None


@dataclass(frozen=True, slots=True)
class Seller:
    """Who sends the invoices, as they are to say."""

    name: str = "Seller"
    address: str = ""
    tax_id: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class CodeAttempts:
    """How many attempts at an invitation's code one caller has, within how long."""

    attempts: int
    within: Duration


@dataclass(frozen=True, slots=True)
class Config:
    """A configuration file with the environment over it. `repr` leaves out the database URL and its password."""

    path: Path
    database_url: str = field(repr=False)
    zone: str
    heartbeat: Duration
    batch: int
    steps: Steps
    machines: tuple[str, ...]
    jobs: tuple[JobSpec, ...]
    handlers: tuple[HandlerSpec, ...]
    catalog: Catalog
    log: LogSettings
    gateway: GatewaySettings
    invoices: InvoiceSettings
    seller: Seller
    quote_lifetime: Duration
    password_token: Duration
    code_attempts: CodeAttempts
    outbox: OutboxSettings
    webhooks: WebhookSettings
    mail: MailSettings
    card_notice: Duration
    """How long before its month is over the expiry of a card is told of."""
    language: str
    """What accounts are written to in that have no language of their own."""
    clocks_allowed: bool = False
    """Whether testers may put accounts on named clocks."""
