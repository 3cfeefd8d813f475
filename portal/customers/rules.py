"""What a customer is to those who look: purchases counted once, personal data cut for those above. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from portal.core import month as months
from portal.core.masking import mask_address, mask_phone

SHOWN = 50
"""How many hits a common fragment gives."""
COMPLETE = 200
"""Up to how many hits a search gives all of them."""
SMALL = 200
"""Up to how many rows a file's people become customers at once (60 ms); with more, a job does it: in the last minute
before a deadline receipts come first."""


class Purchase(NamedTuple):
    """A row of a filed file, or of a draft of one's own. A tuple: a page makes hundreds of them."""

    month: date
    product_model: str
    purchase_date: date | None
    quantity: int | None
    order_no: str
    file_id: int
    row_no: int
    purchase_region: str = ""
    area: Decimal | None = None
    installed_on: date | None = None
    installer: str = ""


class Person(NamedTuple):
    """A customer as a list shows it; a draft's rows come as people too, to whoever files them."""

    id: str
    name: str
    phone: str
    address: str
    unit_name: str
    unit_code: str
    purchases: Sequence[Purchase] = ()
    draft: bool = False


@dataclass(frozen=True)
class Found:
    """`narrow`: there are more hits than a search gives; the words should be narrowed."""

    items: list[Person]
    next_cursor: str | None = None
    narrow: bool = False


def facet(month: date | None, model: str | None) -> str:
    """'2026-10|', '|KT-60A' or '2026-10|KT-60A': as the list is indexed; '' without a filter."""
    if month is None and not model:
        return ""
    return f"{months.text(month) if month else ''}|{model or ''}"


def counted_once(purchases: Sequence[Purchase]) -> list[Purchase]:
    """The purchases of one customer, the newest first, without those that an amendment filed again (API.md)."""
    if len(purchases) < 2:
        return list(purchases)
    kept: list[Purchase] = []
    by_content: dict[tuple[object, ...], int] = {}
    ordered = sorted(purchases, key=lambda each: (each.month, each.file_id, -each.row_no), reverse=True)
    for each in ordered:
        content = (each.month, each.product_model, each.purchase_date, each.quantity, each.order_no)
        if by_content.setdefault(content, each.file_id) == each.file_id:
            kept.append(each)
    return kept


def as_seen(person: Person, *, whole: bool) -> Person:
    """Phone and address as the reader may see them (API.md, Conventions)."""
    if whole:
        return person
    key, name, phone, address, unit_name, unit_code, purchases, draft = person
    return Person(key, name, mask_phone(phone), mask_address(address), unit_name, unit_code, purchases, draft)
