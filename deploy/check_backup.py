"""What pg_verifybackup checks of a plain copy, where it is not at hand: VERIFY_BACKUP="python3 …/check_backup.py".

Every file of backup_manifest is there with its size and SHA-256, nothing else is, and the manifest is the one that was
written. Exit 0, or 1 and what is wrong. https://www.postgresql.org/docs/18/backup-manifest-format.html
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

# What the server writes on its own account, or is not part of the manifest by definition.
EXEMPT = {"backup_manifest", "postgresql.auto.conf", "recovery.signal", "standby.signal"}


def problems(copy: Path) -> list[str]:
    raw = (copy / "backup_manifest").read_bytes()
    manifest = json.loads(raw)
    found: list[str] = []
    # The manifest's checksum is over itself, up to the line that holds it.
    if hashlib.sha256(raw[: raw.rindex(b"\n", 0, -1) + 1]).hexdigest() != manifest["Manifest-Checksum"]:
        found.append("backup_manifest: it was changed")
    listed = {}
    for entry in manifest["Files"]:
        name = entry["Path"] if "Path" in entry else bytes.fromhex(entry["Encoded-Path"]).decode()
        listed[name] = entry
    there = {str(path.relative_to(copy)) for path in copy.rglob("*") if path.is_file()}
    found += [f"{name}: not in the manifest" for name in sorted(there - listed.keys() - EXEMPT) if _counts(name)]
    for name, entry in sorted(listed.items()):
        if name not in there:
            found.append(f"{name}: missing")
        elif name not in EXEMPT and (wrong := _compare(copy / name, entry)):
            found.append(f"{name}: {wrong}")
    return found


def _counts(name: str) -> bool:
    return not name.startswith("pg_wal/")  # streamed beside the copy; recovery checks each record itself


def _compare(path: Path, entry: dict[str, object]) -> str:
    if path.stat().st_size != entry["Size"]:
        return f"{path.stat().st_size} bytes instead of {entry['Size']}"
    if entry.get("Checksum-Algorithm") != "SHA256":
        return f"its checksum is {entry.get('Checksum-Algorithm')}, not SHA256"
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != entry["Checksum"]:
            return "its content was changed"
    return ""


if __name__ == "__main__":
    wrong = problems(Path(sys.argv[1]))
    sys.stderr.write("".join(f"{line}\n" for line in wrong))
    sys.exit(bool(wrong))
