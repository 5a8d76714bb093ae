"""`manage.py totp_code staff`: what that login's authenticator app would show now. Sandbox only."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.services import current_code


class Command(BaseCommand):
    help = "Print a login's current second factor. Sandbox mode only: elsewhere only its owner's device has it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.AGORA_MODE != "sandbox":
            raise CommandError("This is for AGORA_MODE=sandbox.")
        try:
            self.stdout.write(current_code(username=options["username"], now=timezone.now()))
        except TOTPDevice.DoesNotExist:
            raise CommandError(f"{options['username']!r} has no second factor here.") from None
