"""Three hosts as network namespaces on a bridge, and a fourth place, outside them, for PostgreSQL, vendors and chain.

Needs root and iproute2. What runs on a host reaches the rest through its one cable, and `cut` pulls it.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from agora.lib import platform
from agora.lib.ready import file_ready, http_ready
from agora.lib.supervisor import Service

NETWORK = "10.77.0"
OUTSIDE = f"{NETWORK}.1"
BRIDGE = "agora-br"
WEB_PORT = 8000


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


class Host:
    """One machine: its name is its namespace, its address the only one it has."""

    def __init__(self, number: int) -> None:
        self.number, self.name, self.address = number, f"agora-h{number}", f"{NETWORK}.{10 + number}"
        self.url = f"http://{self.address}:{WEB_PORT}"
        self._cable = f"agora-c{number}"  # the bridge's end of it

    def __enter__(self) -> Host:
        _ip("netns", "add", self.name)
        _ip("link", "add", self._cable, "type", "veth", "peer", "name", "eth0", "netns", self.name)
        _ip("link", "set", self._cable, "master", BRIDGE, "up")
        _ip("-n", self.name, "addr", "add", f"{self.address}/24", "dev", "eth0")
        _ip("-n", self.name, "link", "set", "lo", "up")
        _ip("-n", self.name, "link", "set", "eth0", "up")
        return self

    def __exit__(self, *_: object) -> None:
        _ip("netns", "del", self.name)

    def cut(self) -> None:
        """Packets vanish, both ways: nobody is told."""
        _ip("link", "set", self._cable, "down")

    def mend(self) -> None:
        _ip("link", "set", self._cable, "up")

    def services(self, layout: platform.Layout, *, app_url: str, web_url: str) -> list[Service]:
        """Web, worker and follower of this host. They share the installation's files, which nobody writes."""
        env = {name: value.replace("127.0.0.1", OUTSIDE) for name, value in layout.env().items()}
        env |= {"ALLOWED_HOSTS": self.address, "WEB_BIND": f"{self.address}:{WEB_PORT}"}
        alive, ready = (layout.home / f"{self.name}.{name}" for name in ("worker", "follower"))
        gunicorn = [sys.executable, "-m", "gunicorn", "-c", str(platform.ROOT / "deploy" / "gunicorn.conf.py")]
        web = [*gunicorn, "--chdir", str(platform.ROOT)]
        worker = [*platform.MANAGE, "worker", "--alive-file", str(alive)]
        follower = [*platform.MANAGE, "follow", "--ready-file", str(ready)]
        public = {**env, **dict.fromkeys(platform.NOT_FOR_THE_PUBLIC, ""), "DATABASE_URL": web_url}
        ours = {**env, "DATABASE_URL": app_url}
        services = [
            Service(f"{self.name}-web", self._here(web), env=public, ready=http_ready(f"{self.url}/sign-in/")),
            Service(f"{self.name}-worker", self._here(worker), env=ours, ready=file_ready(alive), stop_within=45),
            Service(f"{self.name}-follower", self._here(follower), env=ours, ready=file_ready(ready)),
        ]
        return [replace(service, ready_within=300.0) for service in services]

    def _here(self, command: Sequence[str]) -> list[str]:
        return ["ip", "netns", "exec", self.name, *command]


@contextmanager
def three_hosts() -> Iterator[list[Host]]:
    _ip("link", "add", BRIDGE, "type", "bridge")
    with ExitStack() as stack:
        stack.callback(_ip, "link", "del", BRIDGE)
        _ip("addr", "add", f"{OUTSIDE}/24", "dev", BRIDGE)
        _ip("link", "set", BRIDGE, "up")
        yield [stack.enter_context(Host(number)) for number in (1, 2, 3)]


@contextmanager
def relayed(ports: Sequence[int]) -> Iterator[None]:
    """What listens on the loopback here is reached from the hosts at OUTSIDE, on the same ports."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    servers = [asyncio.run_coroutine_threadsafe(_serve(port), loop).result(10) for port in ports]
    try:
        yield
    finally:

        async def close() -> None:
            for server in servers:
                server.close()
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(close(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _serve(port: int) -> asyncio.Server:
    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_pump(reader, inner[1]), _pump(inner[0], writer))

    return await asyncio.start_server(relay, OUTSIDE, port)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:  # one end is gone: so the other is closed
        pass
    finally:
        writer.close()
