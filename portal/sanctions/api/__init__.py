"""Sanction cases and standing (API.md, Sanctions and ledger)."""

from portal.sanctions.api import handed
from portal.sanctions.api.cases import api

__all__ = ["api", "handed"]
