"""The blueprint's queue, Celery on Redis; run as a program, it sends as many tasks as each line of its input says."""

from __future__ import annotations

import os
import sys

from celery import Celery

from bench.tasks import note

app = Celery("peer", broker=os.environ["CELERY_BROKER"])
app.conf.update(task_ignore_result=True, task_acks_late=True, worker_prefetch_multiplier=1)  # at least once, as ours
later = app.task(note, name="note")


def main() -> None:
    for line in sys.stdin:
        for _ in range(int(line)):
            later.delay(sys.argv[1])
        sys.stdout.write("sent\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
