"""Bugs that we know how to make, each with the smallest run that must catch it: `make seeded-bugs`.

Production code has no switch for them. `bugs` names the lines to change; they are changed in the memory of a test's
process, or of processes that run with `DJANGO_SETTINGS_MODULE=agora.tests.seeded.settings` (sandbox only).
"""
