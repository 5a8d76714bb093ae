"""The page that verifies receipts without us: one file, which needs no network and may make no use of one."""

from __future__ import annotations

import base64
import functools
import hashlib
import re
from pathlib import Path

FILE = Path(__file__).parent / "verifier.html"


@functools.cache
def verifier_page() -> bytes:
    return FILE.read_bytes()


@functools.cache
def verifier_policy() -> str:
    """A Content-Security-Policy that lets the page's own script and style run, and nothing else happen.

    The same, but for `frame-ancestors`, which a browser takes from a header alone, stands in the file for when it is
    opened from a disk.
    """
    script, style = (_source(tag) for tag in (b"script", b"style"))
    own = f"default-src 'none'; script-src {script}; style-src {style}; base-uri 'none'; form-action 'none'"
    return f"{own}; frame-ancestors 'none'"


def _source(tag: bytes) -> str:
    """CSP3 §2.3.1: the hash of what stands between the tags, byte for byte."""
    found = re.findall(b"<%b>(.*?)</%b>" % (tag, tag), verifier_page(), re.DOTALL)
    if len(found) != 1:
        raise ValueError(f"{FILE.name} has {len(found)} <{tag.decode()}> instead of one")
    return f"'sha256-{base64.b64encode(hashlib.sha256(found[0]).digest()).decode()}'"
