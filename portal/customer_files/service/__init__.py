"""The only writer of customer files and consolidations."""

from portal.customer_files.service.checking import check
from portal.customer_files.service.columns import columns_for, columns_of, limits_of
from portal.customer_files.service.consolidating import consolidate
from portal.customer_files.service.exporting import annotated, summary, template, who_still_owes
from portal.customer_files.service.filing import Receipt, receipt_of, revise, submit, withdraw
from portal.customer_files.service.mending import Mended, correct_equal, exclude_row, include_row, mend_row
from portal.customer_files.service.receiving import (
    Received,
    filing_unit,
    receive_nil,
    receive_parts_only,
    receive_rows,
    receive_sheet,
    safe_name,
)
from portal.customer_files.service.reviewing import (
    Reminded,
    RowReason,
    must_be_in_charge,
    remind,
    return_file,
)
from portal.customer_files.service.reviewing import check as check_in_order

__all__ = [
    "Mended",
    "Receipt",
    "Received",
    "Reminded",
    "RowReason",
    "annotated",
    "check",
    "check_in_order",
    "columns_for",
    "columns_of",
    "consolidate",
    "correct_equal",
    "exclude_row",
    "filing_unit",
    "include_row",
    "limits_of",
    "mend_row",
    "must_be_in_charge",
    "receipt_of",
    "receive_nil",
    "receive_parts_only",
    "receive_rows",
    "receive_sheet",
    "remind",
    "return_file",
    "revise",
    "safe_name",
    "submit",
    "summary",
    "template",
    "who_still_owes",
    "withdraw",
]
