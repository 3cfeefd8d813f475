"""What only shows between rows: the same purchase twice, and what looks alike. Set-based, no look at any file."""

from collections.abc import Container, Iterable, Mapping, Sequence

from portal.customer_files.rules.problems import ERROR, WARNING, Code, Problem
from portal.customer_files.rules.sheet import Value
from portal.customer_files.rules.texts import placeholder

Columns = Mapping[str, Sequence[Value]]


def duplicates(
    rows: Sequence[int], columns: Columns, bad: Container[int] = (), start: int = 0
) -> list[Problem]:
    """The problems that only show between rows: their numbers, their values by column, and which are bad already.

    The later row is the bad one: duplicate_in_file (all but remarks equal). Warnings: near_duplicate, one order number
    or one phone under two customers. Call it again over all good rows whenever one was mended, left out or taken in.
    `start`: only the rows from this place on are asked about; what those above it hold was found before.
    """
    # rows of one purchase share its phone: the few that share one are looked at, not all
    same_phone = _repeated(columns["phone"], start) if "phone" in columns else range(len(rows))
    same_phone = [place for place in same_phone if rows[place] not in bad]
    found: list[Problem] = []
    gone = _later(rows, same_phone, [values for name, values in columns.items() if name != "remarks"])
    for place, first in gone.items():
        found.append(Problem(rows[place], None, Code.DUPLICATE_IN_FILE, ERROR, {"row": first}, ""))
    alike: dict[int, int] = {}
    near = ("phone", "product_model", "purchase_date")
    if columns.keys() >= {*near}:
        left = [place for place in same_phone if place not in gone]
        alike = _later(rows, left, [columns[name] for name in near])
        for place, first in alike.items():
            found.append(Problem(rows[place], None, Code.NEAR_DUPLICATE, WARNING, {"row": first}, ""))
    if columns.keys() >= {"phone", "customer_name"}:
        if "order_no" in columns:
            same_order = [
                place
                for place in _repeated(columns["order_no"], start)
                if place not in gone and rows[place] not in bad
            ]
            found += _shared("order_no", "phone", Code.ORDER_NO_REUSED, rows, same_order, columns)
        left = [place for place in same_phone if place not in gone and place not in alike]
        found += _shared("phone", "customer_name", Code.PHONE_REUSED, rows, left, columns)
    if start:
        asked = set(rows[start:])
        return [problem for problem in found if problem.row in asked]
    return found


def _repeated(values: Sequence[Value], start: int) -> list[int]:
    """The places of the values that stand there more than once, and at least once from `start` on; in order."""
    asked = values[start:]
    distinct = set(asked)
    twice = distinct.intersection(values[:start])
    if len(distinct) < len(asked):
        seen: set[Value] = set()
        twice.update(value for value in asked if value in seen or seen.add(value))  # type: ignore[func-returns-value]
    return [place for place, value in enumerate(values) if value in twice] if twice else []


def _later(rows: Sequence[int], places: Iterable[int], columns: Sequence[Sequence[Value]]) -> dict[int, int]:
    """The places of rows that are equal in `columns` to an earlier one of `places`, with the first one's number."""
    firsts: dict[tuple[Value, ...], int] = {}
    later = {}
    for place in places:
        first = firsts.setdefault(tuple([values[place] for values in columns]), rows[place])
        if first != rows[place]:
            later[place] = first
    return later


def _shared(
    name: str, owner: str, code: Code, rows: Sequence[int], places: Iterable[int], columns: Columns
) -> list[Problem]:
    """Where one value of `name` stands under two of `owner`: a warning at the later row."""
    found = []
    firsts: dict[Value, tuple[int, Value]] = {}
    for place in places:
        value, mine = columns[name][place], columns[owner][place]
        if not value or placeholder(str(value)):
            continue
        first, other = firsts.setdefault(value, (rows[place], mine))
        if other != mine:
            found.append(Problem(rows[place], name, code, WARNING, {"why": "row", "row": first}, str(value)))
    return found
