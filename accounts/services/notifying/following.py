"""The follower's loop `webhooks`: numbers what happened, and has it sent by a few threads that only send.

The threads never touch the database: this one begins attempts and notes what came of them. So a slow receiver holds a
thread for ten seconds and nothing else, and the pipeline's workers not at all.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from accounts.services.notifying.endpoints import policy
from accounts.services.notifying.publishing import publish_events
from accounts.services.notifying.sending import Errand, Outcome, lease_deliveries, record_outcome, send
from agora.lib import crashpoints, outbound

THREADS = 8
SLOW = 2000  # milliseconds of the last request: such an endpoint shares threads with those that fail
LOOK_EVERY = 0.2  # seconds, when nothing is under way or something still is


def follow_webhooks(
    *, stop: threading.Event, clock: Callable[[], datetime] = timezone.now, to: outbound.Policy | None = None
) -> None:
    """Publish and deliver until `stop`; then what is under way is waited for (10 s at most) and noted.

    A database error ends it, and with it the leases that nobody will note: they are sent again when they have run out.
    """
    desk = Desk(to=to or policy())
    try:
        while not stop.is_set():
            busy = desk.turn(now=clock())
            if not busy:
                stop.wait(LOOK_EVERY)
        desk.finish(clock=clock)
    finally:
        desk.close()


class Desk:
    """What is under way, and the threads that carry it."""

    def __init__(self, *, to: outbound.Policy, threads: int = THREADS) -> None:
        self._to = to
        self._threads = threads
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="webhook")
        self._under_way: dict[Future[Outcome], Errand] = {}
        self._slow: set[UUID] = set()

    def turn(self, *, now: datetime) -> bool:
        """Publish, send what is due, note what has come back; whether there was anything to do."""
        published = publish_events(now=now)
        if published:
            crashpoints.here("webhook.after_publish")
        room = self._threads - len(self._under_way)
        busy = [errand.row for errand in self._under_way.values()]
        begun = lease_deliveries(room=room, busy=busy, slow=self._slow, now=now) if room else []
        for errand in begun:
            crashpoints.here("webhook.before_send")
            self._under_way[self._pool.submit(send, errand, self._to)] = errand
        if self._under_way:
            self._note(wait(self._under_way, LOOK_EVERY, FIRST_COMPLETED).done, now=now)
        return bool(published or begun or self._under_way)

    def finish(self, *, clock: Callable[[], datetime]) -> None:
        """Wait for what is under way and note it."""
        self._note(wait(self._under_way).done, now=clock())

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _note(self, done: set[Future[Outcome]], *, now: datetime) -> None:
        for future in done:
            outcome, errand = future.result(), self._under_way[future]
            remember = self._slow.add if outcome.milliseconds > SLOW else self._slow.discard
            remember(errand.row.endpoint_id)
            crashpoints.here("webhook.after_send")
            record_outcome(errand=errand, outcome=outcome, now=now)
            crashpoints.here("webhook.after_outcome")
            del self._under_way[future]
