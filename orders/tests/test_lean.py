"""The broker's SDK is imported without pandas, and nobody else loses pandas by that."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOOK = """
import sys
from orders.brokers.alpaca.lean import without_pandas
with without_pandas():
    import alpaca.trading.requests, alpaca.data.models.base
assert "pandas" not in sys.modules and "numpy" not in sys.modules
try:
    alpaca.trading.requests.pd.Timestamp("2026-01-02")
except RuntimeError as error:
    assert "without pandas" in str(error)
else:
    raise AssertionError("a table was made of nothing")
import pandas
assert pandas.Timestamp("2026-01-02").day == 2
"""


def test_the_sdk_brings_no_pandas_and_leaves_it_to_who_wants_it() -> None:
    done = subprocess.run([sys.executable, "-c", LOOK], cwd=ROOT, capture_output=True, text=True, timeout=60)

    assert (done.returncode, done.stderr) == (0, "")


def test_the_broker_s_module_brings_no_pandas() -> None:
    look = (
        "import os, sys; os.environ['DJANGO_SETTINGS_MODULE'] = 'agora.settings'; import django; django.setup(); "
        "import orders.brokers.alpaca; sys.exit('pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", look], cwd=ROOT, capture_output=True, text=True, timeout=60)

    assert (done.returncode, done.stderr) == (0, "")
