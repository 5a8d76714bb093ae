"""(a) The floor: the statements of one order's intake, prepared, by pgbench on the same PostgreSQL."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from statistics import median
from typing import Any

import psutil
from django.db import connection

from accounts import selectors, standing
from accounts.models import PublicEvent
from accounts.services import limiting
from agora.lib import doorbell, ratelimit
from agora.lib.embedded import server
from bench import stage
from bench.figures import Figure
from bench.history import insertion
from bench.processes import cpu_seconds
from orders.market import offering
from orders.models import Order, OrderEvent

# What the application makes up itself is made up here in one statement more.
_PICK = """
SELECT digest, customer, wallet, bucket, subjects, uuidv7() AS order_id, uuidv7() AS event_id, now() AS now,
       (now() AT TIME ZONE 'America/Sao_Paulo')::date AS day FROM bench_floor WHERE n = :n \\gset"""


def measure(home: Path, *, rounds: int, seconds: float, clients: int) -> Figure:
    """CPU milliseconds of a transaction, PostgreSQL's and pgbench's."""
    script = home / "floor.sql"
    script.write_text(_script(stage.prepare(home)))
    connection.close()
    taken = [_round(home, script, seconds=seconds, clients=clients) for _ in range(rounds)]
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE bench_floor")
    postgres, client, rate, latency = (median(column) for column in zip(*taken, strict=True))
    return Figure(
        part="intake",
        name=f"floor: the same statements by pgbench, {clients} clients",
        value=postgres + client,
        unit="ms",
        note=f"CPU: PostgreSQL {postgres:.2f} + pgbench {client:.2f}; {rate:.0f} a second, {latency:.1f} ms each",
    )


def _round(home: Path, script: Path, *, seconds: float, clients: int) -> tuple[float, float, float, float]:
    postmaster = server.running_pid(home)
    assert postmaster is not None
    before = cpu_seconds(postmaster)
    command = [str(server.program("pgbench")), "--host", str(server.socket_directory(home)), "-U", server.SUPERUSER]
    command += ["-n", "-M", "prepared", "-f", str(script), "-c", str(clients), "-T", str(max(1, round(seconds)))]
    command += ["--max-tries", "12", "agora"]
    with psutil.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as pgbench:
        used = 0.0
        while pgbench.poll() is None:
            times = pgbench.cpu_times()
            used = times.user + times.system
            try:
                said = pgbench.communicate(timeout=0.1)
            except subprocess.TimeoutExpired:
                continue
    if pgbench.returncode:
        raise RuntimeError(f"pgbench ended: {said[1][-2000:]}")
    done = int(re.search(r"actually processed: (\d+)", said[0])[1])  # type: ignore[index]
    latency = float(re.search(r"latency average = ([\d.]+)", said[0])[1])  # type: ignore[index]
    return 1000 * (cpu_seconds(postmaster) - before) / done, 1000 * used / done, done / seconds, latency


def _script(buyers: list[stage.Buyer]) -> str:
    """pgbench's language: `:name` is a value, each statement on lines of its own."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bench_floor")
        cursor.execute(
            "CREATE TABLE bench_floor"
            " (n int PRIMARY KEY, digest text, customer uuid, wallet text, bucket text, subjects text)"
        )
        for n, buyer in enumerate(buyers):
            subjects = [f"customer:{buyer.customer_id}", "asset:AAPL", "buying", "buying:AAPL", "everything"]
            digest = selectors.token_digest(buyer.key)
            row = [n, digest, buyer.customer_id, buyer.wallet, f"key:{n}", "{" + ",".join(subjects) + "}"]
            cursor.execute("INSERT INTO bench_floor VALUES (%s, %s, %s, %s, %s, %s)", row)
        cursor.execute("ANALYZE bench_floor")
    same = {"address": ":wallet", "symbol": "'AAPL'", "country": "'BR'", "level": "9", "name": ":bucket"}
    limit = {"amount": "47.57", "limit": "1000000000", "kind": "'RESERVE'", "order": ":order_id"}
    window = {"share": "interval '1 ms'", "window": "interval '1 minute'"}
    values = {**same, **limit, **window}
    statements = [
        _with_values(selectors._live_token(), values),
        _with_values(ratelimit._TAKE, values),
        "BEGIN ISOLATION LEVEL SERIALIZABLE",
        _with_values(standing._STANDING, values),
        _with_values(offering._offer(), values),
        *_rows(),
        "COMMIT",
    ]
    lines = [" ".join(statement.split()) + ";" for statement in statements]
    return "\\set n random(0, {})\n{}\n{}\n".format(len(buyers) - 1, " ".join(_PICK.split()), "\n".join(lines))


def _rows() -> list[str]:
    """What an order writes."""
    order: dict[str, Any] = {"id": ":order_id", "version": "1", "customer_id": ":customer", "quantity": "0.25"}
    order |= {"asset_id": "(SELECT id FROM orders_asset WHERE symbol = 'AAPL')", "recipient": ":wallet"}
    order |= {"client_order_id": "'floor-' || :order_id", "broker": "'alpaca'"}
    order |= {"broker_client_order_id": "'agora-' || replace(:order_id, '-', '')"}
    order |= dict.fromkeys(("created_at", "updated_at", "next_attempt_at"), ":now")
    move = {"order_id": ":order_id", "sequence": "1", "from_status": "''", "to_status": "'PENDING'", "at": ":now"}
    data = json.dumps({"status": "PENDING", "quantity": "0.25", "filler": "x" * 300})
    event = {"event_id": ":event_id", "type": "'order.accepted'", "customer_id": ":customer", "at": ":now"}
    event |= {"subject_kind": "'order'", "subject_id": ":order_id", "sequence": "1", "data": f"'{data}'"}
    task = doorbell._ENQUEUE.replace("%s, %s", f"'agora', '{'x' * 500}'", 1)
    return [
        insertion(Order, order),
        insertion(OrderEvent, {**move, "actor": "'customer:' || :customer"}),
        task,
        insertion(PublicEvent, event),
        _with_values(
            limiting._TAKE, {"amount": "47.57", "limit": "1000000000", "kind": "'RESERVE'", "order": ":order_id"}
        ),
    ]


def _with_values(sql: str, values: dict[str, str]) -> str:
    return re.sub(r"%\((\w+)\)s", lambda found: values.get(found[1], f":{found[1]}"), sql)
