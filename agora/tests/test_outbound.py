"""Requests to addresses that strangers chose: what is refused before a byte is sent, and what cannot hold us up."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from agora.lib import outbound
from agora.lib.outbound import Answer, Failed, Policy, Refused

PUBLIC = Policy()
SANDBOX = Policy(plain_hosts=frozenset({"127.0.0.1", "localhost"}), within=2.0)


def post(url: str, policy: Policy = SANDBOX, body: bytes = b"{}") -> Answer:
    return outbound.post(url, body=body, headers={"Content-Type": "application/json"}, policy=policy)


def never(host: str, port: int) -> list[str]:
    raise AssertionError(f"{host} was looked up")


@contextmanager
def talking(talk: Callable[[Any], None], wrap: Callable[[socket.socket], Any] = lambda s: s) -> Iterator[int]:
    """A server on a free port that says what `talk` makes it say to each connection."""
    listener = socket.create_server(("127.0.0.1", 0))
    closing_down = threading.Event()

    def serve() -> None:
        while not closing_down.is_set():
            try:
                raw, _ = listener.accept()
                with closing(wrap(raw)) as connection:
                    talk(connection)
            except OSError:
                continue

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        closing_down.set()
        listener.close()


def request_of(connection: Any) -> bytes:
    """Everything the client sent: head and body."""
    got = b""
    while b"\r\n\r\n" not in got:
        got += connection.recv(4096)
    head, _, body = got.partition(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    while len(body) < length:
        body += connection.recv(4096)
    return head + b"\r\n\r\n" + body


def saying(answer: bytes) -> Callable[[Any], None]:
    def talk(connection: Any) -> None:
        request_of(connection)
        connection.sendall(answer)

    return talk


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example/in",
        "ftp://hooks.example/in",
        "//hooks.example/in",
        "https://",
        "https:///in",
        "https://user@hooks.example/in",
        "https://user:word@hooks.example/in",
        "https://@hooks.example/in",
        "https://hooks.example/in#part",
        "https://hooks.example:22/in",
        "https://hooks.example:80/in",
        "https://hooks.example:99999/in",
        "https://hooks.example:port/in",
        "https://hooks.example /in",
        "https://hooks.example/in\r\nX-Evil: 1",
        "https://hooks.example\\@127.0.0.1/in",
        "https://hööks.example/in",
        "https://-hooks.example/in",
        "https://[::1/in",
        "https://[fe80::1%25eth0]/in",
        "https://hooks.example/" + "a" * 500,
        "http://127.0.0.1:8000/",
        "",
    ],
)
def test_a_url_that_is_not_plainly_https_is_refused_unasked(url: str) -> None:
    with pytest.raises(Refused):
        post(url, replace(PUBLIC, resolve=never))
    with pytest.raises(Refused):
        outbound.check(url, policy=PUBLIC)


@pytest.mark.parametrize(
    ("url", "host", "port", "path"),
    [
        ("https://hooks.example", "hooks.example", 443, "/"),
        ("https://HOOKS.example./a?b=c", "hooks.example", 443, "/a?b=c"),
        ("https://hooks.example:8443/?x", "hooks.example", 8443, "/?x"),
        ("https://[2606:4700::1111]/in", "2606:4700::1111", 443, "/in"),
        ("https://xn--hks-1na7c.example/in", "xn--hks-1na7c.example", 443, "/in"),
    ],
)
def test_a_url_is_taken_apart(url: str, host: str, port: int, path: str) -> None:
    target = outbound.parse(url, policy=PUBLIC)

    assert (target.host, target.port, target.path, target.is_plain) == (host, port, path, False)


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.8.8.8", "169.254.169.254", "172.16.0.1"),
        *("192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.7", "203.0.113.7"),
        *("224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255", "::", "::1", "::8.8.8.8", "::ffff:127.0.0.1"),
        *("::ffff:8.8.8.8", "64:ff9b::7f00:1", "64:ff9b::8.8.8.8", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1"),
        *("2002:7f00:1::1", "2002:808:808::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1"),
        *("ff02::1", "3fff::1", "5f00::1", "localhost", ""),
    ],
)
def test_an_address_that_is_not_public_condemns_the_name(address: str) -> None:
    assert not outbound.is_public(address)
    policy = replace(PUBLIC, resolve=lambda host, port: ["1.1.1.1", address])
    with pytest.raises(Refused, match="not public"):
        post("https://hooks.example/in", policy)


@pytest.mark.parametrize("address", ["1.1.1.1", "8.8.8.8", "100.128.0.1", "2606:4700::1111", "2a00:1450:4001::1"])
def test_a_public_address_is_allowed(address: str) -> None:
    assert outbound.is_public(address)


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "0177.0.0.1", "0", "localhost", "[::1]", "10.0.0.1"])
def test_a_private_address_in_any_spelling_is_refused_where_it_leads(host: str) -> None:
    with pytest.raises(Refused):
        post(f"https://{host}/in", PUBLIC)


@pytest.mark.parametrize("url", ["https://10.0.0.1/", "https://[::1]/", "https://[::ffff:10.0.0.1]:8443/"])
def test_a_literal_private_address_is_refused_when_it_is_given(url: str) -> None:
    with pytest.raises(Refused, match="public"):
        outbound.check(url, policy=PUBLIC)


def test_plain_http_to_another_machine_is_refused_in_the_sandbox_too() -> None:
    for url in ("http://10.0.0.1/", "http://hooks.example/", "http://[::1]/"):
        with pytest.raises(Refused):
            post(url)
    with pytest.raises(Refused):  # the name means this machine, or nothing
        post("http://localhost/", replace(SANDBOX, resolve=lambda host, port: ["10.0.0.1"]))


def test_a_name_that_moves_to_a_private_address_is_looked_up_each_time_and_refused() -> None:
    answers = [["1.1.1.1"], ["127.0.0.1"]]
    asked: list[str] = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return answers[len(asked) - 1]

    policy = replace(PUBLIC, resolve=rebinding, connect_within=0.01, within=0.2)
    with pytest.raises(Failed):  # nobody is there from here
        post("https://hooks.example/in", policy)
    with pytest.raises(Refused):
        post("https://hooks.example/in", policy)
    assert asked == ["hooks.example"] * 2  # once each: what was checked is what is called


def test_a_name_that_cannot_be_resolved_is_a_failure() -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    for resolve in (unknown, lambda host, port: []):
        with pytest.raises(Failed, match="NameNotResolved"):
            post("https://hooks.example/in", replace(PUBLIC, resolve=resolve))


def test_a_slow_look_up_leaves_nothing_to_send() -> None:
    heard: list[bytes] = []

    def slow(host: str, port: int) -> list[str]:
        time.sleep(0.2)
        return ["127.0.0.1"]

    with talking(lambda connection: heard.append(connection.recv(10))) as port, pytest.raises(Failed, match="TimedOut"):
        post(f"http://127.0.0.1:{port}/", replace(SANDBOX, resolve=slow, within=0.1))
    assert heard == []


class Pki:
    """A certificate authority, and a server that proves to be hooks.example."""

    def __init__(self, directory: Path) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hooks.example")])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("hooks.example")]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        self.file = directory / "hooks.pem"
        pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
        self.file.write_bytes(
            key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain) + certificate.public_bytes(pem)
        )
        self.names: list[str | None] = []

    def client(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.file))

    def server(self, raw: socket.socket) -> ssl.SSLSocket:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file)
        context.sni_callback = lambda sock, name, ctx: self.names.append(name)  # type: ignore[assignment]
        return context.wrap_socket(raw, server_side=True)


def test_the_checked_address_is_called_in_the_names_name(tmp_path: Path) -> None:
    pki, heard = Pki(tmp_path), []

    def talk(connection: Any) -> None:
        heard.append(request_of(connection))
        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    with talking(talk, pki.server) as port:
        policy = Policy(
            ports=frozenset({port}),
            may_connect=lambda address: address == "127.0.0.1",
            resolve=lambda host, port: ["127.0.0.1"],
            tls=pki.client,
        )
        assert post(f"https://hooks.example:{port}/in?a=b", policy).status == 204
        with pytest.raises(Failed, match="SSLCertVerificationError"):  # another name: the certificate is not its
            post(f"https://other.example:{port}/in", policy)
        with pytest.raises(Failed, match="SSLCertVerificationError"):  # an authority that nobody knows
            post(f"https://hooks.example:{port}/in", replace(policy, tls=outbound.public_tls))

    assert pki.names[0] == "hooks.example"
    head, _, body = heard[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /in?a=b HTTP/1.1\r\n")
    assert f"\r\nHost: hooks.example:{port}\r\n".encode() in head
    assert body == b"{}"
    assert len(heard) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_not_followed(status: int) -> None:
    followed: list[bytes] = []
    with talking(lambda connection: followed.append(connection.recv(10))) as elsewhere:
        location = f"HTTP/1.1 {status} Moved\r\nLocation: http://127.0.0.1:{elsewhere}/\r\nContent-Length: 0\r\n\r\n"
        with talking(saying(location.encode())) as port:
            assert post(f"http://127.0.0.1:{port}/").status == status
    assert followed == []


def test_no_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bytes] = []
    with (
        talking(lambda connection: asked.append(connection.recv(10))) as proxy,
        talking(saying(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")) as port,
    ):
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy}")
        assert post(f"http://127.0.0.1:{port}/").status == 200
    assert asked == []


def test_a_huge_or_packed_body_is_read_to_a_kilobyte_as_it_came() -> None:
    bomb = gzip.compress(b"0" * 10_000_000)
    packed = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    huge = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n" + b"x" * 100_000
    for answer in (packed + bomb, huge):
        with talking(saying(answer)) as port:
            assert len(post(f"http://127.0.0.1:{port}/").excerpt) <= outbound.EXCERPT
    with talking(saying(huge)) as port:
        assert post(f"http://127.0.0.1:{port}/").excerpt == "x" * outbound.EXCERPT


def test_what_postgresql_cannot_hold_is_not_in_an_excerpt() -> None:
    with talking(saying(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na\x00\xff")) as port:
        assert post(f"http://127.0.0.1:{port}/").excerpt == "a\ufffd\ufffd"


def _drip(text: bytes, every: float) -> Callable[[Any], None]:
    def talk(connection: Any) -> None:
        request_of(connection)
        for byte in text:
            connection.sendall(bytes([byte]))
            time.sleep(every)

    return talk


@pytest.mark.parametrize(
    "talk",
    [
        lambda connection: time.sleep(3),  # silence
        _drip(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 1000, 0.05),
        lambda connection: [
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n") or time.sleep(0.02) for _ in range(200)
        ],
    ],
    ids=["silence", "a dripping head", "endless 100 Continue"],
)
def test_one_deadline_ends_every_slowness(talk: Callable[[Any], None]) -> None:
    with talking(talk) as port:
        started = time.monotonic()
        with pytest.raises(Failed, match="TimedOut"):
            post(f"http://127.0.0.1:{port}/", replace(SANDBOX, within=0.5))
        assert 0.4 < time.monotonic() - started < 1.5


def test_a_slow_tls_handshake_ends_at_the_deadline_too() -> None:
    with talking(lambda connection: time.sleep(3)) as port:
        policy = Policy(
            ports=frozenset({port}), may_connect=lambda a: True, resolve=lambda h, p: ["127.0.0.1"], within=0.5
        )
        started = time.monotonic()
        with pytest.raises(Failed, match="TimedOut"):
            post(f"https://hooks.example:{port}/", policy)
        assert time.monotonic() - started < 1.5


def test_a_dripping_body_costs_a_second_and_the_status_counts() -> None:
    with talking(_drip(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n" + b"x" * 900, 0.005)) as port:
        started = time.monotonic()
        answer = post(f"http://127.0.0.1:{port}/", replace(SANDBOX, within=5.0))
        assert answer.status == 200
        assert time.monotonic() - started < 2.5


def test_nobody_there_or_nonsense_is_a_failure() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Failed, match="ConnectionRefusedError"):
        post(f"http://127.0.0.1:{port}/")
    for answer in (b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 abc\r\n\r\n"):
        with talking(saying(answer)) as port, pytest.raises(Failed):
            post(f"http://127.0.0.1:{port}/")


def test_a_huge_head_is_a_failure() -> None:
    with talking(saying(b"HTTP/1.1 200 OK\r\n" + b"X-Big: 1\r\n" * 200 + b"\r\n")) as port, pytest.raises(Failed):
        post(f"http://127.0.0.1:{port}/")
