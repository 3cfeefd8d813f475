"""The rows and problems of one file, whole for those who file them and masked for all others."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, Select, func, select

from portal.core.db import db
from portal.core.masking import mask_address, mask_numbers, mask_phone
from portal.core.paging import LIMIT, Page, paged
from portal.customer_files.models import CustomerFile, CustomerFileProblem, CustomerFileRow
from portal.customer_files.rules.moves import RowStatus

CANONICAL = (
    "customer_name",
    "phone",
    "address",
    "product_model",
    "purchase_date",
    "purchase_region",
    "quantity",
    "area",
    "order_no",
    "installer",
    "installed_on",
    "remarks",
)
KEPT = (*CANONICAL, "extra", "raw")
PUBLIC_COLUMNS = frozenset(
    {"product_model", "purchase_date", "purchase_region", "quantity", "area", "order_no", "installed_on"}
)
Value = str | int | float | None


@dataclass(frozen=True)
class ProblemView:
    """One problem; `row` is None for the whole file, `params` go into the words."""

    row: int | None
    column: str | None
    code: str
    severity: str
    params: Mapping[str, Any]
    value: str | None


@dataclass(frozen=True)
class RowView:
    row: int
    status: RowStatus
    values: Mapping[str, Value]
    problems: Sequence[ProblemView]
    reason: str | None
    return_reason: str | None


@dataclass(frozen=True)
class Totals:
    """What is about to be submitted, or was: households, quantity, area."""

    customers: int
    people: int
    quantity: int
    area: Decimal
    excluded: int


def masked(column: str | None, value: Value) -> Value:
    """A value as those above see it: phone and address cut, numbers in free words as well."""
    if value is None or isinstance(value, bool) or column in PUBLIC_COLUMNS:
        return value
    written = str(value)  # a program may send a phone as a number
    if column == "phone":
        return mask_phone(written)
    if column == "address":
        return mask_address(written)
    cut = mask_numbers(written)
    return value if cut == written else cut


def values_of(row: Row[Any] | CustomerFileRow, *, whole: bool) -> dict[str, Value]:
    """A row's values by column: as they were read, or as they were sent where they could not be."""
    raw = {} if row.status == RowStatus.GOOD else (row.raw or {})
    found: dict[str, Value] = {}
    for column in CANONICAL:
        value = getattr(row, column)
        if column in raw and value in (None, ""):
            value = raw[column]
        if isinstance(value, date):
            value = value.isoformat()
        elif isinstance(value, Decimal):
            value = float(value)
        found[column] = value
    found.update(row.extra or {})
    found.update(
        {column: value for column, value in raw.items() if column not in CANONICAL and not found.get(column)}
    )
    return found if whole else {column: masked(column, value) for column, value in found.items()}


def _rows(file_id: int) -> Select[Any]:
    columns = [getattr(CustomerFileRow, name) for name in KEPT]
    return select(
        CustomerFileRow.row_no,
        CustomerFileRow.status,
        CustomerFileRow.reason,
        CustomerFileRow.return_reason,
        *columns,
    ).where(CustomerFileRow.file_id == file_id)


def list_rows(
    file: CustomerFile,
    *,
    whole: bool,
    status: RowStatus | None = None,
    cursor: str | None = None,
    limit: int = LIMIT,
) -> Page[RowView]:
    """A page of rows in the order of the sheet, each with its problems."""
    chosen = _rows(file.id)
    if status is not None:
        chosen = chosen.where(CustomerFileRow.status == status)
    page = paged(chosen, [CustomerFileRow.row_no], cursor, limit)
    problems = problems_of_rows(file.id, [row.row_no for row in page.items], whole=whole)
    return Page([_view(row, problems, whole=whole) for row in page.items], page.next_cursor)


def get_row(file: CustomerFile, row_no: int, *, whole: bool) -> RowView | None:
    row = db.session.execute(_rows(file.id).where(CustomerFileRow.row_no == row_no)).one_or_none()
    return _view(row, problems_of_rows(file.id, [row_no], whole=whole), whole=whole) if row else None


def _view(row: Row[Any], problems: Mapping[int, list[ProblemView]], *, whole: bool) -> RowView:
    return RowView(
        row=row.row_no,
        status=RowStatus(row.status),
        values=values_of(row, whole=whole),
        problems=problems.get(row.row_no, []),
        reason=row.reason if whole or row.reason is None else mask_numbers(row.reason),
        return_reason=row.return_reason,
    )


def _problem(found: CustomerFileProblem, *, whole: bool) -> ProblemView:
    params = found.params or {}
    if not whole:
        params = {name: masked(found.column, value) for name, value in params.items()}
    return ProblemView(
        row=found.row_no or None,
        column=found.column,
        code=found.code,
        severity=found.severity,
        params=params,
        value=found.value if whole else masked(found.column, found.value),  # type: ignore[arg-type]
    )


def problems_of_rows(file_id: int, row_nos: Iterable[int], *, whole: bool) -> dict[int, list[ProblemView]]:
    wanted = list(row_nos)
    found: dict[int, list[ProblemView]] = defaultdict(list)
    if not wanted:
        return found
    chosen = (
        select(CustomerFileProblem)
        .where(CustomerFileProblem.file_id == file_id, CustomerFileProblem.row_no.in_(wanted))
        .order_by(CustomerFileProblem.row_no, CustomerFileProblem.id)
    )
    for problem in db.session.scalars(chosen):
        found[problem.row_no].append(_problem(problem, whole=whole))
    return found


def list_problems(
    file: CustomerFile,
    *,
    whole: bool,
    severity: str | None = None,
    codes: Iterable[str] | None = None,
    cursor: str | None = None,
    limit: int = LIMIT,
) -> Page[ProblemView]:
    """A page of problems in the order of the sheet; those of the whole file come first. `codes`: only these."""
    chosen = select(CustomerFileProblem).where(CustomerFileProblem.file_id == file.id)
    if severity is not None:
        chosen = chosen.where(CustomerFileProblem.severity == severity)
    if codes is not None:
        chosen = chosen.where(CustomerFileProblem.code.in_(list(codes)))
    page = paged(chosen, [CustomerFileProblem.row_no, CustomerFileProblem.id], cursor, limit)
    return Page([_problem(problem, whole=whole) for problem in page.items], page.next_cursor)


def all_problems(file_id: int, *, whole: bool) -> Iterator[ProblemView]:
    chosen = (
        select(CustomerFileProblem)
        .where(CustomerFileProblem.file_id == file_id)
        .order_by(CustomerFileProblem.row_no, CustomerFileProblem.id)
        .execution_options(yield_per=2000)
    )
    for problem in db.session.scalars(chosen):
        yield _problem(problem, whole=whole)


def all_rows(
    file_ids: Sequence[int], *, whole: bool, good_only: bool = True, matched: bool = True
) -> Iterator[tuple[int, RowView]]:
    """Every row of these files as (file id, row), for exports: read in pieces, never all in memory.

    Without `matched`, purchases that an earlier consolidation holds already are left out.
    """
    columns = [getattr(CustomerFileRow, name) for name in KEPT]
    chosen = (
        select(
            CustomerFileRow.file_id,
            CustomerFileRow.row_no,
            CustomerFileRow.status,
            CustomerFileRow.reason,
            CustomerFileRow.return_reason,
            *columns,
        )
        .where(CustomerFileRow.file_id.in_(list(file_ids)))
        .order_by(CustomerFileRow.file_id, CustomerFileRow.row_no)
        .execution_options(yield_per=2000)
    )
    if good_only:
        chosen = chosen.where(CustomerFileRow.status == RowStatus.GOOD)
    if not matched:
        chosen = chosen.where(CustomerFileRow.matched.is_(False))
    for row in db.session.execute(chosen):
        yield row.file_id, _view(row, {}, whole=whole)


def totals_of(file_ids: Sequence[int]) -> Totals:
    """Sums over the good rows of these files; `people` counts distinct phone and name (API.md)."""
    good = CustomerFileRow.status == RowStatus.GOOD
    person = func.row(CustomerFileRow.phone, CustomerFileRow.customer_name)
    row = db.session.execute(
        select(
            func.count().filter(good),
            func.count(person.distinct()).filter(good),
            func.coalesce(func.sum(CustomerFileRow.quantity).filter(good), 0),
            func.coalesce(func.sum(CustomerFileRow.area).filter(good), 0),
            func.count().filter(CustomerFileRow.status == RowStatus.EXCLUDED),
        ).where(CustomerFileRow.file_id.in_(list(file_ids)))
    ).one()
    customers, people, quantity, area, excluded = row
    return Totals(customers, people, int(quantity or 0), area or Decimal(), excluded)


def known_rows(file_id: int, row_nos: Iterable[int]) -> list[int]:
    """Which of these rows the file has; numbers that no row can have are none of them."""
    wanted = [row for row in row_nos if 0 < row < 2**31]
    if not wanted:
        return []
    return list(
        db.session.scalars(
            select(CustomerFileRow.row_no).where(
                CustomerFileRow.file_id == file_id, CustomerFileRow.row_no.in_(wanted)
            )
        )
    )


def get_rows(file: CustomerFile, row_nos: Iterable[int]) -> dict[int, RowView]:
    """Some rows by number, whole, with their problems."""
    wanted = list(row_nos)
    problems = problems_of_rows(file.id, wanted, whole=True)
    rows = db.session.execute(_rows(file.id).where(CustomerFileRow.row_no.in_(wanted)))
    return {row.row_no: _view(row, problems, whole=True) for row in rows}


@dataclass(frozen=True)
class WrongValue:
    """A value that stands wrong in `count` cells of a column: one correction mends all of them."""

    column: str
    value: str
    code: str
    count: int


def list_wrong_values(file: CustomerFile, *, least: int = 2, most: int = 20) -> list[WrongValue]:
    """Values that are wrong in several rows, the commonest first."""
    count = func.count(CustomerFileProblem.row_no.distinct())
    value = func.coalesce(CustomerFileProblem.value, "")
    rows = db.session.execute(
        select(CustomerFileProblem.column, value, func.min(CustomerFileProblem.code), count)
        .join(
            CustomerFileRow,
            (CustomerFileRow.file_id == CustomerFileProblem.file_id)
            & (CustomerFileRow.row_no == CustomerFileProblem.row_no),
        )
        .where(
            CustomerFileProblem.file_id == file.id,
            CustomerFileProblem.column.is_not(None),
            (CustomerFileProblem.severity == "error")
            | CustomerFileProblem.code.in_(["unknown_product", "unknown_region"]),
            CustomerFileRow.status != RowStatus.EXCLUDED,
        )
        .group_by(CustomerFileProblem.column, value)
        .having(count >= least)
        .order_by(count.desc(), CustomerFileProblem.column, value)
        .limit(most)
    )
    return [WrongValue(column or "", value, code, count) for column, value, code, count in rows]
