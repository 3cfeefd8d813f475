"""Many rows at once, under row-level security: COPY into a temporary table, then one INSERT … SELECT.

COPY into a walled table is refused by PostgreSQL; the detour costs some 6 % (docs/decisions).
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import bindparam, text

from portal.core import events
from portal.core.db import db, raw
from portal.customer_files.models import CustomerFile

ROW_COLUMNS = {
    "row_no": "integer",
    "status": "text",
    "customer_name": "text DEFAULT ''",
    "phone": "text DEFAULT ''",
    "address": "text DEFAULT ''",
    "product_model": "text DEFAULT ''",
    "purchase_date": "date",
    "purchase_region": "text DEFAULT ''",
    "quantity": "integer",
    "area": "numeric",
    "order_no": "text DEFAULT ''",
    "installer": "text DEFAULT ''",
    "installed_on": "date",
    "remarks": "text DEFAULT ''",
    "extra": "jsonb",
    "raw": "jsonb",
}
PROBLEM_COLUMNS = {
    "row_no": "integer",
    "column": "text",
    "code": "text",
    "severity": "text",
    "params": "jsonb",
    "value": "text",
}
PIECE = (
    500  # lines sent at once: they fit into the socket, so that the server reads while the next ones are made
)
_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\ufffd"})
"""What COPY wants escaped; PostgreSQL's text takes no NUL."""

Fields = Sequence[str | None]
"""A column's values as texts; None is NULL."""


@dataclass(frozen=True)
class Piece:
    """Rows of a file, by the columns of ROW_COLUMNS that it has, and problems in the order of PROBLEM_COLUMNS."""

    columns: Mapping[str, Fields]
    problems: list[Fields]


def store_rows(
    file: CustomerFile, pieces: Iterator[Piece], report: Callable[[int], None] | None = None
) -> set[int]:
    """Insert a file's rows and problems, piece by piece, and warn of what other filed files hold.

    The database takes a piece in while `pieces` works out the next one, for which it must not ask the database.
    `report` is told how many rows were sent so far. Gives the rows that were warned.
    """
    warned: set[int] = set()
    sent = 0
    piece = next(pieces, None)
    while piece is not None:
        store_problems(file, piece.problems)
        incoming = _send("customer_file_row", ROW_COLUMNS, piece.columns, report, sent)
        # before they go in: afterwards each row would find itself in the index first
        warned |= _warn(file, _SENT, {})
        sent += len(piece.columns["row_no"])
        with raw().pipeline():  # sent, and not waited for before its end
            _take_in(file, "customer_file_row", piece.columns, incoming)
            piece = next(pieces, None)
    return warned


def store_problems(file: CustomerFile, problems: Iterable[Fields]) -> None:
    """Insert problems, each as texts in the order of PROBLEM_COLUMNS (None is NULL)."""
    db.session.flush()
    columns = dict(zip(PROBLEM_COLUMNS, zip(*problems, strict=True), strict=False))
    if columns:
        incoming = _send("customer_file_problem", PROBLEM_COLUMNS, columns)
        _take_in(file, "customer_file_problem", columns, incoming)


def written(value: Any) -> str | None:
    """A value as COPY reads it."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, dict | list):
        return json.dumps(events.plain(value), ensure_ascii=False) if value else None
    return str(value)


def _send(
    table: str,
    kinds: dict[str, str],
    columns: Mapping[str, Fields],
    report: Callable[[int], None] | None = None,
    sent: int = 0,
) -> str:
    """Everything into a temporary table; gives its name. `sent`: how many were sent before these."""
    incoming = f"incoming_{table}"
    made = ", ".join(f'"{name}" {kind}' for name, kind in kinds.items())
    lines = map("\t".join, zip(*map(_escaped, columns.values()), strict=True))
    with raw().cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE {incoming} ({made}) ON COMMIT DROP")
        with cursor.copy(f"COPY {incoming} ({_names(columns)}) FROM STDIN (ENCODING 'UTF8')") as copy:
            while piece := list(islice(lines, PIECE)):
                if report:
                    report(sent)
                copy.write(("\n".join(piece) + "\n").encode(errors="replace"))  # half a character
                sent += len(piece)
    return incoming


def _names(columns: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in columns)


def _escaped(values: Fields) -> Iterable[str]:
    """A column as COPY reads it: one look at all of it tells whether there is anything to escape."""
    nothing = None in values
    joined = "".join(filter(None, values) if nothing else values)  # type: ignore[arg-type]
    if any(sign in joined for sign in "\\\n\r\t\0"):
        values = [value and value.translate(_ESCAPES) for value in values]
    return ["\\N" if value is None else value for value in values] if nothing else values  # type: ignore[return-value]


def _take_in(file: CustomerFile, table: str, columns: Iterable[str], incoming: str) -> None:
    """What was sent into its table; columns that were not sent get the table's defaults."""
    names = _names(columns)
    with raw().cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (network_id, unit_path, file_id, {names}) "  # noqa: S608 - names are ours
            f"SELECT %s, %s, %s, {names} FROM {incoming}",
            (file.network_id, file.unit_path, file.id),
        )
        cursor.execute(f"DROP TABLE {incoming}")


# --- what other files say about these rows --------------------------------------------------------------------------

FOUND_ELSEWHERE = ("duplicate_in_network", "phone_reused", "order_no_reused")
# The keys are gathered into an array (the index sorts it, and drops what stands there twice), and both sides are
# hashed: with the statistics of an hour ago a planner that joins the table to itself may take a day. `found` is small
# where nothing was reported twice.
_OTHERS = """
    WITH mine AS {mine},
    others AS MATERIALIZED (
        SELECT file_id, row_no, customer_name, phone, product_model, purchase_date, order_no, quantity
        FROM customer_file_row
        WHERE network_id = :network AND {key} = ANY(ARRAY(SELECT {key} FROM mine WHERE {key} <> ''))
          {narrow} AND status = 'good' AND file_id <> :file),
    filed AS MATERIALIZED (
        SELECT f.id, f.month, u.name
        FROM customer_file f JOIN unit u ON u.network_id = f.network_id AND u.id = f.unit_id
        WHERE f.network_id = :network AND f.id IN (SELECT file_id FROM others)
          AND f.state IN ('submitted', 'checked', 'consolidated') AND (f.unit_id <> :unit OR f.month <> :month))
    INSERT INTO customer_file_problem (network_id, unit_path, file_id, row_no, "column", code, severity, params, value)
    SELECT :network, :path, :file, row_no, "column", code, 'warning',
           jsonb_build_object('month', to_char(month, 'YYYY-MM'), 'unit', name, 'other_row', other), value
    FROM ({found}) AS found ORDER BY row_no
    RETURNING row_no
"""
_BY_PHONE = """
    SELECT DISTINCT ON (m.row_no, o.customer_name <> m.customer_name) m.row_no, f.month, f.name, o.row_no AS other,
           CASE WHEN o.customer_name <> m.customer_name THEN 'phone' END AS "column",
           CASE WHEN o.customer_name <> m.customer_name THEN 'phone_reused' ELSE 'duplicate_in_network' END AS code,
           CASE WHEN o.customer_name <> m.customer_name THEN m.phone END AS value
    FROM mine m JOIN others o ON o.phone = m.phone JOIN filed f ON f.id = o.file_id
    WHERE o.customer_name <> m.customer_name
       OR (o.product_model = m.product_model AND o.purchase_date = m.purchase_date AND o.order_no = m.order_no
           AND o.quantity = m.quantity)
    ORDER BY m.row_no, o.customer_name <> m.customer_name, f.month DESC, f.id DESC, o.row_no
"""
_BY_ORDER = """
    SELECT DISTINCT ON (m.row_no) m.row_no, f.month, f.name, o.row_no AS other, 'order_no' AS "column",
           'order_no_reused' AS code, m.order_no AS value
    FROM mine m JOIN others o ON o.order_no = m.order_no JOIN filed f ON f.id = o.file_id
    WHERE o.phone <> m.phone
    ORDER BY m.row_no, f.month DESC, f.id DESC, o.row_no
"""


_SENT = "NOT MATERIALIZED (SELECT * FROM incoming_customer_file_row)"
_KEPT = """MATERIALIZED (
        SELECT row_no, customer_name, phone, product_model, purchase_date, order_no, quantity
        FROM customer_file_row WHERE network_id = :network AND file_id = :file AND status <> 'excluded'
          AND row_no = ANY(:rows))"""


def compare_with_others(file: CustomerFile, row_nos: Sequence[int]) -> set[int]:
    """Warn of what other filed files hold of these stored rows. Gives the rows that were warned."""
    db.session.flush()
    return _warn(file, _KEPT, {"rows": list(row_nos)})


def _warn(file: CustomerFile, mine: str, rows: dict[str, Any]) -> set[int]:
    """Set-based; a dealer's eyes reach no farther than its own subtree."""
    given: dict[str, Any] = {
        "network": file.network_id,
        "path": file.unit_path,
        "file": file.id,
        "unit": file.unit_id,
        "month": file.month,
        **rows,
    }
    warned: set[int] = set()
    db.session.execute(text("SET LOCAL enable_nestloop = off"))
    for key, narrow, found in (("phone", "", _BY_PHONE), ("order_no", "AND order_no <> ''", _BY_ORDER)):
        statement = _OTHERS.replace("{mine}", mine).replace("{key}", key)
        statement = statement.replace("{narrow}", narrow).replace("{found}", found)
        warned.update(db.session.scalars(text(statement), given))
    db.session.execute(text("SET LOCAL enable_nestloop = on"))
    return warned


_FORGET = text(
    "DELETE FROM customer_file_problem WHERE network_id = :network AND file_id = :file "
    "AND row_no IN :rows AND code IN :codes"
).bindparams(bindparam("rows", expanding=True), bindparam("codes", expanding=True))


def forget_problems(file: CustomerFile, row_nos: Sequence[int], codes: Sequence[str]) -> None:
    """Delete the problems of these codes in these rows, before they are found anew."""
    if row_nos and codes:
        db.session.execute(
            _FORGET,
            {"network": file.network_id, "file": file.id, "rows": list(row_nos), "codes": list(codes)},
        )


_COUNT = text(
    """
    WITH warned AS MATERIALIZED (
        SELECT DISTINCT row_no FROM customer_file_problem
        WHERE network_id = :network AND file_id = :file AND severity = 'warning')
    SELECT count(*),
           count(*) FILTER (WHERE status = 'good'),
           count(*) FILTER (WHERE status = 'bad'),
           count(*) FILTER (WHERE status = 'excluded'),
           count(*) FILTER (WHERE status <> 'excluded' AND row_no IN (SELECT row_no FROM warned))
    FROM customer_file_row WHERE network_id = :network AND file_id = :file
    """
)


def count_rows(file: CustomerFile) -> None:
    """Bring the file's counts up to its rows; `warnings` are the kept rows that carry one."""
    db.session.flush()
    row = db.session.execute(_COUNT, {"network": file.network_id, "file": file.id}).one()
    file.total, file.good, file.bad, file.excluded, file.warnings = row
