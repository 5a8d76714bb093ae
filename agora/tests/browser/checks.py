"""What every page must pass: accessibility, weight, width. Each raises AssertionError that says what to mend."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agora.tests.browser.visitors import Visitor

HERE = Path(__file__).parent
AXE = HERE / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
FIRST_LOAD_LIMIT = 60_000  # bytes
SETTLES_WITHIN = 400  # milliseconds: what a page fetches by script after it has loaded

TOO_WIDE = """() => {
  const room = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= room) return [];
  const scrolls = (element) => {
    for (let up = element.parentElement; up && up !== document.body; up = up.parentElement) {
      if (["auto", "scroll", "hidden", "clip"].includes(getComputedStyle(up).overflowX)) return true;
    }
    return false;
  };
  const wide = [...document.body.querySelectorAll("*")].filter(
    (element) => element.getBoundingClientRect().right > room + 0.5 && !scrolls(element));
  const end = (element) => Math.round(element.getBoundingClientRect().right);
  return wide.map((element) => `${element.outerHTML.slice(0, 120)} ends at ${end(element)} of ${room}`)
    .concat(`the page is ${document.documentElement.scrollWidth} wide`);
}"""


def assert_accessible(visitor: Visitor) -> None:
    """axe-core: no violation of WCAG 2.x A and AA or of its best practices, on the page as it is now."""
    words = list(axe_violations(visitor).values())
    assert not words, f"{visitor.page.url} ({visitor.language}, {visitor.device}):\n" + "\n".join(words)


def axe_violations(visitor: Visitor) -> dict[str, str]:
    """Rule → where and why."""
    visitor.page.evaluate(AXE.read_text())
    options = {"runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations"]}
    found = visitor.page.evaluate("(options) => axe.run(document, options)", options)
    return {rule["id"]: _words(rule) for rule in found["violations"]}


def _words(rule: dict[str, Any]) -> str:
    nodes = [f"    {node['html'][:160]}\n      {node['failureSummary']}" for node in rule["nodes"]]
    return "\n".join([f"  {rule['id']} ({rule['impact']}): {rule['help']}", *nodes])


def assert_light(visitor: Visitor, path: str, status: int = 200) -> int:
    """Load the page as on a first visit; its transferred bytes, headers and all its parts included."""
    parts = transferred(visitor, path, status)
    total = sum(parts.values())
    detail = "\n".join(f"  {size:>7} {url}" for url, size in sorted(parts.items(), key=lambda part: -part[1]))
    assert total <= FIRST_LOAD_LIMIT, f"{path}: {total} bytes transferred, over {FIRST_LOAD_LIMIT}:\n{detail}"
    return total


def transferred(visitor: Visitor, path: str, status: int = 200) -> dict[str, int]:
    """URL → bytes on the wire of everything that a first visit fetches, by the browser's own account."""
    urls: dict[str, str] = {}
    sizes: dict[str, int] = {}
    session = visitor.context.new_cdp_session(visitor.page)
    session.on("Network.requestWillBeSent", lambda event: urls.update({event["requestId"]: event["request"]["url"]}))
    session.on("Network.loadingFinished", lambda event: sizes.update({event["requestId"]: event["encodedDataLength"]}))
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    visitor.go(path, status=status)
    visitor.page.wait_for_timeout(SETTLES_WITHIN)
    session.detach()
    parts: dict[str, int] = {}
    for request, size in sizes.items():
        url = urls.get(request, "?")
        if not url.startswith("data:"):
            parts[url] = parts.get(url, 0) + int(size)
    return parts


def assert_fits(visitor: Visitor) -> None:
    """Nothing makes the page scroll sideways."""
    wide = visitor.page.evaluate(TOO_WIDE)
    assert not wide, f"{visitor.page.url} ({visitor.language}, {visitor.device}):\n  " + "\n  ".join(wide)


def assert_in_language(visitor: Visitor) -> None:
    lang = visitor.page.evaluate("document.documentElement.lang")
    assert lang.lower() == visitor.language.lower(), f"{visitor.page.url}: <html lang={lang!r}>"
