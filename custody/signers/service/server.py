"""The socket: who is at the other end, one request and one answer a connection, bounded in number, size and time."""

from __future__ import annotations

import os
import socket
import stat
import struct
import threading
import time
from pathlib import Path

from custody.signers import wire
from custody.signers.service.config import Config, ConfigRefused
from custody.signers.service.desk import Desk, log, refused

READ_WITHIN = 5.0  # seconds, for the whole request
ANSWER_WITHIN = 5.0  # to be taken by the caller
AT_ONCE = 32  # connections
LOOK_EVERY = 0.5  # whether to stop
FINISH_WITHIN = 8.0  # of stopping: a signature that is under way is kept
_PEER = struct.Struct("=3i")  # Linux's struct ucred: pid, uid, gid
_PEER_MACOS = struct.Struct("=2I")  # the beginning of struct xucred: version, uid


class Server:
    def __init__(self, desk: Desk, config: Config, path: Path) -> None:
        self._desk, self._uids = desk, config.uids
        self._places = threading.BoundedSemaphore(AT_ONCE)
        self._stopping = threading.Event()
        self._listener = _listen(path, config.socket_mode)
        self._path = path

    def stop(self) -> None:
        self._stopping.set()

    def serve(self) -> None:
        """Until `stop`; then what is under way is finished."""
        self._listener.settimeout(LOOK_EVERY)
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            if self._places.acquire(blocking=False):
                threading.Thread(target=self._attend, args=(connection,), daemon=True).start()
            else:
                self._turn_away(connection)
        self._listener.close()
        self._path.unlink(missing_ok=True)
        deadline = time.monotonic() + FINISH_WITHIN
        for _ in range(AT_ONCE):
            self._places.acquire(timeout=max(0.0, deadline - time.monotonic()))

    def _attend(self, connection: socket.socket) -> None:
        try:
            with connection:
                self._converse(connection)
        except OSError as gone:
            log("caller gone", detail=str(gone))
        finally:
            self._places.release()

    def _converse(self, connection: socket.socket) -> None:
        pid, uid = _peer(connection)
        if uid not in self._uids:
            log("peer refused", pid=pid, uid=uid)
            _send(connection, refused("PEER_NOT_ALLOWED", f"uid {uid} may ask for nothing"))
            return
        try:
            message = wire.receive(connection, at_most=wire.MAX_REQUEST, deadline=time.monotonic() + READ_WITHIN)
        except wire.BrokenFrame as broken:
            log("frame refused", pid=pid, code=broken.code, detail=broken.detail)
            _send(connection, refused(broken.code, broken.detail))
            return
        _send(connection, self._desk.answer(message, pid=pid))
        self._desk.crash.here("after_answer")

    def _turn_away(self, connection: socket.socket) -> None:
        busy = {"ok": False, "kind": "unavailable", "code": "BUSY", "detail": f"{AT_ONCE} requests are under way"}
        with connection:
            try:
                connection.settimeout(0.1)
                wire.send(connection, busy)
            except OSError as gone:
                log("caller gone", detail=str(gone))


def _send(connection: socket.socket, answer: dict[str, object]) -> None:
    connection.settimeout(ANSWER_WITHIN)
    wire.send(connection, answer)


def _listen(path: Path, mode: int) -> socket.socket:
    """The record's lock says that no other signer lives, so a socket that is there was left by a dead one."""
    if path.exists():
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise ConfigRefused(f"{path} is something else than a socket")
        path.unlink()
    path.parent.mkdir(parents=True, exist_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    umask = os.umask(0o777)  # nobody connects before the mode is what the configuration says
    try:
        listener.bind(str(path))
    finally:
        os.umask(umask)
    path.chmod(mode)
    listener.listen(4 * AT_ONCE)  # who is too many is told so, rather than left waiting
    return listener


def _peer(connection: socket.socket) -> tuple[int, int]:
    """Process and user at the other end, by the kernel's word."""
    if hasattr(socket, "SO_PEERCRED"):
        pid, uid, _ = _PEER.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
        return pid, uid
    # macOS's LOCAL_PEERCRED (sys/un.h), which tells no process; written by the header, not tried
    _, uid = _PEER_MACOS.unpack(connection.getsockopt(0, 1, 76)[: _PEER_MACOS.size])
    return 0, uid
