"""System checks of a long-lived command, in a process of their own."""

from __future__ import annotations

import multiprocessing
import sys
from typing import Any

from django.core.management.base import BaseCommand, SystemCheckError


class ChecksAside(BaseCommand):
    """A command that stays: its checks import every page, which it would then hold for ever without need."""

    def check(self, *args: Any, **kwargs: Any) -> None:
        """As Django's, in a forked child. Raises SystemExit 1 when something is found; the child has printed what."""
        # Before anything else of this process: no thread runs and no connection is open yet.
        child = multiprocessing.get_context("fork").Process(target=self._check_and_exit, args=(args, kwargs))
        child.start()
        child.join()
        if child.exitcode:
            sys.exit(1)

    def _check_and_exit(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        try:
            super().check(*args, **kwargs)
        except SystemCheckError as found:
            self.stderr.write(str(found), lambda text: text)
            sys.exit(1)
