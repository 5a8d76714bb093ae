"""Fireblocks on a laptop: an honest copy of the part of its API that Agora uses, in a process and a storage of its own.

    python -m custody.sandbox --data DIR [--port N] [--port-file F] [--webhook-url U] [--api-key K --public-key FILE]

Knows no Django. Both SDK generations (fireblocks-sdk, fireblocks) can talk to it. Everything is committed to SQLite
before it is answered, so a `kill -9` loses nothing that a client was told.

Vault account "agora-settlement-inbox" stands for the broker's deliveries: each asset made in it is born with a large
balance (setting `inbox_balance`).

Magic amounts of a TRANSFER (for integrators and demos; a scenario of the control plane wins over them):

    13.13   BLOCKED, BLOCKED_BY_POLICY
    66.66   stays in PENDING_AUTHORIZATION until released: POST /_sandbox/transactions/{id}/release
    99.99   COMPLETED, COMPLETED_BUT_3RD_PARTY_FAILED

The control plane under /_sandbox/ is described in control.py, scenarios in scenarios.py. process.py starts all of it.
"""
