"""The files of deploy/, as far as they can be tried without a container engine or a systemd that runs."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agora.database_roles import APP, OWNER, READONLY, WEB
from agora.tests.postgres import Postgres

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
UNITS = ("web", "stream", "worker", "follower", "signer", "front", "back")
COMPOSED = {"AGORA_HOST": "agora.example", "FIREBLOCKS_JWKS_URL": "https://keys.example/jwks.json"}
EXPOSED = 1.5  # systemd-analyze security, of 10; the units stand at 1.2, the signer, which must see who calls, at 1.4


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed here")
    return found


# --- The image -------------------------------------------------------------------------------------------------------
def _instructions() -> list[tuple[str, str]]:
    text = re.sub(r"\\\n", " ", (DEPLOY / "Dockerfile").read_text())
    lines = (line for line in text.splitlines() if line.strip() and not line.startswith("#"))
    return [(line.split()[0], line.partition(" ")[2]) for line in lines]


def test_the_image_runs_as_nobody_special_from_hashed_packages_with_a_health_check() -> None:
    """No engine builds it here: this reads the file, and the next test does what it says."""
    instructions = _instructions()
    names = [name for name, _ in instructions]
    last = names[len(names) - names[::-1].index("FROM") :]

    assert "ADD" not in names
    assert dict(instructions)["USER"] == "10001:10001"
    assert last.index("USER") < last.index("CMD")
    assert {"HEALTHCHECK", "STOPSIGNAL"} <= set(last)
    assert all(":latest" not in rest and ":" in rest for name, rest in instructions if name == "ARG")
    runs = " ".join(rest for name, rest in instructions if name == "RUN")
    assert "--require-hashes" in runs
    assert "--no-install-recommends" in runs
    assert "rm -rf /var/lib/apt/lists" in runs
    secret = re.compile(r"(SECRET|PASSWORD|TOKEN|_KEY)=")
    assert not any(secret.search(rest) for name, rest in instructions if name in ("ENV", "ARG"))


def _ignored(path: str) -> bool:
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.strip().removeprefix("**/")
        if not pattern or line.startswith("#"):
            continue
        parts = path.split("/")
        heads = ["/".join(parts[: n + 1]) for n in range(len(parts))]
        candidates = heads if not line.startswith("**/") else [*heads, *parts]
        if any(fnmatch.fnmatchcase(candidate, pattern) for candidate in candidates):
            return True
    return False


def test_what_the_image_holds_is_enough_to_run_and_no_more(tmp_path: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    kept = [path for path in listed.stdout.splitlines() if not _ignored(path) and (ROOT / path).is_file()]
    for path in kept:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    env = {"PATH": os.environ["PATH"], "AGORA_HOME": str(tmp_path / "home"), "STATIC_ROOT": str(tmp_path / "static")}
    env["DATABASE_URL"] = "postgres://nobody@localhost/none"
    for command in (["collectstatic", "--no-input"], ["check"], ["worker", "--help"], ["follow", "--help"]):
        done = subprocess.run(
            [sys.executable, "manage.py", *command], cwd=tmp_path, env=env, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr

    assert not any("/tests/" in path or "node_modules" in path or path.endswith((".env", ".pem")) for path in kept)
    assert (tmp_path / "static" / "staticfiles.json").exists()


# --- Compose ---------------------------------------------------------------------------------------------------------
def test_compose_takes_the_file() -> None:
    command = [_tool("docker-compose"), "--file", str(DEPLOY / "compose.yaml"), "config"]
    done = subprocess.run(command, env={**os.environ, **COMPOSED}, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    for name in (
        "db",
        "release",
        "web",
        "stream",
        "worker",
        "follower",
        "signer",
        "prometheus",
        "grafana",
        "loki",
        "anvil",
    ):
        assert re.search(rf"^  {name}:$", done.stdout, re.MULTILINE), name


def test_only_who_needs_a_secret_is_given_it() -> None:
    yaml = pytest.importorskip("yaml")
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    vendors = {"alpaca_secret_key", "fireblocks_api_key", "fireblocks.pem", "attestors.json", "publisher.json"}

    for name in ("web", "stream"):
        assert not vendors & set(services[name]["secrets"])
        assert "database_url_web" in services[name]["secrets"]
    for name in ("worker", "follower"):
        assert {*vendors, "database_url_app"} <= set(services[name]["secrets"])
    assert set(services["signer"]["secrets"]) == {"signer.toml", "fireblocks_signer.pem"}
    holders = {name for name, service in services.items() if "database_url_owner" in service.get("secrets", [])}
    assert holders == {"release"}
    for name in ("web", "stream", "worker", "follower", "signer", "release"):
        merged = services[name]
        assert (merged["read_only"], merged["cap_drop"]) == (True, ["ALL"])
        assert merged["security_opt"] == ["no-new-privileges:true"]
    assert services["db"]["network_mode"] == "none"


# --- systemd ---------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A machine's root with our units, systemd's own targets and the programs that the units start."""
    root = tmp_path_factory.mktemp("root")
    shutil.copytree(DEPLOY / "systemd", root / "etc" / "systemd" / "system")
    system = Path("/usr/lib/systemd/system")
    (root / "usr/lib/systemd/system").mkdir(parents=True)
    for unit in [*system.glob("*.target"), *system.glob("-.slice"), *system.glob("system.slice")]:
        shutil.copy(unit, root / "usr/lib/systemd/system" / unit.name)
    programs = ("opt/agora/.venv/bin/python", "opt/agora/.venv/bin/gunicorn", "opt/agora/deploy/backup.sh", "bin/kill")
    for program in programs:
        (root / program).parent.mkdir(parents=True, exist_ok=True)
        (root / program).touch(mode=0o755)
    return root


@pytest.mark.parametrize(
    "unit",
    [
        *(f"agora-{name}.service" for name in UNITS),
        *("backup-agora.service", "backup-agora.timer", "agora.target", "agora-small.target"),
    ],
)
def test_systemd_understands_every_line_of_a_unit(units: Path, unit: str) -> None:
    command = [_tool("systemd-analyze"), "verify", "--man=no", f"--root={units}", unit]
    done = subprocess.run(command, capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (0, "")


def _secrets(name: str) -> set[str]:
    text = (DEPLOY / "systemd" / f"agora-{name}.service").read_text()
    return set(re.findall(r"^(?:LoadCredential|Environment|User)=.*$", text, re.MULTILINE))


@pytest.mark.parametrize(("family", "members"), [("front", ("web", "stream")), ("back", ("worker", "follower"))])
def test_a_family_is_given_what_its_members_are(family: str, members: tuple[str, ...]) -> None:
    assert all(_secrets(family) == _secrets(member) for member in members)


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_is_as_closed_as_it_can_be(units: Path, name: str) -> None:
    command = [_tool("systemd-analyze"), "security", "--offline=true", f"--threshold={EXPOSED * 10:.0f}"]
    done = subprocess.run([*command, f"--root={units}", f"agora-{name}.service"], capture_output=True, text=True)

    print(done.stdout.strip().splitlines()[-1])  # noqa: T201
    assert done.returncode == 0, done.stdout


def test_a_unit_names_only_secrets_that_secrets_sh_makes(tmp_path: Path) -> None:
    subprocess.run(["sh", str(DEPLOY / "secrets.sh"), str(tmp_path)], check=True, capture_output=True)
    text = "".join(path.read_text() for path in (DEPLOY / "systemd").rglob("*") if path.is_file())
    named = set(re.findall(r"/etc/agora/secrets/([\w.]+)", text))

    assert named <= {path.name for path in tmp_path.iterdir()}
    made = {path.name: path.read_text() for path in tmp_path.iterdir() if path.stat().st_size}
    subprocess.run(["sh", str(DEPLOY / "secrets.sh"), str(tmp_path)], check=True, capture_output=True)
    assert made == {name: (tmp_path / name).read_text() for name in made}  # what is there is left alone
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.iterdir())


# --- The database ----------------------------------------------------------------------------------------------------
@pytest.mark.drill
@pytest.mark.timeout(600)
def test_a_new_database_is_released_by_an_owner_who_is_no_superuser(tmp_path: Path) -> None:
    """secrets.sh, database.sh and `manage.py release`, as docs/deployment.md has them, with PostgreSQL over TCP."""
    secrets = tmp_path / "secrets"
    postgres = Postgres(tmp_path / "data", superuser="postgres")
    postgres.initialise()
    postgres.start()
    try:
        subprocess.run(["sh", str(DEPLOY / "secrets.sh"), str(secrets)], check=True, capture_output=True)
        postgres.run_script("database.sh", SECRETS=str(secrets))

        def url(role: str) -> str:
            password = (secrets / f"{role.removeprefix('agora_')}_password").read_text().strip()
            return f"postgres://{role}:{password}@127.0.0.1:{postgres.port}/agora"

        def manage(role: str, *command: str) -> subprocess.CompletedProcess[str]:
            env = {**os.environ, "AGORA_HOME": str(tmp_path / "home"), "DATABASE_URL": url(role)}
            argv = [sys.executable, str(ROOT / "manage.py"), *command]
            return subprocess.run(argv, env=env, capture_output=True, text=True)

        assert (done := manage(OWNER, "release")).returncode == 0, done.stderr
        assert (done := manage(OWNER, "release")).returncode == 0, done.stderr
        for role in (APP.name, WEB.name, READONLY.name):
            assert (done := manage(role, "audit")).returncode == 0, done.stdout + done.stderr
        refused = manage(APP.name, "migrate", "accounts", "zero")
        assert "permission denied" in refused.stderr or "must be owner" in refused.stderr, refused.stderr
    finally:
        postgres.stop()


# --- Terraform -------------------------------------------------------------------------------------------------------
def _terraform(*words: str, at: Path) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "CHECKPOINT_DISABLE": "1"}
    return subprocess.run([_tool("terraform"), *words], cwd=at, env=env, capture_output=True, text=True)


def test_terraforms_plan_of_an_environment_holds_what_it_promises(tmp_path: Path) -> None:
    """The provider-free half. The other (modules/aws) is only formatted: its provider is not to be had offline."""
    assert (done := _terraform("fmt", "-check", "-recursive", at=DEPLOY / "terraform")).returncode == 0, done.stdout
    plan = shutil.copytree(DEPLOY / "terraform" / "modules" / "plan", tmp_path / "plan")

    for words in (["init", "-backend=false", "-input=false"], ["validate"], ["test"]):
        done = _terraform(*words, at=plan)
        assert done.returncode == 0, done.stdout + done.stderr


# --- The bill of materials -------------------------------------------------------------------------------------------
def test_the_bill_of_materials_names_every_locked_package_with_its_hashes(tmp_path: Path) -> None:
    for name in ("first", "second"):
        subprocess.run([sys.executable, str(DEPLOY / "sbom.py"), str(tmp_path / name)], check=True)

    bill = json.loads((tmp_path / "first").read_text())
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()
    components = bill["components"]
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    lock = (ROOT / "requirements.txt").read_text()
    pinned = [line.split()[0] for line in lock.splitlines() if re.match(r"^[a-z0-9].*==", line)]
    ours = {
        component["purl"]: component for component in bill["components"] if component["purl"].startswith("pkg:pypi")
    }
    assert len(ours) == len(pinned) > 50
    hashes = {entry["hashes"][0]["content"] for one in ours.values() for entry in one["externalReferences"]}
    assert hashes == set(re.findall(r"sha256:([0-9a-f]{64})", lock))
    assert any(purl.startswith("pkg:pypi/django@5.2") for purl in ours)
    npm = {component["name"] for component in components} - {one["name"] for one in ours.values()}
    assert {"@openzeppelin/contracts", "solc"} <= npm
    refs = [component["bom-ref"] for component in components]
    assert len(refs) == len(set(refs))
