"""A local copy of Alpaca's Trading API, market data and trade stream: paths, JSON, error bodies and habits of the wire.

    python -m orders.sandbox --port 8101 --data .agora/alpaca [--port-file F] [--key-id K --secret-key S]

A process of its own (aiohttp, no Django, nothing of Agora), with storage of its own (sqlite, committed before each
answer): kill -9 either side and the other stands. `process.running()` starts it from tests and commands.

Without instructions a market order is filled in one piece after `fill_delay` (0.15 s) while the market is open; while
it is closed the order stays `accepted`. Orders worth less than `minimum_cost` ($1, as at Alpaca) are refused.

Everything else is asked for on the control plane, loopback only, without keys (see `control`):

    POST /_sandbox/scenario   {"match": {…}, "times": 1, "steps": [{"do": …}, …]}       what to do: see `scenarios`
    POST /_sandbox/settings   {"fill_delay": 0.5, …}                                    names and defaults: `settings`
    POST /_sandbox/market     {"open": false}
    POST /_sandbox/orders/{id}/fill|cancel|expire|reject|bust|correct|status            drives an order by hand
    POST /_sandbox/emit       {"json": …} | {"raw": "…"} | {"event": "…", "order_id": "…"}  says it on the stream
    POST /_sandbox/disconnect   drops every stream connection
    POST /_sandbox/reset        forgets all orders, scenarios, settings and the log
    GET  /_sandbox/log?after=N  every request and effect so far

The market is open at any hour, until it is closed by hand; then no trade and no quote is newer than that moment. Under
/olinda Banco Central do Brasil's PTAX rate of the dollar is served, at its own paths (see `ptax`).

Integrators who cannot reach the control plane choose by the last six decimals of the quantity:

    *.***000403   refused at submit: 403 insufficient buying power
    *.***000422   refused at submit: 422
    *.***000504   taken, but the answer comes after 8 seconds only
    *.***000499   taken, then `rejected` on the stream
    *.***000200   filled in two halves, one second apart
    *.***000206   half filled, then cancelled by the exchange
    *.***000208   half filled, then expired
    *.***000102   never filled until cancelled
"""
