"""Other packages' pages, read-only here: django-q2's would let anybody who may look run a task again."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.models import Group
from django_otp.plugins.otp_totp.models import TOTPDevice
from django_q.models import Failure, OrmQ, Schedule, Success

from agora.lib.admin import ReadOnlyAdmin

# A device's page shows its secret; a lost one is taken away by the action on its login.
admin.site.unregister([Group, Failure, OrmQ, Schedule, Success, TOTPDevice])


@admin.register(Group)
class GroupAdmin(ReadOnlyAdmin):
    """What a group may do is code (agora/roles.py); who is in it is on the login's page."""

    search_fields = ("=name",)


@admin.register(Failure)
class FailureAdmin(ReadOnlyAdmin):
    list_display = ("name", "func", "group", "started", "stopped")
    search_fields = ("=id", "func")


@admin.register(OrmQ)
class QueueAdmin(ReadOnlyAdmin):
    list_display = ("id", "key", "func", "lock")
    fields = ("key", "lock")


@admin.register(Schedule)
class ScheduleAdmin(ReadOnlyAdmin):
    list_display = ("name", "func", "schedule_type", "next_run")
