"""`manage.py audit`: every invariant, as a query that must return no rows. Exit 0 only if all hold."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

import accounts.audit
import custody.audit
import minting.audit
import orders.audit
import reserves.audit
from accounts.audit_log import noted_heads, verify_chain
from agora.database_roles import ROLES, tables
from agora.lib.grants import role_invariants
from agora.lib.invariants import SHOWN, Invariant, Verdict, check, guard_invariants


class Command(BaseCommand):
    help = "Check DESIGN §7's invariants in the database. Exit 0: all hold; 1: something is wrong."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")

    def handle(self, *args: Any, **options: Any) -> None:
        verdicts = [*(check(invariant) for invariant in all_invariants()), *_noted_heads()]
        if options["json"]:
            self.stdout.write(json.dumps(_as_json(verdicts), indent=2))
        else:
            self._print(verdicts)
        if not all(verdict.holds for verdict in verdicts):
            sys.exit(1)

    def _print(self, verdicts: list[Verdict]) -> None:
        for verdict in verdicts:
            mark = self.style.SUCCESS("ok  ") if verdict.holds else self.style.ERROR("FAIL")
            self.stdout.write(f"{mark} {verdict.name}")
            for line in verdict.violations:
                self.stdout.write(f"       {line}")
        broken = sum(not verdict.holds for verdict in verdicts)
        self.stdout.write(f"{len(verdicts)} invariants, {broken} violated")


def _noted_heads() -> list[Verdict]:
    """What only a second place can tell: the audit log was cut short, or rewritten from some seal on."""
    if not settings.AUDIT_HEADS_FILE:
        return []
    heads = noted_heads(Path(settings.AUDIT_HEADS_FILE))
    problems = verify_chain(now=timezone.now(), heads=heads)
    return [Verdict("the audit log still has every head that was noted when it was sealed", tuple(problems[:SHOWN]))]


def all_invariants() -> list[Invariant]:
    return [
        *accounts.audit.INVARIANTS,
        *orders.audit.INVARIANTS,
        *custody.audit.INVARIANTS,
        *minting.audit.INVARIANTS,
        *reserves.audit.INVARIANTS,
        *role_invariants(ROLES, tables()),
        *guard_invariants(triggers=_triggers(), constraints=_constraints(), unique_columns=_unique_columns()),
    ]


def _triggers() -> dict[str, list[str]]:
    return {
        model._meta.db_table: [trigger.get_pgid(model) for trigger in getattr(model._meta, "triggers", [])]
        for model in apps.get_models()
        if getattr(model._meta, "triggers", None)
    }


def _constraints() -> list[str]:
    return [constraint.name for model in apps.get_models() for constraint in model._meta.constraints]


def _unique_columns() -> list[tuple[str, str]]:
    return [
        (model._meta.db_table, field.column)
        for model in apps.get_models()
        for field in model._meta.local_concrete_fields
        if field.unique and field.column
    ]


def _as_json(verdicts: list[Verdict]) -> dict[str, Any]:
    return {
        "ok": all(verdict.holds for verdict in verdicts),
        "invariants": [{"name": v.name, "holds": v.holds, "violations": v.violations} for v in verdicts],
    }
