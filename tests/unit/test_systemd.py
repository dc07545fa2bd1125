"""What systemd is told: against a real socket, as it would listen on one; and the unit in docs/ against the code."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from configparser import ConfigParser
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lifecycle.cli.app import COMMANDS
from lifecycle.cli.daemon import _heartbeat
from lifecycle.cli.systemd import Systemd
from lifecycle.scheduler.dispatcher import GRACE, HEARTBEAT

ROOT = Path(__file__).parents[2]
PATIENCE = 20.0


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """A service manager's socket, at a path."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as manager:
        manager.settimeout(PATIENCE)
        manager.bind(str(tmp_path / "notify"))
        yield manager


def heard(manager: socket.socket) -> list[str]:
    """The lines of the next datagram."""
    return manager.recv(4096).decode().splitlines()


def test_it_hears_of_the_start_of_each_look_and_of_the_end(manager: socket.socket) -> None:
    """READY; for each look WATCHDOG, and what comes next as the STATUS; STOPPING."""
    systemd = Systemd({"NOTIFY_SOCKET": manager.getsockname()})
    systemd.ready()
    systemd.looked(datetime(2026, 3, 1, 9, 30, tzinfo=UTC))
    systemd.looked(None)
    systemd.stopping()
    assert [heard(manager) for _ in range(4)] == [
        ["READY=1"],
        ["WATCHDOG=1", "STATUS=Next: 2026-03-01T09:30:00Z"],
        ["WATCHDOG=1", "STATUS=Nothing is deferred."],
        ["STOPPING=1", "STATUS=Finishing what is in hand."],
    ]


def test_a_socket_may_be_in_no_file_system() -> None:
    """Its name begins with @, for the byte 0."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as manager:
        manager.settimeout(PATIENCE)
        name = f"lifecycle-test-{os.getpid()}"
        manager.bind(f"\0{name}")
        Systemd({"NOTIFY_SOCKET": f"@{name}"}).ready()
        assert heard(manager) == ["READY=1"]


@pytest.mark.parametrize("address", ["/nowhere/at/all", "@nobody-listens-here", "/" + "x" * 200])
def test_a_socket_that_fails_hurts_nobody(address: str) -> None:
    """Nobody is there, or the address can't be one."""
    Systemd({"NOTIFY_SOCKET": address}).ready()


def test_a_manager_that_does_not_listen_does_not_hold_up_the_loop(manager: socket.socket) -> None:
    """Its buffer is full: what can't be sent at once is dropped."""
    systemd = Systemd({"NOTIFY_SOCKET": manager.getsockname()})
    for _ in range(5_000):
        systemd.ready()
    assert heard(manager) == ["READY=1"]


def test_without_a_socket_nothing_is_told() -> None:
    """Nor is there a watchdog."""
    systemd = Systemd({"WATCHDOG_USEC": "1000000"})
    systemd.ready()
    assert systemd.watchdog is None


@pytest.mark.parametrize(
    ("microseconds", "pid", "watchdog"),
    [
        ("90000000", None, timedelta(seconds=90)),
        ("500000", "its own", timedelta(milliseconds=500)),
        ("90000000", "1", None),
        ("0", None, None),
        ("soon", None, None),
        ("²", None, None),
        ("", None, None),
    ],
)
def test_a_watchdog_is_heeded_where_it_is_meant_for_this_process(
    microseconds: str, pid: str | None, watchdog: timedelta | None
) -> None:
    """Microseconds, and the id of the process that is watched, if it is told."""
    environ = {"NOTIFY_SOCKET": "/run/notify", "WATCHDOG_USEC": microseconds}
    told = {} if pid is None else {"WATCHDOG_PID": pid.replace("its own", str(os.getpid()))}
    assert Systemd(environ | told).watchdog == watchdog


@pytest.mark.parametrize(("watchdog", "heartbeat"), [(None, 30.0), (90, 30.0), (120, 30.0), (89.97, 29.99), (1, 1 / 3)])
def test_a_short_watchdog_shortens_the_heartbeat(watchdog: float | None, heartbeat: float) -> None:
    """There are at least three heartbeats in it; a long one does not lengthen them."""
    limit = None if watchdog is None else timedelta(seconds=watchdog)
    assert _heartbeat(timedelta(seconds=30), limit).total_seconds() == pytest.approx(heartbeat, abs=1e-5)


# The unit


def unit() -> ConfigParser:
    """The unit in docs/."""
    parsed = ConfigParser(strict=True, interpolation=None)
    parsed.optionxform = str  # type: ignore[assignment,method-assign]  # the documented way to keep keys as they are
    parsed.read_string((ROOT / "docs/lifecycle.service").read_text(encoding="utf-8"))
    return parsed


def test_the_unit_starts_a_command_that_there_is() -> None:
    """`lifecycle … run`, with the option that makes its log JSON."""
    words = unit()["Service"]["ExecStart"].split()
    assert Path(words[0]).name == "lifecycle"
    assert words[-2:] == ["run", "--json"]
    assert "run" in {name for name, _, _ in COMMANDS}


def test_the_unit_waits_as_long_as_the_code_needs() -> None:
    """Three heartbeats for the watchdog; to stop, the time until a batch is taken to hang and the grace of jobs."""
    service = unit()["Service"]
    assert (service["Type"], service["NotifyAccess"], service["Restart"]) == ("notify", "main", "on-failure")
    assert timedelta(seconds=int(service["WatchdogSec"])) >= 3 * HEARTBEAT
    assert timedelta(seconds=int(service["TimeoutStopSec"])) > 3 * HEARTBEAT + GRACE
    assert service["KillSignal"] == "SIGTERM"


def test_the_unit_does_not_try_a_wrong_configuration_again() -> None:
    """2 is the exit code of usage and configuration."""
    assert unit()["Service"]["RestartPreventExitStatus"] == "2"


def test_the_unit_lets_the_daemon_write_where_its_database_is() -> None:
    """The file system is read-only but for the state directory, and there the SQLite file is."""
    service = unit()["Service"]
    assert (service["ProtectSystem"], service["StateDirectory"]) == ("strict", "lifecycle")
    assert service["Environment"] == "LIFECYCLE_DATABASE__URL=sqlite:////var/lib/lifecycle/lifecycle.db"
    assert "AF_UNIX" in service["RestrictAddressFamilies"].split()
