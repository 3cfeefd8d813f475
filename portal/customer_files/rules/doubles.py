"""What only shows between rows: the same purchase twice, and what looks alike. Set-based, no look at any file."""

from collections.abc import Iterable, Mapping, Sequence, Set

from portal.customer_files.rules.problems import ERROR, WARNING, Code, Problem
from portal.customer_files.rules.sheet import Value
from portal.customer_files.rules.texts import placeholder


def duplicates(rows: Iterable[tuple[int, Sequence[Value]]], names: Sequence[str]) -> list[Problem]:
    """The problems that only show between rows; `rows` are the good ones (number, values in the order of `names`).

    The later row is the bad one: duplicate_in_file (all but remarks equal). Warnings: near_duplicate, one order number
    or one phone under two customers. Call it again over all good rows whenever one was mended, left out or taken in.
    """
    index = {name: place for place, name in enumerate(names)}
    numbered = list(rows)
    # rows of one purchase share its phone: the few that share one are looked at, not all
    same_phone = _repeated(numbered, index["phone"]) if "phone" in index else list(range(len(numbered)))
    found: list[Problem] = []
    gone = _later(numbered, same_phone, [place for name, place in index.items() if name != "remarks"])
    for place, first in gone.items():
        found.append(Problem(numbered[place][0], None, Code.DUPLICATE_IN_FILE, ERROR, {"row": first}, ""))
    alike: dict[int, int] = {}
    if {"phone", "product_model", "purchase_date"} <= index.keys():
        near = [index["phone"], index["product_model"], index["purchase_date"]]
        alike = _later(numbered, [place for place in same_phone if place not in gone], near)
        for place, first in alike.items():
            found.append(Problem(numbered[place][0], None, Code.NEAR_DUPLICATE, WARNING, {"row": first}, ""))
    if {"phone", "customer_name"} <= index.keys():
        if "order_no" in index:
            same_order = _repeated(numbered, index["order_no"])
            found += _shared(
                "order_no", "phone", Code.ORDER_NO_REUSED, numbered, same_order, index, gone.keys()
            )
        found += _shared(
            "phone",
            "customer_name",
            Code.PHONE_REUSED,
            numbered,
            same_phone,
            index,
            gone.keys() | alike.keys(),
        )
    return found


_Numbered = list[tuple[int, Sequence[Value]]]


def _repeated(numbered: _Numbered, column: int) -> list[int]:
    """The places of the rows whose value in `column` stands there more than once, in order."""
    values = [row[column] for _number, row in numbered]
    if len(set(values)) == len(values):
        return []
    seen: set[Value] = set()
    twice = {value for value in values if value in seen or seen.add(value)}  # type: ignore[func-returns-value]
    return [place for place, value in enumerate(values) if value in twice]


def _later(numbered: _Numbered, places: Iterable[int], columns: Sequence[int]) -> dict[int, int]:
    """The places of rows that are equal in `columns` to an earlier one of `places`, with the first one's number."""
    firsts: dict[tuple[Value, ...], int] = {}
    later = {}
    for place in places:
        number, values = numbered[place]
        first = firsts.setdefault(tuple([values[column] for column in columns]), number)
        if first != number:
            later[place] = first
    return later


def _shared(
    name: str,
    owner: str,
    code: Code,
    numbered: _Numbered,
    places: Iterable[int],
    index: Mapping[str, int],
    gone: Set[int],
) -> list[Problem]:
    """Where one value of `name` stands under two of `owner`: a warning at the later row."""
    found = []
    firsts: dict[Value, tuple[int, Value]] = {}
    for place in places:
        number, values = numbered[place]
        value = values[index[name]]
        if not value or place in gone or placeholder(str(value)):
            continue
        first, other = firsts.setdefault(value, (number, values[index[owner]]))
        if other != values[index[owner]]:
            found.append(Problem(number, name, code, WARNING, {"why": "row", "row": first}, str(value)))
    return found
