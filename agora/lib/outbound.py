"""HTTP to addresses that strangers chose: one POST that cannot be turned against us (SSRF), nor hold us up.

The URL's own form is checked, the name is resolved once, every address of it must be public, and the connection goes
to the very address that was checked, while Host, SNI and the certificate are the name's. Nothing is followed, no proxy
is asked, nothing is decompressed, at most a kilobyte of the answer is read. One deadline ends it all, however slowly
the other side drips: its socket is shut down under whatever is waiting there.
"""

from __future__ import annotations

import http.client
import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from urllib.parse import SplitResult, urlsplit

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from agora.lib.http import assert_no_transaction

EXCERPT = 1024  # bytes of an answer that are read at most
BODY_PATIENCE = 1.0  # seconds for them: the status has been read, and that is what counts
ADDRESSES = 3  # of a name that are tried
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?\.?")
_TARGET = re.compile(r"[\x21-\x7e]*")

# Beyond what `ipaddress` calls not global: ways for an IPv6 address to mean an IPv4 one (RFC 6052, 8215, 3056, 4380,
# 4291), shared and benchmarking space (RFC 6598, 2544), and what only routers speak to.
_NEVER = [
    ipaddress.ip_network(text)
    for text in (
        *("100.64.0.0/10", "169.254.0.0/16", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "224.0.0.0/3"),
        *("::/96", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64"),
        *("2001::/23", "2002::/16", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8"),
    )
]


class Refused(Exception):
    """This URL, or where its name leads, is not one that we call. Nothing was sent."""


class Failed(Exception):
    """No answer: not reached, broken off, or too slow. It may or may not have arrived."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    retry_after: str  # the header, "" without one
    excerpt: str  # of the body as it came


def system_resolve(host: str, port: int) -> list[str]:
    """Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_public(address: str) -> bool:
    """Whether it is somebody's place on the Internet: not ours, not a neighbour's, not a disguise of either."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:  # also of one with a zone (fe80::1%eth0)
        return False
    return ip.is_global and not any(ip.version == net.version and ip in net for net in _NEVER)


def is_loopback(address: str) -> bool:
    return address in ("127.0.0.1", "::1")


@cache
def public_tls() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH)


@dataclass(frozen=True, kw_only=True)
class Policy:
    """Whom we call. `plain_hosts` are reached by http on any port, and must be this machine: the sandbox's."""

    plain_hosts: frozenset[str] = frozenset()
    ports: frozenset[int] = frozenset({443, 8443})
    may_connect: Callable[[str], bool] = is_public
    resolve: Callable[[str, int], Sequence[str]] = system_resolve
    tls: Callable[[], ssl.SSLContext] = public_tls
    connect_within: float = 3.0  # seconds
    within: float = 10.0  # seconds, from the name's look-up to the answer's head


@dataclass(frozen=True, slots=True)
class Target:
    host: str
    port: int
    is_plain: bool
    path: str  # with the query

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (80 if self.is_plain else 443) else f"{host}:{self.port}"


def parse(url: str, *, policy: Policy) -> Target:
    """The URL taken apart. Raises Refused, with a sentence for whoever gave it."""
    if len(url) > 500 or not _TARGET.fullmatch(url) or "\\" in url:
        raise Refused("Give a URL of at most 500 printable ASCII characters.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Refused("This is not a URL.") from None
    if "@" in parts.netloc or parts.fragment:
        raise Refused("Give a URL without a user name and without a fragment.")
    host = _host(parts)
    is_plain = parts.scheme == "http" and host in policy.plain_hosts
    if parts.scheme != "https" and not is_plain:
        raise Refused("Give an https:// URL.")
    port = port or (80 if is_plain else 443)
    if not is_plain and port not in policy.ports:
        raise Refused(f"Use port {' or '.join(map(str, sorted(policy.ports)))}.")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(host, port, is_plain, target)


def check(url: str, *, policy: Policy) -> None:
    """What can be known of a URL without asking anybody. Raises Refused, with a sentence for whoever gave it."""
    target = parse(url, policy=policy)
    try:
        address = str(ipaddress.ip_address(target.host))
    except ValueError:
        return
    if not _may_connect(target, policy)(address):
        raise Refused("Give an address that is public.")


def post(url: str, *, body: bytes, headers: Mapping[str, str], policy: Policy) -> Answer:
    """Send it once. Raises Refused, Failed."""
    assert_no_transaction()
    deadline = time.monotonic() + policy.within
    target = parse(url, policy=policy)
    addresses = _vetted(target, policy)
    try:
        with _connected(target, addresses, policy, deadline) as sock:
            connection = http.client.HTTPConnection(target.host, target.port)
            connection.auto_open = 0  # it must never look for a way of its own
            connection.sock = sock
            sent = {"Host": target.authority, "Accept-Encoding": "identity", "Connection": "close", **headers}
            connection.putrequest("POST", target.path, skip_host=True, skip_accept_encoding=True)
            for name, value in {**sent, "Content-Length": str(len(body))}.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            response = connection.getresponse()
            retry_after = response.getheader("Retry-After", "")[:64]
            return Answer(response.status, retry_after, _excerpt(sock, response))
    except (
        OSError,
        ValueError,
        http.client.HTTPException,
    ) as problem:  # ValueError: of strange bytes
        if time.monotonic() >= deadline:
            raise Failed("TimedOut") from problem
        raise Failed(type(problem).__name__) from problem


def _host(parts: SplitResult) -> str:
    """As written, in lower case; a name, or an address that stands for itself."""
    host = (parts.hostname or "").rstrip(".")
    if _HOST.fullmatch(host):
        return host
    try:
        return str(ipaddress.IPv6Address(host.replace("%", "?")))  # no zones
    except ValueError:
        raise Refused("Give a URL with a host name (in ASCII; xn--… for others).") from None


def _vetted(target: Target, policy: Policy) -> list[str]:
    """The addresses to try. All of the name's must be allowed: one that is not condemns the name."""
    try:
        addresses = list(policy.resolve(target.host, target.port))
    except (OSError, UnicodeError) as problem:
        raise Failed("NameNotResolved") from problem
    if not addresses:
        raise Failed("NameNotResolved")
    if not all(map(_may_connect(target, policy), addresses)):
        raise Refused("The name leads to an address that is not public.")
    return addresses[:ADDRESSES]


def _may_connect(target: Target, policy: Policy) -> Callable[[str], bool]:
    return is_loopback if target.is_plain else policy.may_connect


@contextmanager
def _connected(target: Target, addresses: list[str], policy: Policy, deadline: float) -> Iterator[socket.socket]:
    """A connection to one of the addresses, in the name's name, that is shut down at the deadline."""
    with _connect(target, addresses, policy, deadline) as raw, raw.dup() as watched:  # TLS takes the first one over
        timer = threading.Timer(max(0.0, deadline - time.monotonic()), _shut, [watched])
        timer.daemon = True
        timer.start()
        try:
            raw.settimeout(policy.within)
            if target.is_plain:
                yield raw
            else:
                with policy.tls().wrap_socket(raw, server_hostname=target.host) as sock:
                    yield sock
        finally:
            timer.cancel()


def _connect(target: Target, addresses: list[str], policy: Policy, deadline: float) -> socket.socket:
    problem: OSError = TimeoutError()
    for address in addresses:
        left = deadline - time.monotonic()
        if left <= 0:  # the look-up took it all: nothing may be sent any more
            break
        try:
            return socket.create_connection((address, target.port), timeout=min(policy.connect_within, left))
        except OSError as trouble:
            problem = trouble
    raise problem


def _shut(watched: socket.socket) -> None:
    with suppress(OSError):  # the other side was quicker
        watched.shutdown(socket.SHUT_RDWR)


def _excerpt(sock: socket.socket, response: http.client.HTTPResponse) -> str:
    """What comes of the body within its patience. It is for people to read, so a broken one is no failure."""
    got = b""
    until = time.monotonic() + BODY_PATIENCE
    with suppress(OSError, ValueError, http.client.HTTPException):
        while len(got) < EXCERPT and (left := until - time.monotonic()) > 0:
            sock.settimeout(left)
            piece = response.read1(EXCERPT - len(got))
            if not piece:
                break
            got += piece
    return got[:EXCERPT].decode("utf-8", "replace").replace("\x00", "\ufffd")
