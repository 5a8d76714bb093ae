"""`python -m custody.signers.service --config FILE --socket PATH`: sign what is allowed, until SIGTERM."""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import resource
import signal
import sys
from pathlib import Path

os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")  # before the first hash

from custody.signers.service import backends
from custody.signers.service.config import ConfigRefused, load
from custody.signers.service.crash import CrashPoints
from custody.signers.service.desk import Desk, log
from custody.signers.service.record import Record, RecordRefused
from custody.signers.service.server import Server

PR_SET_DUMPABLE = 4  # linux/prctl.h


def main() -> int:
    options = _options()
    try:
        config = load(options.config)
        if options.verify:
            Record(config.record).close()
            return 0
        _harden()
        armed = os.environ.get("AGORA_SIGNER_CRASH_AT", "")
        if armed and not config.is_sandbox:
            raise ConfigRefused("AGORA_SIGNER_CRASH_AT is set and the configuration does not say sandbox = true")
        keys = {name: backends.build(key) for name, key in config.keys.items()}
        record = Record(config.record)
        desk = Desk(config, record=record, backends=keys, crash=CrashPoints(armed))
        server = Server(desk, config, options.socket)
    except (ConfigRefused, RecordRefused, OSError, ValueError) as problem:
        log("not started", detail=str(problem))
        return 1
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.stop())
    entries, head = record.head()
    log("started", socket=str(options.socket), keys={k.name: k.address for k in config.keys.values()},
        entries=entries, head=head)  # fmt: skip
    server.serve()
    record.close()
    log("stopped")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m custody.signers.service", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="keys and scopes (TOML): docs/signer.md")
    parser.add_argument("--socket", type=Path, help="where to listen; a path of less than 100 bytes")
    parser.add_argument("--verify", action="store_true", help="check configuration and record, and end")
    options = parser.parse_args()
    if not options.verify and options.socket is None:
        parser.error("--socket is needed")
    return options


def _harden() -> None:
    """No core file, no debugger and no /proc/<pid>/mem of the same user: the key is in memory."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


if __name__ == "__main__":
    sys.exit(main())
