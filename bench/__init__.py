"""`make bench`: what Agora costs, beside what it is measured against, in one run (docs/benchmarks.md)."""
