"""The bugs: what each does wrong, and the lines that make it so. Those of others' incidents, and some of our own."""

from __future__ import annotations

from dataclasses import dataclass

from agora.tests.seeded.planting import Edit

SUBMIT = "orders.services.submitting:_call"
CUSTODY = "custody.services.transferring:_call"
WATCH = "minting.services.watching"
_AT_ONCE = "__import__('django.db', fromlist=['transaction']).transaction.atomic()"
_BELIEVED = """
        import json
        from custody.custodians.base import Transfer
        from custody.services.transferring import record_transfer
        told = json.loads(message.body)["data"]
        vault = record.vault_account
        record_transfer(record_id=record.pk, now=now, transfer=Transfer(
            provider_id=told["id"], external_tx_id=told["externalTxId"], status=told["status"], sub_status="",
            phase=TransferPhase(told["status"]), asset_id=vault.vendor_asset_id, quantity=record.quantity,
            source_id=vault.inbox_vendor_id, destination_id=vault.vendor_id, raw=told))
"""


@dataclass(frozen=True)
class Bug:
    story: str
    edits: tuple[Edit, ...] = ()
    sql: tuple[str, str] = ("", "")  # to plant it, to take it out: in the database


BUGS = {
    "new_id_on_retry": Bug(
        "After a broken connection the order is sent again under a new id.",
        (
            Edit(SUBMIT, "if order.uncertain_since is not None:", "if False:"),
            Edit(
                SUBMIT,
                "client_order_id=order.broker_client_order_id,",
                "client_order_id=order.broker_client_order_id if not order.attempts"
                " else 'agora-' + __import__('uuid').uuid4().hex,",
            ),
        ),
    ),
    "new_nonce_on_retry": Bug(
        "A mint whose signature is late is signed again with the next nonce.",
        (
            Edit(
                "minting.services.advancing:_open_attempt",
                "return mint.tx_attempts.filter(reverted_at=None, superseded_at=None)"
                '.order_by("-allocated_at").first()',
                "return None",
            ),
        ),
    ),
    "no_fence": Bug(
        "Two workers may act on one row at once.",
        (
            Edit(
                "agora.lib.locks:exclusive",
                "while not (mine := _try_lock(number)) and time.monotonic() < deadline:",
                "mine = True\n    while time.monotonic() < 0:",
            ),
        ),
    ),
    "ack_before_commit": Bug(
        "Shares are noted as handed over to minting before the mint is promised.",
        (
            Edit(
                "minting.tasks:request_mint",
                "services.request_mint(",
                "__import__('custody.services', fromlist=['x']).mark_handed_over("
                "record_id=UUID(record_id), now=timezone.now()); services.request_mint(",
            ),
        ),
    ),
    "hash_unchecked": Bug(
        "The watcher asks whether there is a block of that number, not whether it is the same one.",
        (
            Edit(
                f"{WATCH}:_left_chain",
                "return ours.exists()",
                "return False",
            ),
            Edit(f"{WATCH}:_linked", "if parent is not None and header.parent_hash != parent:", "if False:"),
        ),
    ),
    "number_only": Bug(
        "A mint settles by its block's number, and a reorg leaves it confirmed.",
        (
            Edit(f"{WATCH}:_rewind", 'rows = list(mints.order_by("pk"))', "rows = []"),
            Edit(f"{WATCH}:_settle", ', hash=OuterRef("block_hash")', ""),
        ),
    ),
    "broker_404_trusted": Bug(
        "A 404 right after a time-out ends the order: it never arrived, did it?",
        (
            Edit(
                SUBMIT,
                "if now < order.uncertain_since + timedelta(seconds=settings.UNCERTAIN_GRACE):",
                "raise Rejected('it never arrived')\n        if False:",
            ),
        ),
    ),
    "custodian_404_trusted": Bug(
        "A 404 right after a time-out has the shares moved again under a new id.",
        (
            Edit(CUSTODY, "if now < since + timedelta(seconds=settings.UNCERTAIN_GRACE):", "if False:"),
            Edit(
                CUSTODY,
                "external_tx_id=record.external_tx_id,",
                "external_tx_id=record.external_tx_id + ('' if is_first else '-again'),",
            ),
        ),
    ),
    "webhook_trusted": Bug(
        "A webhook's signature is not checked, and what it says is believed.",
        (
            Edit(
                "custody.custodians.jws:WebhookVerifier.verify_webhook",
                'if not header or empty or not tail or "." in tail:',
                'return _event(body)\n    if not header or empty or not tail or "." in tail:',
            ),
            Edit(
                "custody.services.receiving:process_notification",
                "        advance_custody(record_id=record.pk, now=now)\n",
                _BELIEVED,
            ),
        ),
    ),
    "float_quantity": Bug(
        "Shares become wei by way of a float.",
        (
            Edit(
                "agora.lib.money:wei_from_shares",
                "return int(shares(quantity) * _WEI)",
                "return int(float(shares(quantity)) * 1e18)",
            ),
        ),
    ),
    "constraint_dropped": Bug(
        "Nothing in the database keeps an execution from being counted twice, nor does the code.",
        (
            Edit(
                "orders.services.ingesting:_record_execution",
                "if Fill.objects.filter(broker=order.broker, execution_id=execution.execution_id).exists():",
                "if False:",
            ),
        ),
        (
            "ALTER TABLE orders_fill DROP CONSTRAINT fill_once_an_execution",
            "TRUNCATE orders_fill CASCADE; ALTER TABLE orders_fill"
            " ADD CONSTRAINT fill_once_an_execution UNIQUE (broker, execution_id)",
        ),
    ),
    "call_in_transaction": Bug(
        "The broker is called while a transaction is open.",
        (
            Edit(
                "orders.services.submitting:submit_order",
                "found = _call(broker, order, now)",
                f"with {_AT_ONCE}: found = _call(broker, order, now)",
            ),
        ),
    ),
    "cursor_early": Bug(
        "The feed's cursor moves before what it points to was taken in.",
        (
            Edit(
                "orders.services.following:_list_executions",
                "after = min(cursor.position, oldest_unsettled_at() or now) - OVERLAP",
                "after = cursor.position",
            ),
            Edit(
                "orders.services.following:_list_executions",
                "listed = list(broker.list_executions(after=after))",
                "FeedCursor.objects.filter(name=CURSOR).update(position=now)\n"
                "    listed = list(broker.list_executions(after=after))",
            ),
        ),
    ),
    "silence_believed": Bug(
        "No receipt means that the transaction is lost: it is signed anew.",
        (
            Edit(
                "minting.services.observing:_observe",
                "if receipts:",
                "if not receipts:\n        _revert(attempt_id=attempts[-1].pk, now=now)\n    if True:",
            ),
        ),
    ),
    "half_completed": Bug(
        "COMPLETED is believed, whatever its sub-status says.",
        (
            Edit(
                "custody.custodians.phases:phase_of",
                "return _COMPLETED_PHASES.get(sub_status, TransferPhase.UNKNOWN)",
                "return TransferPhase.COMPLETED",
            ),
        ),
    ),
    "sweep_asleep": Bug(
        "The sweep finds what stands still, and does not nudge it.",
        (Edit("custody.services.sweeping:sweep_custody", "rows.each(due, _nudge,", "rows.each([], _nudge,"),),
    ),
    "repeat_not_known": Bug(
        "A client's repeated request is not recognised.",
        (
            Edit(
                "orders.services.placing:place_order",
                "if not client_order_id or (known := earlier.first()) is None:",
                "if True:",
            ),
        ),
    ),
    "promised_again": Bug(
        "A custody record that is already being minted is promised once more.",
        (
            Edit(
                "minting.services.requesting:_request",
                "if not MintTx.objects.filter(custody_record_id=record_id).exists():",
                "if True:",
            ),
        ),
    ),
}
