"""The journal: every paid response of a model service, raw, durable before anybody uses it."""

from synthkit.models.journal.entry import Entry
from synthkit.models.journal.journal import Journal

__all__ = ["Entry", "Journal"]
