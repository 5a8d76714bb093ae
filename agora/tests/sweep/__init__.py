"""The crash sweep: our processes die at each point of agora/lib/crashpoints.py, and everything completes once.

    python -m agora.tests.sweep [--hits 3] [--only mint.]      `make sweep`; test_sweep.py is its short form

One platform runs throughout. A process that is to die is forked, armed, from a `nursery` that has imported everything
already, so that a death costs no start of Python; what dies, and of what, is as in production.
"""
