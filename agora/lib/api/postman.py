"""A Postman collection (format 2.1; Bruno and Insomnia import it, too) from the OpenAPI document."""

from __future__ import annotations

import json
import re
from typing import Any

FORMAT = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
METHODS = ("get", "post", "put", "patch", "delete")


def collection(document: dict[str, Any]) -> dict[str, Any]:
    """One folder a tag, one request an operation. Variables: `base_url`, `token`, and each path parameter."""
    folders: dict[str, list[dict[str, Any]]] = {}
    names: set[str] = set()
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                folders.setdefault(item[method]["tags"][0], []).append(_request(method, path, item[method]))
                names |= set(re.findall(r"{(\w+)}", path))
    values = {"base_url": "http://localhost:8000", "token": "", **dict.fromkeys(sorted(names), "")}
    return {
        "info": {"name": document["info"]["title"], "schema": FORMAT},
        "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "{{token}}", "type": "string"}]},
        "variable": [{"key": key, "value": value} for key, value in values.items()],
        "item": [{"name": tag, "item": requests} for tag, requests in sorted(folders.items())],
    }


def _request(method: str, path: str, operation: dict[str, Any]) -> dict[str, Any]:
    parts = [re.sub(r"{(\w+)}", r"{{\1}}", part) for part in path.strip("/").split("/")]
    request: dict[str, Any] = {
        "method": method.upper(),
        "description": operation.get("description", ""),
        "header": _headers(method, operation),
        "url": {"raw": "{{base_url}}/" + "/".join(parts), "host": ["{{base_url}}"], "path": parts},
    }
    if operation.get("security") == [{}]:
        request["auth"] = {"type": "noauth"}
    if (body := _body(operation)) is not None:
        request["body"] = {"mode": "raw", "raw": body, "options": {"raw": {"language": "json"}}}
    return {"name": operation["summary"], "request": request}


def _headers(method: str, operation: dict[str, Any]) -> list[dict[str, str]]:
    headers = [{"key": "Content-Type", "value": "application/json"}] if "requestBody" in operation else []
    if method == "post" and any(one.get("name") == "Idempotency-Key" for one in operation.get("parameters", ())):
        headers.append({"key": "Idempotency-Key", "value": "{{$guid}}"})
    return headers


def _body(operation: dict[str, Any]) -> str | None:
    """The documented example, as it would be typed; "{}" where there is none."""
    if "requestBody" not in operation:
        return None
    media = operation["requestBody"]["content"]["application/json"]
    example = next((one["value"] for one in media.get("examples", {}).values()), media.get("example", {}))
    return json.dumps(example, indent=2)
