"""Nothing lost, nothing twice: what clients were promised against the books of broker, custodian and chain. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from agora.lib import ids
from agora.tests.chaos.books import Books, BrokerOrder

ENDED = frozenset({"filled", "canceled", "expired", "rejected"})
NONE = Decimal(0)


class Accepted(Protocol):
    """An order that a client was told is taken."""

    @property
    def order_id(self) -> str: ...
    @property
    def symbol(self) -> str: ...
    @property
    def quantity(self) -> Decimal: ...
    @property
    def wallet(self) -> str: ...


def findings(
    accepted: Sequence[Accepted], books: Books, *, cancelled: Collection[str] = (), undone: Collection[str] = ()
) -> list[str]:
    """Everything that is wrong, each in a sentence that begins with LOST, TWICE, WRONG, UNASKED or STUCK.

    `cancelled`: orders that their client cancelled, so that the broker need not have heard of them. `undone`: hashes of
    transactions that had reverted in a block that a reorg took away. What was signed after such a one may be refused.
    """
    found = [*_at_broker(accepted, books, cancelled)]
    at_broker = {order.client_order_id: order for order in books.orders}
    for order in accepted:
        bought = at_broker.get(ids.broker_client_order_id(UUID(order.order_id)))
        if bought is not None:
            found += _in_custody(order, bought, books)
            found += _on_chain(order, bought, books)
    found += _strangers(accepted, books)
    found += _sums(books)
    for second in books.second_tries:
        if second.first not in undone:
            found.append(f"TWICE: {second.tx_hash} asked to mint {second.key} after it was minted")
    return found


def unbacked(books: Books) -> Iterable[str]:
    """Holds at any moment, when the chain was read first: no more tokens than shares that went into custody."""
    for symbol, supply in sorted(books.supply.items()):
        done = sum((t.quantity for t in books.transfers if t.is_done and t.symbol == symbol), NONE)
        if supply > done:
            yield f"UNBACKED: {supply} {symbol} minted on {done} in custody"


def _at_broker(accepted: Sequence[Accepted], books: Books, cancelled: Collection[str]) -> Iterable[str]:
    promised = {ids.broker_client_order_id(UUID(order.order_id)): order for order in accepted}
    seen: defaultdict[str, int] = defaultdict(int)
    for bought in books.orders:
        order = promised.get(bought.client_order_id)
        seen[bought.client_order_id] += 1
        if order is None:
            yield f"UNASKED: the broker has {bought.client_order_id}, which nobody was told of"
        elif (bought.symbol, bought.quantity) != (order.symbol, order.quantity):
            wanted = f"{order.quantity} {order.symbol}"
            yield f"WRONG: {order.order_id} wants {wanted}, the broker has {bought.quantity} {bought.symbol}"
        if bought.status not in ENDED:
            yield f"STUCK: the broker's order {bought.client_order_id} is still {bought.status}"
    for client_order_id, order in promised.items():
        if not seen[client_order_id] and order.order_id not in cancelled:
            yield f"LOST: {order.order_id} never came to the broker"
        elif seen[client_order_id] > 1:
            yield f"TWICE: {order.order_id} was bought {seen[client_order_id]} times"


def _in_custody(order: Accepted, bought: BrokerOrder, books: Books) -> Iterable[str]:
    mine = [transfer for transfer in books.transfers if transfer.order_id == order.order_id]
    done = sum((transfer.quantity for transfer in mine if transfer.is_done), NONE)
    if done > bought.filled:
        yield f"TWICE: {order.order_id} bought {bought.filled} and {done} went into custody"
    if done < bought.filled:
        yield f"LOST: {order.order_id} bought {bought.filled} and only {done} went into custody"
    if open_ := [transfer.external_tx_id for transfer in mine if transfer.status == "SUBMITTED"]:
        yield f"STUCK: transfers {open_} of {order.order_id}"


def _on_chain(order: Accepted, bought: BrokerOrder, books: Books) -> Iterable[str]:
    mine = [mint for mint in books.mints if mint.key.split(":")[1:2] == [bought.id]]
    minted = sum((mint.quantity for mint in mine), NONE)
    if minted > bought.filled:
        yield f"TWICE: {order.order_id} bought {bought.filled} and {minted} was minted"
    if minted < bought.filled:
        yield f"LOST: {order.order_id} bought {bought.filled} and only {minted} was minted"
    for mint in mine:
        if (mint.to.lower(), mint.symbol) != (order.wallet.lower(), order.symbol):
            yield f"WRONG: {mint.key} minted {mint.symbol} to {mint.to}, {order.order_id} says {order.wallet}"


def _strangers(accepted: Sequence[Accepted], books: Books) -> Iterable[str]:
    known_orders, known_ids = {order.id for order in books.orders}, {order.order_id for order in accepted}
    keys: set[str] = set()
    for mint in books.mints:
        if mint.key.split(":")[1:2] not in [[id_] for id_ in known_orders]:
            yield f"UNASKED: {mint.key} was minted, which the broker never bought"
        if mint.key in keys:
            yield f"TWICE: {mint.key} was minted twice"
        keys.add(mint.key)
    for transfer in books.transfers:
        if transfer.order_id not in known_ids and transfer.external_tx_id.startswith(f"{ids.PREFIX}-"):
            yield f"UNASKED: custody took {transfer.quantity} {transfer.symbol} for {transfer.note!r}"


def _sums(books: Books) -> Iterable[str]:
    """Per asset: the broker's position = filled = in custody = supply = minted, to the last decimal."""
    for symbol, supply in sorted(books.supply.items()):
        filled = sum((order.filled for order in books.orders if order.symbol == symbol), NONE)
        minted = sum((mint.quantity for mint in books.mints if mint.symbol == symbol), NONE)
        said = {
            "position": books.positions.get(symbol, NONE),
            "custody": books.held.get(symbol, NONE),
            "minted": minted,
            "supply": supply,
        }
        for name, value in said.items():
            if value != filled:
                yield f"WRONG: {filled} {symbol} filled at the broker, but {name} says {value}"
