"""`lifecycle health`, `doctor` and `run --metrics`, as a monitor, a person and Prometheus see them."""

from __future__ import annotations

import json
import signal
import socket
import threading
import urllib.request
from pathlib import Path

import pytest
import typer

from lifecycle.cli.serving import Address, address
from tests.integration.cli.world import documented, in_a_process, lifecycle, shape, standing_at

PATIENCE = 60.0


def test_health_without_a_daemon_fails_and_says_what_to_do(history: Path) -> None:
    """Exit code 1; on 20 March nothing of the history is late."""
    del history
    ended = lifecycle("health")
    assert (ended.code, ended.err) == (1, "")
    assert ended.lines[0].split() == ["check", "status", "value", "what"]
    rows = {line.split()[0]: line.split()[1] for line in ended.lines[2:]}
    assert rows == {
        "database": "ok",
        "schema": "ok",
        "loop": "failed",
        "lag": "ok",
        "clock": "ok",
        "quarantined": "ok",
        "dead_letters": "ok",
        "named_clocks": "ok",
    }
    assert "Run: lifecycle run" in ended.out


def test_health_speaks_to_programs(history: Path) -> None:
    """Whether all is well, when, and each finding with its name, status, value and sentence."""
    del history
    said = lifecycle("health", "--json").json
    assert (said["ok"], said["at"]) == (False, "2020-03-20T00:00:00Z")
    assert said["findings"][2] == {
        "name": "loop",
        "status": "failed",
        "value": 0,
        "message": "No scheduler has been heard for three heartbeats. Run: lifecycle run, or start() in a host",
    }


def test_what_is_late_enough_to_fail_can_be_said(history: Path) -> None:
    """On 1 April, 00:00 UTC, what was due on 31 March, 08:00, is 16 hours late: too late for 15 hours, not for 17."""
    del history
    with standing_at("2020-04-01T00:00:00Z"):
        lags = [lifecycle("health", "--json", "--max-lag", limit).json["findings"][3] for limit in ("15h", "17h")]
    assert [(lag["status"], lag["value"]) for lag in lags] == [("failed", 57_600.0), ("ok", 57_600.0)]


def test_a_length_that_is_none_is_a_usage_error(empty: Path) -> None:
    """2, with how to write one."""
    del empty
    ended = lifecycle("health", "--max-lag", "soon")
    assert (ended.code, ended.out) == (2, "")
    assert "30s, 5m, 2h" in ended.err


def test_the_doctor_of_a_new_machine_names_the_first_command(empty: Path) -> None:
    """There is no database yet; it exits with 1, and makes none."""
    ended = lifecycle("doctor")
    assert (ended.code, ended.err) == (1, "")
    assert ended.lines[-1].endswith("Run: lifecycle db upgrade")
    assert not (empty / "lifecycle.db").exists()


def test_the_doctor_of_a_history_that_is_well_exits_with_0(history: Path) -> None:
    """That no daemon runs is a warning: it is asked before there is one."""
    del history
    said = lifecycle("doctor", "--json")
    assert said.code == 0
    assert [(one["name"], one["status"]) for one in said.json["findings"] if one["status"] != "ok"] == [
        ("daemons", "warn")
    ]


def test_the_doctor_tells_what_is_wrong_with_a_configuration(empty: Path) -> None:
    """As a finding, with its line."""
    (empty / "config.yaml").write_text("catalog: {}\n", encoding="utf-8")
    said = lifecycle("doctor", "--json")
    assert said.code == 1
    [finding] = said.json["findings"]
    assert finding["name"] == "configuration"
    assert "config.yaml:1: catalog" in finding["message"]


# Metrics


def test_the_daemon_serves_its_metrics(history: Path) -> None:
    """To this machine, on a port of the system's choice; what it caught up with is counted."""
    with in_a_process("run", "--metrics", "0", cwd=history) as process:
        deadline = threading.Timer(PATIENCE, process.kill)
        deadline.start()
        assert process.stderr is not None
        served, started, first = (json.loads(next(process.stderr)) for _ in range(3))
        assert shape(served) == documented()["metrics_served"]
        assert served["address"].startswith("http://127.0.0.1:")
        assert (started["event"], first["event"]) == ("started", "transition")
        page = ""  # a line is written before it is counted
        while 'event="cycle_starts"' not in page and deadline.is_alive():
            threading.Event().wait(0.02)
            with urllib.request.urlopen(served["address"], timeout=PATIENCE) as answer:  # noqa: S310  # http, on this machine
                page = answer.read().decode()
        process.send_signal(signal.SIGTERM)
        process.communicate()
        deadline.cancel()
        assert process.returncode == 0
    assert 'lifecycle_transitions_total{event="cycle_starts",machine="subscription"}' in page
    assert "lifecycle_database_up 1.0" in page


def test_a_port_that_is_taken_is_told(history: Path) -> None:
    """1, before anything fires."""
    del history
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ended = lifecycle("run", "--metrics", str(port))
    assert ended.code == 1
    assert ended.err.startswith(f"failed (metrics_unavailable): Metrics can't be served on 127.0.0.1:{port}: ")


@pytest.mark.parametrize(
    ("text", "meant"),
    [("9100", ("127.0.0.1", 9100)), ("0.0.0.0:9100", ("0.0.0.0", 9100)), ("[::1]:9100", ("::1", 9100))],  # noqa: S104  # only read
)
def test_an_address_is_a_port_or_a_host_and_a_port(text: str, meant: tuple[str, int]) -> None:
    """Without a host it is this machine."""
    assert address(text) == Address(*meant)


@pytest.mark.parametrize("text", ["", "web", "65536", "host:", "²"])
def test_an_address_without_a_port_is_a_usage_error(text: str) -> None:
    """With what was written."""
    with pytest.raises(typer.BadParameter, match="is not a port"):
        address(text)
