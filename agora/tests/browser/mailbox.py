"""The e-mails that the platform sent: files of Django's file-based backend (EMAIL_URL=filemail://…)."""

from __future__ import annotations

import email
import re
import time
from email.policy import default
from pathlib import Path

BETWEEN = b"-" * 79  # what the backend writes after each message
WITHIN = 20.0  # seconds


class Mailbox:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def link_to(self, address: str) -> str:
        """The link in the newest message to this address; waits for it."""
        deadline = time.monotonic() + WITHIN
        while time.monotonic() < deadline:
            for subject, body in self.messages_to(address)[::-1]:
                found = re.search(r"https?://\S+", body)
                assert found, f"no link in {subject!r}: {body}"
                return found[0]
            time.sleep(0.1)
        raise AssertionError(f"no e-mail to {address} within {WITHIN:g} s")

    def messages_to(self, address: str) -> list[tuple[str, str]]:
        """(subject, text) of each, oldest first."""
        found = []
        for path in sorted(self.folder.glob("*"), key=lambda path: path.stat().st_mtime):
            for raw in path.read_bytes().split(BETWEEN):
                message = email.message_from_bytes(raw.strip(), policy=default)
                body = message.get_body(("plain",)) if message["To"] else None
                if body is not None and address in str(message["To"]):
                    found.append((str(message["Subject"]), str(body.get_content())))
        return found
