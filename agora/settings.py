"""All settings. The environment is read here and nowhere else; `.env.example` lists every variable."""

from __future__ import annotations

import os
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from urllib.parse import unquote

import environ

BASE_DIR = Path(__file__).resolve().parent.parent

# NAME_FILE names a file that holds NAME's value, and goes before it: how systemd and containers hand over secrets.
env = environ.FileAwareEnv()
if (BASE_DIR / ".env").exists():
    env.read_env(BASE_DIR / ".env")


def _secret(name: str) -> str:
    """Without the line end that an editor leaves in a file."""
    # Not by `env.str`: to it, a value that starts with "$" is another variable's name.
    value: str = env.ENVIRON.get(name, "")
    return value.strip()


def _secrets(name: str) -> list[str]:
    """Separated by commas or by lines."""
    return [part for part in _secret(name).replace(",", "\n").split() if part]


# --- The process -------------------------------------------------------------------------------------------------
DEBUG = env.bool("DEBUG", default=False)
# sandbox: the vendors are our local copies · paper: their test systems, public testnet · production: not built
AGORA_MODE = env.str("AGORA_MODE", default="sandbox")
# Where the embedded database, the sandboxes and the local chain keep their files.
AGORA_HOME = Path(env.str("AGORA_HOME", default=str(BASE_DIR / ".agora"))).resolve()
SECRET_KEY = _secret("SECRET_KEY")  # agora.E001 refuses a weak one outside the sandbox
if not SECRET_KEY and AGORA_MODE == "sandbox":
    SECRET_KEY = "sandbox-only-key-that-agora.E001-refuses-anywhere-else"  # noqa: S105
SECRET_KEY_FALLBACKS = _secrets("SECRET_KEY_FALLBACKS")  # read sessions and e-mailed links of; docs/deployment.md
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
ROOT_URLCONF = "agora.urls"
WSGI_APPLICATION = "agora.wsgi.application"

INSTALLED_APPS = [
    "agora.console_app.ConsoleConfig",  # django.contrib.admin, with our own site
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "pgtrigger",
    "rest_framework",
    "drf_spectacular",
    "django_q",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "axes",
    "agora",
    "accounts",
    "orders",
    "custody",
    "minting",
    "reserves",
]
MIDDLEWARE = [
    "agora.lib.probes.ProbeMiddleware",
    "agora.lib.observing.RequestMiddleware",
    "agora.lib.visitors.VisitMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "agora.lib.recent.SignInClock",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "agora.lib.staff_sessions.StaffSessionMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "accounts.middleware.ZoneMiddleware",
    "agora.lib.pages.RefusalMiddleware",
    "axes.middleware.AxesMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "agora.lib.pages.site",
            ]
        },
    }
]

# Outside the sandbox everything is behind TLS.
BEHIND_TLS = AGORA_MODE != "sandbox"
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BEHIND_TLS
SECURE_HSTS_SECONDS = 31_536_000 if BEHIND_TLS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = BEHIND_TLS and env.bool("HSTS_SUBDOMAINS", default=True)
if BEHIND_TLS:  # a browser takes a __Host- cookie over TLS from this very host only, so no subdomain can plant one
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
CSRF_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True  # no script of ours reads them
LANGUAGE_COOKIE_SECURE = BEHIND_TLS
LANGUAGE_COOKIE_SAMESITE = "Lax"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_TLS else None
SESSION_COOKIE_AGE = 12 * 3600
SECURE_REFERRER_POLICY = "same-origin"
# No inline script, no inline style, nothing from elsewhere; a wallet's icon is a data: URL (EIP-6963).
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}

# --- Database: PostgreSQL, everywhere ------------------------------------------------------------------------------
# Unset: the embedded server of agora.lib.embedded, started on the first connection and shared by all processes.
DATABASE_URL = _secret("DATABASE_URL")
# Of the embedded server: whom a process is to it; unset, the owner. Elsewhere the URL says it (docs/deployment.md).
DATABASE_ROLE = env.str("DATABASE_ROLE", default="")
if DATABASE_URL:
    DATABASES = {"default": env.db_url_config(DATABASE_URL)}
    DATABASES["default"]["HOST"] = unquote(DATABASES["default"]["HOST"])  # %2Fvar%2Frun%2Fpostgresql: a Unix socket
    # A host that is cut off keeps no lock: both ends give a silent peer up within this (seconds).
    DATABASE_SILENCE = env.int("DATABASE_SILENCE", default=12)
    _third = max(1, DATABASE_SILENCE // 3)
    _patience = {
        "tcp_keepalives_idle": _third,
        "tcp_keepalives_interval": _third,
        "tcp_keepalives_count": 2,
        "tcp_user_timeout": DATABASE_SILENCE * 1000,
        "idle_in_transaction_session_timeout": 60_000,
    }
    DATABASES["default"]["OPTIONS"] = {
        "connect_timeout": 5,
        "keepalives_idle": _third,
        "keepalives_interval": _third,
        "keepalives_count": 2,
        "tcp_user_timeout": DATABASE_SILENCE * 1000,
        "options": " ".join(f"-c {name}={value}" for name, value in _patience.items()),
        **DATABASES["default"].get("OPTIONS", {}),
    }
else:
    DATABASES = {"default": {"ENGINE": "agora.lib.embedded", "NAME": "agora"}}
DATABASES["default"]["CONN_MAX_AGE"] = 60
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
# Plan agora.lib.prepared's statements once a connection; false behind a pooler that does not keep prepared statements.
if env.bool("DB_PREPARE", default=True):
    DATABASES["default"].setdefault("OPTIONS", {})["prepare_threshold"] = 0
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Accounts ------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "dashboard"
LOGOUT_REDIRECT_URL = "home"
# Guessing: ten wrong passwords from one address, without a right one between, close the door to it for a while. By
# address alone, so that nobody can lock somebody else out; what is per login is the second factor's own back-off.
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = ["ip_address"]
AXES_RESET_ON_SUCCESS = True
AXES_CLIENT_IP_CALLABLE = "agora.lib.visitors.address_of"
AXES_LOCKOUT_CALLABLE = "agora.lib.pages.locked_out"
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
# Staff: signed out when idle for so long, and after so long in any case (seconds); agora.lib.staff_sessions
STAFF_IDLE = env.int("STAFF_IDLE", default=15 * 60)
STAFF_SESSION = env.int("STAFF_SESSION", default=8 * 3600)
SECOND_FACTOR_FRESH = env.int("SECOND_FACTOR_FRESH", default=5 * 60)  # dangerous actions want a code this recent
OTP_TOTP_ISSUER = "Agora"
OTP_TOTP_THROTTLE_FACTOR = 1  # seconds to wait after a wrong code; doubles with each
# A note of each seal of the audit log, outside the database: keep a copy on another machine.
AUDIT_HEADS_FILE = env.str(
    "AUDIT_HEADS_FILE", default=str(AGORA_HOME / "audit-heads.jsonl") if AGORA_MODE == "sandbox" else ""
)
# Where customers reach us: named in what a wallet signs and in e-mailed links. Unset, the sandbox takes the request's.
PUBLIC_URL = env.str("PUBLIC_URL", default="").rstrip("/")
# Tax ids at rest: "id:base64 of 32 bytes", the first one encrypts, all decrypt. The index key never rotates with them.
PII_KEYS = _secrets("PII_KEYS")
PII_INDEX_KEY = _secret("PII_INDEX_KEY")
SANDBOX_PII_KEY = "c2FuZGJveC1vbmx5LWtleS1vZi0zMi1ieXRlcy4uLi4="  # agora.E030 refuses these anywhere else
SANDBOX_PII_INDEX_KEY = "c2FuZGJveC1vbmx5LWluZGV4LWtleS0zMi1ieXRlcy4="
if AGORA_MODE == "sandbox":
    PII_KEYS = PII_KEYS or [f"sandbox:{SANDBOX_PII_KEY}"]
    PII_INDEX_KEY = PII_INDEX_KEY or SANDBOX_PII_INDEX_KEY
# auto: approves by itself, sandbox only · manual: staff decide in Admin · sumsub
KYC_PROVIDER = env.str("KYC_PROVIDER", default="auto" if AGORA_MODE == "sandbox" else "manual")
SUMSUB_URL = env.str("SUMSUB_URL", default="http://127.0.0.1:8103")
SUMSUB_APP_TOKEN = _secret("SUMSUB_APP_TOKEN")
SUMSUB_SECRET_KEY = _secret("SUMSUB_SECRET_KEY")
SUMSUB_WEBHOOK_SECRET = _secret("SUMSUB_WEBHOOK_SECRET")
SUMSUB_LEVEL = env.str("SUMSUB_LEVEL", default="agora-light")
# Years for which the law wants to know who a customer was, after the account is closed: docs/customers.md
KYC_RETENTION_YEARS = env.int("KYC_RETENTION_YEARS", default=10)
DEMO_TIER = env.int("DEMO_TIER", default=1)  # of setup_sandbox's customer; 9 is without a limit worth the name

# --- E-mail: on the worker's terminal unless told otherwise ---------------------------------------------------------
vars().update(env.email_url_config(_secret("EMAIL_URL") or "consolemail://"))
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Agora <no-reply@localhost>")

# --- Language, time, files -----------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("pt-br", "Português"), ("es", "Español"), ("en", "English")]
LOCALE_PATHS = [BASE_DIR / "agora" / "locale"]
TIME_ZONE = "UTC"  # of a visitor whom we do not know; a customer's is their country's
USE_TZ = True
STATIC_URL = "static/"
# Where `collectstatic` gathers files, to be served compressed and under names that change with them. Unset in the
# sandbox, they are served from where they lie.
STATIC_ROOT = env.str("STATIC_ROOT", default="") or (None if AGORA_MODE == "sandbox" else BASE_DIR / "staticfiles")
if STATIC_ROOT:
    STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    }
STATICFILES_DIRS = [BASE_DIR / "templates" / "static"]
WHITENOISE_USE_FINDERS = not STATIC_ROOT

# How many proxies of ours stand before the web process: that many entries of X-Forwarded-For are believed.
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=0)

# --- API -----------------------------------------------------------------------------------------------------------
# Signs access tokens: a JSON list of 32-byte hex seeds (Ed25519), mode 0600, the signing one first, all verify.
JWT_KEYS_FILE = env.str("JWT_KEYS_FILE", default=str(AGORA_HOME / "jwt.json") if AGORA_MODE == "sandbox" else "")
JWT_AUDIENCE = "agora-api"
# Requests a minute: of a caller; of an address without (or with a wrong) credential; of an address that signs in.
_BRISK = 100 if AGORA_MODE == "sandbox" else 1  # a laptop's tests are not a flood
API_RATE = env.int("API_RATE", default=600 * _BRISK)
API_RATE_ANONYMOUS = env.int("API_RATE_ANONYMOUS", default=120 * _BRISK)
SIGN_IN_RATE = env.int("SIGN_IN_RATE", default=20 * _BRISK)
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.api.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["agora.lib.api.permissions.HasScope"],
    "DEFAULT_PARSER_CLASSES": ["agora.lib.api.parsing.ExactJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "EXCEPTION_HANDLER": "agora.lib.api.problem.handle",
    "DEFAULT_SCHEMA_CLASS": "agora.lib.api.schema.Schema",
    "UNAUTHENTICATED_USER": None,
    "COERCE_DECIMAL_TO_STRING": True,
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Agora",
    "VERSION": "1",
    "DESCRIPTION": "Buy US shares; get one token a share, minted once, backed by shares in custody. See docs/api.md.",
    "LICENSE": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    "OAS_VERSION": "3.1.1",
    "SERVERS": [{"url": "/", "description": "Where this document was read"}],
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": ["agora.lib.api.schema.finish"],
}

# --- Queue: a doorbell on the same database (DESIGN §1) ------------------------------------------------------------
Q_CLUSTER = {
    "name": "agora",
    "orm": "default",
    "broker_class": "agora.lib.doorbell.Doorbell",
    "workers": env.int("WORKER_PROCESSES", default=2),
    "queue_limit": 2,
    "bulk": 4,
    "poll": 0.5,
    "timeout": 30,
    "retry": 120,  # > timeout x (queue_limit + bulk + 1) / workers: a prefetched task must not expire in memory
    "max_attempts": 5,
    "save_limit": -1,  # successes are not kept: the rows are the record; failures are, and pruned
    "catch_up": False,
    "log_level": "WARNING",
}

QUEUE_TASKS = env.list("AGORA_QUEUE_TASKS", default=[])  # that a worker runs besides agora/pipeline.py's: bench's

# --- Broker: Alpaca ------------------------------------------------------------------------------------------------
ALPACA_URL = env.str("ALPACA_URL", default="http://127.0.0.1:8101")  # without /v2
ALPACA_STREAM_URL = env.str("ALPACA_STREAM_URL", default="ws://127.0.0.1:8101/stream")
ALPACA_DATA_URL = env.str("ALPACA_DATA_URL", default="http://127.0.0.1:8101")
BROKER_ORDER_URL = env.str(  # the broker's own page of an order; {id} is its id
    "BROKER_ORDER_URL", default=f"{ALPACA_URL}/_sandbox/log" if AGORA_MODE == "sandbox" else ""
)
ALPACA_KEY_ID = _secret("ALPACA_KEY_ID")
ALPACA_SECRET_KEY = _secret("ALPACA_SECRET_KEY")

# --- Custodian and signer: Fireblocks ------------------------------------------------------------------------------
FIREBLOCKS_URL = env.str("FIREBLOCKS_URL", default="http://127.0.0.1:8102")  # without /v1
CUSTODIAN_TX_URL = env.str(  # the custodian's own page of a transaction; {id} is its id
    "CUSTODIAN_TX_URL", default=f"{FIREBLOCKS_URL}/_sandbox/log" if AGORA_MODE == "sandbox" else ""
)
FIREBLOCKS_API_KEY = _secret("FIREBLOCKS_API_KEY")
FIREBLOCKS_PRIVATE_KEY_FILE = env.str("FIREBLOCKS_PRIVATE_KEY_FILE", default="")
FIREBLOCKS_JWKS_URL = env.str("FIREBLOCKS_JWKS_URL", default="http://127.0.0.1:8102/.well-known/jwks.json")
FIREBLOCKS_GAS_ASSET = env.str("FIREBLOCKS_GAS_ASSET", default="BASECHAIN_ETH_TEST5")  # names the minting key's chain
# Where the signer's process listens (docs/signer.md). Unset, this process has Fireblocks sign, with its own API key:
# agora.E050 refuses that outside the sandbox.
SIGNER_SOCKET = env.str("SIGNER_SOCKET", default="")
os.environ.setdefault("FIREBLOCKS_SDK_SUPPRESS_DEPRECATION_WARNING", "1")  # ADR 0004: kept on purpose

# --- Chain ---------------------------------------------------------------------------------------------------------
CHAIN_RPC_URLS = _secrets("CHAIN_RPC_URLS") or ["http://127.0.0.1:8545"]  # a provider's address often holds its key
CHAIN_QUORUM = env.int("CHAIN_QUORUM", default=0)  # RPCs that must agree; 0: two, or one where there is only one
CHAIN_MAX_LAG = env.int("CHAIN_MAX_LAG", default=5)  # blocks; an RPC further behind is not asked for the head
CHAIN_MAX_FEE_WEI = env.int("CHAIN_MAX_FEE_WEI", default=20 * 10**9)  # a gas; above it mints wait
CHAIN_BUMP_AFTER = env.float("CHAIN_BUMP_AFTER", default=30.0)  # seconds in the pool before a mint bids more
CHAIN_ID = env.int("CHAIN_ID", default=31337)
CHAIN_NAME = env.str("CHAIN_NAME", default="Agora local chain")  # as a wallet shows it
CHAIN_PUBLIC_RPC_URL = env.str("CHAIN_PUBLIC_RPC_URL", default="")  # offered to wallets that do not know the chain
CHAIN_EXPLORER_URL = env.str("CHAIN_EXPLORER_URL", default="")  # e.g. https://sepolia.basescan.org
CHAIN_SETTLED_BLOCKS = env.int("CHAIN_SETTLED_BLOCKS", default=12)
# --- Tokens: how `deploy_token` sets one up ------------------------------------------------------------------------
# Who holds which role; unset, the local chain's development accounts. Each needs a key of its own.
TOKEN_ADMIN = env.str("TOKEN_ADMIN", default="")
TOKEN_PAUSER = env.str("TOKEN_PAUSER", default="")
TOKEN_COMPLIANCE = env.str("TOKEN_COMPLIANCE", default="")
TOKEN_RESERVE_ADMIN = env.str("TOKEN_RESERVE_ADMIN", default="")
TOKEN_ADMIN_DELAY = env.int(
    "TOKEN_ADMIN_DELAY", default=3 * 86_400
)  # seconds that the admin's place takes to change hands
TOKEN_MINTER_ALLOWANCE = env.str(
    "TOKEN_MINTER_ALLOWANCE", default="1000000"
)  # shares that can be minted before a refill
TOKEN_DAILY_MINT_CAP = env.str("TOKEN_DAILY_MINT_CAP", default="100000")  # shares a UTC day
TOKEN_TERMS_URI = env.str("TOKEN_TERMS_URI", default="docs/token-terms.md")  # https://… on a public chain
TOKEN_TERMS_FILE = BASE_DIR / "docs" / "token-terms.md"  # what the URI serves, byte for byte: its hash goes on-chain
DEPLOYER_KEY_FILE = env.str("DEPLOYER_KEY_FILE", default="")  # a public chain's; 0600, a hex key
AUDIT_FILE = BASE_DIR / "contracts" / "AUDIT.md"
PUBLIC_DEPLOYMENTS = BASE_DIR / "contracts" / "deployments"
LOCAL_DEPLOYMENTS = AGORA_HOME / "deployments"

# --- Reserve reports on-chain (ADR 0007) ---------------------------------------------------------------------------
# Keys at hand, one JSON list in a 0600 file: the sandbox makes its own. agora.E020 refuses them in production.
ATTESTOR_KEYS_FILE = env.str(
    "ATTESTOR_KEYS_FILE", default=str(AGORA_HOME / "attestors.json") if AGORA_MODE == "sandbox" else ""
)
ATTESTOR_THRESHOLD = env.int("ATTESTOR_THRESHOLD", default=2)  # how many must sign
RESERVE_PUBLISHER_KEY_FILE = env.str(  # pays the reports' gas; may do nothing else
    "RESERVE_PUBLISHER_KEY_FILE", default=str(AGORA_HOME / "publisher.json") if AGORA_MODE == "sandbox" else ""
)
# Signs the public reserve report: a key of its own, not the minter's nor one that the gate relies on
REPORT_ATTESTOR_KEY_FILE = env.str(
    "REPORT_ATTESTOR_KEY_FILE", default=str(AGORA_HOME / "report-attestor.json") if AGORA_MODE == "sandbox" else ""
)
RESERVE_VALIDITY = env.int("RESERVE_VALIDITY", default=3600)  # seconds that a report may be relied on, at most 7 days
RESERVE_MAX_AGE = env.int("RESERVE_MAX_AGE", default=86_400)  # seconds that the token accepts of any feed
RESERVE_MARGIN = env.str("RESERVE_MARGIN", default="0")  # shares that must stay uncovered by tokens
RESERVE_REPORT_GAP = env.float("RESERVE_REPORT_GAP", default=0.5)  # seconds between two reports of a token, at least
RESERVE_POLL_EVERY = env.float("RESERVE_POLL_EVERY", default=0.25)
RESERVE_GRACE = env.float("RESERVE_GRACE", default=3.0)  # seconds that a mint waits for its report without a hold

# --- The local chain's program -------------------------------------------------------------------------------------
ANVIL = env.str("AGORA_ANVIL", default="")  # path of anvil; looked for in node_modules and PATH when unset
os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")

# --- Loop timing (seconds) -----------------------------------------------------------------------------------------
NUDGE_AFTER = env.float("NUDGE_AFTER", default=4.0)  # a row that has not moved for so long is nudged by the sweep
UNCERTAIN_GRACE = env.float("UNCERTAIN_GRACE", default=3.0)  # a 404 this soon after a time-out proves nothing
SWEEP_EVERY = env.float("SWEEP_EVERY", default=1.0)
BROKER_LIST_EVERY = env.float("BROKER_LIST_EVERY", default=5.0)  # one list call for all that is open
CHAIN_POLL_EVERY = env.float("CHAIN_POLL_EVERY", default=0.25)
CHAIN_POLL_BUSY = env.float("CHAIN_POLL_BUSY", default=0.1)  # while a mint is on its way
AUDIT_SEAL_EVERY = env.float("AUDIT_SEAL_EVERY", default=5.0)  # an audit entry is sealed within a minute
BUDGETS_EVERY = env.float("BUDGETS_EVERY", default=30.0)  # what the signers' addresses still have
PRICES_EVERY = env.float("PRICES_EVERY", default=5.0)
RATES_EVERY = env.float("RATES_EVERY", default=3600.0)  # PTAX is published a few times a business day

# --- Prices: what an order may be taken on (docs/customers.md) -------------------------------------------------------
PRICE_FRESH = env.float("PRICE_FRESH", default=20.0)  # seconds; an older price sells with the guard band as a margin
PRICE_MAX_AGE = env.float("PRICE_MAX_AGE", default=60.0)  # no order is taken on a price asked for longer ago
PRICE_MAX_UNTRADED = env.float("PRICE_MAX_UNTRADED", default=900.0)  # nor, while the market is open, on one made then
PRICE_GUARD_BAND = Decimal(env.str("PRICE_GUARD_BAND", default="0.02"))  # of the price
PRICE_JUMP = Decimal(env.str("PRICE_JUMP", default="0.10"))  # of the price: more at once needs a second reading
# Of a quote's midpoint: a wider one tells nothing.
PRICE_MAX_SPREAD = Decimal(env.str("PRICE_MAX_SPREAD", default="0.02"))
MARKET_CLOCK_EVERY = env.float("MARKET_CLOCK_EVERY", default=30.0)
MARKET_CLOCK_MAX_AGE = env.float("MARKET_CLOCK_MAX_AGE", default=300.0)  # then nobody knows whether the market is open
CORPORATE_ACTIONS_EVERY = env.float("CORPORATE_ACTIONS_EVERY", default=600.0)  # seconds between two looks
ORDER_FEE_USD = Decimal(0)  # shown and reserved; not from the environment until something collects one

# --- Reference rates, for display only -------------------------------------------------------------------------------
# Banco Central do Brasil's open data; the sandbox's own copy is in the broker's stand-in. Unset: no rate of the real.
PTAX_URL = env.str(
    "PTAX_URL",
    default=f"{ALPACA_URL}/olinda/servico/PTAX/versao/v1/odata"
    if AGORA_MODE == "sandbox"
    else "https://olinda.bcb.gov.br/olinda/servico/PTAX/versao/v1/odata",
)

# --- Logs ----------------------------------------------------------------------------------------------------------
LOG_FORMAT = env.str("LOG_FORMAT", default="json")  # json | console
LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")

# --- Metrics and traces (docs/observability.md) --------------------------------------------------------------------
# /metrics answers only who comes from one of these networks and carries this token, as far as each is set; with
# neither it does not exist.
METRICS_TOKEN = _secret("METRICS_TOKEN")
METRICS_NETWORKS = env.list("METRICS_NETWORKS", default=[])  # 10.0.0.0/8, …
# Where the processes of this machine leave their tallies; "": they count nothing.
METRICS_DIR = env.str("METRICS_DIR", default=str(AGORA_HOME / "metrics") if AGORA_MODE == "sandbox" else "")
# An OTLP/HTTP collector, without /v1/traces; "": nothing is traced, and no library for it loaded.
OTEL_EXPORTER_OTLP_ENDPOINT = env.str("OTEL_EXPORTER_OTLP_ENDPOINT", default="")
TRACE_URL = env.str("TRACE_URL", default="")  # a page of a trace, for staff; {id} is the trace's

# --- Test only -----------------------------------------------------------------------------------------------------
CRASH_AT = env.str("AGORA_CRASH_AT", default="")  # "name" or "name:hit": kill -9 ourselves there; sandbox mode only
