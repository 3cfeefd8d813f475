"""What only shows between rows: the same purchase twice, and what looks alike. Set-based, no look at any file."""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from operator import itemgetter

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
    every = [values for _number, values in numbered]
    found: list[Problem] = []
    rest = [place for name, place in index.items() if name != "remarks"]
    if rest == list(range(len(names) - 1)):
        keys: list[Hashable] = [values[:-1] for values in every]
    else:
        keys = [tuple([values[place] for place in rest]) for values in every]
    doubles = _repeated(keys)
    firsts: dict[Hashable, int] = {}
    gone: set[int] = set()
    for place in doubles:
        number = numbered[place][0]
        first = firsts.setdefault(keys[place], number)
        if first != number:
            gone.add(place)
            found.append(Problem(number, None, Code.DUPLICATE_IN_FILE, ERROR, {"row": first}, ""))
    del keys
    alike: set[int] = set()
    if {"phone", "product_model", "purchase_date"} <= index.keys():
        near = list(map(itemgetter(index["phone"], index["product_model"], index["purchase_date"]), every))
        firsts = {}
        for place in _repeated(near):
            number = numbered[place][0]
            if place not in gone and (first := firsts.setdefault(near[place], number)) != number:
                alike.add(place)
                found.append(Problem(number, None, Code.NEAR_DUPLICATE, WARNING, {"row": first}, ""))
    if {"phone", "customer_name"} <= index.keys():
        if "order_no" in index:
            found += _shared("order_no", "phone", Code.ORDER_NO_REUSED, numbered, index, gone)
        found += _shared("phone", "customer_name", Code.PHONE_REUSED, numbered, index, gone | alike)
    return found


def _repeated(keys: Sequence[Hashable]) -> list[int]:
    """The places of all keys that stand there more than once, in order."""
    if len(set(keys)) == len(keys):
        return []
    counts = Counter(keys)
    return [place for place, key in enumerate(keys) if counts[key] > 1]


def _shared(
    name: str,
    owner: str,
    code: Code,
    numbered: list[tuple[int, Sequence[Value]]],
    index: Mapping[str, int],
    gone: set[int],
) -> list[Problem]:
    """Where one value of `name` stands under two of `owner`: a warning at the later row."""
    column = [values[index[name]] for _number, values in numbered]
    found = []
    firsts: dict[Value, tuple[int, Value]] = {}
    for place in _repeated(column):
        value = column[place]
        if not value or place in gone or placeholder(str(value)):
            continue
        number, values = numbered[place]
        first, other = firsts.setdefault(value, (number, values[index[owner]]))
        if other != values[index[owner]]:
            found.append(Problem(number, name, code, WARNING, {"why": "row", "row": first}, str(value)))
    return found
