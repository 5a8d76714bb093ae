"""Orders over HTTP, as fast as so many clients get answers: each waits for one before it sends the next.

A process of its own (`python -m bench.load`), so that what it uses is not counted as the server's; HTTP/1.1 by hand,
for it shares the machine with what it measures. Prints one JSON line.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4


@dataclass(slots=True)
class Tally:
    """What came back."""

    seconds: list[float]  # of each answer 201
    refused: list[str]  # what else was answered


async def buy(host: str, port: int, buyers: list[dict[str, str]], ends_at: float, tally: Tally) -> None:
    """One client: orders of 0.25 AAPL for one customer after the other, over one connection."""
    reader, writer = await asyncio.open_connection(host, port)
    turn = 0
    while time.monotonic() < ends_at:
        buyer, turn = buyers[turn % len(buyers)], turn + 1
        body = json.dumps(
            {
                "asset": "AAPL",
                "quantity": "0.25",
                "recipient_wallet": buyer["wallet"],
                "client_order_id": str(uuid4()),
            }
        )
        started = time.perf_counter()
        writer.write(
            f"POST /api/v1/orders HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {buyer['key']}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        status, answer, is_kept = await _answer(reader)
        if status == 201:
            tally.seconds.append(time.perf_counter() - started)
        else:
            tally.refused.append(f"{status} {answer[:300]!r}")
        if not is_kept:
            writer.close()
            reader, writer = await asyncio.open_connection(host, port)
    writer.close()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes, bool]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    lines = head.split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
    if headers.get("transfer-encoding") == "chunked":
        raise RuntimeError("a chunked answer: not expected of either server")
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return int(lines[0].split()[1]), body, headers.get("connection") != "close"


async def run(host: str, port: int, buyers: list[dict[str, str]], clients: int, seconds: float) -> Tally:
    tally = Tally([], [])
    ends_at = time.monotonic() + seconds
    shares = [buyers[i::clients] for i in range(clients)]  # no two clients buy for one customer at once
    await asyncio.gather(*(buy(host, port, share, ends_at, tally) for share in shares))
    return tally


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("buyers", type=Path)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=2.0)
    asked = parser.parse_args()
    buyers = json.loads(asked.buyers.read_text())
    tally = asyncio.run(run("127.0.0.1", asked.port, buyers, asked.clients, asked.seconds))
    sys.stdout.write(json.dumps({"seconds": tally.seconds, "refused": tally.refused}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
