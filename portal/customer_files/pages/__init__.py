"""The pages of customer files: the dealer's month, receipts, the region's board, all regions."""

from portal.customer_files.pages import (
    bulk,
    by_hand,
    filing,
    headquarters,
    mending,
    receipts,
    region,
    reviewing,
    sheets,
    uploading,
)
from portal.customer_files.pages.door import room

__all__ = [
    "bulk",
    "by_hand",
    "filing",
    "headquarters",
    "mending",
    "receipts",
    "region",
    "reviewing",
    "room",
    "sheets",
    "uploading",
]
