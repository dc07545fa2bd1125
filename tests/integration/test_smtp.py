"""Mail by SMTP to a real server in a process of its own: what it takes, refuses, and leaves unanswered."""

from __future__ import annotations

import smtplib
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from lifecycle import Undeliverable
from lifecycle.app.smtp import SmtpPost
from lifecycle.config.model import SmtpSettings, Tls
from lifecycle.domain.calendar import Duration
from lifecycle.engine.outbox import Message
from lifecycle.engine.relay import Relayed
from lifecycle.notices.letters import Letter
from lifecycle.notices.mail import Mail, Person
from tests.integration.world import PROJECT, travelling

START = "2026-01-31T09:00+00:00"
AT = datetime.fromisoformat(START)
MAIL = Mail(
    "out_1", "renewed", Person("shop@shop.test", "Shop"), Person("ann@acme.test"), Letter("Hi", "Hi", "<p>Hi"), AT
)
Serve = Callable[..., SmtpPost]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of `localhost`, with its key, good for two days."""
    file = tmp_path_factory.mktemp("tls") / "localhost.pem"
    named = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    subprocess.run([*new, *named, "-keyout", str(file), "-out", f"{file}.crt"], check=True, capture_output=True)
    file.write_text(file.read_text() + Path(f"{file}.crt").read_text())
    return file


@pytest.fixture
def serve(tmp_path: Path, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Starts a server, and gives the way to it; the certificate is known to who sends."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    (tmp_path / "taken").mkdir()
    running: list[subprocess.Popen[bytes]] = []

    def start(
        behaviour: str, tls: Tls = "none", *, host: str = "localhost", password: str | None = None, timeout: int = 10
    ) -> SmtpPost:
        port_file = tmp_path / "port"
        port_file.unlink(missing_ok=True)
        words = [str(port_file), str(tmp_path / "taken"), behaviour, *([str(certificate)] if tls != "none" else [])]
        running.append(subprocess.Popen([sys.executable, "-m", "tests.mail_server", *words], cwd=PROJECT))
        end = time.monotonic() + 20
        while not port_file.exists():
            assert time.monotonic() < end
            assert running[-1].poll() is None
            time.sleep(0.02)
        user = None if password is None else "shop"
        settings = SmtpSettings(host, int(port_file.read_text()), tls, user, password, Duration(0, timeout))
        return SmtpPost(settings)

    yield start
    for process in running:
        process.kill()
        process.wait()


def taken(tmp_path: Path) -> list[str]:
    """The ids of what a server has taken."""
    files = sorted((tmp_path / "taken").iterdir())
    return [message_from_bytes(file.read_bytes(), policy=policy.default)["Message-ID"] for file in files]


def test_a_server_takes_a_mail(serve: Serve, tmp_path: Path) -> None:
    """Under the id of its message, as often as it is sent (X322)."""
    post = serve("takes")
    post.send(MAIL)
    post.send(MAIL)
    assert taken(tmp_path) == ["<out_1@shop.test>"] * 2
    first, second = [file.read_bytes() for file in (tmp_path / "taken").iterdir()]
    assert first == second


@pytest.mark.parametrize(("behaviour", "tls"), [("login", "starttls"), ("implicit", "implicit")])
def test_it_is_encrypted_and_logged_in(serve: Serve, tmp_path: Path, behaviour: str, tls: Tls) -> None:
    """By STARTTLS or from the first byte, with the certificate of who it says it is (X324)."""
    password = "secret" if behaviour == "login" else None
    serve(behaviour, tls, password=password).send(MAIL)
    assert taken(tmp_path) == ["<out_1@shop.test>"]


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_another_ones_certificate_is_not_believed(serve: Serve, tmp_path: Path, tls: Tls) -> None:
    """It is the server's trouble, and tried again (X324)."""
    post = serve("implicit" if tls == "implicit" else "takes", tls, host="127.0.0.1")
    with pytest.raises(ssl.SSLCertVerificationError):
        post.send(MAIL)
    assert taken(tmp_path) == []


def test_a_login_that_is_refused_is_tried_again(serve: Serve) -> None:
    """A wrong password says nothing about the mail (X324)."""
    with pytest.raises(smtplib.SMTPAuthenticationError):
        serve("login", "starttls", password="wrong").send(MAIL)  # noqa: S106  # it opens nothing


@pytest.mark.parametrize("behaviour", ["refuses_to:550", "refuses_content:554"])
def test_what_is_refused_for_good_is_undeliverable(serve: Serve, behaviour: str) -> None:
    """The addressee, or the content (X324)."""
    with pytest.raises(Undeliverable, match=r"for good: 55[04] no"):
        serve(behaviour).send(MAIL)


@pytest.mark.parametrize("behaviour", ["refuses_to:450", "refuses_content:451", "refuses_from:550"])
def test_what_is_refused_for_now_is_tried_again(serve: Serve, behaviour: str) -> None:
    """And so is what the server has against the sender, which is no mail's fault (X324)."""
    with pytest.raises(smtplib.SMTPException) as error:
        serve(behaviour).send(MAIL)
    assert not isinstance(error.value, Undeliverable)


def test_an_address_that_a_server_can_not_write_is_undeliverable(serve: Serve) -> None:
    """One that needs SMTPUTF8, where there is none (X324)."""
    with pytest.raises(Undeliverable, match="SMTPUTF8"):
        serve("takes").send(replace(MAIL, to=Person("jürgen@acme.test")))


@pytest.mark.parametrize("behaviour", ["hangs", "drips"])
def test_a_server_that_hangs_is_left(serve: Serve, behaviour: str) -> None:
    """When a second is up for the whole delivery, though a byte came each tenth of it (X325)."""
    post, began = serve(behaviour, timeout=1), time.monotonic()
    with pytest.raises(TimeoutError):
        post.send(MAIL)
    assert time.monotonic() - began < 3


def test_a_name_server_that_is_silent_is_left_too() -> None:
    """The time is for the whole delivery, and begins with the look-up of the name (X325)."""

    def resolve(_host: str, _port: int) -> list[str]:
        time.sleep(2)
        return ["127.0.0.1"]

    post, began = (
        SmtpPost(SmtpSettings("mail.test", 25, "none", None, None, Duration(0, 1)), resolve=resolve),
        time.monotonic(),
    )
    with pytest.raises(OSError, match=r"longer than 1s|not found in time"):
        post.send(MAIL)
    assert time.monotonic() - began < 1.9


def test_nobody_there_is_tried_again() -> None:
    """Nothing listens on port 1 (X324)."""
    with pytest.raises(ConnectionRefusedError):
        SmtpPost(SmtpSettings("127.0.0.1", 1, "none", None, None, Duration(0, 5))).send(MAIL)


def test_a_hosts_own_message_is_not_mailed() -> None:
    """It has no text; it is a dead letter that says what to do (X324)."""
    post = SmtpPost(SmtpSettings("127.0.0.1", 1, "none", None, None, Duration(0, 5)))
    with pytest.raises(Undeliverable, match="serve its destination"):
        post(Message("out_1", "mail", "hello", {}, "x_1", "x_1", AT, 1))


def test_a_server_that_dies_after_taking_gets_it_once_more(serve: Serve, tmp_path: Path) -> None:
    """Nobody knows that it was taken: that is a failure, and the next delivery is the same mail (X322, X324)."""
    with pytest.raises(smtplib.SMTPServerDisconnected):
        serve("dies").send(MAIL)
    serve("takes").send(MAIL)
    assert taken(tmp_path) == ["<out_1@shop.test>"] * 2


@pytest.mark.sampled
def test_notices_are_sent_by_the_configured_server(serve: Serve, tmp_path: Path, database_url: str) -> None:
    """From whom and to whom the configuration and the account say (X318)."""
    server = serve("takes")._settings
    mail = {
        "USE": "smtp",
        "FROM": "shop@shop.test",
        "REPLY_TO": "desk@shop.test",
        "SMTP": f"{{host: {server.host}, port: {server.port}, tls: none}}",
    }
    environ = {f"LIFECYCLE_MAIL__{name}": value for name, value in mail.items()}
    with travelling(database_url, START, **environ) as (lifecycle, _):
        lifecycle.accounts.create("acme", email="ann@acme.test")
        lifecycle.subscriptions.create("acme", plan="basic", by="ann@acme.test")
        assert lifecycle.relay_outbox() == Relayed(delivered=1)
        [sent] = lifecycle.notices.sent(kind="trial_started")
    [file] = (tmp_path / "taken").iterdir()
    found = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert [found[name] for name in ("From", "To", "Reply-To", "Message-ID")] == [
        *("Example Ltd <shop@shop.test>", "ann@acme.test", "desk@shop.test"),
        f"<{sent.id}@shop.test>",
    ]
