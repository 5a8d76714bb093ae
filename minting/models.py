"""Tokens, their mints, and the blocks they stand on."""

from __future__ import annotations

from typing import Any, ClassVar

import pgtrigger
from django.db import models
from django.db.models import F, Q

from agora.lib.ids import new_id
from agora.lib.statemachine import StateEvent, Stateful, append_only, event_triggers, state_triggers
from minting.states import MOVES, SWITCH_MOVES, MintStatus, Stoppable, SwitchStatus, Turn

MINT_GAS = 150_000  # more than a mint or a report takes (make contracts-check prints what they do)


def amount_field(**options: Any) -> models.DecimalField:
    """An integer of up to 256 bits: wei."""
    return models.DecimalField(max_digits=78, decimal_places=0, **options)


class Token(models.Model):
    """The ERC-20 contract of an asset on one chain."""

    asset = models.ForeignKey("orders.Asset", on_delete=models.PROTECT, related_name="tokens")
    chain_id = models.BigIntegerField()
    address = models.CharField(max_length=42)
    code_hash = models.CharField(max_length=66)  # keccak256 of the runtime code, compared at start
    minter = models.CharField(max_length=42)  # the signer's address
    deployed_block = models.BigIntegerField()
    reserve_feed = models.CharField(max_length=42, blank=True)  # what bounds the supply on-chain; "": nothing does
    reserve_feed_code_hash = models.CharField(max_length=66, blank=True)
    committed_wei = amount_field(default=0)  # cache: Σ mints that are not FAILED; raised under this row's lock

    class Meta:
        permissions: ClassVar = [
            ("stop_token", "Can stop minting or transfers on-chain"),
            ("start_token", "Can propose that what is stopped on-chain starts again"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["asset", "chain_id"], name="token_once_a_chain"),
            models.UniqueConstraint(fields=["chain_id", "address"], name="token_address_once"),
            models.CheckConstraint(condition=Q(committed_wei__gte=0), name="token_committed_not_negative"),
            models.CheckConstraint(
                condition=Q(reserve_feed="", reserve_feed_code_hash="")
                | ~Q(reserve_feed="") & ~Q(reserve_feed_code_hash=""),
                name="token_feed_whole",
            ),
        ]

    def __str__(self) -> str:
        return self.address


class ContractDeployment(models.Model):
    """A contract's signed creation, kept before it was broadcast: a killed deployment goes on with the same bytes."""

    asset = models.ForeignKey("orders.Asset", on_delete=models.PROTECT, related_name="+")
    chain_id = models.BigIntegerField()
    contract = models.CharField(max_length=40)  # its name in contracts/
    deployer = models.CharField(max_length=42)
    nonce = models.PositiveBigIntegerField()
    address = models.CharField(max_length=42)  # follows from deployer and nonce
    arguments = models.JSONField()
    raw = models.BinaryField()
    tx_hash = models.CharField(max_length=66)
    prepared_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["asset", "chain_id", "contract"], name="deployment_once_an_asset"),
            models.UniqueConstraint(fields=["chain_id", "deployer", "nonce"], name="deployment_nonce_once"),
        ]
        triggers: ClassVar = append_only()

    def __str__(self) -> str:
        return f"{self.contract} {self.address}"


class MintTx(Stateful):
    """The mint of one custody record: once, under its mint key."""

    MOVES: ClassVar = MOVES
    EMITS: ClassVar = {MintStatus.SENT: "mint.sent", MintStatus.SETTLED: "mint.settled"}

    token = models.ForeignKey(Token, on_delete=models.PROTECT, related_name="mints", db_index=False)
    custody_record = models.OneToOneField("custody.CustodyRecord", on_delete=models.PROTECT, related_name="mint")
    order = models.ForeignKey("orders.Order", on_delete=models.PROTECT, related_name="mints")
    mint_key = models.CharField(max_length=128)
    recipient = models.CharField(max_length=42)
    amount_wei = amount_field()
    status = models.CharField(max_length=24, choices=MintStatus.choices, default=MintStatus.PENDING)
    gas = models.PositiveBigIntegerField(null=True, blank=True)
    tx_hash = models.CharField(max_length=66, blank=True)  # of the attempt that is in a block
    log_index = models.PositiveIntegerField(null=True, blank=True)
    block_number = models.BigIntegerField(null=True, blank=True)
    block_hash = models.CharField(max_length=66, blank=True)
    reason = models.TextField(blank=True)
    unbacked_since = models.DateTimeField(null=True, blank=True)  # the reserve gate refuses it, from then on

    class Meta:
        permissions: ClassVar = [
            ("nudge_minttx", "Can have saved bytes sent and looked for again"),
            ("close_minttx", "Can propose to close the order of a failed mint"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["token", "mint_key"], name="mint_once_a_key"),
            models.CheckConstraint(condition=Q(amount_wei__gt=0), name="mint_amount_positive"),
            models.CheckConstraint(
                condition=Q(status__in=["CONFIRMED", "SETTLED", "FINALIZED"], block_number__isnull=False)
                & ~Q(tx_hash="") & ~Q(block_hash="")
                | ~Q(status__in=["CONFIRMED", "SETTLED", "FINALIZED"], ),
                name="mint_on_chain_names_its_block",
            ),
        ]  # fmt: skip
        indexes: ClassVar = [
            models.Index(
                fields=["next_attempt_at"],
                condition=Q(status__in=["PENDING", "SIMULATED", "SIGNED", "SENT"]),
                name="mint_to_sweep",
            ),
            models.Index(
                fields=["block_number"], condition=Q(status__in=["CONFIRMED", "SETTLED"]), name="mint_not_final"
            ),
            models.Index(fields=["token"], condition=Q(unbacked_since__isnull=False), name="mint_unbacked"),
        ]
        triggers: ClassVar = [
            *state_triggers(
                moves=MOVES, initial=MintStatus.PENDING, event_table="minting_mintevent", subject_column="mint_id"
            ),
            pgtrigger.ReadOnly(
                name="promise_is_fixed",
                fields=["token", "custody_record", "order", "mint_key", "recipient", "amount_wei"],
            ),
        ]

    def __str__(self) -> str:
        return f"mint {self.mint_key}"


class MintEvent(StateEvent):
    mint = models.ForeignKey(MintTx, on_delete=models.PROTECT, related_name="events", db_index=False)

    class Meta(StateEvent.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["mint", "sequence"], name="mint_event_sequence"),
        ]
        triggers: ClassVar = event_triggers(subject_table="minting_minttx", subject_column="mint_id")


class TxAttempt(models.Model):
    """One transaction for a mint: its nonce from the moment of allocation, its bytes from the moment of signing.

    A fee bump is a further attempt with the same nonce and the next `bump`; a nonce has one bump 0, so it belongs
    to one mint.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    mint = models.ForeignKey(MintTx, on_delete=models.PROTECT, related_name="tx_attempts")
    chain_id = models.BigIntegerField()
    signer = models.CharField(max_length=42)
    nonce = models.PositiveBigIntegerField()
    bump = models.PositiveSmallIntegerField(default=0)
    gas = models.PositiveBigIntegerField()
    max_fee_per_gas = amount_field()
    max_priority_fee_per_gas = amount_field()
    request = models.PositiveSmallIntegerField(default=1)  # of a signature: a new one only when the last was refused
    request_id = models.CharField(max_length=80, unique=True)
    raw = models.BinaryField(null=True, blank=True)
    tx_hash = models.CharField(max_length=66, blank=True)
    allocated_at = models.DateTimeField()
    signed_at = models.DateTimeField(null=True, blank=True)
    reverted_at = models.DateTimeField(null=True, blank=True)  # mined with status 0: its nonce is spent
    superseded_at = models.DateTimeField(null=True, blank=True)  # its nonce is spent by another, so it can never land

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["chain_id", "signer", "nonce", "bump"], name="attempt_nonce_once"),
            models.UniqueConstraint(fields=["tx_hash"], condition=~Q(tx_hash=""), name="attempt_hash_once"),
            models.CheckConstraint(
                condition=Q(raw=None, tx_hash="", signed_at=None)
                | (Q(raw__isnull=False, signed_at__isnull=False) & ~Q(tx_hash="")),
                name="attempt_signed_whole",
            ),
            models.CheckConstraint(
                condition=Q(max_fee_per_gas__gte=F("max_priority_fee_per_gas")), name="attempt_fee_covers_tip"
            ),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="never_deleted", operation=pgtrigger.Delete),
            pgtrigger.Trigger(
                name="bump_outbids",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                condition=pgtrigger.Q(new__bump__gt=0),
                # What nodes ask of a replacement, and our signer: the same transaction, both fees an eighth higher.
                func=pgtrigger.Func("""
                    IF NOT EXISTS (
                        SELECT FROM {meta.db_table} last
                        WHERE last.mint_id = NEW.mint_id AND last.chain_id = NEW.chain_id AND last.signer = NEW.signer
                          AND last.nonce = NEW.nonce AND last.bump = NEW.bump - 1 AND last.gas = NEW.gas
                          AND NEW.max_fee_per_gas * 8 >= last.max_fee_per_gas * 9
                          AND NEW.max_priority_fee_per_gas * 8 >= last.max_priority_fee_per_gas * 9
                    ) THEN
                        RAISE EXCEPTION 'agora: bump % of nonce % does not outbid the one before', NEW.bump, NEW.nonce;
                    END IF;
                    RETURN NEW;
                """),
            ),
            pgtrigger.ReadOnly(
                name="transaction_is_fixed",
                fields=[
                    "mint",
                    "chain_id",
                    "signer",
                    "nonce",
                    "bump",
                    "gas",
                    "max_fee_per_gas",
                    "max_priority_fee_per_gas",
                ],
            ),
            pgtrigger.Protect(
                name="signed_bytes_are_fixed",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__raw__isnull=False)
                & (
                    pgtrigger.Q(new__raw__df=pgtrigger.F("old__raw"))
                    | pgtrigger.Q(new__tx_hash__df=pgtrigger.F("old__tx_hash"))
                ),
            ),
        ]


class TokenSwitch(Stateful):
    """A token stopped on-chain, by one transaction of the pauser's key; or a start, which its admin signs elsewhere."""

    MOVES: ClassVar = SWITCH_MOVES

    token = models.ForeignKey(Token, on_delete=models.PROTECT, related_name="switches")
    turn = models.CharField(max_length=8, choices=Turn.choices)
    what = models.CharField(max_length=12, choices=Stoppable.choices)
    status = models.CharField(max_length=24, choices=SwitchStatus.choices, default=SwitchStatus.REQUESTED)
    asked_by = models.CharField(max_length=64)
    reason = models.TextField()
    problem = models.TextField(blank=True)
    chain_id = models.BigIntegerField()
    signer = models.CharField(max_length=42, blank=True)
    nonce = models.PositiveBigIntegerField(null=True, blank=True)
    gas = models.PositiveBigIntegerField(null=True, blank=True)
    max_fee_per_gas = amount_field(null=True, blank=True)
    max_priority_fee_per_gas = amount_field(null=True, blank=True)
    raw = models.BinaryField(null=True, blank=True)
    tx_hash = models.CharField(max_length=66, blank=True)
    block_number = models.BigIntegerField(null=True, blank=True)  # where it was first seen to hold

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["chain_id", "signer", "nonce"], name="switch_nonce_once"),
            models.UniqueConstraint(
                fields=["token", "what", "turn"],
                condition=Q(status__in=["REQUESTED", "SIGNED", "SENT"]),
                name="switch_asked_once",
            ),
            models.CheckConstraint(
                condition=Q(nonce=None, signer="", gas=None, max_fee_per_gas=None, max_priority_fee_per_gas=None)
                | Q(nonce__isnull=False, gas__isnull=False, max_fee_per_gas__isnull=False, turn="STOP")
                & Q(max_priority_fee_per_gas__isnull=False) & ~Q(signer=""),
                name="switch_allocated_whole",
            ),
            models.CheckConstraint(
                condition=Q(raw=None, tx_hash="") | (Q(raw__isnull=False, nonce__isnull=False) & ~Q(tx_hash="")),
                name="switch_signed_whole",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["SIGNED", "SENT"]) | Q(raw__isnull=False), name="switch_sent_is_signed"
            ),
        ]  # fmt: skip
        indexes: ClassVar = [
            models.Index(
                fields=["next_attempt_at"],
                condition=Q(status__in=["REQUESTED", "SIGNED", "SENT", "EFFECTIVE"]),
                name="switch_to_sweep",
            ),
        ]
        triggers: ClassVar = [
            *state_triggers(
                moves=SWITCH_MOVES,
                initial=SwitchStatus.REQUESTED,
                event_table="minting_tokenswitchevent",
                subject_column="switch_id",
            ),
            pgtrigger.ReadOnly(
                name="wish_is_fixed", fields=["token", "turn", "what", "asked_by", "reason", "chain_id"]
            ),
            pgtrigger.Protect(
                name="transaction_is_fixed",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__nonce__isnull=False)
                & (pgtrigger.Q(old__raw__isnull=False) | pgtrigger.Q(new__nonce__isnull=False))  # unsigned: given back
                & (
                    pgtrigger.Q(new__nonce__df=pgtrigger.F("old__nonce"))
                    | pgtrigger.Q(new__signer__df=pgtrigger.F("old__signer"))
                    | pgtrigger.Q(new__gas__df=pgtrigger.F("old__gas"))
                    | pgtrigger.Q(new__max_fee_per_gas__df=pgtrigger.F("old__max_fee_per_gas"))
                    | pgtrigger.Q(new__max_priority_fee_per_gas__df=pgtrigger.F("old__max_priority_fee_per_gas"))
                ),
            ),
            pgtrigger.Protect(
                name="signed_bytes_are_fixed",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__raw__isnull=False) & pgtrigger.Q(new__raw__df=pgtrigger.F("old__raw")),
            ),
            pgtrigger.Trigger(
                name="started_by_two",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                condition=pgtrigger.Q(new__turn="START"),
                func="""
                    IF NOT EXISTS (
                        SELECT FROM accounts_proposal proposal
                        JOIN accounts_proposalexecution done ON done.proposal_id = proposal.id
                        WHERE proposal.action = 'token.start' AND proposal.subject = 'token:' || NEW.token_id
                            AND done.executed_at = NEW.created_at
                    ) THEN
                        RAISE EXCEPTION 'agora: two people start a token again: propose it, and another approves';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.turn} {self.what} of {self.token_id}"


class TokenSwitchEvent(StateEvent):
    switch = models.ForeignKey(TokenSwitch, on_delete=models.PROTECT, related_name="events")

    class Meta(StateEvent.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["switch", "sequence"], name="switch_event_sequence"),
        ]
        triggers: ClassVar = event_triggers(subject_table="minting_tokenswitch", subject_column="switch_id")


class ForeignNonce(models.Model):
    """A nonce of a minting key that is final with a transaction that is none of ours: an alarm, kept."""

    chain_id = models.BigIntegerField()
    signer = models.CharField(max_length=42)
    nonce = models.PositiveBigIntegerField()
    seen_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["chain_id", "signer", "nonce"], name="foreign_nonce_once"),
        ]
        triggers: ClassVar = append_only()

    def __str__(self) -> str:
        return f"nonce {self.nonce} of {self.signer}"


class RpcNode(models.Model):
    """One RPC as the watcher last found it; for the console. Its URL, which may hold a key, is nowhere."""

    chain_id = models.BigIntegerField()
    name = models.CharField(max_length=255)  # host and port
    state = models.CharField(max_length=16)  # minting/chains/evm/health.py
    head = models.BigIntegerField(null=True, blank=True)
    lag = models.PositiveBigIntegerField(default=0)
    reason = models.TextField(blank=True)
    quarantines = models.PositiveIntegerField(default=0)
    counts = models.BooleanField(default=True)  # towards the quorum
    changed_at = models.DateTimeField()  # its state
    seen_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["chain_id", "name"], name="rpc_node_once")]

    def __str__(self) -> str:
        return self.name


class Block(models.Model):
    """A recent block as last seen, linked by parent hash. A cache of the chain: a reorg replaces rows."""

    chain_id = models.BigIntegerField()
    number = models.BigIntegerField()
    hash = models.CharField(max_length=66)
    parent_hash = models.CharField(max_length=66)
    timestamp = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["chain_id", "number"], name="block_once_a_height"),
        ]

    def __str__(self) -> str:
        return f"block {self.number}"


class FinalBlock(models.Model):
    """The highest block that the chain has called final, by a quorum's word. A reorg below it stops everything."""

    chain_id = models.BigIntegerField(unique=True)
    number = models.BigIntegerField()
    hash = models.CharField(max_length=66)
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"final block {self.number}"


class HolderScan(models.Model):
    """How far a token's Transfer logs have been added up: always to a final block, so that no reorg can undo it."""

    token = models.OneToOneField(Token, on_delete=models.CASCADE, primary_key=True, related_name="holder_scan")
    block_number = models.BigIntegerField()
    block_hash = models.CharField(max_length=66)


class HolderBalance(models.Model):
    """What an address holds at the scan's block. A cache of the chain: Σ = totalSupply there, or it is thrown away."""

    token = models.ForeignKey(Token, on_delete=models.CASCADE, related_name="holder_balances")
    address = models.CharField(max_length=42)
    balance_wei = amount_field()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["token", "address"], name="holder_once_a_token"),
            models.CheckConstraint(condition=Q(balance_wei__gt=0), name="holder_balance_positive"),
        ]


class Reorg(models.Model):
    """Blocks that left the chain, and what stood in them."""

    chain_id = models.BigIntegerField()
    ancestor = models.BigIntegerField()  # the last common block
    depth = models.PositiveIntegerField()
    mints = models.PositiveIntegerField()
    dropped = models.JSONField()  # [number, hash] of each block that left
    seen_at = models.DateTimeField()

    class Meta:
        triggers: ClassVar = append_only()


class ForeignMint(models.Model):
    """A Minted log that no row of ours promised: an alarm, kept."""

    chain_id = models.BigIntegerField()
    contract = models.CharField(max_length=42)
    mint_key = models.TextField()
    recipient = models.CharField(max_length=42)
    amount_wei = amount_field()
    tx_hash = models.CharField(max_length=66)
    log_index = models.PositiveIntegerField()
    block_number = models.BigIntegerField()
    block_hash = models.CharField(max_length=66)
    seen_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["chain_id", "block_hash", "tx_hash", "log_index"], name="foreign_mint_once_a_log"
            ),
        ]
        triggers: ClassVar = append_only()


class SignerBudget(models.Model):
    """What an address that pays for our transactions still has. A cache of the chain, for alarms."""

    chain_id = models.BigIntegerField()
    address = models.CharField(max_length=42)
    role = models.CharField(max_length=12)  # minter | publisher
    balance_wei = amount_field()
    max_fee_per_gas = amount_field()  # of a transaction sent now
    # Tokens that the contract still lets it mint: the least of all tokens'; None: it mints nothing.
    allowance_wei = amount_field(null=True, blank=True)
    checked_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["chain_id", "address", "role"], name="budget_once_a_role"),
        ]

    def __str__(self) -> str:
        return f"{self.role} {self.address}"

    @property
    def mints_left(self) -> int:
        """Mints, or reports, that it can pay for at the fee of then."""
        return int(self.balance_wei) // max(1, int(self.max_fee_per_gas) * MINT_GAS)
