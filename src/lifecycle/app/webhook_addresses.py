"""Where webhooks may go: which addresses a process may connect to on behalf of somebody who names a host (SSRF).

Whoever can add a webhook chooses where this process connects to. So an address of the inner network, of the machine
itself or of a cloud's metadata is refused, however it is written, unless the configuration allows it. What is checked
are the very addresses that are connected to: a name is resolved once, and its answer is used.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from lifecycle.app.reaching import Resolve
from lifecycle.errors import LifecycleError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

PORTS = (80, 443)
LOWEST_PORT = 1024
"""Below it only the two of the web: no webhook talks to a mail server, or to anything else that runs as root."""
LONGEST_URL = 2000
LONGEST_NAME = 253

_NAT64 = ip_network("64:ff9b::/96")
_UNICAST = ip_network("2000::/3")
"""All IPv6 addresses that are given out; the rest is special, whatever a release of Python knows of it."""
_RELAYS = ip_network("192.88.99.0/24")


class Forbidden(LifecycleError):
    """A webhook's address is none that may be connected to (code `webhook_forbidden`)."""

    code = "webhook_forbidden"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a webhook is: its host in ASCII, the port, the path with its query, and whether by TLS."""

    host: str
    port: int
    path: str
    secure: bool

    @property
    def netloc(self) -> str:
        """Host and port as the `Host` header has them."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == (443 if self.secure else 80) else f"{name}:{self.port}"


@dataclass(frozen=True, slots=True)
class Allowed:
    """What an installation allows besides global addresses by https: these networks, and plain http."""

    networks: Sequence[Network] = ()
    http: bool = False

    def target(self, url: str) -> Target:
        """Where a URL leads, read without asking the network. Raises Forbidden."""
        if len(url) > LONGEST_URL or not url.isprintable() or " " in url or "\\" in url:
            raise Forbidden(f"A webhook's URL has at most {LONGEST_URL} printable characters, no space, no backslash.")
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise Forbidden(f"This is no URL: {error}.") from None
        if parts.scheme not in (("https", "http") if self.http else ("https",)):
            raise Forbidden("A webhook is reached by https; `webhooks.http: true` allows http too.")
        if parts.username is not None or parts.password is not None:
            raise Forbidden("A webhook's URL holds no user and no password: it is logged, and a signature does better.")
        if parts.fragment or not parts.hostname:
            raise Forbidden("A webhook's URL names a host, and has no fragment.")
        secure = parts.scheme == "https"
        port = (443 if secure else 80) if port is None else port
        if port not in PORTS and port < LOWEST_PORT:
            raise Forbidden(f"A webhook's port is 443, 80, or one from {LOWEST_PORT} on.")
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return Target(_ascii_host(parts.hostname), port, _ascii_path(path), secure)

    def addresses(self, target: Target, resolve: Resolve) -> Sequence[str]:
        """The addresses of a target, all of which may be connected to. Raises Forbidden, and OSError where its name has
        none."""
        found = resolve(target.host, target.port)
        if not found:
            raise OSError(f"{target.host} has no address.")
        for one in found:
            if not self._may(ip_address(one.partition("%")[0])):
                raise Forbidden(
                    f"{target.host} is at {one}, which is no address of the public network; `webhooks.allow` can name "
                    "networks that may be connected to."
                )
        return found

    def _may(self, address: Address) -> bool:
        carried = _carried(address)
        if any(one in network for network in self.networks for one in (address, carried) if one is not None):
            return True
        return _is_public(address if carried is None else carried)


def _carried(address: Address) -> IPv4Address | None:
    """The IPv4 address to which a connection to this IPv6 address is passed on: mapped, 6to4, NAT64."""
    if isinstance(address, IPv4Address):
        return None
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def _is_public(address: Address) -> bool:
    """Whether it is an address of one machine somewhere on the public network."""
    if isinstance(address, IPv6Address):
        return address.is_global and address in _UNICAST
    return address.is_global and not (address.is_multicast or address.is_reserved or address in _RELAYS)


def networks_of(texts: Sequence[str]) -> Sequence[Network]:
    """The networks that are written so. Raises ValueError."""
    return [ip_network(one) for one in texts]


def _ascii_host(host: str) -> str:
    """A name as the network has it (IDNA), or an address as it is. Raises Forbidden."""
    try:
        return str(ip_address(host))
    except ValueError:
        pass
    try:
        name = host.rstrip(".").encode("idna").decode("ascii").lower()
    except UnicodeError:
        raise Forbidden(f"{host!r} is no name of a host.") from None
    if len(name) > LONGEST_NAME or not all(re.fullmatch(r"[a-z0-9_-]+", label) for label in name.split(".")):
        raise Forbidden(f"{host!r} is no name of a host.")
    return name


def _ascii_path(path: str) -> str:
    """A path in ASCII; what is not is percent-encoded as UTF-8."""
    return "".join(one if one.isascii() else "".join(f"%{byte:02X}" for byte in one.encode()) for one in path)
