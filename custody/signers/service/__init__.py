"""The signer: a process of its own that holds the keys, and says no to whatever its configuration does not allow.

Run as `python -m custody.signers.service --config FILE --socket PATH`; docs/signer.md. It imports no Django, no ORM and
no chain: what it knows of the world is its configuration, its own record and its clock.
"""
