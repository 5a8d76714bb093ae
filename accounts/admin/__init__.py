"""The console's pages about people, their staff, and what staff did."""

from accounts.admin import people, proposals, staff

__all__ = ["people", "proposals", "staff"]
