"""Rules and dashboards ask for figures that exist, and each alert leads to a page about it."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
import yaml
from django.conf import settings

from agora.lib.metrics import TALLIES
from agora.lib.scraping import OWN, sources
from agora.tests.alerts import rules

BOOKS = settings.BASE_DIR / "docs" / "compliance" / "incident-runbooks"
FOREIGN = re.compile(r"up|node_\w+")  # Prometheus' own, and the node exporter's
ALERTS = {rule["alert"]: rule for rule in rules.alerts(rules.load())}


def _known() -> set[str]:
    counted = {f"{tally.name}_{part}" for tally in TALLIES for part in ("count", "sum", "bucket")}
    return counted | {gauge.name for gauge in (*OWN, *(gauge for source in sources() for gauge in source.gauges))}


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_asks_for_figures_that_we_tell(name: str) -> None:
    used = rules.metrics_in(ALERTS[name]["expr"])

    assert used or name == "AgoraHeartbeat"
    assert {metric for metric in used if not FOREIGN.fullmatch(metric)} <= _known()


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_what_is_wrong_and_leads_to_a_heading_that_exists(name: str) -> None:
    rule = ALERTS[name]
    page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    headings = re.findall(r"^#+ (.+)$", (settings.BASE_DIR / page).read_text(), flags=re.MULTILINE)

    assert rule["labels"]["severity"] in ("page", "ticket", "none")
    assert rule["annotations"]["summary"]
    assert anchor in {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_alert_has_a_row_among_the_run_books() -> None:
    text = (BOOKS / "README.md").read_text()

    assert {name for name in ALERTS if f"| `{name}` |" not in text} == set()
    assert set(re.findall(r"^\| `(Agora[A-Z]\w+)` \|", text, flags=re.MULTILINE)) == set(ALERTS)


@pytest.mark.parametrize("name", rules.dashboards())
def test_a_dashboard_asks_for_figures_that_we_tell(name: str) -> None:
    for expression in rules.expressions_in(rules.dashboards()[name]):
        used = rules.metrics_in(expression)
        assert used, expression
        assert {metric for metric in used if not FOREIGN.fullmatch(metric)} <= _known(), expression


def test_every_figure_stands_on_a_dashboard() -> None:
    shown = {
        m for board in rules.dashboards().values() for e in rules.expressions_in(board) for m in rules.metrics_in(e)
    }
    gauges = {gauge.name for source in sources() for gauge in source.gauges}

    assert gauges - shown == set()
    assert {tally.name for tally in TALLIES if not any(name.startswith(tally.name) for name in shown)} == set()


def test_a_figure_has_one_name_and_its_own_words() -> None:
    names = [gauge.name for source in sources() for gauge in source.gauges] + [tally.name for tally in TALLIES]

    assert len(set(names)) == len(names)
    assert all(name.startswith("agora_") for name in names)
    assert len({source.name for source in sources()}) == len(sources())


def test_the_drill_differs_from_life_by_waits_and_named_thresholds_alone() -> None:
    drilled = {rule["alert"]: rule for rule in rules.alerts(rules.for_a_drill())}

    for name, rule in ALERTS.items():
        expected = re.sub(r"\[\d+m\]", f"[{rules.RANGE}]", rule["expr"])
        if name in rules.LOWERED:
            expected = expected.replace(*rules.LOWERED[name])
        assert drilled[name]["expr"] == expected


@pytest.mark.alerts
def test_prometheus_own_tests_of_the_rules_pass() -> None:
    tool = shutil.which("promtool")
    assert tool
    here = rules.HOME / "prometheus"
    for command in (["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]):
        done = subprocess.run([tool, *command], cwd=here, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_own_tests_name_every_alert() -> None:
    cases = yaml.safe_load((rules.HOME / "prometheus" / "alerts_test.yml").read_text())["tests"]
    tested = {one["alertname"] for case in cases for one in case["alert_rule_test"] if one.get("exp_alerts")}
    silent = {one["alertname"] for case in cases for one in case["alert_rule_test"] if not one.get("exp_alerts")}

    assert set(ALERTS) - tested == set()
    assert set(ALERTS) - silent == {"AgoraHeartbeat"}
