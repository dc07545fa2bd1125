"""`lifecycle run --workers N`, as processes: who works, who is followed by whom, and how all of them end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import typer
from structlog.testing import capture_logs

from lifecycle.cli.daemon import Wanted, _of_worker
from lifecycle.cli.serving import Address, address
from lifecycle.cli.supervising import pause_after
from lifecycle.config import load_config
from lifecycle.store import daemons
from lifecycle.store.migrate import upgrade
from lifecycle.verify import verify
from tests.integration.alarms import AlarmEngine, database_of, logged, wind
from tests.integration.cli.test_cli_daemon_ending import daemon, lines
from tests.integration.cli.world import documented, environment, lifecycle, shape
from tests.integration.live import HOUR, alarms, wait_until

ON_POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
IMPATIENT = "import lifecycle.cli.supervising as it; it.FIRST_PAUSE, it.TRIES = 0.01, 2"
SOON = {"LIFECYCLE_SCHEDULER__HEARTBEAT": "1s"}
Line = dict[str, Any]


@pytest.fixture
def engine(database_url: str) -> Iterator[AlarmEngine]:
    """Alarms on a database with the schema."""
    with alarms(database_url) as engine:
        upgrade(database_of(engine))
        yield engine


class Team:
    """Two workers and their supervisor, and what they say."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._lines = lines(process)
        self.said: list[Line] = []

    def until(self, event: str, times: int = 1, **keys: object) -> Line:
        """Hear them up to a line, the last of so many."""
        for line in self._lines:
            self.said.append(line)
            times -= line["event"] == event and keys.items() <= line.items()
            if not times:
                return line
        raise AssertionError(f"{event} was not said: {self.said}")

    def told(self, event: str) -> list[Line]:
        """Those lines, of all that were heard."""
        return [line for line in self.said if line["event"] == event]

    def end(self, number: int) -> int:
        """Tell them to end, and hear them out; the exit code."""
        self.process.send_signal(number)
        return self.heard_out()

    def heard_out(self) -> int:
        """Hear them until the last has gone; the exit code of the supervisor."""
        self.said += self._lines
        return self.process.wait()


@contextmanager
def team(folder: Path, url: str, *words: str, first: str = "", **environ: str) -> Iterator[Team]:
    """Both at work."""
    with daemon(folder, url, "--workers", "2", *words, first=first, **environ) as process:
        yield Team(process)


def rung(engine: AlarmEngine) -> int:
    """How often alarms have rung."""
    return Counter(logged(engine, "event"))["rings",]


@ON_POSTGRESQL
@pytest.mark.sampled
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_two_workers_share_what_is_due_and_end_together(
    empty: Path, engine: AlarmEngine, database_url: str, number: signal.Signals
) -> None:
    """300 alarms ring once each; the database knows two daemons. All three processes are told to end, as systemd and a
    terminal do: both finish, and the exit code is 0 (X300, X301)."""
    with capture_logs():
        wind(engine, engine.clock.now() - HOUR, alarms=300)
    with team(empty, database_url) as workers:
        workers.until("started", times=2)
        while len(workers.told("transition")) < 300:  # the first may have rung all before the second has started
            workers.until("transition")
        wait_until(lambda: len(known(engine)) == 2)  # the rest may have been rung by the other before it has looked
        pids = known(engine)
        for pid in (workers.process.pid, *pids):
            os.kill(pid, number)
        assert workers.heard_out() == 0
    assert pids == {line["pid"] for line in workers.told("worker_started")}
    assert sorted(line["worker"] for line in workers.told("stopped")) == [1, 2]
    assert {line["signal"] for line in workers.told("stopping")} == {number.name}
    assert workers.said[-1]["event"] == "supervisor_stopped"
    assert Counter(logged(engine, "event")) == {("wound",): 300, ("rings",): 300}
    assert not verify(database_of(engine), now=engine.clock.now()).errors
    assert [line for line in workers.said if not is_documented(line)] == []


def known(engine: AlarmEngine) -> set[int]:
    """The processes of the daemons that the database knows."""
    with database_of(engine).reading() as connection:
        return {row.pid for row in daemons.daemons(connection)}


def is_documented(line: Line) -> bool:
    """Whether it is as the table says, but for the number that a worker's own lines have."""
    said = {key: value for key, value in line.items() if key != "worker" or line["event"].startswith("worker_")}
    return shape(said) == documented()[line["event"]]


@ON_POSTGRESQL
def test_a_worker_that_ends_is_followed_by_another(empty: Path, engine: AlarmEngine, database_url: str) -> None:
    """One is killed, the other rings what comes due; then that one is told to end, as by an operator who wants a fresh
    one, and exits with 0. After each, half a second later, there are two again (X300)."""
    with team(empty, database_url, **SOON) as workers:
        workers.until("started", times=2)
        first, second = workers.told("worker_started")
        os.kill(first["pid"], signal.SIGKILL)
        with capture_logs():
            wind(engine, engine.clock.now(), alarms=2)
        workers.until("transition", times=2)
        wait_until(lambda: rung(engine) == 2)
        if len(workers.told("started")) < 3:
            workers.until("started")
        os.kill(second["pid"], signal.SIGTERM)
        workers.until("worker_ended", code=0)
        workers.until("started")
        assert workers.end(signal.SIGTERM) == 0
    ended = [(line["worker"], line["pid"], line["code"], line["again_in"]) for line in workers.told("worker_ended")]
    assert ended == [(1, first["pid"], -9, 0.5), (2, second["pid"], 0, 0.5)]
    assert [line["worker"] for line in workers.told("worker_started")] == [1, 2, 1, 2]
    assert all(map(is_documented, workers.told("worker_ended")))


@ON_POSTGRESQL
def test_workers_do_not_outlive_their_supervisor(empty: Path, engine: AlarmEngine, database_url: str) -> None:
    """It is killed and can tell nobody: they finish what is in hand, and take their rows with them (X301)."""
    with team(empty, database_url) as workers:
        workers.until("started", times=2)
        assert workers.end(signal.SIGKILL) == -signal.SIGKILL
    assert sorted(line["worker"] for line in workers.told("supervisor_gone")) == [1, 2]
    assert sorted(line["worker"] for line in workers.told("stopped")) == [1, 2]
    assert [line for line in workers.told("supervisor_gone") if not is_documented(line)] == []
    with database_of(engine).reading() as connection:
        assert daemons.daemons(connection) == []


@ON_POSTGRESQL
def test_a_second_signal_ends_them_although_a_step_hangs(empty: Path, engine: AlarmEngine, database_url: str) -> None:
    """SIGTERM, and then Ctrl-C: all are gone at once, and what they had in hand is rolled back (X301)."""
    with capture_logs():
        wind(engine, engine.clock.now() - HOUR, broken="hangs")
    with team(empty, database_url) as workers:
        workers.until("started", times=2)
        workers.process.send_signal(signal.SIGTERM)
        workers.until("stopping", times=2)
        assert workers.end(signal.SIGINT) == -signal.SIGINT
    assert rung(engine) == 0


@ON_POSTGRESQL
def test_each_serves_its_metrics_and_systemd_hears_of_all(empty: Path, engine: AlarmEngine, database_url: str) -> None:
    """Two ports; READY once both are, WATCHDOG when both have looked, STOPPING once (X300)."""
    del engine
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as manager:
        manager.bind(str(empty / "notify"))
        manager.settimeout(60)
        heard: list[str] = []
        watched = {"NOTIFY_SOCKET": str(empty / "notify"), "WATCHDOG_USEC": "900000"}
        with team(empty, database_url, "--metrics", "0", **watched) as workers:
            while heard.count("WATCHDOG=1") < 3 or "READY=1" not in heard:
                heard += manager.recv(4096).decode().splitlines()
            assert workers.end(signal.SIGTERM) == 0
        manager.setblocking(False)
        while "STOPPING=1" not in heard:
            heard += manager.recv(4096).decode().splitlines()
    assert "STATUS=2 of 2 workers are at work." in heard
    assert (heard.count("READY=1"), heard.count("STOPPING=1")) == (1, 1)
    assert len({line["address"] for line in workers.told("metrics_served")}) == 2


# What will not mend


@ON_POSTGRESQL
def test_workers_that_die_at_their_start_again_and_again_are_given_up(empty: Path, database_url: str) -> None:
    """There is no schema, and each says so: after the last try (here the second) of one of them the exit code is 1
    (X300)."""
    with alarms(database_url) as engine, database_of(engine).writing() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    with daemon(empty, database_url, "--workers", "2", first=IMPATIENT) as process:
        out, err = process.communicate()
        assert process.returncode == 1
    error = json.loads(out)["error"]
    assert error["code"] == "workers_failing"
    assert error["message"].endswith("2 times in a row, with exit code 1. Its own lines in the log tell why.")
    assert 2 <= err.count('"worker_failed"') <= 4


@ON_POSTGRESQL
def test_a_wrong_configuration_is_not_tried_again(empty: Path, engine: AlarmEngine, database_url: str) -> None:
    """A job that can't be loaded: 2, as without workers, and nobody is started a second time (X300)."""
    del engine
    config = empty / "config.yaml"
    config.write_text(config.read_text().replace("lifecycle_jobs.relay:relay_outbox", "lifecycle_jobs.relay:gone"))
    with daemon(empty, database_url, "--workers", "2") as process:
        said = list(process.stderr or ())
        assert process.wait() == 2
    assert sum('"worker_started"' in line for line in said) == 2
    assert any('"worker_failed"' in line and '"definition"' in line for line in said)


@pytest.mark.usefixtures("empty")
def test_an_sqlite_file_has_one_worker() -> None:
    """More would wait for each other; the code is stable, and trying again is no use (X302)."""
    refused = lifecycle("run", "--workers", "2")
    assert (refused.code, refused.out) == (2, "")
    assert refused.err.startswith("failed (workers_need_postgresql): Several workers need PostgreSQL")


@pytest.mark.parametrize(("deaths", "pause"), [(0, 0.0), (1, 0.5), (2, 1.0), (3, 2.0), (4, 4.0), (5, None)])
def test_a_pause_doubles_and_then_it_is_the_end(deaths: int, pause: float | None) -> None:
    """One that had worked is followed at once; deaths right at the start wait 7.5 s in all (X300)."""
    assert pause_after(deaths) == pause


# Who has what


def test_lines_of_several_processes_are_whole(tmp_path: Path) -> None:
    """Four processes log 20 tracebacks each, longer than a pipe takes at once: each line is JSON (X300)."""
    program = """
        import os
        from lifecycle import SystemClock
        from lifecycle.cli import logs
        from lifecycle.config import LogSettings
        import structlog
        stream = logs.Together()
        number = sum(os.fork() == 0 for _ in range(2))
        logs.configure(LogSettings(), SystemClock(), form="json", worker=number, stream=stream)
        for _ in range(20):
            structlog.get_logger("lifecycle").error("dispatcher_failed", exception="x" * 100_000)
    """
    command = [sys.executable, "-c", dedent(program)]
    said = subprocess.run(command, env=environment(), cwd=tmp_path, stderr=subprocess.PIPE, text=True, check=True)
    lines = [json.loads(line) for line in said.stderr.splitlines()]
    assert Counter(line["worker"] for line in lines) == {0: 20, 1: 40, 2: 20}


def test_calendar_jobs_run_in_the_first_worker_but_for_the_relay(empty: Path) -> None:
    """The others deliver too, each on a port of its own (X300)."""
    wanted = Wanted(load_config(empty / "config.yaml", {}), Address("127.0.0.1", 9100), None)
    first, third = _of_worker(wanted, 1), _of_worker(wanted, 3)
    assert [job.name for job in first.config.jobs] == ["verify_history", "forget_deliveries", "relay_outbox"]
    assert [job.name for job in third.config.jobs] == ["relay_outbox"]
    assert (first.metrics, third.metrics) == (Address("127.0.0.1", 9100), Address("127.0.0.1", 9102))
    assert replace(third, config=first.config, metrics=first.metrics) == first == wanted


def test_ports_have_an_end() -> None:
    """65535 is the last one, for one worker (X300)."""
    assert address("65534", 2) == Address("127.0.0.1", 65_534)
    with pytest.raises(typer.BadParameter):
        address("65535", 2)
    assert Address("::1", 0).next(5) == Address("::1", 0)
