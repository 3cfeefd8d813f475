"""Customer files: the monthly collection from spreadsheet to headquarters (R040, R041, R042, R048)."""

from portal.customer_files.queries import latest_version, list_months, region_board, standings
from portal.customer_files.rules.moves import MISSING, DealerState, State

__all__ = [
    "MISSING",
    "DealerState",
    "State",
    "latest_version",
    "list_months",
    "region_board",
    "standings",
]
