"""The shape of the configuration file: a class for each section, with its keys, defaults and own checks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from lifecycle.config.model import (
    CodeAttempts,
    Config,
    GatewaySettings,
    HandlerSpec,
    InvoiceSettings,
    JobSpec,
    LogFormat,
    LogLevel,
    LogSettings,
    MailSettings,
    MailUse,
    OutboxSettings,
    Seller,
    SmtpSettings,
    Tls,
    WebhookSettings,
)
from lifecycle.config.plans import CatalogSettings
from lifecycle.config.policies import PolicySettings
from lifecycle.config.values import (
    CronText,
    DatabaseUrl,
    DottedPath,
    DurationText,
    Email,
    Heartbeat,
    Language,
    Name,
    NetworkText,
    PageLink,
    Section,
    SomeTime,
    Text,
    Timeout,
    Zone,
    wrong,
)
from lifecycle.domain.calendar import Duration
from lifecycle.domain.compiled import Steps
from lifecycle.domain.surroundings import TEST_SERIES

MACHINES = tuple(
    f"lifecycle_machines.{module}:{name}Machine"
    for module, name in (
        ("subscription", "Subscription"),
        ("invoice", "Invoice"),
        ("order", "Order"),
        ("credit_note", "CreditNote"),
        ("refund", "Refund"),
        ("adjustment", "Adjustment"),
        ("account", "Account"),
        ("member", "Member"),
        ("wallet", "Wallet"),
        ("invitation", "Invitation"),
        ("webhook", "Webhook"),
    )
)
"""Those that come with the package."""


class DatabaseSettings(Section):
    """`database:`."""

    url: DatabaseUrl = "sqlite:///lifecycle.db"


class SchedulerSettings(Section):
    """`scheduler:`."""

    heartbeat: Heartbeat = Duration(days=0, seconds=30)
    batch: int = Field(default=500, ge=1, le=100_000)
    steps: Steps = "compiled"


class JobSettings(Section):
    """One calendar job."""

    run: DottedPath
    every: SomeTime | None = None
    cron: CronText | None = None

    @model_validator(mode="after")
    def _has_one_time(self) -> Self:
        if (self.every is None) == (self.cron is None):
            raise wrong("either `every` (a duration) or `cron` (a cron line), and not both")
        return self


class HandlerSettings(Section):
    """One of the host's handlers."""

    run: DottedPath
    on: Annotated[list[Text], Field(min_length=1)]


class LogSection(Section):
    """`log:`."""

    format: LogFormat = "auto"
    level: LogLevel = "info"


class OutboxSection(Section):
    """`outbox:`."""

    lease: SomeTime = Duration(days=0, seconds=60)
    attempts: int = Field(default=20, ge=1, le=1000)
    first_retry: SomeTime = Duration(days=0, seconds=5)
    longest_retry: SomeTime = Duration(days=0, seconds=3600)


class WebhookSection(Section):
    """`webhooks:`."""

    attempts: int = Field(default=24, ge=1, le=1000)
    first_retry: SomeTime = Duration(days=0, seconds=5)
    longest_retry: SomeTime = Duration(days=0, seconds=43200)
    timeout: Timeout = Duration(days=0, seconds=10)
    pause_after: SomeTime = Duration(days=5, seconds=0)
    allow: list[NetworkText] = Field(default_factory=list)
    http: bool = False
    ca: Text | None = None


class SmtpSection(Section):
    """`mail.smtp:` the server that takes mail."""

    host: Text
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    tls: Tls = "starttls"
    user: Text | None = None
    password: Text | None = None
    timeout: SomeTime = Duration(days=0, seconds=10)

    @model_validator(mode="after")
    def _whole_login(self) -> Self:
        if (self.user is None) != (self.password is None):
            raise wrong("a user and a password, or neither")
        return self


class MailSection(Section):
    """`mail:`."""

    use: MailUse = "file"
    path: Text = "mail"
    attempts: int = Field(default=130, ge=1, le=1000)
    sender: Email | None = Field(default=None, alias="from")
    reply_to: Email | None = None
    operator: Email | None = None
    templates: Text | None = None
    catalogues: Text | None = None
    link: PageLink = ""
    password_link: PageLink = ""
    smtp: SmtpSection | None = None

    @model_validator(mode="after")
    def _can_send(self) -> Self:
        if self.use == "smtp" and self.smtp is None:
            raise wrong("the server as `smtp: {host: …}`, for `use: smtp`")
        if self.use == "smtp" and self.sender is None:
            raise wrong("an address as `from`, for `use: smtp`")
        if self.password_link and "{token}" not in self.password_link:
            raise wrong("an address with {token} in it", at=("password_link",))
        return self

    def as_settings(self) -> MailSettings:
        """The same as the rest of the package takes it."""
        smtp = SmtpSettings(**dict(self.smtp)) if self.smtp else None
        return MailSettings(**(dict(self) | {"smtp": smtp}))


class GatewaySection(Section):
    """`gateway:`."""

    use: Literal["sandbox", "stripe"] | DottedPath = "sandbox"
    charge_timeout: SomeTime = Duration(days=0, seconds=120)
    at_once: int = Field(default=4, ge=1, le=64)
    url: DatabaseUrl | None = None
    api_key: Text | None = None
    api_base: Text | None = None
    webhook_secrets: list[Text] = Field(default_factory=list)


class InvoiceSection(Section):
    """`invoices:`."""

    series: Text = "INV-"
    credit_notes: Text = "CN-"
    tax: DottedPath | None = None

    @model_validator(mode="after")
    def _two_series(self) -> Self:
        if self.series == self.credit_notes:
            raise wrong("a series of its own, and not that of invoices", at=("credit_notes",))
        for name in ("series", "credit_notes"):
            if getattr(self, name) in (TEST_SERIES.invoices, TEST_SERIES.credit_notes):
                raise wrong("another series than those of accounts on named clocks", at=(name,))
        return self


class SellerSection(Section):
    """`seller:` who sends the invoices."""

    name: Text = "Seller"
    address: str = ""
    tax_id: str = ""
    email: str = ""


class NoticesSection(Section):
    """`notices:` of an account, and not of a plan."""

    card: DurationText = Duration(days=30, seconds=0)


class ClockSection(Section):
    """`clocks:` those of testers, with names."""

    allowed: bool = False


class QuoteSettings(Section):
    """`quotes:`."""

    lifetime: SomeTime = Duration(days=0, seconds=3600)


class MemberSection(Section):
    """`members:`."""

    password_token: SomeTime = Duration(days=3, seconds=0)


class InvitationSection(Section):
    """`invitations:` so many attempts at a code within so long, by one caller."""

    attempts: Annotated[int, Field(ge=1, le=10_000)] = 10
    within: SomeTime = Duration(days=0, seconds=900)


class Settings(Section):
    """The whole file."""

    database: DatabaseSettings = DatabaseSettings()
    zone: Zone = "UTC"
    language: Language = "en"
    scheduler: SchedulerSettings = SchedulerSettings()
    machines: list[DottedPath] = Field(default_factory=lambda: list(MACHINES))
    jobs: dict[Name, JobSettings] = Field(default_factory=dict)
    handlers: dict[Name, HandlerSettings] = Field(default_factory=dict)
    log: LogSection = LogSection()
    outbox: OutboxSection = OutboxSection()
    webhooks: WebhookSection = WebhookSection()
    mail: MailSection = MailSection()
    gateway: GatewaySection = GatewaySection()
    invoices: InvoiceSection = InvoiceSection()
    seller: SellerSection = SellerSection()
    quotes: QuoteSettings = QuoteSettings()
    members: MemberSection = MemberSection()
    invitations: InvitationSection = InvitationSection()
    notices: NoticesSection = NoticesSection()
    clocks: ClockSection = ClockSection()
    policies: PolicySettings = PolicySettings()
    catalog: CatalogSettings

    @model_validator(mode="after")
    def _mail_in_time(self) -> Self:
        if self.mail.smtp is not None and self.mail.smtp.timeout.timedelta >= self.outbox.lease.timedelta:
            raise wrong("a duration shorter than `outbox.lease`", at=("mail", "smtp", "timeout"))
        return self

    def as_config(self, path: Path) -> Config:
        """The configuration as the rest of the package takes it."""
        return Config(
            path=path,
            database_url=self.database.url,
            zone=self.zone,
            heartbeat=self.scheduler.heartbeat,
            batch=self.scheduler.batch,
            steps=self.scheduler.steps,
            machines=tuple(self.machines),
            jobs=tuple(JobSpec(name, job.run, job.every, job.cron) for name, job in self.jobs.items()),
            handlers=tuple(HandlerSpec(name, one.run, tuple(one.on)) for name, one in self.handlers.items()),
            catalog=self.catalog.as_catalog(self.policies),
            log=LogSettings(self.log.format, self.log.level),
            gateway=GatewaySettings(**(dict(self.gateway) | {"webhook_secrets": tuple(self.gateway.webhook_secrets)})),
            invoices=InvoiceSettings(**dict(self.invoices)),
            seller=Seller(**dict(self.seller)),
            quote_lifetime=self.quotes.lifetime,
            password_token=self.members.password_token,
            code_attempts=CodeAttempts(**dict(self.invitations)),
            outbox=OutboxSettings(**dict(self.outbox)),
            webhooks=WebhookSettings(**(dict(self.webhooks) | {"allow": tuple(self.webhooks.allow)})),
            mail=self.mail.as_settings(),
            card_notice=self.notices.card,
            language=self.language,
            clocks_allowed=self.clocks.allowed,
        )
