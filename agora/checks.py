"""What must be true before Agora starts. Each check says what to set."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.utils.module_loading import import_string

from accounts import pii
from agora.console_panels import PANELS
from agora.lib.dossiers import DossierSource
from agora.lib.errors import VendorError
from agora.lib.metrics import Source
from agora.lib.panels import PanelSource
from agora.metrics_sources import SOURCES
from agora.order_trails import ORDER_TRAILS
from agora.pipeline import ANNOUNCERS, CLOSING_BLOCKERS, CLOSING_BLOCKERS_OUTSIDE, EVENTS
from agora.two_person import TWO_PERSON
from minting.errors import WrongChain
from minting.services import verify_chain

APP_ORDER = ["accounts", "orders", "custody", "minting", "reserves"]
# Where an event's name begins, and which app emits it.
EMITTED_BY = {
    "customer": "accounts",
    "kyc": "accounts",
    "order": "orders",
    "custody": "custody",
    "signature": "custody",
    "mint": "minting",
    "token": "minting",
    "reconciliation": "reserves",
    "webhook": "accounts",
}
MODES = ("sandbox", "paper")


@register(Tags.security)
def check_settings(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    if settings.AGORA_MODE not in MODES:
        found.append(Error(f"AGORA_MODE is {settings.AGORA_MODE!r}.", hint=f"Set one of {MODES}.", id="agora.E002"))
    found += _check_chain()
    if settings.AGORA_MODE == "sandbox":
        return found
    if len(settings.SECRET_KEY) < 50 or settings.SECRET_KEY.startswith("sandbox"):
        found.append(Error("SECRET_KEY is missing or weak.", hint="Set 50 random characters or more.", id="agora.E001"))
    if not settings.DATABASE_URL:
        hint = "Set DATABASE_URL: the embedded server trusts whoever reaches its socket."
        found.append(Error("The embedded PostgreSQL is for the sandbox.", hint=hint, id="agora.E003"))
    missing = [
        name
        for name in ("ALPACA_KEY_ID", "ALPACA_SECRET_KEY", "FIREBLOCKS_API_KEY", "FIREBLOCKS_PRIVATE_KEY_FILE")
        if not getattr(settings, name)
    ]
    if missing:
        found.append(Error(f"Not set: {', '.join(missing)}.", hint="See .env.example.", id="agora.E004"))
    if not settings.SIGNER_SOCKET:
        hint = "Run the signer as a process and a user of its own, and set its socket: docs/signer.md."
        found.append(Error("SIGNER_SOCKET is not set.", hint=hint, id="agora.E050"))
    found += _check_accounts()
    found += _check_database_link()
    if settings.CRASH_AT:
        found.append(Error("AGORA_CRASH_AT is set.", hint="Unset it: it kills the process.", id="agora.E006"))
    if settings.QUEUE_TASKS:
        found.append(Error("AGORA_QUEUE_TASKS is set.", hint="Unset it: it is for benchmarks.", id="agora.E061"))
    if settings.DEBUG:
        found.append(Error("DEBUG is on.", hint="DEBUG is for the sandbox.", id="agora.E007"))
    return found


def _check_chain() -> list[CheckMessage]:
    found: list[CheckMessage] = []
    if settings.CHAIN_SETTLED_BLOCKS < 12:
        found.append(Error("CHAIN_SETTLED_BLOCKS is below 12.", hint="Set 12 or more.", id="agora.E005"))
    if not 0 <= settings.CHAIN_QUORUM <= len(settings.CHAIN_RPC_URLS) or not settings.CHAIN_RPC_URLS:
        hint = "Name at least as many CHAIN_RPC_URLS as must agree, or set CHAIN_QUORUM to 0."
        found.append(Error("CHAIN_QUORUM is more than there are CHAIN_RPC_URLS.", hint=hint, id="agora.E024"))
    return found


def _check_database_link() -> list[CheckMessage]:
    database = settings.DATABASES["default"]
    host = database.get("HOST") or ""
    if not settings.DATABASE_URL or host.startswith("/") or host in ("", "localhost", "127.0.0.1", "::1"):
        return []
    if database.get("OPTIONS", {}).get("sslmode") == "verify-full":
        return []
    hint = "End DATABASE_URL with ?sslmode=verify-full&sslrootcert=/path/of/the/ca.pem."
    return [Error("DATABASE_URL crosses a network without a checked certificate.", hint=hint, id="agora.E060")]


def _check_accounts() -> list[CheckMessage]:
    found: list[CheckMessage] = []
    known = {settings.SANDBOX_PII_KEY, settings.SANDBOX_PII_INDEX_KEY}
    if known & {*(entry.partition(":")[2] for entry in settings.PII_KEYS), settings.PII_INDEX_KEY}:
        hint = "Set PII_KEYS and PII_INDEX_KEY from 32 random bytes each."
        found.append(Error("A PII key is the sandbox's, which everybody knows.", hint=hint, id="agora.E030"))
    try:
        pii.check_keys()
    except ImproperlyConfigured as problem:
        found.append(Error(str(problem), hint="See .env.example.", id="agora.E030"))
    if settings.KYC_PROVIDER not in ("manual", "sumsub"):
        found.append(Error(f"KYC_PROVIDER is {settings.KYC_PROVIDER!r}.", hint="manual or sumsub.", id="agora.E031"))
    if settings.KYC_PROVIDER == "sumsub":
        names = ("SUMSUB_APP_TOKEN", "SUMSUB_SECRET_KEY", "SUMSUB_WEBHOOK_SECRET")
        if missing := [name for name in names if not getattr(settings, name)]:
            found.append(Error(f"Not set: {', '.join(missing)}.", hint="See .env.example.", id="agora.E031"))
    if not settings.JWT_KEYS_FILE:
        hint = 'Set a file of ["0x<32 random bytes>"], mode 0600: it signs the API\'s access tokens.'
        found.append(Error("JWT_KEYS_FILE is not set.", hint=hint, id="agora.E040"))
    if not settings.PUBLIC_URL.startswith("https://"):
        hint = "Set https://…: it is the domain that wallets sign for."
        found.append(Error("PUBLIC_URL is not set.", hint=hint, id="agora.E032"))
    return found


@register(Tags.security)
def check_reserve_reports(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    if settings.ATTESTOR_KEYS_FILE and settings.AGORA_MODE not in MODES:
        hint = "Unset it: attestors keep their own keys; see reserves/attestors/."
        found.append(Error("ATTESTOR_KEYS_FILE is for sandbox and paper.", hint=hint, id="agora.E020"))
    if settings.REPORT_ATTESTOR_KEY_FILE and settings.AGORA_MODE not in MODES:
        hint = "Unset it: the report's attestor keeps its own key; see reserves/attestors/reports.py."
        found.append(Error("REPORT_ATTESTOR_KEY_FILE is for sandbox and paper.", hint=hint, id="agora.E023"))
    if not 60 <= settings.RESERVE_VALIDITY <= 7 * 86_400 or not 1 <= settings.ATTESTOR_THRESHOLD <= 16:
        hint = "RESERVE_VALIDITY: 60 seconds to 7 days; ATTESTOR_THRESHOLD: 1 to 16. ReserveOracle.sol refuses others."
        found.append(Error("RESERVE_VALIDITY or ATTESTOR_THRESHOLD is out of range.", hint=hint, id="agora.E021"))
    return found


@register()
def check_prices(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    if settings.PRICE_FRESH <= settings.PRICE_MAX_AGE and 0 <= settings.PRICE_GUARD_BAND < settings.PRICE_JUMP < 1:
        return []
    hint = "PRICE_FRESH up to PRICE_MAX_AGE; 0 up to PRICE_GUARD_BAND, below PRICE_JUMP, below 1."
    return [Error("The settings of prices contradict each other.", hint=hint, id="agora.E040")]


@register("chain", deploy=True)
def check_chain(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """`manage.py check --deploy --tag chain`: what the watcher looks at before it starts. It asks the node."""
    try:
        verify_chain()
    except (WrongChain, VendorError) as problem:
        hint = "Correct CHAIN_RPC_URLS and CHAIN_ID, or find out who changed the contract's feed."
        return [Error(str(problem), hint=hint, id="agora.E022")]
    return []


@register()
def check_database(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    if settings.DATABASES["default"]["ENGINE"] in ("agora.lib.embedded", "django.db.backends.postgresql"):
        return []
    return [Error("DATABASE_URL is not PostgreSQL's.", hint="Set postgres://…, or unset it.", id="agora.E008")]


@register(Tags.database, deploy=True)
def check_database_role(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """`manage.py check --deploy --database default`, with a process's own DATABASE_URL: it must not be the owner's."""
    if settings.AGORA_MODE == "sandbox" or not databases:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_user FROM pg_class WHERE relname = 'django_migrations' "
            "AND relnamespace = 'public'::regnamespace AND pg_has_role(current_user, relowner, 'USAGE')"
        )
        owner = cursor.fetchone()
    if owner is None:
        return []
    hint = "Give it agora_web's or agora_app's URL; agora_owner is for `manage.py release` alone."
    return [Warning(f"{owner[0]} owns the tables: it could drop triggers.", hint=hint, id="agora.W061")]


@register()
def check_queue(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """The queue is the outbox only while it lives in the same database, and redelivers only what is done for."""
    queue = settings.Q_CLUSTER
    found: list[CheckMessage] = []
    if queue.get("orm") != "default":
        found.append(
            Error("Q_CLUSTER['orm'] is not 'default'.", hint="Set it: events commit with facts.", id="agora.E009")
        )
    if queue["workers"] < 1:
        return [*found, Error("Q_CLUSTER['workers'] is below 1.", hint="Set WORKER_PROCESSES.", id="agora.E015")]
    if queue["retry"] <= queue["timeout"] * (queue["queue_limit"] + queue["bulk"] + 1) / queue["workers"]:
        hint = "retry > timeout x (queue_limit + bulk + 1) / workers"
        found.append(Error("Q_CLUSTER['retry'] is short: tasks would run twice.", hint=hint, id="agora.E013"))
    return found


@register()
def check_pipeline(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Every path exists, and every event flows to its own app or a later one."""
    found: list[CheckMessage] = []
    for event, paths in EVENTS.items():
        source = EMITTED_BY.get(event.partition(".")[0])
        if source is None:
            found.append(Error(f"Nobody emits {event!r}.", hint="See agora/pipeline.py.", id="agora.E010"))
            continue
        for path in paths:
            app = path.partition(".")[0]
            if app not in APP_ORDER or APP_ORDER.index(app) < APP_ORDER.index(source):
                found.append(Error(f"{event!r} flows back, to {path}.", hint="Report up by call.", id="agora.E011"))
            found += _check_path(event, path)
    for path in [*CLOSING_BLOCKERS, *CLOSING_BLOCKERS_OUTSIDE]:
        found += _check_path("closing an account", path)
    return found + _check_announcers()


def _check_announcers() -> list[CheckMessage]:
    """Each names a row of ours and a service of the same app: what moves a row knows of no later app."""
    found: list[CheckMessage] = []
    for label, path in ANNOUNCERS.items():
        try:
            apps.get_model(label)
            import_string(path)
        except (LookupError, ImportError) as problem:
            found.append(Error(f"{label!r} → {path}: {problem}", hint="See agora/pipeline.py.", id="agora.E012"))
        if path.partition(".")[0] != label.partition(".")[0]:
            found.append(Error(f"{label!r} is announced by {path}.", hint="Keep it in its app.", id="agora.E011"))
    return found


def _check_path(event: str, path: str) -> list[CheckMessage]:
    try:
        import_string(path)
    except ImportError as problem:
        return [Error(f"{event!r} → {path}: {problem}", hint="See agora/pipeline.py.", id="agora.E012")]
    return []


@register()
def check_console(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """What the lists of strings name is there, and is what they say."""
    return [
        *(
            Error(f"{path} cannot be called.", hint="See agora/two_person.py.", id="agora.E016")
            for path in TWO_PERSON.values()
            if not callable(_imported(path))
        ),
        *(
            Error(f"{path} is no PanelSource.", hint="See agora/console_panels.py.", id="agora.E017")
            for path in PANELS
            if not isinstance(_imported(path), PanelSource)
        ),
        *(
            Error(f"{path} is no DossierSource.", hint="See agora/order_trails.py.", id="agora.E018")
            for path in ORDER_TRAILS
            if not isinstance(_imported(path), DossierSource)
        ),
    ]


@register()
def check_observability(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = [
        Error(f"{path} is no Source.", hint="See agora/metrics_sources.py.", id="agora.E050")
        for path in SOURCES
        if not isinstance(_imported(path), Source)
    ]
    for network in settings.METRICS_NETWORKS:
        try:
            ipaddress.ip_network(network)
        except ValueError as problem:
            found.append(Error(f"METRICS_NETWORKS: {problem}", hint="Write 10.0.0.0/8,…", id="agora.E051"))
    if settings.METRICS_TOKEN and len(settings.METRICS_TOKEN) < 24 and settings.AGORA_MODE != "sandbox":
        hint = "Set 24 random characters or more."
        found.append(Error("METRICS_TOKEN is short.", hint=hint, id="agora.E051"))
    return found


def _imported(path: str) -> Any:
    try:
        return import_string(path)
    except ImportError:
        return None


@register()
def check_guards(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Each row that walks a state machine has its triggers declared."""
    found: list[CheckMessage] = []
    for model in apps.get_models():
        names = {trigger.name for trigger in getattr(model._meta, "triggers", [])}
        if hasattr(model, "MOVES") and not {"legal_moves", "initial_status", "status_is_last_event"} <= names:
            found.append(Error(f"{model.__name__} lacks its state triggers.", id="agora.E014"))
    return found
