"""The signer's record: kill -9 between any two steps, any sequence of requests, any change of the file."""

from __future__ import annotations

import dataclasses
import sqlite3
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agora.lib.errors import Rejected, Uncertain
from custody.signers.base import MintIntent, Signed
from custody.signers.encoding import signed_of, unsigned_transaction
from custody.signers.service.backends import LocalKey
from custody.signers.service.config import Config
from custody.signers.service.policy import DAY, SignedBefore, check_scope, is_fee_bump
from custody.signers.service.record import Record, RecordRefused
from custody.signers.service.refusals import Refused
from custody.tests.signer_process import KEY, SignerProcess, config_of, minter, write_config
from custody.tests.test_signer_service import INTENT, SHARE

BACKEND = LocalKey(KEY)
NOON = 1_800_000_000
CAP = 30 * SHARE


def ask(record: Record, config: Config, intent: MintIntent, now: int = NOON) -> bytes:
    """As the desk does it, without a socket: the bytes that leave. Raises Refused."""
    key = config.keys["minter"]
    unsigned = unsigned_transaction(intent)
    scope = check_scope(key, intent)
    found = record.authorise(key=key, scope=scope, intent=intent, unsigned=unsigned, now=now)
    if found.signed is not None:
        return found.signed.raw
    signed = BACKEND.sign(intent, request_id="r")
    assert isinstance(signed, Signed)
    return record.keep(key=key, unsigned=unsigned, signed=signed, now=now).raw


@pytest.mark.parametrize(
    ("point", "entries", "hit"),
    [
        ("before_record", 0, 1),
        ("after_record", 1, 1),
        ("after_record", 1, 2),
        ("after_signature", 1, 1),
        ("after_keep", 2, 1),
        ("after_answer", 2, 1),
    ],
)
def test_killed_at_any_step_it_signs_one_transaction_and_goes_on(tmp_path: Path, point: str, entries: int, hit: int):
    config = write_config(tmp_path, {"minter": minter(tmp_path)})
    process = SignerProcess(config)
    process.start(crash_at=f"{point}:{hit + (point == 'after_answer')}")  # the look whether it is ready is an answer
    client = process.client()
    try:
        for nonce in range(hit - 1):
            assert client.sign_mint(_numbered(nonce), request_id=str(nonce))
        mine = _numbered(hit - 1)
        try:
            heard = client.sign_mint(mine, request_id="mine")
        except Uncertain:
            heard = None
        assert (heard is None) == (point != "after_answer")
        process.wait_until_dead()
        process.start()
        assert client.health()["entries"] == 2 * (hit - 1) + entries

        if entries:  # what was written down before the kill binds
            other = dataclasses.replace(mine, amount_wei=mine.amount_wei + 1)
            with pytest.raises(Rejected, match="NONCE_TAKEN"):
                client.sign_mint(other, request_id="other")
        again = client.sign_mint(mine, request_id="mine")
        assert heard in (None, again)
        assert client.sign_mint(mine, request_id="mine") == again
        assert client.health()["entries"] == 2 * hit
    finally:
        process.close()


def test_a_signer_killed_while_it_is_asked_by_many_keeps_one_signature_a_nonce(tmp_path: Path):
    """kill -9 at no particular place, again and again: whatever was heard is what is answered ever after."""
    process = SignerProcess(write_config(tmp_path, {"minter": minter(tmp_path, max_day="1000")}))
    heard: dict[int, Signed] = {}
    try:
        for round_number in range(3):
            process.start()
            client = process.client()
            for nonce in range(10 * (round_number + 1)):
                answer = client.sign_mint(_numbered(nonce), request_id=str(nonce))
                assert isinstance(answer, Signed)
                assert heard.setdefault(nonce, answer) == answer
            process.kill()
        process.start()
        assert process.client().health()["entries"] == 2 * len(heard) == 60
    finally:
        process.close()


def _numbered(nonce: int) -> MintIntent:
    return dataclasses.replace(INTENT, nonce=nonce, mint_key=f"key-{nonce}")


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    return config_of(tmp_path_factory.mktemp("config"), max_mint="20", max_day="30", replacements=1)


wishes = st.lists(
    st.tuples(
        st.builds(
            dataclasses.replace,
            st.just(INTENT),
            nonce=st.integers(0, 5),
            mint_key=st.sampled_from(["a", "b", "c"]),
            amount_wei=st.sampled_from([SHARE, 10 * SHARE, 20 * SHARE]),
            replaces=st.none() | st.integers(0, 5),
            max_fee_per_gas=st.sampled_from([2_000_000_000, 2_200_000_000, 2_250_000_000, 4_000_000_000]),
            max_priority_fee_per_gas=st.sampled_from([1_000_000_000, 1_125_000_000, 2_000_000_000]),
        ),
        st.sampled_from([0, 0, 60, DAY // 2, DAY]),  # seconds that pass
        st.booleans(),  # whether the signer dies between its record and its answer, and starts again
    ),
    max_size=30,
)


@settings(max_examples=60, deadline=None)
@given(wishes=wishes)
def test_whatever_is_asked_in_whatever_order_the_rules_hold(config: Config, wishes):
    """Judged from the signatures that left alone, by a model that shares no code with the policy."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "record.sqlite3"
        record, now = Record(path), NOON
        left: list[tuple[int, MintIntent, bytes]] = []
        for intent, passes, dies in wishes:
            now += passes
            try:
                raw = ask(record, config, intent, now)
            except Refused:
                continue
            if dies:
                record.close()
                record = Record(path)
                assert ask(record, config, intent, now) == raw
            left.append((now, intent, raw))
        record.verify()
        record.close()
    _judge(left)


def _judge(left: list[tuple[int, MintIntent, bytes]]) -> None:
    calls: dict[int, tuple[object, ...]] = {}
    nonces: dict[str, list[int]] = {}
    fees: dict[int, list[tuple[int, int]]] = {}
    first_at: dict[int, tuple[int, int]] = {}
    seen: dict[bytes, bytes] = {}
    for at, intent, raw in left:
        call = (intent.mint_key, intent.amount_wei, intent.to)
        assert calls.setdefault(intent.nonce, call) == call, "two calls under one nonce"
        first_at.setdefault(intent.nonce, (at, intent.amount_wei))
        digest = unsigned_transaction(intent).digest
        if digest in seen:
            assert seen[digest] == raw, "two answers to one request"
            continue
        seen[digest] = raw
        if intent.nonce not in nonces.setdefault(intent.mint_key, []):
            before = nonces[intent.mint_key]
            assert intent.replaces == (before[-1] if before else None), "an id under a second nonce, unsaid"
            before.append(intent.nonce)
            assert len(before) <= 2, "more replacements than are allowed"
        pair = (intent.max_fee_per_gas, intent.max_priority_fee_per_gas)
        for old in fees.setdefault(intent.nonce, [])[-1:]:
            assert all(8 * new >= 9 * was for new, was in zip(pair, old, strict=True))
        fees[intent.nonce].append(pair)
    for start, _ in first_at.values():
        day = [amount for at, amount in first_at.values() if start <= at < start + DAY]
        assert sum(day) <= CAP, "more than the cap in 24 hours"


@given(
    st.integers(0, 2**80), st.integers(0, 2**80), st.integers(0, 2**80), st.integers(0, 2**80)
)  # fmt: skip
def test_a_fee_bump_is_an_eighth_on_both_fees(old_fee: int, old_tip: int, fee: int, tip: int):
    before = SignedBefore(
        nonce=0, bump=0, call_hash="", gas=1, max_fee_per_gas=old_fee, max_priority_fee_per_gas=old_tip
    )
    risen = [new > old and new - old >= old / 8 for old, new in ((old_fee, fee), (old_tip, tip))]
    exact = [abs(8 * new - 9 * old) > 2**40 for old, new in ((old_fee, fee), (old_tip, tip))]  # floats can tell
    if all(exact):
        assert is_fee_bump(before, max_fee_per_gas=fee, max_priority_fee_per_gas=tip) == all(risen)
    assert is_fee_bump(before, max_fee_per_gas=9 * old_fee // 8 + 1, max_priority_fee_per_gas=9 * old_tip // 8 + 1)
    assert not is_fee_bump(before, max_fee_per_gas=old_fee, max_priority_fee_per_gas=2 * old_tip + 1)


@pytest.fixture
def record(tmp_path: Path, config: Config):
    record = Record(tmp_path / "record.sqlite3")
    for number in range(3):
        ask(record, config, dataclasses.replace(_numbered(number), amount_wei=SHARE))
    yield record
    record.close()


def test_a_clock_that_runs_backwards_opens_no_new_day(tmp_path: Path, config: Config):
    record = Record(tmp_path / "record.sqlite3")
    twenty = dataclasses.replace(INTENT, amount_wei=20 * SHARE)
    ask(record, config, twenty, NOON)
    for now in (NOON - 3 * DAY, NOON, NOON + DAY - 1):
        with pytest.raises(Refused, match="OVER_DAY_CAP"):
            ask(record, config, dataclasses.replace(twenty, nonce=1, mint_key="b"), now)
    ask(record, config, dataclasses.replace(twenty, nonce=1, mint_key="b"), NOON + DAY)
    record.close()


def test_the_database_refuses_a_change_and_a_deletion(record: Record, tmp_path: Path):
    with sqlite3.connect(tmp_path / "record.sqlite3") as other:
        for statement in ("UPDATE entries SET at = 0", "DELETE FROM entries"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                other.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entries SET minted_wei = '0' WHERE seq = 3",
        "UPDATE entries SET at = at - 86400",
        "UPDATE entries SET raw = '02' WHERE seq = 4",
        "DELETE FROM entries WHERE seq = 2",
        "DELETE FROM entries WHERE seq = 1",
        "UPDATE entries SET seq = seq + 100",
    ],
)
def test_a_record_that_was_tampered_with_is_not_used(record: Record, tmp_path: Path, statement: str):
    record.close()
    path = tmp_path / "record.sqlite3"
    with sqlite3.connect(path) as other:
        other.executescript("DROP TRIGGER never_changed; DROP TRIGGER never_deleted")
        other.execute(statement)
    with pytest.raises(RecordRefused, match="is not what was written"):
        Record(path)
    record.__init__(tmp_path / "another.sqlite3")  # type: ignore[misc]  # for the fixture to close


def test_a_record_cut_short_is_seen_by_who_kept_its_head(record: Record, tmp_path: Path):
    """The chain alone cannot tell: health and the log say the head, and docs/signer.md where to keep it."""
    entries, head = record.head()
    with sqlite3.connect(tmp_path / "record.sqlite3") as other:
        (found,) = other.execute("SELECT hash FROM entries WHERE seq = ?", (entries,)).fetchone()
    assert (entries, head) == (6, found)


def test_an_entry_is_on_the_disk_when_it_is_answered(record: Record):
    (synchronous,) = record._database.execute("PRAGMA synchronous").fetchone()
    (journal,) = record._database.execute("PRAGMA journal_mode").fetchone()
    assert (synchronous, journal) == (2, "wal")  # FULL: the log is synced at each commit


def test_kept_bytes_are_those_that_are_read_again(record: Record, config: Config):
    raw = ask(record, config, dataclasses.replace(_numbered(1), amount_wei=SHARE))
    assert signed_of(raw) == BACKEND.sign(dataclasses.replace(_numbered(1), amount_wei=SHARE), request_id="x")
