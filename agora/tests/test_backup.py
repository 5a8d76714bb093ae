"""backup.sh, archive_wal.sh and restore.sh, on a real cluster; and what Agora says when the outside world is ahead."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from agora.tests import e2e
from agora.tests.e2e import one_of_each
from agora.tests.postgres import Postgres

pytestmark = pytest.mark.timeout(600)
LATEST = 180.0


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Postgres]:
    postgres = Postgres(tmp_path / "data", archive=tmp_path / "wal")
    postgres.initialise()
    postgres.start()
    postgres.create_database()
    yield postgres
    postgres.stop()


def _note(postgres: Postgres, text: str) -> str:
    """Write a row; the server's time after it."""
    with postgres.connect() as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS note (text text)")
        connection.execute("INSERT INTO note VALUES (%s)", [text])
        (at,) = connection.execute("SELECT clock_timestamp()").fetchone() or ("",)
    _archive(postgres)
    return str(at)


def _archive(postgres: Postgres) -> None:
    """Have the log archived up to here, as archive_timeout does within a minute."""
    assert postgres.archive is not None
    with postgres.connect() as connection:
        (segment,) = connection.execute("SELECT pg_walfile_name(pg_switch_wal())").fetchone() or ("",)
    deadline = time.monotonic() + LATEST
    while not (postgres.archive / segment).exists():
        assert time.monotonic() < deadline, f"{segment} is not archived"
        time.sleep(0.05)


def _restored(cluster: Postgres, copy: str, moment: str) -> list[str]:
    data = cluster.data.parent / f"restored-{abs(hash(moment))}"
    cluster.run_script("restore.sh", copy, str(data), str(cluster.archive), moment)
    server = Postgres(data)
    server.start()
    try:
        with server.connect() as connection:
            return [text for (text,) in connection.execute("SELECT text FROM note ORDER BY text")]
    finally:
        server.stop()


def test_a_cluster_is_restored_to_the_copy_to_a_moment_and_to_the_last_archived_segment(cluster: Postgres) -> None:
    _note(cluster, "1 before the copy")
    copy = cluster.run_script("backup.sh", BACKUP_DIR=str(cluster.data.parent / "backups"))
    moment = _note(cluster, "2 after the copy")
    _note(cluster, "3 after the moment")
    cluster.stop(signal.SIGQUIT)

    assert _restored(cluster, copy, "copy") == ["1 before the copy"]
    assert _restored(cluster, copy, moment) == ["1 before the copy", "2 after the copy"]
    assert _restored(cluster, copy, "latest") == ["1 before the copy", "2 after the copy", "3 after the moment"]


def test_a_damaged_copy_is_refused_and_data_is_never_overwritten(cluster: Postgres) -> None:
    _note(cluster, "kept")
    backups = cluster.data.parent / "backups"
    copy = Path(cluster.run_script("backup.sh", BACKUP_DIR=str(backups)))
    target = [str(copy), str(cluster.data.parent / "new"), str(cluster.archive)]

    with pytest.raises(AssertionError, match="exists: move it away"):
        cluster.run_script("restore.sh", str(copy), str(cluster.data), str(cluster.archive))
    (copy / "PG_VERSION").write_text("17\n")
    with pytest.raises(AssertionError, match="PG_VERSION"):
        cluster.run_script("restore.sh", *target)
    assert not Path(target[1]).exists()


def test_only_the_newest_copies_are_kept(cluster: Postgres) -> None:
    backups = cluster.data.parent / "backups"
    for number in range(3):
        (backups / f"base-2026010{number}T000000Z").mkdir(parents=True)
    (backups / "base-20260109T000000Z.partial").mkdir()

    newest = Path(cluster.run_script("backup.sh", BACKUP_DIR=str(backups), BACKUP_KEEP="2"))

    assert sorted(path.name for path in backups.iterdir()) == ["base-20260102T000000Z", newest.name]


def test_an_archived_segment_is_never_overwritten(tmp_path: Path) -> None:
    script = str(Path(__file__).resolve().parents[2] / "deploy" / "archive_wal.sh")
    (tmp_path / "first").write_bytes(b"one")
    (tmp_path / "second").write_bytes(b"two")

    def archive(segment: str) -> int:
        return subprocess.run(["sh", script, str(tmp_path / segment), "000001", str(tmp_path / "wal")]).returncode

    assert archive("first") == 0
    assert archive("first") == 0  # PostgreSQL may ask again after a crash
    assert archive("second") != 0
    assert (tmp_path / "wal" / "000001").read_bytes() == b"one"


@pytest.mark.drill
@pytest.mark.timeout(900)
def test_what_agora_says_and_does_after_a_restore(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Restored to the last segment, it goes on. Restored to an old copy, the world is ahead: it halts, and says so."""
    cluster = Postgres(tmp_path / "data", archive=tmp_path / "wal")
    request.addfinalizer(cluster.stop)
    cluster.initialise()
    cluster.start()
    cluster.create_database()
    with e2e.running(tmp_path / "home", DATABASE_URL=cluster.url(), **e2e.HASTE, **e2e.OLD_PRICES) as platform:
        early = platform.place("0.25")
        platform.until_minted(early, within=LATEST)
        copy = cluster.run_script("backup.sh", BACKUP_DIR=str(tmp_path / "backups"))
        before = platform.effects()
        late = platform.place("0.5")
        platform.until_minted(late, within=LATEST)
        assert platform.effects() - before == one_of_each("0.5")

        kept = cluster.archive  # a restored cluster archives elsewhere: it writes another history

        def disaster(moment: str, data: str) -> None:
            for name in e2e.OURS:
                platform.stop(name)
            _archive(cluster)
            cluster.stop(signal.SIGINT)
            cluster.run_script("restore.sh", copy, str(tmp_path / data), str(kept), moment)
            cluster.data, cluster.archive = tmp_path / data, tmp_path / f"wal-{data}"
            cluster.start()

        disaster("latest", "latest")
        assert platform.violations() == []
        for name in e2e.OURS:
            platform.start(name)
        assert platform.order(late)["status"] in e2e.MINTED
        platform.until_minted(platform.place("0.1"), within=LATEST)
        assert platform.effects() - before == e2e.Effects(2, 2, 2, 2, Decimal("0.6"))

        disaster("copy", "copy")
        platform.start("web")
        platform.start("follower")
        assert platform.order(early)["status"] in e2e.MINTED
        platform.until(lambda: _held(platform), within=LATEST)
        refused = platform.post("0.1")
        platform.until(lambda: "0.85 tokens" in _books(platform), within=LATEST)  # they are compared some blocks back
        said, books = platform.violations(), _books(platform)
        print("after the old copy:", refused.status_code, refused.text, said, books)  # noqa: T201
        assert (refused.status_code, refused.json()["code"]) == (403, "on_hold")
        assert "FAIL no mint on-chain without a row that promised it" in said
        assert sum("mint_key=" in line for line in said) == 2  # the two that this copy has never heard of
        assert books.startswith("1 AAPL: 0.25 in custody, 0.85 tokens")


def _held(platform: e2e.Platform) -> bool:
    """Buying is stopped: an owned hold on the asset says why."""
    holds = platform.python(
        "import json; from accounts.models import Hold;"
        "print(json.dumps([[h.owner, h.subject, h.reason] for h in Hold.objects.filter(released_at=None)]))"
    )
    return any(owner == "chain-watcher" for owner, _, _ in json.loads(holds))


def _books(platform: e2e.Platform) -> str:
    done = subprocess.run(
        [*e2e.platform.MANAGE, "reconcile"], env={**os.environ, **platform.layout.env()}, capture_output=True, text=True
    )
    return f"{done.returncode} {done.stdout}"
