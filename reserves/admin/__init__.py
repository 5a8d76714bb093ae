"""The console's desks: the books' comparisons and their differences, and the reserve reports."""

from reserves.admin import attestations, comparisons, reports

__all__ = ["attestations", "comparisons", "reports"]
