"""Where webhooks may go (rule X338)."""

from __future__ import annotations

import pytest

from lifecycle.app.reaching import by_system
from lifecycle.app.webhook_addresses import Allowed, Forbidden, networks_of

STRICT = Allowed()
INNER = [
    "127.0.0.1",
    "127.8.9.10",
    "0.0.0.0",  # noqa: S104  # what is refused
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "192.0.0.170",
    "192.88.99.1",
    "198.18.0.1",
    "203.0.113.7",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::808:808",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "100::1",
    "5f00::1",
]
PUBLIC = ["8.8.8.8", "93.184.216.34", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"]


def may(address: str, allowed: Allowed = STRICT) -> bool:
    """Whether a name that is there may be connected to."""
    try:
        allowed.addresses(allowed.target("https://shop.test/"), lambda _host, _port: [address])
    except Forbidden:
        return False
    return True


@pytest.mark.parametrize("address", INNER)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    """This machine, the inner network, a cloud's metadata, many at once, and what only looks like another one."""
    assert not may(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_taken(address: str) -> None:
    """Of either family, and where one carries the other."""
    assert may(address)


def test_one_address_of_a_name_that_is_refused_is_enough() -> None:
    """A name with a public address and a private one leads to neither."""
    with pytest.raises(Forbidden, match=r"shop\.test is at 10\.0\.0\.1"):
        STRICT.addresses(STRICT.target("https://shop.test/"), lambda _host, _port: ["8.8.8.8", "10.0.0.1"])


def test_a_network_can_be_allowed() -> None:
    """However its addresses are written, and none besides."""
    inner = Allowed(networks_of(["10.1.0.0/16", "fd00::/8"]))
    addresses = ("10.1.2.3", "::ffff:10.1.2.3", "fd00::1", "10.2.0.1", "127.0.0.1")
    assert [may(one, inner) for one in addresses] == [True, True, True, False, False]


@pytest.mark.parametrize(
    "host",
    ["localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.0.0.1.", "[::1]", "１２７.0.0.1"],  # noqa: RUF001
)
def test_this_machine_is_refused_however_it_is_written(host: str) -> None:
    """What the operating system makes of it is what counts."""
    with pytest.raises(Forbidden):
        STRICT.addresses(STRICT.target(f"https://{host}/"), by_system)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "shop.test",
        "//shop.test/",
        "http://shop.test/",
        "ftp://shop.test/",
        "file:///etc/passwd",
        "https:///path",
        "https://user@shop.test/",
        "https://user:secret@shop.test/",
        "https://@shop.test/",
        "https://shop.test/#part",
        "https://shop.test:22/",
        "https://shop.test:0/",
        "https://shop.test:99999/",
        "https://shop.test:x/",
        "https://[::1/",
        "https://shop..test/",
        "https://shop test/",
        "https://shop.test/\r\nX-Injected: 1",
        "https://shop.test\\@evil.test/",
        "https://sh%6fp.test/",
        f"https://{'a' * 64}.test/",
        f"https://{'a.' * 200}test/",
        "https://shop.test/" + "a" * 2000,
    ],
)
def test_a_url_that_is_none_for_a_webhook_is_refused(url: str) -> None:
    """Without asking the network."""
    with pytest.raises(Forbidden):
        STRICT.target(url)


def test_a_url_is_read() -> None:
    """The host in ASCII, in small letters; the path with its query; the port in the header where it is its own."""
    target = STRICT.target("https://Bücher.Test:8443/Haken/ä?x=1")
    assert (target.host, target.port, target.path) == ("xn--bcher-kva.test", 8443, "/Haken/%C3%A4?x=1")
    assert (target.netloc, target.secure) == ("xn--bcher-kva.test:8443", True)
    assert STRICT.target("https://shop.test").netloc == "shop.test"
    assert STRICT.target("https://[2606:4700::1111]").netloc == "[2606:4700::1111]"
    assert Allowed(http=True).target("http://shop.test").netloc == "shop.test"
