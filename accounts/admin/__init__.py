"""The console's pages about people, their staff, and what staff did."""

from accounts.admin import people, privacy, proposals, staff

__all__ = ["people", "privacy", "proposals", "staff"]
