"""The only writer of the books."""

from portal.ledger.service.by_hand import undo_by_hand
from portal.ledger.service.commissions import Imported, cancel_withholding, import_commissions, pay, withhold
from portal.ledger.service.margins import (
    Taken,
    deposit,
    hold,
    leave,
    refund,
    release,
    reverse,
    stay,
    take,
)

__all__ = [
    "Imported",
    "Taken",
    "cancel_withholding",
    "deposit",
    "hold",
    "import_commissions",
    "leave",
    "pay",
    "refund",
    "release",
    "reverse",
    "stay",
    "take",
    "undo_by_hand",
    "withhold",
]
