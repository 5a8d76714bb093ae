from __future__ import annotations

from collections.abc import Iterator

import pytest

from accounts.kyc import get_provider
from accounts.sandbox import process as sumsub
from agora.lib import anvil


@pytest.fixture(scope="session")
def chain_url() -> Iterator[str]:
    with anvil.running() as url:
        yield url


@pytest.fixture
def chain(chain_url: str, settings: object) -> str:
    settings.CHAIN_RPC_URLS = [chain_url]  # type: ignore[attr-defined]
    settings.CHAIN_ID = anvil.CHAIN_ID  # type: ignore[attr-defined]
    return chain_url


@pytest.fixture(scope="session")
def sumsub_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sumsub.Sandbox]:
    with sumsub.running(tmp_path_factory.mktemp("sumsub")) as sandbox:
        yield sandbox


@pytest.fixture
def provider(request: pytest.FixtureRequest, settings: object) -> Iterator[str]:
    """The provider that the test's parameter names; `auto` unless told otherwise."""
    settings.KYC_PROVIDER = getattr(request, "param", "auto")  # type: ignore[attr-defined]
    get_provider.cache_clear()
    yield settings.KYC_PROVIDER  # type: ignore[attr-defined]
    get_provider.cache_clear()


@pytest.fixture
def sandbox(sumsub_process: sumsub.Sandbox, settings: object) -> Iterator[sumsub.Sandbox]:
    """Sumsub, emptied, with our settings pointing there; nothing is answered until a test says so."""
    sumsub_process.control.reset()
    sumsub_process.control.settings(answer=None, review_seconds=0.0)
    credentials = sumsub_process.credentials
    settings.NUDGE_AFTER = 0.2  # type: ignore[attr-defined]
    settings.KYC_PROVIDER = "sumsub"  # type: ignore[attr-defined]
    settings.SUMSUB_URL = sumsub_process.url  # type: ignore[attr-defined]
    settings.SUMSUB_APP_TOKEN = credentials["app_token"]  # type: ignore[attr-defined]
    settings.SUMSUB_SECRET_KEY = credentials["secret_key"]  # type: ignore[attr-defined]
    settings.SUMSUB_WEBHOOK_SECRET = credentials["webhook_secret"]  # type: ignore[attr-defined]
    get_provider.cache_clear()
    yield sumsub_process
    get_provider.cache_clear()
