"""Bookkeeping that belongs to no app."""

from __future__ import annotations

from django.db import models


class RateBucket(models.Model):
    """How much of a rate is used up: written by `agora.lib.ratelimit` alone, in one statement.

    The table is UNLOGGED: no request waits for the disk for its sake, and after a crash all buckets are full again.
    """

    name = models.CharField(max_length=120, primary_key=True)  # "key:7", "ip:203.0.113.7"
    full_at = models.DateTimeField(db_index=True)  # when the bucket will be full again, if nothing more is taken


class Floor(models.Model):
    """No rows, a lock: `agora.lib.db` shares it among all commands, or gives it to one alone that kept losing races."""


class Heartbeat(models.Model):
    """When a loop or a worker last turned: written by `agora.lib.heartbeats` alone, by the database's clock."""

    name = models.CharField(max_length=60, primary_key=True)  # "loop:chain", "worker"
    turned_at = models.DateTimeField()
    skew = models.FloatField()  # seconds that its machine's clock was ahead of the database's
