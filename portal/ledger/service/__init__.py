"""The only writer of the books."""

from portal.ledger.service.commissions import Imported, cancel_withholding, import_commissions, withhold
from portal.ledger.service.margins import Taken, deposit, hold, refund, release, reverse, take

__all__ = [
    "Imported",
    "Taken",
    "cancel_withholding",
    "deposit",
    "hold",
    "import_commissions",
    "refund",
    "release",
    "reverse",
    "take",
    "withhold",
]
