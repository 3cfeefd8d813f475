"""The tree's rules: what may stand below what, and what an import of units must look like. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

KINDS = ("headquarters", "channel", "region", "dealer", "store")
PARENTS = {
    "headquarters": (),
    "channel": ("headquarters",),
    "region": ("channel", "headquarters"),
    "dealer": ("region",),
    "store": ("dealer",),
}
CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
NAME_LIMIT = 200
CITY_LIMIT = 100
MOST_REGIONS = 200
_APART = re.compile(r"[,，;；、]")


@dataclass(frozen=True)
class UnitLine:
    """One line of an import; `row` as the person sees it in the file; no city or territory: it stays as it is."""

    row: int
    kind: str
    code: str
    name: str
    parent: str
    city: str | None = None
    territory: str = ""

    @property
    def regions(self) -> list[str]:
        """The names in `territory`, which stand apart by a comma, a semicolon or 、."""
        return list(dict.fromkeys(each.strip() for each in _APART.split(self.territory) if each.strip()))


def workdays_after(
    day: date, count: int, holidays: Mapping[date, bool], week: frozenset[int] = frozenset(range(5))
) -> date:
    """The day that many working days later. `holidays`: days that differ from their weekday → whether one works;
    `week`: the weekdays on which one works, Monday is 0."""
    while count > 0:
        day += timedelta(days=1)
        count -= holidays.get(day, day.weekday() in week)
    return day


def path_of(parent_path: str, unit_id: int) -> str:
    """'0003.0017.' below '0003.': ancestors' ids, each closed by a point, so that a subtree is a range."""
    return f"{parent_path}{unit_id:04d}."


def ancestors(path: str) -> list[str]:
    """The paths above `path`, the root first."""
    parts = path.rstrip(".").split(".")
    return [".".join(parts[:depth]) + "." for depth in range(1, len(parts))]


def faults(lines: Iterable[UnitLine], known: Mapping[str, tuple[str, str | None]]) -> list[tuple[int, str]]:
    """What is wrong with these lines, as (row, sentence); `known` maps each unit there is to (kind, parent's code)."""
    wrong: list[tuple[int, str]] = []
    kinds = {code: kind for code, (kind, _) in known.items()}
    listed = list(lines)
    seen: set[str] = set()
    for line in listed:
        kinds.setdefault(line.code, line.kind)
    for line in listed:
        wrong += [(line.row, sentence) for sentence in _line_faults(line, kinds, known, seen)]
        seen.add(line.code)
    return wrong


def _line_faults(
    line: UnitLine, kinds: Mapping[str, str], known: Mapping[str, tuple[str, str | None]], seen: set[str]
) -> list[str]:
    if line.kind not in KINDS:
        return [f"kind must be one of {', '.join(KINDS)}, is {line.kind!r}"]
    if line.kind == KINDS[0] and known.get(line.code, ("",))[0] != KINDS[0]:
        return [f"a network has one headquarters, made with it; {line.code!r} is another"]
    wrong = []
    if not CODE.fullmatch(line.code):
        wrong.append(f"code must be 1 to 40 letters, digits, '.', '_' or '-', is {line.code!r}")
    if not line.name or len(line.name) > NAME_LIMIT:
        wrong.append(f"name must have 1 to {NAME_LIMIT} characters")
    if line.city is not None and len(line.city) > CITY_LIMIT:
        wrong.append(f"city must have at most {CITY_LIMIT} characters")
    if len(line.regions) > MOST_REGIONS or any(len(each) > NAME_LIMIT for each in line.regions):
        wrong.append(f"a territory has at most {MOST_REGIONS} regions of at most {NAME_LIMIT} characters")
    if line.code in seen:
        wrong.append(f"code {line.code} stands in this file twice")
    if line.code in known and known[line.code][0] != line.kind:
        wrong.append(f"{line.code} is a {known[line.code][0]} and stays one")
    return wrong + _parent_faults(line, kinds.get(line.parent))


def _parent_faults(line: UnitLine, parent: str | None) -> list[str]:
    """`parent`: the kind of the unit that is named as the one above."""
    allowed = PARENTS[line.kind]
    if not allowed:
        return [f"headquarters has no parent, is below {line.parent!r}"] if line.parent else []
    if parent is None:
        return [f"parent {line.parent!r} is not known"]
    if parent not in allowed:
        return [f"a {line.kind}'s parent is a {' or '.join(allowed)}, {line.parent} is a {parent}"]
    return []
