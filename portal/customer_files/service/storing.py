"""Many rows at once, under row-level security: COPY into a temporary table, then one INSERT … SELECT.

COPY into a walled table is refused by PostgreSQL; the detour costs some 6 % (docs/decisions).
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import bindparam, text

from portal.core.db import db, raw
from portal.customer_files.models import CustomerFile

ROW_COLUMNS = {
    "row_no": "integer",
    "status": "text",
    "customer_name": "text",
    "phone": "text",
    "address": "text",
    "product_model": "text",
    "purchase_date": "date",
    "purchase_region": "text",
    "quantity": "integer",
    "area": "numeric",
    "order_no": "text",
    "installer": "text",
    "installed_on": "date",
    "remarks": "text",
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
PIECE = 2000  # lines sent at once
FIELD, EMPTY = "\x1f", "\x1e"  # no cell holds a control character: fields need no escaping then
_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", FIELD: "\\x1f", EMPTY: "\\x1e"})


def store_rows(file: CustomerFile, rows: Iterable[Sequence[str | None]]) -> None:
    """Insert rows, each as texts in the order of ROW_COLUMNS (None is NULL)."""
    _store(file, "customer_file_row", ROW_COLUMNS, rows)


def store_problems(file: CustomerFile, problems: Iterable[Sequence[str | None]]) -> None:
    """Insert problems, each as texts in the order of PROBLEM_COLUMNS (None is NULL)."""
    _store(file, "customer_file_problem", PROBLEM_COLUMNS, problems)


def written(value: Any) -> str | None:
    """A value as COPY reads it."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False) if value else None
    return str(value)


def _store(
    file: CustomerFile, table: str, columns: dict[str, str], lines: Iterable[Sequence[str | None]]
) -> None:
    names = ", ".join(f'"{name}"' for name in columns)
    kinds = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
    incoming = f"incoming_{table}"
    db.session.flush()
    with raw().cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE {incoming} ({kinds}) ON COMMIT DROP")
        with cursor.copy(
            f"COPY {incoming} FROM STDIN (DELIMITER E'\\x1f', NULL E'\\x1e', ENCODING 'UTF8')"
        ) as copy:
            for piece in _pieces(lines, len(columns)):
                copy.write(piece.encode())
        cursor.execute(
            f"INSERT INTO {table} (network_id, unit_path, file_id, {names}) "  # noqa: S608 - names are ours
            f"SELECT %s, %s, %s, {names} FROM {incoming}",
            (file.network_id, file.unit_path, file.id),
        )
        cursor.execute(f"DROP TABLE {incoming}")


def _pieces(lines: Iterable[Sequence[str | None]], width: int) -> Iterator[str]:
    source = iter(lines)
    while chunk := list(islice(source, PIECE)):
        piece = "\n".join(
            [FIELD.join([EMPTY if field is None else field for field in line]) for line in chunk]
        )
        clean = (
            "\\" not in piece
            and "\r" not in piece
            and piece.count("\n") == len(chunk) - 1
            and piece.count(FIELD) == len(chunk) * (width - 1)
            and piece.count(EMPTY) == sum(line.count(None) for line in chunk)
        )
        if not clean:
            piece = "\n".join(
                FIELD.join(EMPTY if field is None else field.translate(_ESCAPES) for field in line)
                for line in chunk
            )
        yield piece + "\n"


# --- what other files say about these rows --------------------------------------------------------------------------

_SCOPE = """
    FROM customer_file_row r
    JOIN customer_file_row o ON o.network_id = r.network_id AND {same}
    JOIN customer_file f ON f.network_id = o.network_id AND f.id = o.file_id
    WHERE r.network_id = :network AND r.file_id = :file AND r.status <> 'excluded' {narrow}
      AND o.status = 'good' AND o.file_id <> r.file_id AND f.state IN ('submitted', 'checked', 'consolidated')
      AND (f.unit_id <> :unit OR f.month <> :month)
"""
_INSERT = """
    INSERT INTO customer_file_problem (network_id, unit_path, file_id, row_no, "column", code, severity, params, value)
"""
_BY_PHONE = (
    _INSERT  # noqa: S608 - nothing in it comes from outside
    + """
    SELECT :network, :path, :file, found.row_no, CASE found.code WHEN 'phone_reused' THEN 'phone' END, found.code,
           'warning', jsonb_build_object('month', to_char(found.month, 'YYYY-MM'), 'unit', u.name, 'row', found.other),
           CASE found.code WHEN 'phone_reused' THEN found.phone END
    FROM (
        SELECT DISTINCT ON (r.row_no, code) r.row_no, r.phone, f.month, f.unit_id, o.row_no AS other,
               CASE WHEN o.customer_name <> r.customer_name THEN 'phone_reused' ELSE 'duplicate_in_network' END AS code
        """
    + _SCOPE.format(same="o.phone = r.phone", narrow="AND r.phone <> '' {rows}")
    + """ AND (o.customer_name <> r.customer_name
               OR (o.product_model = r.product_model AND o.purchase_date = r.purchase_date
                   AND o.order_no = r.order_no AND o.quantity = r.quantity))
        ORDER BY r.row_no, code, f.month DESC, o.file_id DESC, o.row_no
    ) AS found JOIN unit u ON u.network_id = :network AND u.id = found.unit_id
    ORDER BY found.row_no
    """
)
_BY_ORDER = (
    _INSERT  # noqa: S608 - nothing in it comes from outside
    + """
    SELECT :network, :path, :file, found.row_no, 'order_no', 'order_no_reused', 'warning',
           jsonb_build_object('month', to_char(found.month, 'YYYY-MM'), 'unit', u.name, 'row', found.other),
           found.order_no
    FROM (
        SELECT DISTINCT ON (r.row_no) r.row_no, r.order_no, f.month, f.unit_id, o.row_no AS other
        """
    + _SCOPE.format(same="o.order_no = r.order_no AND o.order_no <> ''", narrow="AND r.order_no <> '' {rows}")
    + """ AND o.phone <> r.phone
        ORDER BY r.row_no, f.month DESC, o.file_id DESC, o.row_no
    ) AS found JOIN unit u ON u.network_id = :network AND u.id = found.unit_id
    ORDER BY found.row_no
    """
)
FOUND_ELSEWHERE = ("duplicate_in_network", "phone_reused", "order_no_reused")


def compare_with_others(file: CustomerFile, row_nos: Sequence[int] | None = None) -> None:
    """Warn of what other filed files hold, set-based; a dealer's eyes reach no farther than its own subtree."""
    given: dict[str, Any] = {
        "network": file.network_id,
        "path": file.unit_path,
        "file": file.id,
        "unit": file.unit_id,
        "month": file.month,
    }
    narrow = ""
    if row_nos is not None:
        narrow = "AND r.row_no = ANY(:rows)"
        given["rows"] = list(row_nos)
    for statement in (_BY_PHONE, _BY_ORDER):
        db.session.execute(text(statement.replace("{rows}", narrow)), given)


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
    SELECT count(*) AS total,
           count(*) FILTER (WHERE status = 'good') AS good,
           count(*) FILTER (WHERE status = 'bad') AS bad,
           count(*) FILTER (WHERE status = 'excluded') AS excluded,
           (SELECT count(DISTINCT p.row_no) FROM customer_file_problem p
            JOIN customer_file_row w ON w.network_id = p.network_id AND w.file_id = p.file_id AND w.row_no = p.row_no
            WHERE p.network_id = :network AND p.file_id = :file AND p.severity = 'warning'
              AND w.status <> 'excluded') AS warnings
    FROM customer_file_row WHERE network_id = :network AND file_id = :file
    """
)


def count_rows(file: CustomerFile) -> None:
    """Bring the file's counts up to its rows; `warnings` are the kept rows that carry one."""
    db.session.flush()
    row = db.session.execute(_COUNT, {"network": file.network_id, "file": file.id}).one()
    file.total, file.good, file.bad, file.excluded, file.warnings = row
