"""The supervisor of `manage.py up`, with real child processes."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from agora.lib import supervisor as supervisor_module
from agora.lib.ready import file_ready, free_port, http_ready, port_ready
from agora.lib.supervisor import BACK_OFF, Service, ServiceFailed, Supervisor


def test_services_start_in_order_each_when_the_one_before_is_ready_and_stop_in_reverse(tmp_path):
    journal = tmp_path / "journal"
    first = _journaling("first", journal, ready_file=tmp_path / "first.ready")
    second = _journaling("second", journal, ready_file=tmp_path / "second.ready")

    with Supervisor([first, second], logs=tmp_path / "logs", echo=False):
        pass

    assert journal.read_text().split() == ["first+", "second+", "second-", "first-"]


def test_each_line_of_output_goes_to_its_log_and_under_its_name_to_the_stream_without_colour(tmp_path):
    stream = io.StringIO()
    ready = tmp_path / "ready"
    service = _python("talker", f"print('héllo', flush=True); open({str(ready)!r}, 'w'); time.sleep(60)", ready=ready)

    with Supervisor([service], logs=tmp_path / "logs", stream=stream):
        _wait(lambda: stream.getvalue() != "")

    assert stream.getvalue() == "talker | héllo\n"
    assert (tmp_path / "logs" / "talker.log").read_text() == "héllo\n"


def test_service_that_ends_before_it_is_ready_fails_the_start_with_its_last_words_and_stops_the_others(tmp_path):
    started = tmp_path / "started"
    good = _python("good", f"open({str(started)!r}, 'w').write(str(os.getpid())); time.sleep(60)", ready=started)
    bad = _python("bad", "print('no such database'); sys.exit(7)", ready=tmp_path / "never")
    up = Supervisor([good, bad], logs=tmp_path, echo=False)

    with pytest.raises(ServiceFailed, match=r"(?s)bad ended \(7\) before it was ready.*bad\.log.*no such database"):
        up.__enter__()

    assert not psutil.pid_exists(up.pid_of("good"))


def test_service_that_is_not_ready_in_time_fails_the_start(tmp_path):
    slow = Service("slow", [sys.executable, "-c", "import time; time.sleep(60)"], ready=lambda: False, ready_within=0.2)

    with pytest.raises(ServiceFailed, match=r"slow was not ready within 0\.2 s"):
        Supervisor([slow], logs=tmp_path, echo=False).__enter__()


def test_crashed_service_is_started_again(tmp_path, monkeypatch):
    monkeypatch.setattr(supervisor_module, "BACK_OFF", (0.1,))
    stream = io.StringIO()

    with Supervisor([_python("web", "time.sleep(60)")], logs=tmp_path, stream=stream) as up:
        before = up.pid_of("web")
        os.kill(before, signal.SIGKILL)
        _wait(lambda: up.check() or up.pid_of("web") != before)

        assert psutil.pid_exists(up.pid_of("web"))
    assert f"web was killed by SIGKILL; started again in {BACK_OFF[0]:g} s" in stream.getvalue()


def test_end_of_a_service_that_is_not_to_be_restarted_ends_the_watch_with_1(tmp_path):
    with Supervisor([_python("once", "sys.exit(3)", restart=False)], logs=tmp_path, stream=io.StringIO()) as up:
        assert up.watch() == 1


def test_service_that_ignores_sigterm_is_killed_with_its_children_after_its_grace(tmp_path):
    ready = tmp_path / "ready"
    code = (
        "signal.signal(signal.SIGTERM, signal.SIG_IGN); import subprocess; "
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); "
        f"ready = {str(ready)!r}; open(ready + '.tmp', 'w').write(str(child.pid)); os.rename(ready + '.tmp', ready); "
        "time.sleep(60)"
    )

    with Supervisor([_python("deaf", code, ready=ready, stop_within=0.3)], logs=tmp_path, echo=False) as up:
        processes = [psutil.Process(up.pid_of("deaf")), psutil.Process(int(ready.read_text()))]

    _wait(lambda: not any(_lives(process) for process in processes))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_the_watch_with_0_and_stops_every_service(tmp_path, number):
    popen, child = _supervisor_process(tmp_path)

    popen.send_signal(number)

    assert popen.wait(10) == 0
    assert not _lives(child)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_killed_supervisor_leaves_no_service_behind(tmp_path):
    popen, child = _supervisor_process(tmp_path)

    popen.kill()
    popen.wait(5)

    _wait(lambda: not _lives(child))


def test_ready_helpers_tell_a_listening_server_from_none(tmp_path):
    port = free_port()
    answers, listens = http_ready(f"http://127.0.0.1:{port}/"), port_ready(port)
    assert (answers(), listens()) == (False, False)
    server = Service("http", [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"], ready=answers)

    with Supervisor([server], logs=tmp_path, echo=False):
        assert (answers(), listens()) == (True, True)
        assert http_ready(f"http://127.0.0.1:{port}/missing")() is False


def test_ready_file_of_an_earlier_run_does_not_count(tmp_path):
    (tmp_path / "ready").touch()

    ready = file_ready(tmp_path / "ready")

    assert ready() is False


def _python(name: str, code: str, *, ready: Path | None = None, **options) -> Service:
    argv = [sys.executable, "-c", f"import os, signal, sys, time; {code}"]
    return Service(name, argv, ready=file_ready(ready) if ready else None, **options)


def _journaling(name: str, journal: Path, *, ready_file: Path) -> Service:
    note = f"open({str(journal)!r}, 'a').write"
    code = (
        f"signal.signal(signal.SIGTERM, lambda *_: ({note}('{name}- '), os._exit(0))); "
        f"{note}('{name}+ ') and open({str(ready_file)!r}, 'w'); time.sleep(60)"
    )
    return _python(name, code, ready=ready_file)


def _supervisor_process(tmp_path: Path) -> tuple[subprocess.Popen, psutil.Process]:
    """Another process that supervises one service; returned when that runs."""
    pid_file = tmp_path / "pid"
    service = f"open({str(pid_file)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    code = (
        "import sys; from pathlib import Path; from agora.lib.supervisor import *\n"
        f"service = Service('web', [sys.executable, '-c', {'import os, time; ' + service!r}])\n"
        f"with Supervisor([service], logs=Path({str(tmp_path)!r}), echo=False) as up: code = up.watch()\n"
        "sys.exit(code)"
    )
    popen = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    _wait(lambda: pid_file.exists() and pid_file.read_text() != "")
    return popen, psutil.Process(int(pid_file.read_text()))


def _lives(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def _wait(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.01)
