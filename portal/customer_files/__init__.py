"""Customer files: the monthly collection from spreadsheet to headquarters (R040, R041, R042, R048)."""

from portal.customer_files.queries import (
    RegionBoard,
    latest_version,
    list_boards,
    list_months,
    region_board,
    standings,
)
from portal.customer_files.rules.moves import MISSING, DealerState, State
from portal.customer_files.service import (
    RowReason,
    check_in_order,
    consolidate,
    receive_nil,
    receive_rows,
    receive_sheet,
    remind,
    return_file,
    submit,
    withdraw,
)

__all__ = [
    "MISSING",
    "DealerState",
    "RegionBoard",
    "RowReason",
    "State",
    "check_in_order",
    "consolidate",
    "latest_version",
    "list_boards",
    "list_months",
    "receive_nil",
    "receive_rows",
    "receive_sheet",
    "region_board",
    "remind",
    "return_file",
    "standings",
    "submit",
    "withdraw",
]
