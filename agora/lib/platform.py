"""The whole platform on one machine: the outside world's stand-ins, and our own processes against them.

For `manage.py up`, `manage.py demo` and the end-to-end tests. Each part is a process of its own with storage of its own
under `home`, so that killing one of ours leaves theirs standing.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from agora.lib import anvil
from agora.lib.embedded import server
from agora.lib.ready import file_ready, free_port, http_ready, port_ready, socket_ready
from agora.lib.supervisor import Service, Supervisor

ROOT = Path(__file__).resolve().parents[2]
MANAGE = [sys.executable, str(ROOT / "manage.py")]
SETUP_WITHIN = 300.0  # ten times what it takes
SIGNER_API_KEY = "agora-signer"  # of the API user at the custodian who alone may sign
# What the processes that the public reaches are never given: taken over, they can neither trade nor sign (DESIGN §5).
VENDOR_KEYS = ("ALPACA_KEY_ID", "ALPACA_SECRET_KEY", "FIREBLOCKS_API_KEY", "FIREBLOCKS_PRIVATE_KEY_FILE")
NOT_FOR_THE_PUBLIC = (*VENDOR_KEYS, "SIGNER_SOCKET")
LONGEST_SOCKET = 100  # bytes of a path, about


# Of the embedded database: what a process of each kind is to it, once `grant_roles` has run (agora/database_roles.py).
APP_ROLE, WEB_ROLE = "agora_app", "agora_web"


class SetupFailed(RuntimeError):
    """A set-up command ended with an error; the message is what it said."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where everything is. Ports of 0 would be free ones: see `on_free_ports`."""

    home: Path
    web_port: int
    stream_port: int
    broker_port: int
    custodian_port: int
    chain_port: int
    block_time: int | None = 2  # seconds, as on Base; None: a block as soon as a transaction arrives
    extra: Mapping[str, str] = field(default_factory=dict)

    @property
    def web_url(self) -> str:
        return f"http://127.0.0.1:{self.web_port}"

    @property
    def stream_url(self) -> str:
        return f"http://127.0.0.1:{self.stream_port}"

    @property
    def broker_url(self) -> str:
        return f"http://127.0.0.1:{self.broker_port}"

    @property
    def custodian_url(self) -> str:
        return f"http://127.0.0.1:{self.custodian_port}"

    @property
    def chain_url(self) -> str:
        return f"http://127.0.0.1:{self.chain_port}"

    @property
    def signer_socket(self) -> Path:
        path = self.home / "signer" / "socket"
        if len(os.fsencode(path)) < LONGEST_SOCKET:
            return path
        return Path(tempfile.gettempdir()) / f"agora-signer-{hashlib.sha256(os.fsencode(path)).hexdigest()[:16]}"

    def env(self) -> dict[str, str]:
        """The settings of our own processes."""
        return {
            "AGORA_MODE": "sandbox",
            "AGORA_HOME": str(self.home),
            "DATABASE_URL": os.environ.get("DATABASE_URL", ""),
            "ALPACA_URL": self.broker_url,
            "ALPACA_DATA_URL": self.broker_url,
            "ALPACA_STREAM_URL": f"ws://127.0.0.1:{self.broker_port}/stream",
            "PTAX_URL": f"{self.broker_url}/olinda/servico/PTAX/versao/v1/odata",
            "ALPACA_KEY_ID": "sandbox-key",
            "ALPACA_SECRET_KEY": "sandbox-secret",
            "FIREBLOCKS_URL": self.custodian_url,
            "FIREBLOCKS_API_KEY": "agora-sandbox",
            "FIREBLOCKS_PRIVATE_KEY_FILE": str(self.home / "fireblocks" / "api_private_key.pem"),
            "SIGNER_SOCKET": str(self.signer_socket),
            "FIREBLOCKS_JWKS_URL": f"{self.custodian_url}/.well-known/jwks.json",
            "CHAIN_RPC_URLS": self.chain_url,
            "CHAIN_ID": str(anvil.CHAIN_ID),
            "PUBLIC_URL": f"http://localhost:{self.web_port}",
            **self.extra,
        }


def on_free_ports(home: Path, *, web_port: int = 0, block_time: int | None = 2, **extra: str) -> Layout:
    return Layout(
        home=home.resolve(),
        web_port=web_port or free_port(),
        stream_port=free_port(),
        broker_port=free_port(),
        custodian_port=free_port(),
        chain_port=free_port(),
        block_time=block_time,
        extra=extra,
    )


def outside_services(layout: Layout) -> list[Service]:
    """The broker, the custodian and the chain."""
    home = layout.home
    (home / "chain").mkdir(parents=True, exist_ok=True)
    chain = anvil.command(
        port=layout.chain_port,
        cache_dir=home / "chain" / "cache",
        block_time=layout.block_time,
        state_file=home / "chain" / "state.json",
        binary=os.environ.get("AGORA_ANVIL", ""),
    )
    broker = [sys.executable, "-m", "orders.sandbox", "--port", str(layout.broker_port), "--data", str(home / "alpaca")]
    custodian = [
        *[sys.executable, "-m", "custody.sandbox", "--port", str(layout.custodian_port)],
        *["--data", str(home / "fireblocks"), "--api-key", "agora-sandbox"],
        *["--signer-api-key", SIGNER_API_KEY],
        *["--webhook-url", f"{layout.web_url}/webhooks/fireblocks"],
    ]
    path = {"PYTHONPATH": str(ROOT)}
    return [
        Service("chain", chain, ready=port_ready(layout.chain_port)),
        Service("broker", broker, env=path, ready=port_ready(layout.broker_port)),
        Service("custodian", custodian, env=path, ready=port_ready(layout.custodian_port)),
    ]


def web_service(layout: Layout) -> Service:
    command = [sys.executable, "-m", "gunicorn", *_gunicorn_options(layout)]
    return Service("web", command, env=_public_env(layout), ready=http_ready(f"{layout.web_url}/sign-in/"))


def _gunicorn_options(layout: Layout) -> list[str]:
    options = ["agora.wsgi", "--chdir", str(ROOT), "--threads", "4", "--bind", f"127.0.0.1:{layout.web_port}"]
    return [*options, "--graceful-timeout", "5", "--log-level", "warning"]


def stream_service(layout: Layout) -> Service:
    command = [*MANAGE, "stream", "--port", str(layout.stream_port)]
    return Service("stream", command, env=_public_env(layout), ready=port_ready(layout.stream_port))


def signer_service(layout: Layout) -> Service:
    """Its configuration is setup_sandbox's. It is given nothing of ours: no database, no vendor's key but its own."""
    config = layout.home / "signer" / "signer.toml"
    command = [sys.executable, "-m", "custody.signers.service"]
    command += ["--config", str(config), "--socket", str(layout.signer_socket)]
    env = {"PYTHONPATH": str(ROOT), "DATABASE_URL": "", "SECRET_KEY": "", **dict.fromkeys(VENDOR_KEYS, "")}
    return Service("signer", command, env=env, ready=socket_ready(layout.signer_socket))


def worker_service(layout: Layout) -> Service:
    alive = layout.home / "worker.alive"
    command = [*MANAGE, "worker", "--alive-file", str(alive)]
    return Service("worker", command, env=_own_env(layout), ready=file_ready(alive), stop_within=40)


def follower_service(layout: Layout) -> Service:
    ready = layout.home / "follower.ready"
    command = [*MANAGE, "follow", "--ready-file", str(ready)]
    return Service("follower", command, env=_own_env(layout), ready=file_ready(ready))


def front_service(layout: Layout) -> Service:
    """Web and stream in one family: the small profile's."""
    web, stream = web_service(layout), stream_service(layout)
    members = [shlex.join(["web", "--", *_gunicorn_options(layout)]), shlex.join(stream.argv[len(MANAGE) :])]
    return Service("front", [*MANAGE, "run", *members], env=web.env, ready=_both(web, stream), stop_within=50)


def back_service(layout: Layout) -> Service:
    """Worker and follower in one family."""
    worker, follower = worker_service(layout), follower_service(layout)
    members = [shlex.join(service.argv[len(MANAGE) :]) for service in (worker, follower)]
    return Service("back", [*MANAGE, "run", *members], env=worker.env, ready=_both(worker, follower), stop_within=50)


def _both(*services: Service) -> Callable[[], bool]:
    return lambda: all(service.ready() for service in services if service.ready)


def _public_env(layout: Layout) -> dict[str, str]:
    """Empty, not absent: a service's settings are added to our own environment."""
    return {**layout.env(), **dict.fromkeys(NOT_FOR_THE_PUBLIC, ""), "DATABASE_ROLE": WEB_ROLE}


def _own_env(layout: Layout) -> dict[str, str]:
    return {**layout.env(), "DATABASE_ROLE": APP_ROLE}


def manage(layout: Layout, *arguments: str, within: float = SETUP_WITHIN) -> str:
    """Run a management command of ours to its end; its output. Raises SetupFailed."""
    done = subprocess.run(  # noqa: S603 - our own commands
        [*MANAGE, *arguments],
        env={**os.environ, **layout.env()},
        capture_output=True,
        text=True,
        timeout=within,
    )
    if done.returncode:
        raise SetupFailed(f"manage.py {' '.join(arguments)} ended ({done.returncode}):\n{done.stdout}{done.stderr}")
    return done.stdout


@contextmanager
def running(
    layout: Layout, *, echo: bool = False, stream: bool = False, say: Callable[[str], None] = lambda text: None
) -> Iterator[list[Supervisor]]:
    """The platform, set up and running, until the block is left; then all is stopped, database too.

    Yields its supervisors: call `check()` of each now and then, to restart what crashed. `stream`: with
    the server of event streams. `say` hears of each step.
    Raises ServiceFailed, SetupFailed.
    """
    logs = layout.home / "logs"
    with ExitStack() as stack:
        if not layout.env()["DATABASE_URL"]:
            stack.callback(server.stop, layout.home)
        say("starting a local chain and the vendors' sandboxes")
        outside = stack.enter_context(Supervisor(outside_services(layout), logs=logs, echo=echo))
        say("setting up PostgreSQL, AAPL's vault account and token, and a demo customer")
        manage(layout, "setup_sandbox")
        say("starting signer, web, worker and follower" + (" and stream" if stream else ""))
        ours = [signer_service(layout), web_service(layout), worker_service(layout), follower_service(layout)]
        ours += [stream_service(layout)] if stream else []
        yield [outside, stack.enter_context(Supervisor(ours, logs=logs, echo=echo))]
