"""What the measures start from: fresh databases of both kinds, and a number of monthly subscriptions."""

from __future__ import annotations

import logging
import os
import resource
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog
from sqlalchemy import make_url, text

from lifecycle import Lifecycle, VirtualClock
from lifecycle.engine.clock import Clock
from lifecycle.store.database import Database
from tests import postgres
from tests.torture.cards import NOTHING_IS_CHARGED

Figures = dict[str, float]
KINDS = ("sqlite", "postgresql")
PROJECT = Path(__file__).parents[1]
START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Databases:
    """Gives fresh databases, on a disk and a server that write durably, as they would in earnest."""

    folder: Path
    server: postgres.Databases

    @contextmanager
    def fresh(self, kind: str) -> Iterator[str]:
        """The URL of an empty database, gone afterwards."""
        if kind == "postgresql":
            with self.server.create() as url:
                yield url.render_as_string(hide_password=False)
        else:
            with tempfile.TemporaryDirectory(dir=self.folder) as folder:
                yield f"sqlite:///{folder}/bench.db"

    @contextmanager
    def copy(self, url: str) -> Iterator[str]:
        """The URL of a copy of a database that nobody uses, gone afterwards."""
        source = make_url(url)
        if source.get_backend_name() == "postgresql":
            with self.server.create(template=str(source.database)) as made:
                yield made.render_as_string(hide_password=False)
        else:
            with self.fresh("sqlite") as made_url:
                for end in ("", ".sandbox"):
                    shutil.copy(f"{source.database}{end}", f"{make_url(made_url).database}{end}")
                yield made_url


@contextmanager
def databases() -> Iterator[Databases]:
    """Both kinds. Raises RuntimeError where there is no PostgreSQL."""
    server = postgres.find()
    if server is None:
        raise RuntimeError("There is no PostgreSQL to measure on; install one.")
    with tempfile.TemporaryDirectory(prefix="lifecycle-bench-") as folder, postgres.databases(server) as made:
        _write_durably(made)
        yield Databases(Path(folder), made)


@contextmanager
def lifecycle_on(url: str, clock: Clock | None = None) -> Iterator[Lifecycle]:
    """The project's configuration on a database, its schema made, its log quiet; nothing is charged."""
    quiet()
    lifecycle = Lifecycle.from_config(
        PROJECT / "config.yaml",
        clock=clock or VirtualClock(START),
        environ=NOTHING_IS_CHARGED | {"LIFECYCLE_DATABASE__URL": url, "LIFECYCLE_MAIL__USE": "none"},
    )
    lifecycle.upgrade_schema()
    try:
        yield lifecycle
    finally:
        lifecycle.close()


def quiet() -> None:
    """Only warnings are logged."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))


def subscribe(lifecycle: Lifecycle, number: int) -> None:
    """So many monthly subscriptions, all bought now."""
    rows = "".join(f"account-{n},a{n}@bench.test,team,month,yes\n" for n in range(number))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "customers.csv"
        path.write_text(f"account,email,plan,interval,payment_method\n{rows}", encoding="utf-8")
        lifecycle.import_customers(path, by="system")


def _write_durably(made: postgres.Databases) -> None:
    """The tests' server does without fsync; a benchmark does not."""
    database = Database(made.url.render_as_string(hide_password=False))
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for setting in ("fsync", "full_page_writes"):
            connection.execute(text(f"ALTER SYSTEM SET {setting} = on"))
        connection.execute(text("SELECT pg_reload_conf()"))
    database.dispose()


def server_cpu() -> float:
    """Seconds of processor time that PostgreSQL's processes have used, with those that have ended; 0 where nobody
    tells."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # a process that has just ended
            name, _, rest = stat.read_text().partition(") ")
            if name.endswith("(postgres"):
                user, system, users, systems = rest.split()[11:15]
                ticks += int(user) + int(system) + int(users) + int(systems)
    return ticks / os.sysconf("SC_CLK_TCK")


def peak_memory() -> float:
    """Megabytes that this process has had at most; what the operating system says of a child begins with its parent."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
