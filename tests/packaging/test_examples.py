"""The example hosts, from an installed wheel: real servers that are asked over HTTP, and stopped as servers are."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import sysconfig
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree
from threading import Event, Timer
from typing import Any

import pytest

from lifecycle.engine.clock import stopwatch
from tests.packaging.conftest import PIP, ROOT, run

pytestmark = [pytest.mark.packaging, pytest.mark.sampled(3)]

ANN = "ann@acme.test"
PATIENCE = 60.0


@pytest.fixture(scope="session")
def installed(distributions: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a new environment with the wheel in it, which finds libraries and frameworks in this one."""
    folder = tmp_path_factory.mktemp("host") / "environment"
    run([sys.executable, "-m", "venv", "--without-pip", folder], cwd=folder.parent)
    [wheel] = distributions.glob("*.whl")
    python = folder / "bin/python"
    run([*PIP, python, "install", "--quiet", "--no-index", "--no-deps", wheel], cwd=folder)
    [packages] = folder.glob("lib/python*/site-packages")
    # only a path: `.pth` files over there, such as that of an editable install, are not read
    (packages / "tools.pth").write_text(sysconfig.get_path("purelib") + "\n")
    origin = run([python, "-c", "import lifecycle; print(lifecycle.__file__)"], cwd=folder).strip()
    assert Path(origin).is_relative_to(packages)
    return folder / "bin"


@pytest.fixture(scope="session")
def examples(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The examples, and a database with the schema, as their first lines say."""
    folder = copytree(ROOT / "docs" / "examples", tmp_path_factory.mktemp("home") / "examples")
    run([installed / "lifecycle", "db", "upgrade"], cwd=folder)
    return folder


@pytest.fixture
def home(examples: Path, tmp_path: Path) -> Path:
    """A test's own copy of them."""
    return copytree(examples, tmp_path / "examples")


@dataclass
class Server:
    """A server that runs, and its client."""

    process: subprocess.Popen[str]
    port: int

    def ask(self, path: str, **body: str) -> tuple[int, Any]:
        """Status and JSON of an answer; a POST where something is to be said."""
        data = json.dumps(body).encode() if body else None
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/{path}", data, headers)  # http
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310  # http
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def wait_until_ready(self) -> None:
        """Until somebody listens."""
        deadline = stopwatch() + PATIENCE
        while stopwatch() < deadline and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                Event().wait(0.02)
            else:
                return
        self.process.kill()
        raise AssertionError(self.process.communicate()[0])


def environment() -> dict[str, str]:
    """Without this environment's paths."""
    return {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}


@contextmanager
def serving(home: Path, installed: Path, command: Sequence[str]) -> Iterator[Server]:
    """A server on a free port, which outlives neither the test nor its patience."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with subprocess.Popen(
        [installed / "python", *command, str(port)],
        cwd=home,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        patience = Timer(3 * PATIENCE, process.kill)
        patience.start()
        try:
            server = Server(process, port)
            server.wait_until_ready()
            yield server
        finally:
            patience.cancel()
            process.kill()


def until(server: Server, path: str, wanted: Mapping[str, object]) -> Any:
    """What the server answers once it has these."""
    deadline = stopwatch() + PATIENCE
    while stopwatch() < deadline:
        _, answer = server.ask(path)
        if wanted.items() <= answer.items():
            return answer
        Event().wait(0.05)
    raise AssertionError(f"{path} never had {wanted}")


@pytest.mark.parametrize(
    ("command", "exit_code"),
    [
        (["-m", "uvicorn", "fastapi_host:app", "--port"], -signal.SIGTERM),  # uvicorn passes it on when it is done
        (["flask_host.py"], 0),
        (["django_host.py"], 0),
    ],
    ids=["fastapi", "flask", "django"],
)
def test_a_server_sells_refuses_fires_and_stops(
    home: Path, installed: Path, command: Sequence[str], exit_code: int
) -> None:
    """Ann tries Basic, wants Team, cancels it with a farewell, is refused with both, and it ends while the server runs;
    after SIGTERM everything is in the history."""
    with serving(home, installed, command) as server:
        _, sub = server.ask("accounts/acme", email=ANN)
        assert sub["state"] == "trial"
        assert server.ask(f"subscriptions/{sub['id']}/change", plan="team", by=ANN)[1]["state"] == "pending_change"
        status, answer = server.ask(f"subscriptions/{sub['id']}/cancel", by=ANN, words="We go elsewhere.")
        assert (status, answer["state"]) == (200, "pending_cancellation")

        status, answer = server.ask(f"subscriptions/{sub['id']}/change", plan="team", by=ANN)
        assert (status, answer["code"]) == (409, "cancellation_pending")
        assert server.ask("subscriptions/sub_none")[0] == 404
        assert server.ask("farewells") == (200, ["We go elsewhere."])
        assert server.ask("health")[0] == 200

        soon = datetime.now(UTC) + timedelta(seconds=1)
        server.ask(f"subscriptions/{sub['id']}/cancel", by=ANN, words="Now.", when=soon.isoformat())
        assert until(server, f"subscriptions/{sub['id']}", {"state": "ended"})["next"] is None
        assert until_heard(server) == ["subscribed", "schedule_change", "cancel", "cancel", "end_date_arrives"]
        server.process.send_signal(signal.SIGTERM)
        said, _ = server.process.communicate(timeout=PATIENCE)
        assert server.process.returncode == exit_code, said
        assert "Traceback" not in said

    shown = json.loads(run([installed / "lifecycle", "log", "--json"], cwd=home))
    events = [step["event"] for step in shown]
    assert events == ["subscribed", "schedule_change", "cancel", "cancel", "end_date_arrives"]
    assert "whole" in run([installed / "lifecycle", "verify"], cwd=home)


def until_heard(server: Server) -> list[str]:
    """What the hook has heard, once it has heard of the end."""
    deadline = stopwatch() + PATIENCE
    news: list[str] = []
    while stopwatch() < deadline and "end_date_arrives" not in news:
        _, news = server.ask("news")
        Event().wait(0.05)
    return news


def test_a_refused_cancellation_leaves_no_farewell(home: Path, installed: Path) -> None:
    """In FastAPI and Flask the host's own row is in the transaction that is refused; here it is Flask's."""
    with serving(home, installed, ["flask_host.py"]) as server:
        assert server.ask("subscriptions/sub_none/cancel", by=ANN, words="Never said.")[0] == 404
        assert server.ask("farewells") == (200, [])


def test_the_script_runs_to_its_end(home: Path, installed: Path) -> None:
    """From a trial to its end; what it prints is what has happened."""
    command: list[str | Path] = [installed / "python", "-W", "error", "plain_script.py"]
    done = subprocess.run(command, cwd=home, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = done.stdout.splitlines()
    assert told[0].startswith("trial until ")
    assert told[1] == "cancellation_pending - Withdraw the cancellation first."
    assert told[2] == "ended by end_date_arrives"
    assert [line.split("+00:00 ")[1] for line in told[3:]] == [
        "subscribed None trial",
        "cancel trial pending_cancellation",
        "end_date_arrives pending_cancellation ended",
    ]


def test_a_shops_own_tests_find_the_plugin(installed: Path, tmp_path: Path) -> None:
    """From the wheel, without being told where it is: an outsider's stories in dates all hold, each once (G4, X70)."""
    folder = copytree(ROOT / "docs" / "examples" / "qa", tmp_path / "qa")
    said = run([installed / "python", "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"], cwd=folder)
    assert said.splitlines()[-1].startswith("6 passed"), said
