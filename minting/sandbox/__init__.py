"""A node that misbehaves, on a laptop: a proxy before a real one (anvil), a process of its own over HTTP.

    python -m minting.sandbox --upstream http://127.0.0.1:8545 --data DIR [--port N] [--port-file F] [--seed N]

Clients talk JSON-RPC to it, batches too, as they would to the node. What it passes on it can delay, refuse, lose, bend
or withhold: see faults.py for the transport, lies.py for the content, lagging.py for a node that is behind. Knows no
Django. Its settings and scripts are kept in DIR/state.json, so a `kill -9` changes nothing of its character; what it
did is in DIR/log.jsonl, one JSON object a line, and in the control plane under /_sandbox/ (app.py). process.py starts
and steers it from tests and commands.
"""
