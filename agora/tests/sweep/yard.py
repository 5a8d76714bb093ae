"""A running platform whose worker and follower are forked from the nursery, and an ear for what they send out."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import psutil

from accounts.sandbox import process as sumsub
from accounts.tests.receiver import Receiver, receiving
from agora.lib import platform
from agora.lib.embedded import server
from agora.tests import e2e
from agora.tests.migrated import copy_migrated

FORKED = ("worker", "follower")
START_WITHIN = 30.0  # seconds


class Yard(e2e.Platform):
    def __init__(self, layout: platform.Layout, kyc: sumsub.Sandbox, receiver: Receiver) -> None:
        super().__init__(layout)
        self.kyc, self.receiver = kyc, receiver
        self._pids: dict[str, int] = {}
        self._nursery: subprocess.Popen[str] | None = None
        self._ordered = 0

    def new_quantity(self) -> Decimal:
        """Which no other order has: scenarios find theirs by it."""
        self._ordered += 1
        return Decimal("0.1") + Decimal(self._ordered).scaleb(-5)

    def call(self, act: str, *arguments: Any, crash_at: str = "") -> Any:
        """What a function of `acts` returned; None when the process died by SIGKILL at its point."""
        answer = self._ask({"call": act, "args": arguments, "crash_at": crash_at, "log": self.log_of("command")})
        if answer.get("died") == -signal.SIGKILL and crash_at:
            return None
        assert "result" in answer, f"{act}: {answer}\n{Path(self.log_of('command')).read_text()[-3000:]}"
        return answer["result"]

    def start(self, name: str, **env: str) -> None:
        if name not in FORKED:
            super().start(name, **env)
            return
        ready = self.layout.home / f"{name}.ready"
        ready.unlink(missing_ok=True)
        wish = {"start": name, "ready": str(ready), "log": self.log_of(name), "crash_at": env.get("AGORA_CRASH_AT", "")}
        self._pids[name] = int(self._ask(wish)["pid"])
        head = psutil.Process(self._pids[name])
        # One that is armed may die before it is ready.
        self.until(lambda: ready.exists() or e2e.is_dead(head), within=START_WITHIN)

    def family(self, name: str) -> list[psutil.Process]:
        if name not in FORKED:
            return super().family(name) if name in self._running else []
        try:
            head = psutil.Process(self._pids[name])
            return [head, *head.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def kill(self, name: str) -> float:
        if name not in FORKED:
            return super().kill(name) if name in self._running else time.monotonic()
        family = self.family(name)
        for process in family:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        killed_at = time.monotonic()
        self.until(lambda: all(map(e2e.is_dead, family)), within=10.0)
        return killed_at

    def stop(self, name: str) -> None:
        if name not in FORKED:
            super().stop(name)
        elif self._pids.pop(name, None):
            self.kill(name)

    def stop_all(self) -> None:
        for name in FORKED:
            if name in self._pids:
                self.kill(name)
        super().stop_all()

    def log_of(self, name: str) -> str:
        return str(self.layout.home / "logs" / f"{name}.log")

    def open_nursery(self) -> None:
        env = {**os.environ, **self.layout.env(), "DJANGO_SETTINGS_MODULE": "agora.settings", "AGORA_CRASH_AT": ""}
        self._nursery = subprocess.Popen(
            [sys.executable, "-m", "agora.tests.sweep.nursery"],
            env=env,
            cwd=platform.ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=os.open(self.log_of("nursery"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
            text=True,
        )
        self._answer()

    def close_nursery(self) -> None:
        if self._nursery is not None:
            self._nursery.kill()
            self._nursery.communicate()  # and closes its pipes

    def _ask(self, wish: dict[str, Any]) -> dict[str, Any]:
        assert self._nursery is not None
        assert self._nursery.stdin is not None
        self._nursery.stdin.write(json.dumps(wish) + "\n")
        self._nursery.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._nursery is not None
        assert self._nursery.stdout is not None
        line = self._nursery.stdout.readline()
        assert line, f"the nursery ended: {Path(self.log_of('nursery')).read_text()[-3000:]}"
        return dict(json.loads(line))


@contextmanager
def running(home: Path) -> Iterator[Yard]:
    """All of it, set up, on free ports, with Sumsub's sandbox and an endpoint that hears of the demo's orders."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    with ExitStack() as stack:
        receiver = stack.enter_context(receiving())
        layout = platform.on_free_ports(home, block_time=1, DATABASE_URL="", DEMO_TIER="9", **e2e.HASTE)
        webhooks = f"{layout.web_url}/webhooks/sumsub"
        kyc = stack.enter_context(sumsub.running(layout.home / "sumsub", webhook_url=webhooks))
        kyc.control.settings(review_seconds=0.2)
        layout = dataclasses.replace(layout, extra={**layout.extra, **_kyc_settings(kyc)})
        yard = Yard(layout, kyc, receiver)
        stack.callback(lambda: [signal.signal(number, handler) for number, handler in handlers.items()])
        stack.callback(server.stop, layout.home)
        stack.callback(yard.close_nursery)
        stack.callback(yard.stop_all)
        copy_migrated(layout.home)
        for name in e2e.OUTSIDE:
            yard.start(name)
        yard.set_up()
        yard.open_nursery()
        for name in e2e.OURS:
            yard.start(name)
        yard.call("listen_at", receiver.url, yard.wallet)
        yield yard


def _kyc_settings(kyc: sumsub.Sandbox) -> dict[str, str]:
    keys = kyc.credentials
    return {
        "KYC_PROVIDER": "sumsub",
        "SUMSUB_URL": kyc.url,
        "SUMSUB_APP_TOKEN": keys["app_token"],
        "SUMSUB_SECRET_KEY": keys["secret_key"],
        "SUMSUB_WEBHOOK_SECRET": keys["webhook_secret"],
    }
