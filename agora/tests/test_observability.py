"""What an operator sees of one order in a real platform: one trace, a log line a move, figures that add up, no PII."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from agora.lib import ids
from agora.tests import collector, e2e
from agora.tests.collector import Span

pytestmark = pytest.mark.timeout(900)  # a busy machine takes minutes to start all of it

NAME, EMAIL, CPF = "Zulmira Canário Xavante", "canary.zulmira@example.com", "529.982.247-25"
SECRETS = (*NAME.split(), "canary.zulmira", CPF, CPF.replace(".", "").replace("-", ""))
TOKEN = "scrape-me"
SERVER, CLIENT, CONSUMER = 2, 3, 5  # OTLP's kinds of span

Key = tuple[str, frozenset[tuple[str, str]]]
SUBMITTED = (
    "agora_task_seconds_count",
    frozenset({("task", "orders.tasks.submit_order"), ("outcome", "ok")}),
)

REGISTER = f"""
import json
from django.utils import timezone
from eth_account import Account
from accounts.models import User
from accounts.selectors import current_disclosures
from accounts.services import bind_wallet, issue_api_token, register_customer, set_tier, submit_profile
now = timezone.now()
user = User.objects.create_user("canary")
customer = register_customer(user=user, full_name="", country="", now=now)
wallet = Account.create().address
bind_wallet(customer=customer, address=wallet, now=now)
accepted = [text.pk for text in current_disclosures(language="pt-br")]
customer = submit_profile(customer=customer, full_name={NAME!r}, email={EMAIL!r}, country="BR", tax_id={CPF!r},
    accepted=accepted, ip="203.0.113.7", now=now)
set_tier(customer=customer, level=9)
print(json.dumps([wallet, issue_api_token(user=user, name="test", now=now)]))
"""
CONFIRM = """
from django.utils import timezone
from accounts.models import Customer
from accounts.services import confirm_email
from accounts.services.mailing import confirmation_token
customer = Customer.objects.get(user__username="canary")
print(confirm_email(token=confirmation_token(customer=customer), now=timezone.now()).full_name)
"""


@pytest.fixture(scope="module")
def traces() -> Iterator[tuple[collector.Collector, str]]:
    with collector.running() as running:
        yield running


@pytest.fixture(scope="module")
def platform(
    tmp_path_factory: pytest.TempPathFactory, traces: tuple[collector.Collector, str]
) -> Iterator[e2e.Platform]:
    home = tmp_path_factory.mktemp("platform")
    settings = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": traces[1],
        "METRICS_TOKEN": TOKEN,
        "EMAIL_URL": f"filemail:///{home}/mail",
    }
    with e2e.running(home, **e2e.HASTE, **settings) as up:
        yield up
        assert up.violations() == []


@pytest.fixture(scope="module")
def bought(platform: e2e.Platform, traces: tuple[collector.Collector, str]) -> str:
    """The order of a customer of whom nothing may be told, settled; its id."""
    platform.wallet, platform._token = json.loads(platform.python(REGISTER))
    mail = platform.layout.home / "mail"
    platform.until(lambda: mail.exists() and any(EMAIL in path.read_text() for path in mail.iterdir()))
    assert platform.python(CONFIRM) == NAME
    for path in (f"?tax_id={CPF}", f"{EMAIL}", f"orders?q={NAME}"):  # what is typed into a URL, too
        requests.get(f"{platform.layout.web_url}/api/v1/{path}", headers=platform._auth(), timeout=e2e.TIMEOUT)
    mine = f"for-{EMAIL}"
    platform.until(lambda: platform.post(client_order_id=mine).status_code == 201)  # 403 until the worker has approved
    order_id = str(platform.post(client_order_id=mine).json()["order_id"])
    platform.until_minted(order_id)
    platform.chain.mine(12)
    platform.until_status(order_id, "SETTLED")
    platform.until(lambda: any("SETTLED" in span.name for span in _trace(traces, order_id)))
    platform.until(lambda: not _orphans(_trace(traces, order_id)))  # each process sends its own, every second
    return order_id


def test_an_order_is_one_trace_from_the_request_to_the_watchers_confirmation(
    bought: str, traces: tuple[collector.Collector, str]
) -> None:
    spans = _trace(traces, bought)
    assert not _orphans(spans)
    (root,) = [span for span in spans if not span.parent_id]

    assert (root.service, root.name, root.kind) == ("agora-web", "POST api/v1/orders", SERVER)
    assert root.attributes["http.response.status_code"] == 201
    wanted = {
        ("agora-worker", "task orders.tasks.submit_order"),
        ("agora-worker", "broker.submit"),
        ("agora-worker", "broker POST"),
        ("agora-worker", "task custody.tasks.open_custody"),
        ("agora-worker", "custody.transfer"),
        ("agora-worker", "custodian POST"),
        ("agora-worker", "task minting.tasks.advance_mint"),
        ("agora-worker", "mint.sign"),
        ("agora-worker", "mint.broadcast"),
        ("agora-worker", "chain POST"),
        ("agora-follow", "MintTx CONFIRMED"),
        ("agora-follow", "Order SETTLED"),
    }
    assert wanted - {(span.service, span.name) for span in spans} == set()
    errors = {(span.name, span.attributes["error.type"]) for span in spans if span.is_error}
    assert errors <= {("mint.simulate", "ContractRefused")}  # before its reserve report is on-chain


def test_each_call_hangs_below_the_task_that_made_it_and_the_task_below_the_order(
    bought: str, traces: tuple[collector.Collector, str]
) -> None:
    spans = _trace(traces, bought)
    by_id = {span.span_id: span for span in spans}

    def above(name: str) -> list[str]:
        span = min((span for span in spans if span.name == name), key=lambda span: span.began)
        names = []
        while span.parent_id:
            span = by_id[span.parent_id]
            names.append(span.name)
        return names

    assert above("broker POST") == ["broker.submit", "task orders.tasks.submit_order", "POST api/v1/orders"]
    assert above("mint.broadcast")[0] == "task minting.tasks.advance_mint"
    assert {span.kind for span in spans if span.name.startswith("task ")} == {CONSUMER}
    calls = [span for span in spans if span.name == "broker POST"]
    assert [(call.kind, call.attributes["http.response.status_code"]) for call in calls] == [(CLIENT, 200)]


def test_every_move_is_one_line_with_order_and_trace(platform: e2e.Platform, bought: str) -> None:
    lines = [line for line in _lines(platform) if line.get("event") == "moved" and line.get("order") == bought]
    events = platform.python(
        "from orders.models import OrderEvent; from custody.models import CustodyEvent; "
        f"from minting.models import MintEvent; print(OrderEvent.objects.filter(order='{bought}').count()"
        f" + CustodyEvent.objects.filter(record__order='{bought}').count()"
        f" + MintEvent.objects.filter(mint__order='{bought}').count())"
    )

    assert len(lines) == int(events)
    assert {line["trace_id"] for line in lines} == {UUID(bought).hex}
    assert {(line["row"], line["to"]) for line in lines} >= {("Order", "SETTLED"), ("MintTx", "SENT")}


def test_a_killed_worker_and_a_late_webhook_leave_it_one_trace(
    platform: e2e.Platform, bought: str, traces: tuple[collector.Collector, str]
) -> None:
    before = platform.effects().custody_transfers
    platform.stop("worker")
    platform.start("worker", AGORA_CRASH_AT="custody.after_call")
    order_id = platform.place()
    platform.until(lambda: platform.effects().custody_transfers > before)
    platform.kill("worker")
    platform.start("worker")
    platform.until_minted(order_id)

    # What the killed worker had not sent yet is lost; what another one did about it hangs below the same root. Each
    # process sends its spans when it likes, the follower's last one often before the worker's.
    told = {"custody.transfer", "mint.broadcast", "MintTx CONFIRMED"}
    platform.until(lambda: told <= {span.name for span in _trace(traces, order_id)})
    spans = _trace(traces, order_id)
    assert [span.name for span in spans if not span.parent_id] == ["POST api/v1/orders"]


def test_metrics_are_denied_unless_the_token_is_shown(platform: e2e.Platform) -> None:
    url = f"{platform.layout.web_url}/metrics"

    assert requests.get(url, timeout=e2e.TIMEOUT).status_code == 404
    assert requests.get(url, headers={"Authorization": "Bearer other"}, timeout=e2e.TIMEOUT).status_code == 404
    assert requests.get(url, headers=_scraper(), timeout=e2e.TIMEOUT).status_code == 200


def test_the_figures_tell_the_order_s_way(platform: e2e.Platform, bought: str) -> None:
    compared = {  # by rounds of their own, which may come after the order
        _key("agora_reserve_ratio", symbol="AAPL"),
        _key("agora_signer_mints_left", role="minter"),
    }

    def counted() -> bool:
        found = _scrape(platform)
        placed = found.get(_key("agora_moves_seconds_count", row="Order", before="", after="PENDING"), 0)
        settled = found.get(_key("agora_order_age_seconds_count", status="SETTLED"), 0)
        return placed >= 1 and settled >= 1 and compared <= found.keys()

    platform.until(counted)
    found = _scrape(platform)
    assert found[_key("agora_workers")] == 1
    assert {value for (name, _), value in found.items() if name == "agora_loop_turning"} == {1.0}
    assert {value for (name, _), value in found.items() if name == "agora_source_up"} == {1.0}
    assert found[_key("agora_reserve_ratio", symbol="AAPL")] >= 1
    assert found[_key("agora_signer_mints_left", role="minter")] > 100
    chain = f"127.0.0.1:{platform.layout.chain_port}"
    assert found[_key("agora_vendor_call_seconds_count", vendor="chain", server=chain, outcome="ok")] > 0
    assert found[SUBMITTED] >= 1
    assert found[_key("agora_http_request_seconds_count", method="POST", route="api/v1/orders", status="201")] >= 1
    assert found[_key("agora_breaks", kind="SUPPLY_OVER_CUSTODY")] == 0


def test_the_figures_outlive_every_process(platform: e2e.Platform, bought: str) -> None:
    before = _scrape(platform)[SUBMITTED]
    files = len(list((platform.layout.home / "metrics").glob("*.db")))
    for name in e2e.OURS:
        platform.kill(name)
        platform.start(name)
    platform.until_minted(platform.place())

    assert _scrape(platform)[SUBMITTED] == before + 1
    assert len(list((platform.layout.home / "metrics").glob("*.db"))) <= files + 2  # slots are taken over


def test_nothing_that_a_customer_is_called_leaves_by_logs_traces_or_metrics(
    platform: e2e.Platform, bought: str, traces: tuple[collector.Collector, str]
) -> None:
    told = {path.name: path.read_bytes() for path in (platform.layout.home / "logs").glob("*.log")}
    told |= {path.name: path.read_bytes() for path in (platform.layout.home / "metrics").glob("*.db")}
    told["traces"] = b"".join(traces[0].bodies)
    told["metrics"] = requests.get(
        f"{platform.layout.web_url}/metrics", headers=_scraper(), timeout=e2e.TIMEOUT
    ).content

    assert {"web.log", "worker.log", "follower.log"} <= told.keys()
    assert len(told["traces"]) > 5000
    secrets = [secret.encode() for secret in SECRETS]
    assert {(name, secret) for name, text in told.items() for secret in secrets if secret in text} == set()


def test_probes_answer_any_host_and_readiness_follows_the_database(platform: e2e.Platform) -> None:
    alien = {"Host": "10.1.2.3:8000"}
    web = platform.layout.web_url

    assert requests.get(f"{web}/healthz", headers=alien, timeout=e2e.TIMEOUT).json() == {"alive": True}
    assert requests.get(f"{web}/readyz", headers=alien, timeout=e2e.TIMEOUT).json() == {"ready": True, "missing": []}
    platform.stop("follower")
    platform.stop("worker")
    stop_database(platform)
    try:
        answer = requests.get(f"{web}/healthz", timeout=e2e.TIMEOUT)
        assert answer.status_code == 200
    finally:
        for name in ("worker", "follower"):
            platform.start(name)


def stop_database(platform: e2e.Platform) -> None:
    """As a restart of PostgreSQL; the embedded one comes back at the next connection."""
    from agora.lib.embedded import server

    server.stop(platform.layout.home)


def _trace(traces: tuple[collector.Collector, str], order_id: str) -> list[Span]:
    return traces[0].trace(UUID(order_id).hex)


def _orphans(spans: list[Span]) -> set[str]:
    """Parents that nobody has told of."""
    return {span.parent_id for span in spans if span.parent_id} - {span.span_id for span in spans}


def _scraper() -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKEN}"}


def _key(name: str, **labels: str) -> Key:
    return name, frozenset(labels.items())


def _scrape(platform: e2e.Platform) -> dict[Key, float]:
    answer = requests.get(f"{platform.layout.web_url}/metrics", headers=_scraper(), timeout=(2, 30))
    assert answer.status_code == 200
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def _lines(platform: e2e.Platform) -> list[dict[str, Any]]:
    text = "".join(path.read_text() for path in (platform.layout.home / "logs").glob("*.log"))
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def test_an_order_s_id_is_fit_to_be_a_trace_s() -> None:
    """W3C Trace Context, level 2: the last seven bytes are random; neither id may be zero."""
    made = [ids.new_id() for _ in range(2000)]

    assert len({one.int & ((1 << 56) - 1) for one in made}) == len(made)
    assert all(one.int & ((1 << 64) - 1) for one in made)
