"""Run the platform's processes side by side on one machine: started in order, watched, and stopped in reverse.

For `manage.py up` and `demo`; on a server, systemd or a container runtime does this.

    with Supervisor([Service("web", argv, ready=http_ready(url))], logs=home / "logs") as up:
        return up.watch()
"""

from __future__ import annotations

import collections
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self, TextIO

from agora.lib import lifeline

LOOK_EVERY = 0.05
BACK_OFF = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)  # seconds before the first, second, … restart in a row
STEADY = 30.0  # a service that ran so long starts again at the first of them
_COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)


@dataclass(frozen=True)
class Service:
    """One process. `ready` is asked until it says True; `env` is added to our own environment."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    ready: Callable[[], bool] | None = None
    ready_within: float = 30.0
    stop_within: float = 10.0
    restart: bool = True


class ServiceFailed(RuntimeError):
    """A service ended or did not become ready. The message ends with its last lines of output."""


class Supervisor:
    """A context manager: entering starts everything (ServiceFailed when it cannot), leaving stops everything.

    SIGINT and SIGTERM inside it raise KeyboardInterrupt and SystemExit, so that leaving always happens. Use it from the
    main thread: signals arrive there, and Linux ties a child's life to the thread that started it.
    """

    def __init__(
        self,
        services: Sequence[Service],
        *,
        logs: Path,
        echo: bool = True,
        stream: TextIO | None = None,
        back_off: Sequence[float] = BACK_OFF,
    ) -> None:
        self._console = _Console((stream or sys.stdout) if echo else None, [service.name for service in services])
        self._processes = [
            _Process(service, logs / f"{service.name}.log", self._console, back_off) for service in services
        ]
        self._handlers: dict[int, object] = {}

    def __enter__(self) -> Self:
        self._handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
        signal.signal(signal.SIGTERM, _exit)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            for process in self._processes:
                process.start()
                process.wait_until_ready()
        except BaseException:  # also Ctrl-C: __exit__ is not called for a failed __enter__
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def watch(self) -> int:
        """Restart what crashes, until SIGINT or SIGTERM (0) or until a service ends that must not (1)."""
        try:
            while True:
                self.check()
                time.sleep(LOOK_EVERY)
        except (KeyboardInterrupt, SystemExit):
            return 0
        except ServiceFailed as error:
            self._console.write("agora", str(error))
            return 1

    def check(self) -> None:
        """One look: restart what has crashed and whose back-off is over. For callers with a loop of their own."""
        for process in self._processes:
            if process.crashed():
                text = f"{process.service.name} {process.ending()}; started again in {process.back_off():g} s"
                self._console.write("agora", text)
            process.restart_when_due()

    def pid_of(self, name: str) -> int:
        """The process id of a service; it changes at a restart."""
        return next(process.pid for process in self._processes if process.service.name == name)

    def exit_code_of(self, name: str) -> int:
        """The exit code of a service that has ended, -N for signal N; waits for its end."""
        return next(process.exit_code() for process in self._processes if process.service.name == name)

    def _stop(self) -> None:
        for number in self._handlers:  # a second Ctrl-C must not leave half of it running; every wait below is bounded
            signal.signal(number, signal.SIG_IGN)
        for process in reversed(self._processes):
            process.stop()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # as getsignal gave it


class _Process:
    """A service and its current process."""

    def __init__(self, service: Service, log: Path, console: _Console, back_off: Sequence[float]) -> None:
        self.service, self._log, self._console, self._back_off = service, log, console, back_off
        self._popen: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._last_lines: collections.deque[str] = collections.deque(maxlen=15)
        self._started_at = 0.0
        self._crashes = 0
        self._due_at: float | None = None

    @property
    def pid(self) -> int:
        assert self._popen is not None
        return self._popen.pid

    def exit_code(self) -> int:
        assert self._popen is not None
        return self._popen.wait()

    def start(self) -> None:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        # A session of its own: Ctrl-C reaches the supervisor alone, which stops the services in order.
        argv = [sys.executable, "-I", "-S", lifeline.__file__, str(os.getpid()), *self.service.argv]
        env = {**os.environ, "PYTHONUNBUFFERED": "1", **self.service.env}
        self._popen = subprocess.Popen(  # noqa: S603 -- our own services, without a shell
            argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True, text=True, errors="replace",
        )  # fmt: skip
        self._started_at = time.monotonic()
        self._reader = threading.Thread(target=self._read, args=(self._popen,), daemon=True)
        self._reader.start()

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + self.service.ready_within
        while self.service.ready is not None and not self.service.ready():
            if not self._runs():
                raise ServiceFailed(f"{self.service.name} {self.ending()} before it was ready{self._tail()}")
            if time.monotonic() > deadline:
                late = f"was not ready within {self.service.ready_within:g} s"
                raise ServiceFailed(f"{self.service.name} {late}{self._tail()}")
            time.sleep(LOOK_EVERY)

    def crashed(self) -> bool:
        """True once for each end of the process; raises ServiceFailed when it is not to be restarted."""
        if self._runs() or self._due_at is not None:
            return False
        if not self.service.restart:
            raise ServiceFailed(f"{self.service.name} {self.ending()}{self._tail()}")
        self._kill_group()  # what it left behind may hold its port
        self._crashes = 1 if time.monotonic() - self._started_at > STEADY else self._crashes + 1
        self._due_at = time.monotonic() + self.back_off()
        return True

    def back_off(self) -> float:
        return self._back_off[min(self._crashes, len(self._back_off)) - 1]

    def restart_when_due(self) -> None:
        if self._due_at is not None and time.monotonic() >= self._due_at:
            self._due_at = None
            self.start()

    def ending(self) -> str:
        code = self._popen.poll() if self._popen is not None else None
        return f"was killed by {signal.Signals(-code).name}" if code is not None and code < 0 else f"ended ({code})"

    def stop(self) -> None:
        if self._popen is None:
            return
        if self._runs():
            self._popen.terminate()
            try:
                self._popen.wait(self.service.stop_within)
            except subprocess.TimeoutExpired:
                self._last_lines.append("did not stop in time: killed")
        self._kill_group()
        self._popen.wait()
        if self._reader is not None:
            self._reader.join(2.0)

    def _runs(self) -> bool:
        return self._popen is not None and self._popen.poll() is None

    def _kill_group(self) -> None:
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):  # macOS answers EPERM for a group of zombies
            return

    def _read(self, popen: subprocess.Popen[str]) -> None:
        assert popen.stdout is not None
        with popen.stdout, self._log.open("a", buffering=1) as log:
            for line in popen.stdout:
                self._last_lines.append(line.rstrip())
                log.write(line)
                self._console.write(self.service.name, line)

    def _tail(self) -> str:
        if self._reader is not None and not self._runs():
            self._reader.join(0.5)  # its last words
        return "".join(f"\n  {line}" for line in [f". See {self._log}:", *self._last_lines])


class _Console:
    """Lines of many processes on one stream, each under its service's name."""

    def __init__(self, stream: TextIO | None, names: Sequence[str]) -> None:
        self._stream, self._lock = stream, threading.Lock()
        self._width = max(map(len, names), default=0)
        self._colours = dict(zip(names, itertools.cycle(_COLOURS))) if stream and stream.isatty() else {}

    def write(self, name: str, line: str) -> None:
        if self._stream is None:
            return
        label = f"{name:<{self._width}} |"
        if name in self._colours:
            label = f"\033[{self._colours[name]}m{label}\033[0m"
        with self._lock:
            print(label, line.rstrip("\n"), file=self._stream, flush=True)


def _exit(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
