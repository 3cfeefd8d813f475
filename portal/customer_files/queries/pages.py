"""What only the pages ask: rows by tab, how often a dealer was late, the same phone at two dealers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Select, and_, exists, func, or_, select

from portal.clocks import Kind, Obligation
from portal.core import month as months
from portal.core.db import db
from portal.core.paging import LIMIT, Page, paged
from portal.customer_files.models import CustomerFile, CustomerFileProblem, CustomerFileRow
from portal.customer_files.queries.files import list_versions, stand
from portal.customer_files.queries.rows import RowView, _rows, _view, problems_of_rows
from portal.customer_files.rules.moves import RowStatus

LOOKED_BACK = 6  # months


def list_tab(
    file: CustomerFile, tab: str, *, whole: bool, cursor: str | None = None, limit: int = LIMIT
) -> Page[RowView]:
    """A page of rows under one of the tabs: bad, warnings, good, excluded, returned, all."""
    chosen = _of_tab(_rows(file.id), file, tab)
    page = paged(chosen, [CustomerFileRow.row_no], cursor, limit)
    problems = problems_of_rows(file.id, [row.row_no for row in page.items], whole=whole)
    return Page([_view(row, problems, whole=whole) for row in page.items], page.next_cursor)


def _of_tab(
    chosen: "Select[tuple[object, ...]]", file: CustomerFile, tab: str
) -> "Select[tuple[object, ...]]":
    if tab in ("bad", "good", "excluded"):
        return chosen.where(CustomerFileRow.status == RowStatus(tab))
    if tab == "returned":
        return chosen.where(CustomerFileRow.return_reason.is_not(None))
    if tab == "warnings":
        warned = exists().where(
            CustomerFileProblem.network_id == file.network_id,
            CustomerFileProblem.file_id == CustomerFileRow.file_id,
            CustomerFileProblem.row_no == CustomerFileRow.row_no,
            CustomerFileProblem.severity == "warning",
        )
        return chosen.where(warned, CustomerFileRow.status != RowStatus.EXCLUDED)
    return chosen


def count_returned(file: CustomerFile) -> int:
    """How many of the file's rows came back with a reason of their own."""
    chosen = select(func.count()).where(
        CustomerFileRow.network_id == file.network_id,
        CustomerFileRow.file_id == file.id,
        CustomerFileRow.return_reason.is_not(None),
    )
    return db.session.scalar(chosen) or 0


@dataclass(frozen=True)
class Before:
    """A unit's month as it was filed, to hold the next one against."""

    month: date
    customers: int
    people: int
    filed: bool


def month_before(unit_id: int, month: date) -> Before:
    """What the unit filed for the month before."""
    before = months.before(month)
    _, file = stand(list_versions(unit_id, before))
    if file is None or file.customers is None:
        return Before(before, 0, 0, filed=False)
    return Before(before, file.customers, file.people or 0, filed=True)


def customers_before(path: str, month: date) -> Mapping[int, int]:
    """By unit under `path`: what it filed for the month before (the newest version that was submitted)."""
    rows = db.session.execute(
        select(CustomerFile.unit_id, CustomerFile.customers)
        .where(
            CustomerFile.month == months.before(month),
            CustomerFile.unit_path >= path,
            CustomerFile.unit_path < f"{path[:-1]}/",
            CustomerFile.state.in_(["submitted", "checked", "consolidated"]),
            CustomerFile.customers.is_not(None),
        )
        .order_by(CustomerFile.unit_id, CustomerFile.version)
    )
    return {unit_id: customers or 0 for unit_id, customers in rows}


def times_late(path: str, month: date, now: datetime) -> Mapping[int, int]:
    """By dealer under `path`: how many of the last six months up to `month` were filed late or not at all (R041)."""
    first = month
    for _ in range(LOOKED_BACK - 1):
        first = months.before(first)
    late = or_(
        Obligation.judged_at >= Obligation.due_at,
        and_(Obligation.closed_at.is_(None), Obligation.paused_at.is_(None), Obligation.due_at <= now),
    )
    rows = db.session.execute(
        select(Obligation.unit_id, func.count())
        .where(
            Obligation.kind == Kind.CUSTOMER_FILE,
            Obligation.month >= first,
            Obligation.month <= month,
            Obligation.unit_path >= path,
            Obligation.unit_path < f"{path[:-1]}/",
            late,
        )
        .group_by(Obligation.unit_id)
    )
    return {unit_id: int(count) for unit_id, count in rows}


def same_phones(owners: Mapping[int, int]) -> int:
    """How many phone numbers stand at two dealers or more; `owners`: file id → its dealer's id."""
    given = (
        func.unnest(
            db.text("CAST(:files AS bigint[])").bindparams(files=list(owners)),
            db.text("CAST(:owners AS bigint[])").bindparams(owners=list(owners.values())),
        )
        .table_valued("file_id", "dealer_id")
        .render_derived()
    )
    phones = (
        select(CustomerFileRow.phone)
        .join(given, given.c.file_id == CustomerFileRow.file_id)
        .where(CustomerFileRow.status == RowStatus.GOOD, CustomerFileRow.phone != "")
        .group_by(CustomerFileRow.phone)
        .having(func.count(given.c.dealer_id.distinct()) > 1)
        .subquery()
    )
    return db.session.scalar(select(func.count()).select_from(phones)) or 0


def areas_of(file_ids: Iterable[int]) -> Decimal:
    """Square metres of the good rows of these files."""
    chosen = select(func.coalesce(func.sum(CustomerFileRow.area), 0)).where(
        CustomerFileRow.file_id.in_(list(file_ids)), CustomerFileRow.status == RowStatus.GOOD
    )
    return Decimal(db.session.scalar(chosen) or 0)


def files_by_id(ids: Sequence[int]) -> dict[int, CustomerFile]:
    chosen = select(CustomerFile).where(CustomerFile.id.in_(list(ids)))
    return {file.id: file for file in db.session.scalars(chosen)}
