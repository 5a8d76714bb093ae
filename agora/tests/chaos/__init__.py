"""`make chaos`: real processes are killed, vendors misbehave, blocks vanish; then the outside's own books are read.

    python -m agora.tests.chaos --seed 7 --orders 60 --minutes 3

See docs/chaos.md. Run: the loop (`run`), what is started (`installation`), who orders (`clients`), what goes wrong
(`monkey`, `reorgs`, and the sandboxes' own faults), what is read (`books`), what is found (`judge`), what is told
(`timing`, `table`).
"""
