"""The bill of materials as CycloneDX 1.6, from the lock files alone: `make sbom`. The same locks give the same bytes.

What production runs (requirements.txt) and what the contracts are built from (contracts/package-lock.json), each by its
package URL with the hashes that the lock pins. https://cyclonedx.org/docs/1.6/json/
"""

from __future__ import annotations

import base64
import json
import re
import sys
import uuid
from hashlib import sha256
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)


def bill(root: Path) -> dict[str, Any]:
    lock, npm = (root / "requirements.txt").read_text(), (root / "contracts" / "package-lock.json").read_text()
    components = sorted([*_python(lock), *_npm(json.loads(npm))], key=lambda component: component["bom-ref"])
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.UUID(bytes=sha256((lock + npm).encode()).digest()[:16], version=4)}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": "agora",
                "name": "agora",
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            }
        },
        "components": components,
        "dependencies": [{"ref": "agora", "dependsOn": [component["bom-ref"] for component in components]}],
    }


def _python(lock: str) -> list[dict[str, Any]]:
    found = []
    starts = [*PINNED.finditer(lock)]
    for start, end in zip(starts, [*(match.start() for match in starts[1:]), len(lock)], strict=True):
        name, version = re.sub(r"[-_.]+", "-", start[1]).lower(), start[2]
        # One for each file of the release: the installed one is among them.
        hashes = sorted(set(re.findall(r"--hash=sha256:([0-9a-f]{64})", lock[start.start() : end])))
        files = [{"type": "distribution", "url": f"urn:sha256:{digest}", "hashes": _hash(digest)} for digest in hashes]
        found.append(_component("pypi", name, version, "required") | {"externalReferences": files})
    return found


def _npm(lock: dict[str, Any]) -> list[dict[str, Any]]:
    found = []
    for path, package in lock["packages"].items():
        if not path or "version" not in package:
            continue
        name = path.rpartition("node_modules/")[2]
        algorithm, _, digest = package.get("integrity", "").partition("-")
        component = _component("npm", name, package["version"], "excluded")  # it builds, and is not shipped
        if algorithm == "sha512":
            component["hashes"] = [{"alg": "SHA-512", "content": base64.b64decode(digest).hex()}]
        found.append(component)
    return list({component["bom-ref"]: component for component in found}.values())


def _component(kind: str, name: str, version: str, scope: str) -> dict[str, Any]:
    purl = f"pkg:{kind}/{name.replace('@', '%40')}@{version}"
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "scope": scope, "purl": purl}


def _hash(digest: str) -> list[dict[str, str]]:
    return [{"alg": "SHA-256", "content": digest}]


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(bill(ROOT), indent=1) + "\n")
