"""One POST within its time, to the address that was checked (rule X338)."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from time import monotonic, sleep

import pytest

from lifecycle.app.reaching import TooSlow
from lifecycle.app.webhook_addresses import Allowed, Forbidden, networks_of
from lifecycle.app.webhook_http import MOST_READ, Poster
from tests.receiver import receiving

HERE = Allowed(networks_of(["127.0.0.1/32"]), http=True)
SHORT = timedelta(seconds=0.3)
Serve = Callable[[socket.socket], None]


def at(*addresses: str) -> Callable[[str, int], Sequence[str]]:
    """A resolver whose answers are these, one after the other, the last one from then on."""
    answers = list(addresses)
    return lambda _host, _port: [answers.pop(0) if len(answers) > 1 else answers[0]]


def poster(timeout: timedelta = timedelta(seconds=5), *addresses: str, ca: str | None = None) -> Poster:
    """One that may reach this machine, which every name leads to."""
    return Poster(HERE, timeout, resolve=at(*(addresses or ("127.0.0.1",))), ca=ca)


@contextmanager
def serving(serve: Serve) -> Iterator[int]:
    """A server that does so with each connection; its port."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    threading.Thread(target=run, args=(connection,), daemon=True).start()

        def run(connection: socket.socket) -> None:
            with suppress(OSError), connection:
                serve(connection)

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1]
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)


def drip(connection: socket.socket) -> None:
    """Send the head of an answer a byte at a time, and never come to its end."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while True:
        connection.sendall(b"x")
        sleep(0.02)


def drip_a_body(connection: socket.socket) -> None:
    """Send a whole head, and then a byte at a time."""
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n")
    while True:
        connection.sendall(b"x")
        sleep(0.02)


def say_go_on(connection: socket.socket) -> None:
    """Ask for more and more."""
    while True:
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        sleep(0.02)


def hang(connection: socket.socket) -> None:
    """Read, and say nothing."""
    while connection.recv(65536):
        pass


def speak_nonsense(connection: socket.socket) -> None:
    """Answer with no HTTP."""
    connection.recv(65536)
    connection.sendall(b"220 mail.test ESMTP\r\n")


@pytest.mark.parametrize("serve", [drip, say_go_on, hang])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_server_that_never_ends_is_cut_off(serve: Serve, scheme: str) -> None:
    """Silent, or a byte at a time, with TLS or without: when the time is up, it is up."""
    with serving(serve) as port:
        started = monotonic()
        with pytest.raises((TooSlow, ssl.SSLError)):
            poster(SHORT).post(f"{scheme}://shop.test:{port}/", {}, b"{}")
        assert monotonic() - started < 2


def test_an_answer_counts_once_its_head_is_there() -> None:
    """What drips after it is cut off, and what has come of it is kept."""
    with serving(drip_a_body) as port:
        reply = poster(SHORT).post(f"http://shop.test:{port}/", {}, b"{}")
    assert reply.status == 200
    assert 1 < len(reply.body) < 100


def test_a_name_server_that_is_silent_is_not_waited_for() -> None:
    """Looking up the name is part of the time."""
    woken = threading.Event()
    slow = Poster(HERE, SHORT, resolve=lambda _host, _port: ["127.0.0.1"] if woken.wait(5) else [])
    with pytest.raises(TooSlow):
        slow.post("http://shop.test/", {}, b"{}")
    woken.set()


def test_a_huge_answer_is_read_in_part() -> None:
    """So much is read and no more."""
    with receiving(body=b"x" * 3_000_000) as server:
        assert len(poster().post(server.url, {}, b"{}").body) == MOST_READ


def test_a_redirect_is_an_answer() -> None:
    """It is not followed, wherever it leads."""
    with receiving() as inner, receiving(302, headers=[("Location", inner.url)]) as server:
        assert poster().post(server.url, {}, b"{}").status == 302
        assert inner.sent == []


def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is its address asked for."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with receiving() as server:
        assert poster().post(server.url, {}, b"{}").status == 200
        [sent] = server.sent
    assert sent.headers["host"] == server.url.split("/")[2]


def test_what_is_connected_to_is_what_was_checked() -> None:
    """A name that has another answer a moment later: the first is used, and at the next attempt the second refused."""
    with receiving() as server:
        url = server.url.replace("127.0.0.1", "shop.test")
        changing = poster(timedelta(seconds=5), "127.0.0.1", "127.0.0.2")
        assert changing.post(url, {}, b"{}").status == 200
        with pytest.raises(Forbidden, match=r"127\.0\.0\.2"):
            changing.post(url, {}, b"{}")
        assert len(server.sent) == 1


def test_the_next_address_is_tried() -> None:
    """Where nobody listens at the first, as long as there is time."""
    allowed = Allowed(networks_of(["127.0.0.0/8"]), http=True)
    with receiving() as server:
        two = Poster(allowed, timedelta(seconds=5), resolve=lambda _host, _port: ["127.0.0.3", "127.0.0.1"])
        assert two.post(server.url.replace("127.0.0.1", "shop.test"), {}, b"{}").status == 200


def test_what_is_no_http_is_an_error() -> None:
    """Another protocol's greeting, and nobody there."""
    import http.client  # noqa: PLC0415  # its name is too common for this module

    with serving(speak_nonsense) as port, pytest.raises(http.client.BadStatusLine):
        poster().post(f"http://shop.test:{port}/", {}, b"{}")
    with pytest.raises(ConnectionRefusedError):
        poster().post(f"http://shop.test:{port}/", {}, b"{}")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for shop.test, with its key in the same file."""
    folder = tmp_path_factory.mktemp("certificate")
    names = ["-subj", "/CN=shop.test", "-addext", "subjectAltName=DNS:shop.test"]
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    files = ["-days", "2", "-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run([*made, *names, *files], check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_bytes((folder / "cert.pem").read_bytes() + (folder / "key.pem").read_bytes())
    return both


def test_a_certificate_is_checked_for_the_name(certificate: Path) -> None:
    """Though the connection is made to an address; one for another name, or of nobody who is trusted, is refused."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def answer(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            while not secured.recv(65536).endswith(b"{}"):
                pass
            secured.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    with serving(answer) as port:
        trusting = poster(ca=str(certificate))
        assert trusting.post(f"https://shop.test:{port}/", {}, b"{}").status == 204
        with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
            trusting.post(f"https://other.test:{port}/", {}, b"{}")
        with pytest.raises(ssl.SSLCertVerificationError, match="self-signed"):
            poster().post(f"https://shop.test:{port}/", {}, b"{}")
