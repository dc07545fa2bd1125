"""The tables. Unique constraints carry the promises; all names start with `lifecycle_`.

No column has a default of the database's, and no instant comes from its clock.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from lifecycle.store.types import Instant, JsonDocument

HEAD = "0007"
"""The newest revision of the migrations; a test holds it to them."""

_ROOM = {"fillfactor": "80"}
"""For a table whose updates touch no index: where a page has room for the new version of a row, no index needs a new
entry. What the dispatcher looks for stands in indexes, so neither roots nor deferrals would gain by it."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# clocks of testers: what is on one is judged at its instant, and stands still between advances
clocks = Table(
    "lifecycle_clocks",
    metadata,
    Column("name", Text, primary_key=True),
    Column("now", Instant, nullable=False),
    # by the machine's own clock, like the end of the lease that whoever advances it has
    Column("created_at", Instant, nullable=False),
    Column("advancer", Text),
    Column("lease_until", Instant),
)

roots = Table(
    "lifecycle_roots",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("head", LargeBinary, nullable=False),
    Column("status", Text, nullable=False),
    Column("wake_at", Instant),
    Column("attempts", Integer, nullable=False),
    Column("error", Text),
    # the named clock that it is on; null for the real one
    Column("clock", Text, ForeignKey("lifecycle_clocks.name")),
)
# what is on a named clock stands in an index of its own, and costs the daemon nothing
Index(
    "ix_lifecycle_roots_wake_at",
    roots.c.wake_at,
    roots.c.id,
    postgresql_where=text("wake_at IS NOT NULL AND clock IS NULL"),
    sqlite_where=text("wake_at IS NOT NULL AND clock IS NULL"),
)
Index(
    "ix_lifecycle_roots_clock",
    roots.c.clock,
    roots.c.wake_at,
    roots.c.id,
    postgresql_where=text("clock IS NOT NULL"),
    sqlite_where=text("clock IS NOT NULL"),
)
# what is kept aside is looked for often, and is little
Index(
    "ix_lifecycle_roots_status",
    roots.c.status,
    postgresql_where=text("status <> 'live'"),
    sqlite_where=text("status <> 'live'"),
)

instances = Table(
    "lifecycle_instances",
    metadata,
    Column("id", Text, primary_key=True),
    Column("root_id", Text, ForeignKey("lifecycle_roots.id"), nullable=False, index=True),
    Column("machine", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("facts", JsonDocument, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("owner_id", Text, index=True),
    Column("live_key", Text),
    Column("closed", Boolean, nullable=False),
    UniqueConstraint("machine", "live_key"),
    postgresql_with=_ROOM,
)
# those of a root that can still change are few, however long its history
Index(
    "ix_lifecycle_instances_open",
    instances.c.root_id,
    postgresql_where=text("NOT closed"),
    sqlite_where=text("NOT closed"),
)

deferrals = Table(
    "lifecycle_deferrals",
    metadata,
    Column("instance_id", Text, ForeignKey("lifecycle_instances.id"), primary_key=True),
    Column("event", Text, primary_key=True),
    Column("root_id", Text, ForeignKey("lifecycle_roots.id"), nullable=False, index=True),
    Column("due_at", Instant, nullable=False, index=True),
)

log = Table(
    "lifecycle_log",
    metadata,
    Column("root_id", Text, ForeignKey("lifecycle_roots.id"), primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("instance_id", Text, nullable=False, index=True),
    Column("machine", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("event", Text, nullable=False),
    Column("source", Text),
    Column("target", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason_id", Text),
    Column("due_at", Instant, nullable=False, index=True),
    Column("fired_at", Instant, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    # JSON as it was written: JSONB would store 1e16 and -0.0 as other numbers, and the hashes would not hold
    Column("arguments", JSON, nullable=False),
    Column("changes", JSON, nullable=False),
    Column("effects", JSON, nullable=False),
    Column("hash", LargeBinary, nullable=False),
)

reasons = Table(
    "lifecycle_reasons",
    metadata,
    Column("id", Text, primary_key=True),
    Column("root_id", Text, ForeignKey("lifecycle_roots.id"), nullable=False, index=True),
    Column("text", Text, nullable=False),
)

answers = Table(
    "lifecycle_answers",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("answer", JsonDocument, nullable=False),
    Column("created_at", Instant, nullable=False),
)

accounts = Table(
    "lifecycle_accounts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("reference", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("zone", Text, nullable=False),
    Column("closed", Boolean, nullable=False),
    Column("address", Text, nullable=False),
    Column("tax_id", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    # as its root has it
    Column("clock", Text),
    # of what is written to it; null for the configured one
    Column("language", Text),
    UniqueConstraint("reference"),
)

actors = Table(
    "lifecycle_actors",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    UniqueConstraint("name"),
)

outbox = Table(
    "lifecycle_outbox",
    metadata,
    Column("id", Text, primary_key=True),
    Column("root_id", Text, ForeignKey("lifecycle_roots.id"), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("place", Integer, nullable=False),
    Column("instance_id", Text, nullable=False),
    Column("destination", Text, nullable=False),
    Column("kind", Text, nullable=False),
    # as it was written, like the effects of the log's row: what is delivered is what was logged
    Column("payload", JSON, nullable=False),
    Column("status", Text, nullable=False),
    # when it is to be looked at next: to be sent, or because its lease has run out; null once nothing is to be done
    Column("wake_at", Instant),
    Column("attempts", Integer, nullable=False),
    # raised with every lease and never set back: whoever reports with an older one is no longer heard
    Column("fence", BigInteger, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("finished_at", Instant),
    Column("error", Text),
    # as its root has it: relays leave what is on a named clock to whoever advances that
    Column("clock", Text),
    # the message that it was merged into, by which it reaches its addressee; its own, for the one that it is told by
    Column("merged_into", Text),
    UniqueConstraint("root_id", "seq", "place"),
)
Index(
    "ix_lifecycle_outbox_wake_at",
    outbox.c.wake_at,
    outbox.c.id,
    postgresql_where=text("wake_at IS NOT NULL AND clock IS NULL"),
    sqlite_where=text("wake_at IS NOT NULL AND clock IS NULL"),
)
Index(
    "ix_lifecycle_outbox_clock",
    outbox.c.clock,
    outbox.c.wake_at,
    outbox.c.id,
    postgresql_where=text("wake_at IS NOT NULL AND clock IS NOT NULL"),
    sqlite_where=text("wake_at IS NOT NULL AND clock IS NOT NULL"),
)
Index(
    "ix_lifecycle_outbox_line",
    outbox.c.root_id,
    outbox.c.destination,
    outbox.c.seq,
    outbox.c.place,
    postgresql_where=outbox.c.wake_at.is_not(None),
    sqlite_where=outbox.c.wake_at.is_not(None),
)
Index(
    "ix_lifecycle_outbox_dead",
    outbox.c.id,
    postgresql_where=text("status = 'dead'"),
    sqlite_where=text("status = 'dead'"),
)

Index(
    "ix_lifecycle_outbox_parked",
    outbox.c.destination,
    postgresql_where=text("status = 'parked'"),
    sqlite_where=text("status = 'parked'"),
)

checkpoints = Table(
    "lifecycle_checkpoints",
    metadata,
    Column("root_id", Text, ForeignKey("lifecycle_roots.id"), primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    # by instance: what the rows that were moved out tell of it
    Column("instances", JSON, nullable=False),
    # when the last of them was due that fired by itself
    Column("last_due_at", Instant),
    Column("made_at", Instant, nullable=False),
    # a hash over all the others
    Column("seal", LargeBinary, nullable=False),
)

daemons = Table(
    "lifecycle_daemons",
    metadata,
    Column("id", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("release", Text, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("ticked_at", Instant, nullable=False),
)

payment_methods = Table(
    "lifecycle_payment_methods",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", Text, ForeignKey("lifecycle_accounts.id"), nullable=False, index=True),
    # the gateway's names of the customer and of the method: never a card number
    Column("customer", Text, nullable=False),
    Column("token", Text, nullable=False),
    Column("brand", Text, nullable=False),
    Column("last4", Text, nullable=False),
    Column("exp_month", Integer, nullable=False),
    Column("exp_year", Integer, nullable=False),
    # the account, where this is its default: at most one
    Column("default_of", Text),
    Column("added_at", Instant, nullable=False),
    Column("removed_at", Instant),
    UniqueConstraint("default_of"),
)

# every attempt to move money, by the key under which the gateway was asked: at most one outcome for each
attempts = Table(
    "lifecycle_attempts",
    metadata,
    Column("key", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("instance_id", Text, nullable=False, index=True),
    Column("account_id", Text, nullable=False, index=True),
    Column("amount", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    # of a charge the payment method, of a refund the key of the charge that it is of
    Column("of", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("asked_at", Instant, nullable=False),
    Column("answered_at", Instant),
    # how often it was asked without an answer, and for how many milliseconds while a relay ran
    Column("tries", Integer, nullable=False),
    Column("waited", BigInteger, nullable=False),
)

Index(
    "ix_lifecycle_attempts_unknown",
    attempts.c.instance_id,
    postgresql_where=text("status = 'unknown'"),
    sqlite_where=text("status = 'unknown'"),
)

# the books: written with the log row that names the posting, and never changed
ledger = Table(
    "lifecycle_ledger",
    metadata,
    Column("root_id", Text, ForeignKey("lifecycle_roots.id"), primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("book", Text, primary_key=True),
    Column("account_id", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("at", Instant, nullable=False),
)
Index(
    "ix_lifecycle_ledger_balance",
    ledger.c.account_id,
    ledger.c.unit,
    postgresql_where=text("book = 'balance'"),
    sqlite_where=text("book = 'balance'"),
)
Index(
    "ix_lifecycle_ledger_tokens",
    ledger.c.account_id,
    postgresql_where=text("book = 'tokens_sold'"),
    sqlite_where=text("book = 'tokens_sold'"),
)

series = Table(
    "lifecycle_series",
    metadata,
    Column("series", Text, primary_key=True),
    Column("last", BigInteger, nullable=False),
    # how many of its numbers went with clocks that were deleted: so many are missing, and no more
    Column("deleted", BigInteger, nullable=False),
)

# which document has which number: gapless in each series
numbers = Table(
    "lifecycle_numbers",
    metadata,
    Column("series", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("instance_id", Text, nullable=False),
    Column("issued_at", Instant, nullable=False),
    UniqueConstraint("instance_id"),
)

# People: all that is personal of them stands here, and never in facts or in the log (rule A2)

members = Table(
    "lifecycle_members",
    metadata,
    # of its instance; that of an account's first administrator is made with the first thing that happens to it
    Column("id", Text, primary_key=True),
    Column("account_id", Text, ForeignKey("lifecycle_accounts.id"), nullable=False, index=True),
    Column("email", Text, nullable=False),
    # the same, folded, until the member is removed: nobody else of the account has it meanwhile
    Column("live_email", Text),
    Column("first_name", Text, nullable=False),
    Column("last_name", Text, nullable=False),
    Column("position", Text, nullable=False),
    # as the facts have it
    Column("role", Text, nullable=False),
    Column("added_at", Instant, nullable=False),
    UniqueConstraint("account_id", "live_email"),
)

# who sits where: as the effects of the log's row say that assigned them
seats = Table(
    "lifecycle_seats",
    metadata,
    Column("root_id", Text, ForeignKey("lifecycle_roots.id"), primary_key=True),
    Column("member_id", Text, primary_key=True, index=True),
    Column("seq", BigInteger, nullable=False),
    Column("place", Integer, nullable=False),
    Column("assigned_at", Instant, nullable=False),
)

invitations = Table(
    "lifecycle_invitations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", Text, ForeignKey("lifecycle_accounts.id"), nullable=False, index=True),
    Column("code", Text, nullable=False),
    # what a code is looked up by: a code is given out once and never again
    Column("digest", Text, nullable=False),
    UniqueConstraint("digest"),
)

# how often somebody has tried a code, by a digest of who it is
code_attempts = Table(
    "lifecycle_code_attempts",
    metadata,
    Column("caller", Text, primary_key=True),
    Column("since", Instant, nullable=False, index=True),
    Column("count", Integer, nullable=False),
)

# for single use, by their digest
password_tokens = Table(
    "lifecycle_password_tokens",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("member_id", Text, ForeignKey("lifecycle_members.id"), nullable=False, index=True),
    Column("expires_at", Instant, nullable=False),
)

# the people that are to be taken in once an order is completed, which is named like this
imports = Table(
    "lifecycle_imports",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", Text, ForeignKey("lifecycle_accounts.id"), nullable=False, index=True),
    Column("people", JSON, nullable=False),
)

# who is told of transitions by the outbox: handlers and webhooks, by the name of their destination
subscribers = Table(
    "lifecycle_subscribers",
    metadata,
    Column("name", Text, primary_key=True),
    # as hooks name them: machine.event, machine.state, machine.*, or *
    Column("events", JSON, nullable=False),
    # told, and not delivered before it goes on
    Column("paused", Boolean, nullable=False),
    # since when a webhook has only failed; null where the last attempt went well
    Column("failing_since", Instant),
)

# what webhooks are signed with, newest first; an older one until it expires
webhook_secrets = Table(
    "lifecycle_webhook_secrets",
    metadata,
    Column("webhook_id", Text, primary_key=True),
    Column("created_at", Instant, primary_key=True),
    Column("secret", Text, nullable=False),
    Column("expires_at", Instant),
)

# every attempt to deliver to a webhook, with the beginning of what was answered
deliveries = Table(
    "lifecycle_deliveries",
    metadata,
    Column("message_id", Text, ForeignKey("lifecycle_outbox.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("webhook_id", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("milliseconds", Integer, nullable=False),
    # of the answer; null where there was none
    Column("status", Integer),
    Column("body", Text, nullable=False),
    Column("error", Text),
    Index("ix_lifecycle_deliveries_webhook_id_at", "webhook_id", "at"),
)
