"""The one error this package raises on purpose."""

from __future__ import annotations


class LabError(Exception):
    """Something a person can act on: the text says what was wanted, what was found, and what to do."""
