"""When silence means a hang."""

from __future__ import annotations

import os

import pytest

from agora.lib.vitals import BUSY, EXECUTED, GRACE, IDLE, PUSHER_GRACE, RETURNED, SENT, SENTINEL, START_GRACE, Vitals

WORKER = os.getpid()  # a worker counts while its process lives


@pytest.fixture
def vitals() -> Vitals:
    """A cluster that started at 0 and whose first pulse came back at 0."""
    started = Vitals(now=0)
    for station in (SENTINEL, IDLE, SENT, EXECUTED, RETURNED):
        started.record(station, WORKER, now=0)
    return started


def test_cluster_whose_pulses_come_back_is_well(vitals):
    assert _verdict_after(vitals, 60, each_second=[SENTINEL, SENT, EXECUTED, RETURNED]) == ""


def test_pulse_that_an_idle_worker_does_not_take_is_a_hang(vitals):
    assert "idle worker" in _verdict_after(vitals, GRACE + 2, each_second=[SENTINEL, SENT])


def test_pulse_that_waits_behind_busy_workers_is_not_a_hang(vitals):
    vitals.record(BUSY, WORKER, now=0)

    assert _verdict_after(vitals, 33, each_second=[SENTINEL, SENT]) == ""


def test_pulse_that_ran_and_does_not_come_back_is_a_hang_however_busy_the_workers(vitals):
    assert "monitor" in _verdict_after(vitals, GRACE + 2, each_second=[SENTINEL, SENT, EXECUTED, BUSY, IDLE, BUSY])


def test_pusher_that_hands_out_nothing_to_an_idle_worker_is_a_hang(vitals):
    assert "pusher" in _verdict_after(vitals, PUSHER_GRACE + 1, each_second=[SENTINEL])


def test_silent_sentinel_is_a_hang_though_tasks_go_round(vitals):
    assert "sentinel" in _verdict_after(vitals, 20, each_second=[SENT, EXECUTED, RETURNED])


def test_cluster_with_no_pulse_since_its_start_gets_the_start_grace_and_no_more():
    assert _verdict_after(Vitals(now=0), START_GRACE - 1, each_second=[SENTINEL]) == ""
    assert "start" in _verdict_after(Vitals(now=0), START_GRACE + 2, each_second=[SENTINEL])


def test_watchdog_that_was_suspended_itself_counts_from_its_return(vitals):
    vitals.record(SENT, WORKER, now=1)
    vitals.verdict(now=1)

    assert vitals.verdict(now=3600) == ""
    assert "idle worker" in _verdict_after(vitals, GRACE + 1, each_second=[SENTINEL], since=3600)


def test_dead_worker_does_not_count_as_idle(vitals):
    vitals.idle_since = {2**22 + 1: 0}  # above Linux's highest process id

    assert _verdict_after(vitals, GRACE + 2, each_second=[SENTINEL, SENT]) == ""


def _verdict_after(vitals: Vitals, seconds: float, *, each_second: list[bytes], since: float = 0) -> str:
    """Look each second, as the watchdog does; the first verdict, or none."""
    for second in range(1, int(seconds) + 1):
        for station in each_second:
            vitals.record(station, WORKER, now=since + second)
        if verdict := vitals.verdict(now=since + second):
            return verdict
    return ""
