"""The rulebook's columns and limits as the sheet's rules want them."""

from datetime import date

from portal import rulebook
from portal.customer_files.rules.columns import Column, Limits
from portal.customer_files.rules.columns import Kind as ColumnKind
from portal.rulebook import Rulebook

KINDS: dict[str, ColumnKind] = {
    "text": "text",
    "product": "text",
    "region": "text",
    "choice": "text",
    "phone": "phone",
    "date": "date",
    "whole": "whole",
    "decimal": "decimal",
}
LONGEST = 4000


def columns_of(book: Rulebook) -> tuple[Column, ...]:
    """The columns of a network's customer file (R048), in the rulebook's order."""
    return tuple(
        Column(
            name=column.name,
            headings=(*column.headings.zh, *column.headings.en),
            required=column.required,
            kind=KINDS[column.kind],
            limit=column.max_length or LONGEST,
            allowed=column.allowed,
            strict=column.strict,
            label_zh=column.label.zh,
            label_en=column.label.en,
        )
        for column in book.columns
    )


def columns_for(network_id: int, month: date) -> tuple[Column, ...]:
    return columns_of(rulebook.current(network_id, month))


def limits_of(book: Rulebook) -> Limits:
    return Limits(
        bytes=book.limits.megabytes * 1_048_576,
        unpacked_bytes=book.limits.unpacked_megabytes * 1_048_576,
        rows=book.limits.rows,
        columns=book.limits.columns,
    )
