"""The console's pages about people, their staff, and what staff did."""

from accounts.admin import cases, people, privacy, proposals, staff

__all__ = ["cases", "people", "privacy", "proposals", "staff"]
