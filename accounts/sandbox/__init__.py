"""Sumsub on a laptop: an honest copy of the part of its API that Agora uses, in a process and a storage of its own.

    python -m accounts.sandbox --data DIR [--port N] [--port-file F] [--webhook-url U]

Knows no Django. App token, secret key and webhook secret are made at the first start, in credentials.json. Everything
is committed to SQLite before it is answered. A check is answered after `review_seconds` by the setting `answer`
(GREEN unless changed; null: never), or by Sumsub's own sandbox method POST …/status/testCompleted, also later and
against an earlier answer, which is how a late RED comes about.

The control plane under /_sandbox/ is described in control.py. process.py starts all of it.
"""
