"""What a receipt must be for its parts to agree. The same checks, under the same codes, are in `verifier.html`.

Nothing here asks anybody: a receipt that passes is consistent in itself, no more (docs/receipts.md). Quantities are
counted in units of 10**-9 share, prices in 10**-9 US$.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from minting.receipts.sealing import FIRST, section_hash
from minting.receipts.shape import SECTIONS

WEI_A_UNIT = 10**9  # 10**18 wei are a share
LADDER = ("FILLED", "CUSTODY_CONFIRMED", "MINT_CONFIRMED", "SETTLED")
ON_CHAIN = ("CONFIRMED", "SETTLED", "FINALIZED")
DEEP = ("SETTLED", "FINALIZED")
PLACE = ("tx_hash", "block_number", "block_hash", "log_index")


@dataclass(frozen=True, slots=True)
class Check:
    code: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Sums:
    """Recomputed from the facts, in units of 10**-9 share."""

    ordered: int
    filled: int  # after busts and corrections
    claimed: int  # by custody movements, done or not
    held: int
    minted: int
    settled: int


def check_receipt(receipt: dict[str, Any]) -> list[Check]:
    """Every check of a receipt that `read_receipt` took; pure."""
    contents = {name: receipt[name]["content"] for name in SECTIONS}
    order, broker = contents["order"], contents["broker"]
    movements, mints = contents["custody"]["movements"], contents["mints"]["mints"]
    sums = sum_up(contents)
    results = {
        **_hashes_chain(receipt),
        "digest": receipt["digest"] == receipt["summary"]["sha256"],
        "statuses": _statuses_lead_here(order),
        "client_order_id": broker["client_order_id"] == f"agora-{order['id'].replace('-', '')}",
        "executions": _executions_add_up(broker, sums),
        "average_price": _average_is_right(broker, sums),
        "custody": _custody_fits(movements, sums),
        "mint_keys": _mint_keys_derive(broker, mints),
        "mint_amounts": _amounts_are_their_movements(movements, mints),
        "mint_recipients": all(mint["recipient"] == order["recipient"] for mint in mints),
        "mint_places": _places_are_whole(mints),
        "status": _status_is_as_far_as_the_facts(order["status"], movements, sums),
        "missing": _missing_is_said(contents, sums),
        "as_of": contents["summary"]["as_of"] == latest_time(contents),
    }
    return [Check(code, holds) for code, holds in results.items()]


def sum_up(contents: dict[str, Any]) -> Sums:
    movements, mints = contents["custody"]["movements"], contents["mints"]["mints"]
    return Sums(
        ordered=units(contents["order"]["quantity"]),
        filled=sum(units(fact["quantity"]) for fact in _live(contents["broker"]["executions"])),
        claimed=sum(units(m["quantity"]) for m in movements),
        held=sum(units(m["quantity"]) for m in movements if m["status"] == "COMPLETED"),
        # rounded down: that an amount is exact is `mint_amounts`' to say
        minted=sum(int(m["amount_wei"]) for m in mints if m["status"] in ON_CHAIN) // WEI_A_UNIT,
        settled=sum(int(m["amount_wei"]) for m in mints if m["status"] in DEEP) // WEI_A_UNIT,
    )


def missing_parts(contents: dict[str, Any], sums: Sums) -> list[str]:
    """What is not there yet, or never will be, of an order whose tokens are minted and settled."""
    filled = sums.filled
    lacks = {
        "broker_order": contents["broker"]["order_id"] is None,
        "execution": filled == 0,
        "more_executions": filled > 0 and contents["order"]["status"] not in LADDER,
        "custody": filled == 0 or sums.held < filled,
        "mint": filled == 0 or sums.minted < filled,
        "settlement": filled == 0 or sums.settled < filled,
    }
    return [part for part, is_missing in lacks.items() if is_missing]


def latest_time(contents: dict[str, Any]) -> str:
    """Of all the facts: a receipt is of that moment."""
    times = [
        *(status["at"] for status in contents["order"]["statuses"]),
        *(execution["executed_at"] for execution in contents["broker"]["executions"]),
        *(move["completed_at"] for move in contents["custody"]["movements"] if move["completed_at"]),
        *(mint["status_at"] for mint in contents["mints"]["mints"]),
    ]
    return str(max(times, default=""))


def units(text: str) -> int:
    """A quantity or price, which has at most nine decimals, in 10**-9."""
    whole, _, part = text.partition(".")
    return int(whole + part.ljust(9, "0"))


def _hashes_chain(receipt: dict[str, Any]) -> dict[str, bool]:
    """Each against the stated hash before it: what was changed fails, and not all that follows."""
    befores = (FIRST, *(receipt[name]["sha256"] for name in SECTIONS))
    return {
        f"hash.{name}": receipt[name]["sha256"] == section_hash(name, receipt[name]["content"], before)
        for name, before in zip(SECTIONS, befores, strict=False)
    }


def _live(executions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """As orders.services.ingesting.sum_fills has it."""
    replaced = {fact["corrects"] for fact in executions if fact["kind"] != "FILL"}
    return [fact for fact in executions if fact["kind"] != "BUST" and fact["execution_id"] not in replaced]


def _statuses_lead_here(order: dict[str, Any]) -> bool:
    walk = order["statuses"]
    numbered = [step["sequence"] for step in walk] == list(range(1, len(walk) + 1))
    return bool(walk) and numbered and walk[0]["status"] == "PENDING" and walk[-1]["status"] == order["status"]


def _executions_add_up(broker: dict[str, Any], sums: Sums) -> bool:
    once = _all_different(fact["execution_id"] for fact in broker["executions"])
    return once and sums.filled == units(broker["filled_quantity"]) and sums.filled <= sums.ordered


def _average_is_right(broker: dict[str, Any], sums: Sums) -> bool:
    """To the ninth decimal, as it is stated."""
    average = broker["filled_avg_price_usd"]
    if sums.filled == 0 or average is None:
        return sums.filled == 0 and average is None
    cost = sum(units(fact["quantity"]) * units(fact["price_usd"]) for fact in _live(broker["executions"]))
    return abs(units(average) * sums.filled - cost) <= sums.filled


def _custody_fits(movements: list[dict[str, Any]], sums: Sums) -> bool:
    def is_whole(move: dict[str, Any]) -> bool:
        done = move["status"] == "COMPLETED"
        named = move["transaction_id"] is not None or not done
        return units(move["quantity"]) > 0 and named and done == (move["completed_at"] is not None)

    return (
        [move["sequence"] for move in movements] == list(range(1, len(movements) + 1))
        and _all_different(move["external_tx_id"] for move in movements)
        and _all_different(move["transaction_id"] for move in movements if move["transaction_id"] is not None)
        and all(is_whole(move) for move in movements)
        and sums.claimed <= sums.filled
    )


def _mint_keys_derive(broker: dict[str, Any], mints: list[dict[str, Any]]) -> bool:
    """As agora.lib.ids.mint_key has it (ADR 0003)."""
    stem = f"{broker['name']}:{broker['order_id']}"
    known = broker["order_id"] is not None or not mints
    return known and all(mint["mint_key"] == f"{stem}:{mint['sequence']}" for mint in mints)


def _amounts_are_their_movements(movements: list[dict[str, Any]], mints: list[dict[str, Any]]) -> bool:
    held = {move["sequence"]: units(move["quantity"]) for move in movements if move["status"] == "COMPLETED"}
    once = _all_different(mint["sequence"] for mint in mints)
    return once and all(
        mint["sequence"] in held and int(mint["amount_wei"]) == held[mint["sequence"]] * WEI_A_UNIT for mint in mints
    )


def _places_are_whole(mints: list[dict[str, Any]]) -> bool:
    """A mint in a block says which, whole; another says nothing; and no two are the same log."""

    def is_whole(mint: dict[str, Any]) -> bool:
        said = [mint[name] is not None for name in PLACE]
        return all(said) if mint["status"] in ON_CHAIN else not any(said)

    places = ((m["chain_id"], m["block_number"], m["log_index"]) for m in mints if m["log_index"] is not None)
    return all(is_whole(mint) for mint in mints) and _all_different(places)


def _status_is_as_far_as_the_facts(status: str, movements: list[dict[str, Any]], sums: Sums) -> bool:
    if status not in LADDER:
        ended = status in ("REJECTED", "CANCELLED", "EXPIRED")
        return not movements and (sums.filled == 0 or (not ended and status == "PARTIALLY_FILLED"))
    reached = (True, sums.held >= sums.filled, sums.minted >= sums.filled, sums.settled >= sums.filled)
    # as orders.states.rung has it: the highest that is reached, whatever the ones below say
    return status == LADDER[max(rung for rung, is_reached in enumerate(reached) if is_reached)]


def _missing_is_said(contents: dict[str, Any], sums: Sums) -> bool:
    summary = contents["summary"]
    missing = missing_parts(contents, sums)
    return bool(summary["missing"] == missing and summary["complete"] == (not missing))


def _all_different(values: Iterable[Any]) -> bool:
    seen = list(values)
    return len(set(seen)) == len(seen)
