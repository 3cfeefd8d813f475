"""Mending rows in place, one correction for all equal values, leaving rows out and taking them in again (R048)."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, delete, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert

from portal import network, rulebook
from portal.access import Actor
from portal.core import arrival, clock, events
from portal.core.db import db
from portal.core.errors import FieldError, Invalid, NotFound, pointer
from portal.core.texts import lazy
from portal.customer_files import queries
from portal.customer_files.models import CustomerFile, CustomerFileProblem, CustomerFileRow, ValueCorrection
from portal.customer_files.queries import CANONICAL, RowView, Value
from portal.customer_files.rules.columns import Column
from portal.customer_files.rules.judging import duplicates, judge_row
from portal.customer_files.rules.moves import Move, RowStatus, State, after, must_be_editable
from portal.customer_files.rules.problems import ERROR, Code, Problem
from portal.customer_files.service import duties
from portal.customer_files.service.checking import TEXTS
from portal.customer_files.service.columns import columns_for
from portal.customer_files.service.locking import lock_file
from portal.customer_files.service.storing import (
    FOUND_ELSEWHERE,
    compare_with_others,
    count_rows,
    forget_problems,
    store_problems,
    written,
)

BETWEEN_ROWS = (Code.DUPLICATE_IN_FILE, Code.NEAR_DUPLICATE, Code.PHONE_REUSED, Code.ORDER_NO_REUSED)
OF_THE_SHEET = frozenset({Code.HIDDEN_ROWS})
"""What a mended value does not change: everything else about a row is found anew."""
MOST_AT_ONCE = 20_000


@dataclass(frozen=True)
class Mended:
    """A row after it was mended, and its file."""

    file: CustomerFile
    row: RowView


def mend_row(actor: Actor, file_id: int, row_no: int, values: Mapping[str, Value]) -> Mended:
    """Give cells of a row new values; what is still wrong is said, not refused.

    Raises NotFound, Invalid unknown_column, Conflict not_editable.
    """
    file = queries.get_file(file_id)
    _must_exist(file, row_no)
    columns = columns_for(file.network_id, file.month)
    known = {column.name for column in columns}
    errors = [
        FieldError(pointer(name), "unknown_column", lazy("There is no such column."))
        for name in values
        if name not in known
    ]
    if errors:
        raise Invalid("unknown_column", errors[0].detail, errors)
    file = _locked_draft(actor, file_id)
    before = queries.get_row(file, row_no, whole=True)
    _mend(file, columns, {row_no: dict(values)})
    row = queries.get_row(file, row_no, whole=True)
    assert before is not None
    assert row is not None
    events.record(
        actor,
        "customer_file:row_mended",
        file,
        before={"row": row_no, "values": {name: before.values.get(name) for name in values}},
        after={"row": row_no, "values": dict(values), "status": row.status, "state": file.state},
    )
    return Mended(file, row)


def correct_equal(actor: Actor, file_id: int, column: str, wrong: str, right: str) -> int:
    """One correction for all equal values, remembered for the next months; gives how many rows it mended.

    Raises NotFound, Invalid unknown_column, Conflict not_editable.
    """
    file = queries.get_file(file_id)
    columns = columns_for(file.network_id, file.month)
    if column not in {each.name for each in columns}:
        words = lazy("There is no such column.")
        raise Invalid("unknown_column", words, [FieldError("/column", "unknown_column", words)])
    file = _locked_draft(actor, file_id)
    rows = list(
        db.session.scalars(
            select(CustomerFileProblem.row_no)
            .join(
                CustomerFileRow,
                (CustomerFileRow.file_id == CustomerFileProblem.file_id)
                & (CustomerFileRow.row_no == CustomerFileProblem.row_no),
            )
            .where(
                CustomerFileProblem.file_id == file.id,
                CustomerFileProblem.column == column,
                CustomerFileProblem.value.is_(None) if wrong == "" else CustomerFileProblem.value == wrong,
                or_(
                    CustomerFileProblem.severity == ERROR,
                    CustomerFileProblem.code.in_([Code.UNKNOWN_PRODUCT, Code.UNKNOWN_REGION]),
                ),
                CustomerFileRow.status != RowStatus.EXCLUDED,
            )
            .distinct()
            .limit(MOST_AT_ONCE)
        )
    )
    if rows:
        _mend(file, columns, {row: {column: right} for row in rows})
    if wrong:
        _remember(actor, file, column, wrong, right)
    events.record(
        actor,
        "customer_file:values_corrected",
        file,
        before={"column": column, "value": wrong},
        after={"column": column, "value": right, "rows": len(rows), "state": file.state},
    )
    return len(rows)


def exclude_row(actor: Actor, file_id: int, row_no: int, reason: str) -> Mended:
    """Leave a row out; region and headquarters see it with its reason. Raises NotFound, Conflict not_editable."""
    _must_exist(queries.get_file(file_id), row_no)
    file = _locked_draft(actor, file_id)
    row = queries.get_row(file, row_no, whole=True)
    assert row is not None
    _set_status(file, row_no, RowStatus.EXCLUDED, reason)
    _settle(file, [row_no])
    events.record(
        actor,
        "customer_file:row_excluded",
        file,
        before={"row": row_no, "status": row.status},
        after={"row": row_no, "reason": reason, "state": file.state},
    )
    return _mended(file, row_no)


def include_row(actor: Actor, file_id: int, row_no: int) -> Mended:
    """Take a row in again; it is judged anew. Raises NotFound, Conflict not_editable."""
    _must_exist(queries.get_file(file_id), row_no)
    file = _locked_draft(actor, file_id)
    row = queries.get_row(file, row_no, whole=True)
    assert row is not None
    if row.status is RowStatus.EXCLUDED:
        _set_status(file, row_no, RowStatus.GOOD, None)
        _settle(file, [row_no])
        events.record(
            actor,
            "customer_file:row_included",
            file,
            before={"row": row_no, "reason": row.reason},
            after={"row": row_no, "state": file.state},
        )
    return _mended(file, row_no)


def _mended(file: CustomerFile, row_no: int) -> Mended:
    row = queries.get_row(file, row_no, whole=True)
    assert row is not None
    return Mended(file, row)


def _must_exist(file: CustomerFile, row_no: int) -> None:
    if not queries.known_rows(file.id, [row_no]):
        raise NotFound()


def _locked_draft(actor: Actor, file_id: int) -> CustomerFile:
    file = lock_file(file_id)
    must_be_editable(State(file.state))
    duties.must_take(file.network_id, network.get_unit(file.unit_id), file.month, arrival.reached())
    return file


def _set_status(file: CustomerFile, row_no: int, status: RowStatus, reason: str | None) -> None:
    db.session.execute(
        update(CustomerFileRow)
        .where(CustomerFileRow.file_id == file.id, CustomerFileRow.row_no == row_no)
        .values(status=status, reason=reason)
    )


# --- values ---------------------------------------------------------------------------------------------------------


def _mend(file: CustomerFile, columns: Sequence[Column], changes: Mapping[int, Mapping[str, Value]]) -> None:
    """New values for some rows: judged one by one, stored at once, then settled against the other rows."""
    zone = ZoneInfo(network.get_network(file.network_id).time_zone)
    today = clock.now().astimezone(zone).date()
    days_back = rulebook.current(file.network_id, file.month).customer_file.forgotten.days
    touched = list(changes)
    neighbours = _neighbours(file, touched)
    known = queries.get_rows(file, touched)
    lines, problems = [], []
    for row_no, given in changes.items():
        row = known[row_no]
        cells = {name: _cell(value) for name, value in {**row.values, **given}.items()}
        judged = judge_row(cells, columns, file.month, today, row=row_no, days_back=days_back, zone=zone)
        values = dict(zip(judged.columns, judged.values[0], strict=True))
        raw = judged.raw.get(row_no, {}) if judged.bad else {}
        lines.append(_line(row_no, values, raw))
        problems += _still_said(row, given, judged.problems)
    db.session.execute(_WRITE, [{"network": file.network_id, "file": file.id, **line} for line in lines])
    db.session.execute(
        delete(CustomerFileProblem).where(
            CustomerFileProblem.file_id == file.id,
            CustomerFileProblem.row_no.in_(touched),
            CustomerFileProblem.code.not_in(list(OF_THE_SHEET)),
        )
    )
    _store(file, problems)
    _settle(file, touched, neighbours)


def _still_said(row: RowView, given: Mapping[str, Value], found: Iterable[Problem]) -> list[Problem]:
    """What is found in the mended row, and what was said of the cells as they were sent, where those stayed."""
    kept = [
        Problem(row.row, each.column, Code(each.code), each.severity, each.params, each.value or "")
        for each in row.problems
        if each.column not in given and each.code in (Code.READ_AS, Code.MERGED, Code.CLEANED)
    ]
    said = {(each.column, each.code) for each in kept}
    return kept + [each for each in found if (each.column, each.code) not in said]


def _cell(value: Value) -> str | int | float:
    return "" if value is None else value


def _line(row_no: int, values: Mapping[str, object], raw: Mapping[str, str]) -> dict[str, object]:
    line: dict[str, object] = {"row": row_no}
    for name in CANONICAL:
        value = values.get(name)
        line[name] = "" if value is None and name in TEXTS else value
    own = {
        name: "" if value is None else str(value) for name, value in values.items() if name not in CANONICAL
    }
    line["extra"] = json.dumps(own, ensure_ascii=False) if own else None
    line["raw"] = json.dumps(dict(raw), ensure_ascii=False) if raw else None
    return line


_WRITE = text(
    f"""
    UPDATE customer_file_row SET {", ".join(f"{name} = :{name}" for name in CANONICAL)},
           extra = CAST(:extra AS jsonb), raw = CAST(:raw AS jsonb)
    WHERE network_id = :network AND file_id = :file AND row_no = :row
    """  # noqa: S608 - names are ours
)


def _remember(actor: Actor, file: CustomerFile, column: str, wrong: str, right: str) -> None:
    made = insert(ValueCorrection).values(
        network_id=actor.network_id,
        unit_path=file.unit_path,
        unit_id=file.unit_id,
        column=column,
        wrong=wrong,
        right=right,
        set_at=clock.now(),
    )
    db.session.execute(
        made.on_conflict_do_update(
            index_elements=["network_id", "unit_id", "column", "wrong"],
            set_={"right": made.excluded.right, "set_at": made.excluded.set_at},
        )
    )


# --- between rows ---------------------------------------------------------------------------------------------------

_RELATED = text(
    """
    SELECT DISTINCT o.row_no FROM customer_file_row r
    JOIN customer_file_row o ON o.network_id = r.network_id AND o.file_id = r.file_id
     AND ((o.phone = r.phone AND r.phone <> '') OR (o.order_no = r.order_no AND r.order_no <> ''))
    WHERE r.network_id = :network AND r.file_id = :file AND r.row_no IN :rows
    """
).bindparams(bindparam("rows", expanding=True))


def _neighbours(file: CustomerFile, row_nos: Iterable[int]) -> set[int]:
    """These rows and all of the file that share a phone or an order number with one of them."""
    wanted = list(row_nos)
    found = db.session.scalars(_RELATED, {"network": file.network_id, "file": file.id, "rows": wanted})
    return {*wanted, *found}


def _settle(file: CustomerFile, touched: Sequence[int], before: set[int] | None = None) -> None:
    """Find anew what shows only between rows, then statuses, counts and the file's state.

    `before`: the neighbours of the rows as they were, who may be freed of a duplicate.
    """
    affected = _neighbours(file, touched) | (before or set())
    rows = list(affected)
    forget_problems(file, rows, [*BETWEEN_ROWS, *FOUND_ELSEWHERE])
    db.session.execute(_JUDGE_ROWS, {"network": file.network_id, "file": file.id, "rows": rows})
    around = duplicates(*_good_values(file, _neighbours(file, rows)))
    _store(file, [each for each in around if each.row in affected])
    db.session.execute(_JUDGE_ROWS, {"network": file.network_id, "file": file.id, "rows": rows})
    compare_with_others(file, rows)
    count_rows(file)
    move = Move.FIND_ERRORS if file.bad else Move.FIND_NONE
    file.state = after(State(file.state), move)
    file.changed_at = arrival.reached()
    db.session.flush()


_JUDGE_ROWS = text(
    """
    UPDATE customer_file_row r
    SET status = CASE WHEN EXISTS (
        SELECT 1 FROM customer_file_problem p
        WHERE p.network_id = r.network_id AND p.file_id = r.file_id AND p.row_no = r.row_no AND p.severity = 'error'
    ) THEN 'bad' ELSE 'good' END
    WHERE r.network_id = :network AND r.file_id = :file AND r.row_no IN :rows AND r.status <> 'excluded'
    """
).bindparams(bindparam("rows", expanding=True))


def _good_values(file: CustomerFile, row_nos: Iterable[int]) -> tuple[list[int], dict[str, list[Any]]]:
    """The good ones of these rows, and their values by column, in the order of the sheet; without own columns."""
    columns = [getattr(CustomerFileRow, name) for name in CANONICAL]
    rows = db.session.execute(
        select(CustomerFileRow.row_no, *columns)
        .where(
            CustomerFileRow.file_id == file.id,
            CustomerFileRow.row_no.in_(list(row_nos)),
            CustomerFileRow.status == RowStatus.GOOD,
        )
        .order_by(CustomerFileRow.row_no)
    ).all()
    values = {name: [row[place] for row in rows] for place, name in enumerate(CANONICAL, 1)}
    return [row[0] for row in rows], values


def _store(file: CustomerFile, problems: Sequence[Problem]) -> None:
    if problems:
        store_problems(
            file,
            (
                (str(row), column, code.value, severity, written(dict(params)), value or None)
                for row, column, code, severity, params, value in problems
            ),
        )
