"""`manage.py por_report`: a reserve report, from draft to public, where the keys are."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.selectors import user_by_name
from agora.lib.errors import AgoraError, VendorError
from agora.lib.keyfiles import KeyFileRefused
from minting.errors import HoldersDisagree, NothingFinal
from reserves import services
from reserves.merkle import BadTree

REFUSALS = (AgoraError, VendorError, KeyFileRefused, HoldersDisagree, NothingFinal, BadTree)


class Command(BaseCommand):
    help = "Draft a reserve report of an asset. With --sign-by, in the sandbox: approve, sign and publish it, too."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--asset", required=True, help="the ticker, e.g. AAPL")
        parser.add_argument("--by", required=True, help="the login that proposes it")
        parser.add_argument("--sign-by", default="", help="sandbox only: the login of the second person")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["sign_by"] and settings.AGORA_MODE != "sandbox":
            raise CommandError("A second person approves in the console, with their second factor.")
        try:
            proposer, now = user_by_name(username=options["by"]), timezone.now()
            request = services.propose_report(symbol=options["asset"], proposer=proposer, now=now)
            report = services.draft_report(request_id=request.pk, now=timezone.now())
            self.stdout.write(f"drafted report {report.sequence} of {options['asset']}: {report.content_hash}")
            if options["sign_by"]:
                self._publish(report, user_by_name(username=options["sign_by"]))
        except REFUSALS as problem:
            raise CommandError(str(problem)) from problem

    def _publish(self, report: Any, signer: Any) -> None:
        now = timezone.now()
        services.approve_report(
            report_id=report.pk, signer=signer, content_hash=report.content_hash, second_factor_at=now, now=now
        )
        signature = services.sign_report(report_id=report.pk, now=timezone.now())
        services.publish_report(report_id=report.pk, publisher=signer, now=timezone.now())
        self.stdout.write(f"signed by {signature.attestor}, published")
