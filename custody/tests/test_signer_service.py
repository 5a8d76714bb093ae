"""The signer's process against a taken web tier, a taken worker and rubbish: the day's cap at most, no id twice."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import shutil
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.typed_transactions import TypedTransaction
from hexbytes import HexBytes

from agora.lib.errors import Rejected, Unavailable
from custody.signers import wire
from custody.signers.base import MintIntent, Signed, StopIntent, StopMethod
from custody.signers.service.config import ConfigRefused, load
from custody.tests import signer_process
from custody.tests.signer_process import ADDRESS, TOKEN, SignerProcess, minter, write_config

SHARE = 10**18
INTENT = MintIntent(
    chain_id=31337,
    contract=TOKEN,
    to="0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
    amount_wei=SHARE // 4,
    mint_key="alpaca:1:1",
    nonce=0,
    gas=120_000,
    max_fee_per_gas=2_000_000_000,
    max_priority_fee_per_gas=1_000_000_000,
)


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SignerProcess]:
    folder = tmp_path_factory.mktemp("signer")
    with signer_process.running(write_config(folder, {"minter": minter(folder)})) as process:
        yield process


def refusal(signer: SignerProcess, key: str = "minter", **changes: Any) -> str:
    """The code of what is refused, with nothing written down."""
    before = signer.client().health()
    with pytest.raises(Rejected) as caught:
        signer.client(key).sign_mint(dataclasses.replace(INTENT, **changes), request_id="r")
    assert signer.client().health() == before
    return caught.value.vendor_code


def sign(signer: SignerProcess, request_id: str = "r", **changes: Any) -> Signed:
    answer = signer.client().sign_mint(dataclasses.replace(INTENT, **changes), request_id=request_id)
    assert isinstance(answer, Signed)
    return answer


def test_a_fresh_signer_signs_for_its_address_what_it_is_asked_and_answers_again_the_same(signer: SignerProcess):
    first = sign(signer)

    assert Account.recover_transaction(first.raw) == ADDRESS == signer.client().address()
    fields = TypedTransaction.from_bytes(HexBytes(first.raw)).as_dict()
    assert (fields["nonce"], fields["to"], fields["value"]) == (0, HexBytes(TOKEN), 0)
    assert sign(signer) == first
    assert sign(signer, request_id="another") == first
    assert signer.client().health()["entries"] == 2  # authorised, signed: once each


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"chain_id": 1}, "WRONG_CHAIN"),
        ({"contract": ADDRESS}, "CONTRACT_NOT_ALLOWED"),
        ({"amount_wei": 100 * SHARE + 1}, "OVER_MINT_CAP"),
        ({"amount_wei": 2**256 - 1}, "OVER_MINT_CAP"),
        ({"amount_wei": 0}, "MALFORMED"),
        ({"mint_key": ""}, "MALFORMED"),
        ({"mint_key": "x" * 129}, "MALFORMED"),
        ({"contract": TOKEN.lower()}, "MALFORMED"),
        ({"nonce": -1}, "MALFORMED"),
        ({"nonce": 2**63}, "MALFORMED"),
        ({"nonce": True}, "MALFORMED"),
        ({"nonce": 65}, "NONCE_TOO_HIGH"),
        ({"gas": 500_001}, "OVER_GAS_CAP"),
        ({"max_fee_per_gas": 10**12 + 1}, "OVER_FEE_CAP"),
        ({"max_priority_fee_per_gas": 10**12 + 1}, "OVER_FEE_CAP"),
        ({"amount_wei": SHARE}, "NONCE_TAKEN"),  # another mint under a nonce that is taken
        ({"nonce": 1}, "MINT_KEY_TAKEN"),  # an id twice
        ({"nonce": 1, "to": ADDRESS}, "MINT_KEY_TAKEN"),
        ({"nonce": 1, "replaces": 5}, "MINT_KEY_TAKEN"),
        ({"nonce": 1, "replaces": 0, "amount_wei": SHARE}, "MINT_KEY_TAKEN"),
        ({"nonce": 1, "mint_key": "alpaca:9:1", "replaces": 0}, "NOT_A_REPLACEMENT"),
        ({"max_fee_per_gas": 2_249_999_999, "max_priority_fee_per_gas": 1_125_000_000}, "NOT_A_FEE_BUMP"),
        ({"max_fee_per_gas": 2_250_000_000}, "NOT_A_FEE_BUMP"),
        ({"max_fee_per_gas": 1, "max_priority_fee_per_gas": 1}, "NOT_A_FEE_BUMP"),
    ],
)
def test_what_is_out_of_scope_or_taken_is_refused_by_name(signer: SignerProcess, changes: dict[str, Any], code: str):
    sign(signer)
    assert refusal(signer, **changes) == code


def test_a_key_or_a_method_that_is_not_configured_is_refused(signer: SignerProcess):
    stop = StopIntent(
        chain_id=31337, contract=TOKEN, method=StopMethod.MINTING, nonce=1, gas=60_000,
        max_fee_per_gas=1, max_priority_fee_per_gas=1,
    )  # fmt: skip
    with pytest.raises(Rejected, match="METHOD_NOT_ALLOWED"):
        signer.client().sign_stop(stop, request_id="r")
    assert refusal(signer, key="pauser") == "UNKNOWN_KEY"
    for method in ("unpauseMinting", "grantRole", "transfer", "mint ", ""):
        answer = signer.raw(frame({**request(), "method": method}))
        assert answer["code"] == "METHOD_NOT_ALLOWED"


def test_a_fee_bump_keeps_the_nonce_and_the_call(signer: SignerProcess):
    first = sign(signer, nonce=3, mint_key="bumped")
    bumped = sign(signer, nonce=3, mint_key="bumped", max_fee_per_gas=2_250_000_000,
                  max_priority_fee_per_gas=1_125_000_000)  # fmt: skip

    assert bumped != first
    taken: dict[str, Any] = {"nonce": 3, "mint_key": "bumped", "amount_wei": SHARE}
    higher: dict[str, Any] = {"max_fee_per_gas": 4 * 10**9, "max_priority_fee_per_gas": 3 * 10**9}
    assert refusal(signer, **taken, **higher) == "NONCE_TAKEN"
    assert refusal(signer, nonce=3, mint_key="bumped", gas=130_000, **higher) == "NONCE_TAKEN"
    assert sign(signer, nonce=3, mint_key="bumped") == first


def test_a_taken_worker_mints_at_most_the_days_cap_and_never_an_id_under_two_nonces_unsaid(tmp_path: Path):
    """Every request that a worker can make, in any order: what is signed is counted from the signatures alone."""
    rng = random.Random(7)
    config = write_config(tmp_path, {"minter": minter(tmp_path, max_mint="10", max_day="50")})
    signed: dict[bytes, MintIntent] = {}
    with signer_process.running(config) as process:
        client = process.client()
        for _ in range(300):
            number = rng.randrange(12)
            intent = dataclasses.replace(
                INTENT,
                amount_wei=rng.choice((SHARE, 10 * SHARE, 11 * SHARE, 10**30)),
                mint_key=f"key-{number}",
                nonce=rng.randrange(20),
                replaces=rng.choice((None, None, rng.randrange(20))),
                contract=rng.choice((TOKEN, TOKEN, TOKEN, ADDRESS)),
                max_fee_per_gas=rng.choice((2, 4, 8)) * 10**9,
                max_priority_fee_per_gas=rng.choice((1, 2, 3)) * 10**9,
            )
            try:
                answer = client.sign_mint(intent, request_id=str(rng.random()))
            except Rejected:
                continue
            assert isinstance(answer, Signed)
            signed[answer.raw] = intent

    assert signed, "the test asked for nothing that is allowed"
    largest: dict[int, int] = {}
    for intent in signed.values():
        largest[intent.nonce] = max(largest.get(intent.nonce, 0), intent.amount_wei)
    assert sum(largest.values()) <= 50 * SHARE  # one transaction of a nonce can land
    calls = {(i.nonce, i.mint_key, i.amount_wei, i.to) for i in signed.values()}
    assert len(calls) == len(largest), "two calls under one nonce"


def test_a_mint_key_gets_a_new_nonce_only_as_a_replacement_that_counts_against_the_day(tmp_path: Path):
    config = write_config(tmp_path, {"minter": minter(tmp_path, max_mint="10", max_day="25")})
    ten: dict[str, Any] = {"amount_wei": 10 * SHARE}
    with signer_process.running(config) as process:
        sign(process, **ten)
        assert refusal(process, nonce=1, **ten) == "MINT_KEY_TAKEN"
        second = sign(process, nonce=1, replaces=0, **ten)
        assert refusal(process, nonce=2, replaces=0, **ten) == "MINT_KEY_TAKEN"  # its last is 1
        assert refusal(process, nonce=2, replaces=1, **ten) == "OVER_DAY_CAP"
        assert sign(process, nonce=1, replaces=0, **ten) == second
        sign(process, nonce=2, mint_key="small", amount_wei=5 * SHARE)
        assert refusal(process, nonce=3, mint_key="dust", amount_wei=1) == "OVER_DAY_CAP"


def test_so_many_replacements_and_no_more(tmp_path: Path):
    config = write_config(tmp_path, {"minter": minter(tmp_path, replacements=2)})
    with signer_process.running(config) as process:
        sign(process)
        sign(process, nonce=1, replaces=0)
        sign(process, nonce=2, replaces=1)
        assert refusal(process, nonce=3, replaces=2) == "TOO_MANY_REPLACEMENTS"


def test_so_many_transactions_a_day_and_no_more(tmp_path: Path):
    config = write_config(tmp_path, {"minter": minter(tmp_path, transactions_a_day=2)})
    with signer_process.running(config) as process:
        for nonce in (0, 1):
            sign(process, nonce=nonce, mint_key=f"dust-{nonce}", amount_wei=1)
        assert refusal(process, nonce=2, mint_key="dust-2", amount_wei=1) == "TOO_MANY_TRANSACTIONS"


def test_a_user_who_is_not_listed_is_refused_whatever_they_ask(tmp_path: Path):
    """The web tier, taken over: it has no path to the socket, and with one it would be the wrong user."""
    config = write_config(tmp_path, {"minter": minter(tmp_path)}, uids=(os.getuid() + 4321,))
    with signer_process.running(config, is_heard=False) as process:
        for ask in (process.client().address, process.client().health):
            with pytest.raises(Rejected, match="PEER_NOT_ALLOWED"):
                ask()
        with pytest.raises(Rejected, match="PEER_NOT_ALLOWED"):
            process.client().sign_mint(INTENT, request_id="r")
    assert b'"entries": 0' in process.log.read_bytes()
    assert "answered" not in process.log.read_text()


def test_the_socket_is_for_its_owner_alone(signer: SignerProcess):
    assert signer.socket.stat().st_mode & 0o777 == 0o600


def test_where_there_is_no_signer_nothing_was_signed_for_certain(tmp_path: Path):
    with pytest.raises(Unavailable):
        SignerProcess(tmp_path / "none").client().sign_mint(INTENT, request_id="r")


def request() -> dict[str, Any]:
    fields = dataclasses.asdict(INTENT)
    return {"op": "sign", "key": "minter", "method": "mint", "request_id": "r", "intent": fields}


def frame(message: object) -> bytes:
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    return struct.pack(">I", len(body)) + body


RUBBISH = {
    "no JSON": frame(b"\x00\xff\xfe rubbish"),
    "no object": frame([1, 2, 3]),
    "a key twice": frame(b'{"op": "health", "op": "sign"}'),
    "a fraction": frame(b'{"op": "sign", "x": 1.5}'),
    "an infinity": frame(b'{"op": Infinity}'),
    "deep nesting": frame(b"[" * 16_000),
    "a number of 10,000 digits": frame(b'{"op": ' + b"9" * 10_000 + b"}"),
    "a lone surrogate": frame(b'{"op": "\\ud800"}'),
    "nothing": frame(b""),
}


@pytest.mark.parametrize("name", RUBBISH)
def test_rubbish_is_refused_and_the_signer_lives(signer: SignerProcess, name: str):
    assert signer.raw(RUBBISH[name])["code"] == "MALFORMED"
    assert signer.client().health()["entries"] >= 0


def test_an_unknown_operation_or_field_is_refused(signer: SignerProcess):
    assert signer.raw(frame({"op": "export_key"}))["code"] == "UNKNOWN_OPERATION"
    assert signer.raw(frame({"op": "health", "verbose": 1}))["code"] == "UNKNOWN_OPERATION"
    assert signer.raw(frame({**request(), "data": "0x00"}))["code"] == "MALFORMED"
    extra = {**request(), "intent": {**dataclasses.asdict(INTENT), "data": "0xdeadbeef"}}
    assert signer.raw(frame(extra))["code"] == "MALFORMED"
    without = {name: value for name, value in dataclasses.asdict(INTENT).items() if name != "replaces"}
    assert signer.raw(frame({**request(), "intent": without}))["code"] == "MALFORMED"


def test_a_huge_frame_is_refused_by_its_length_alone(signer: SignerProcess):
    assert signer.raw(struct.pack(">I", 2**32 - 1))["code"] == "TOO_LARGE"
    assert signer.raw(struct.pack(">I", wire.MAX_REQUEST + 1))["code"] == "TOO_LARGE"


def test_partial_frames_keep_nobody_waiting(signer: SignerProcess):
    whole = frame(request())
    for cut in (0, 2, 4, 100):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(signer.socket))
            connection.sendall(whole[:cut])
            connection.shutdown(socket.SHUT_WR)
    with socket.socket(socket.AF_UNIX) as slow:  # says nothing, for ever
        slow.connect(str(signer.socket))
        assert signer.client().health()


def test_more_connections_than_there_are_places_are_turned_away_and_the_next_is_heard(signer: SignerProcess):
    idle = [socket.socket(socket.AF_UNIX) for _ in range(40)]
    try:
        for connection in idle:
            connection.connect(str(signer.socket))
        with pytest.raises(Unavailable, match="BUSY"):
            signer.client().health()
    finally:
        for connection in idle:
            connection.close()
    signer.until_ready()


def test_the_same_request_from_many_at_once_is_signed_once(signer: SignerProcess):
    answers: list[Signed] = []

    def ask() -> None:
        answers.append(sign(signer, nonce=7, mint_key="crowd"))

    before = signer.client().health()["entries"]
    callers = [threading.Thread(target=ask) for _ in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()

    assert len(answers) == 8
    assert len(set(answers)) == 1
    assert signer.client().health()["entries"] == before + 2


def test_its_process_has_no_django_no_orm_and_no_chain():
    code = (
        "import sys; sys.argv = ['x', '--help']\n"
        "import custody.signers.service.__main__, custody.signers.service.backends, custody.signers.fireblocks\n"
        "import custody.custodians.fireblocks, eth_keyfile\n"
        "foreign = {'django', 'web3', 'psycopg', 'django_q', 'rest_framework'}\n"
        "print(sorted(foreign & {name.split('.')[0] for name in sys.modules}))"
    )  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=signer_process.ROOT
    )
    assert done.stdout.strip() == "[]"


def test_with_a_key_at_hand_it_has_no_network_and_needs_none(signer: SignerProcess, tmp_path: Path):
    assert signer.inet_connections() == []
    prefix = ("unshare", "--user", "--map-current-user", "--net")
    if not shutil.which("unshare") or subprocess.run([*prefix, "true"], check=False).returncode:
        pytest.skip("no network namespaces here")
    with signer_process.running(write_config(tmp_path, {"minter": minter(tmp_path)}), prefix=prefix) as alone:
        assert sign(alone) == sign(signer)  # a namespace without even a loopback address


def test_a_second_signer_does_not_start_on_the_same_record(signer: SignerProcess):
    second = SignerProcess(signer.config)
    with pytest.raises(AssertionError, match="another signer has"):
        second.start()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("max_daily = 1", "unknown \\['max_daily'\\]"),
        ("chain_id = true", "whole number"),
        ('address = "0xabc"', "no checksummed address"),
    ],
)
def test_a_configuration_that_is_not_understood_stops_the_start(tmp_path: Path, line: str, said: str):
    path = write_config(tmp_path, {"minter": minter(tmp_path)})
    name = line.split(" = ")[0]
    lines = [text for text in path.read_text().splitlines() if not text.startswith(f"{name} = ")]
    lines.insert(lines.index('backend = "local"') + 1, line)
    path.write_text("\n".join(lines))
    with pytest.raises(ConfigRefused, match=said):
        load(path)


def test_a_configuration_that_others_can_write_stops_the_start(tmp_path: Path):
    path = write_config(tmp_path, {"minter": minter(tmp_path)})
    path.chmod(0o666)
    with pytest.raises(ConfigRefused, match="written by others"):
        load(path)


def test_a_passphrase_that_others_can_read_or_a_key_of_another_address_stops_the_start(tmp_path: Path):
    path = write_config(tmp_path, {"minter": minter(tmp_path, address=TOKEN)})
    with pytest.raises(AssertionError, match="is the key of"):
        SignerProcess(path).start()
    path = write_config(tmp_path, {"minter": minter(tmp_path)})
    (tmp_path / "minter.passphrase").chmod(0o644)
    with pytest.raises(AssertionError, match="read by others"):
        SignerProcess(path).start()
