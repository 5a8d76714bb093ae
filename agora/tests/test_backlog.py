"""A task that is claimed from a long queue costs what it costs from a short one."""

from __future__ import annotations

import pytest
from django.db import connection
from django.utils import timezone
from django_q.models import OrmQ

from agora.lib.doorbell import _CLAIM, queue_delay


@pytest.mark.django_db
def test_a_claim_reads_the_oldest_rows_alone() -> None:
    now = timezone.now()
    OrmQ.objects.bulk_create(OrmQ(key="agora", payload="x" * 400, lock=now) for _ in range(3000))

    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN ANALYZE {_CLAIM}", [120.0, "agora", 4])
        plan = "\n".join(line for (line,) in cursor.fetchall())

    assert "agora_queue_in_order" in plan
    assert "Sort" not in plan
    assert queue_delay(now=now) == 0.0
