"""What a worksheet's XML tells beside its values: hidden rows, merged cells, errors, and how far the cells reach.

Works on blocks of whole rows with searches in C, never on a tree. Nearly all rows are ordinary: values in their places
and nothing else. One look tells them for a whole block; only what is left of it is looked at in detail.
"""

import re
from bisect import bisect_left
from dataclasses import dataclass, field
from itertools import pairwise

from flask_babel import lazy_gettext as _l

from portal.customer_files.rules.problems import unsafe
from portal.customer_files.rules.sheet import Merged

_LARGEST_ROW = 16 << 20

# No search may look beyond its own tag or cell, nor go back over what it has read (possessive, atomic): an XML of a few
# kilobytes that never closes a tag would keep a process busy for hours. Numbers have at most ten digits.
_ROW_NUMBER = re.compile(rb'<row\b[^<>]*?\br\s*=\s*["\'](\d{1,10})(?!\d)')
_ROW_EMPTY = re.compile(rb"<row\b[^<>]*+(?<=/)>")
_ROW_START = re.compile(rb"<row[ >]")
_CELLS_FAR = re.compile(rb'r\s*=\s*["\']([A-Za-z]{2,}+)\d')
_CELLS_FILLED = re.compile(
    rb"""<c\b(?>[^<>]*?\br\s*=\s*["'])([A-Z]{2,3})\d+["'][^<>]*+(?<!/)>\s*+<(?:v|is|f)\b"""
)
_STRANGE_ROW = re.compile(rb"<\w+:row\b")
_HIDDEN = re.compile(rb'<row\b(?>[^<>]*?\bhidden\s*=\s*)["\'](?:1|true|on)["\']')
_CELL_ERROR = re.compile(rb"""<c\b((?>[^<>]*?\bt\s*=\s*["']e["'])[^<>]*+)>((?:[^<]++|<(?!/?c\b))*+)</c>""")
_CELL_FORMULA = re.compile(
    rb"<c\b([^<>]*+)>\s*+<f\b(?:[^<>]*+(?<=/)>|[^<>]*+>[^<]*+</f>)\s*+(?:<v\s*+/>|<v[^<>]*+></v>)?\s*+</c>"
)
_REF = re.compile(rb'\br\s*=\s*["\']([A-Z]{1,3})(\d{1,10})["\']')
_VALUE = re.compile(rb"<v[^<>]*+>([^<]*+)</v>")
_MERGE = re.compile(
    rb'<mergeCell\b(?>[^<>]*?\bref\s*=\s*)["\']([A-Z]{1,3})(\d{1,10}):([A-Z]{1,3})(\d{1,10})["\']'
)
_TEXT_UNKNOWN = re.compile(
    rb"""<c\b(?>[^<>]*?\bt\s*=\s*["']s["'])[^<>]*+>(?:[^<]*+<(?!/?c\b|v\b)[^>]*+>)*+[^<]*+<v\b[^<>]*+>(?!\d{0,9}</v>)"""
)
_PREFIX = re.compile(rb"<(\w+:)worksheet\b")
_OUTSIDE_ROWS = re.compile(rb"<[cv]\b")

# Whole rows as every spreadsheet program writes them, with cells of their own row (\1) in the columns A to Z that hold
# a plain value, a text or nothing. The most frequent cell is tried first: it halves the time.
_ORDINARY = re.compile(
    rb"""(?:<row\ r="(\d{1,7}+)"  (?:\ (?!r=)[\w:]++="[^"<>]*+")*+
        (?:/> | >
            (?: <c\ r="[A-Z]\1"(?:\ s="\d++")?+(?:\ t="s"(?:\ s="\d++")?+><v>\d{1,9}+ | ><v>[^<]*+)</v></c>
              | <c\ r="[A-Z]\1"(?:\ (?:s="\d++" | t="(?:n|b|str|inlineStr)"))*+
                (?:/> | >(?:<v>[^<]*+</v> | <is><t[^<>]*+>[^<]*+</t></is>)?+</c>)
            )*+ </row>))*+""",
    re.X,
)
_ORDINARY_NUMBER = re.compile(rb'<row r="(\d++)')
_ORDINARY_HIDDEN = re.compile(rb'<row r="(\d++)"(?>[^<>]*?\ hidden=")(?:1|true|on)"')


@dataclass
class Marks:
    """What a worksheet's XML tells beside its values. Rows from 1, columns from 0."""

    hidden: set[int] = field(default_factory=set)
    merged: list[Merged] = field(default_factory=list)
    errors: dict[tuple[int, int], str] = field(default_factory=dict)
    formulas: set[tuple[int, int]] = field(default_factory=set)
    last_row: int = 0
    """The last row with a value."""
    width: int = 26
    """At least as many columns as hold a value."""
    trouble: str = ""


class Rows:
    """Looks through a worksheet's XML as it is unpacked."""

    def __init__(self, marks: Marks) -> None:
        self.marks = marks
        self.rest = b""
        self.prefix = b""
        self.opened = self.closed = self.row = 0
        self.begun = False

    def take(self, chunk: bytes) -> None:
        """The next bytes. Raises FileRefused (unsafe_file) where a row has no end."""
        block = self.rest + chunk
        if not self.begun:
            self.begun = True
            prefixed = _PREFIX.search(block[:4096])
            self.prefix = prefixed[1] if prefixed else b""
        cut = max(block.rfind(b"<" + self.prefix + b"row "), block.rfind(b"<" + self.prefix + b"row>"))
        if cut <= 0:
            self.rest = block
            if len(block) > _LARGEST_ROW and b"<row" in block:
                raise unsafe(_l("A row of the sheet is far too long"))
            if len(block) > _LARGEST_ROW:
                self._scan(block[:-64])
                self.rest = block[-64:]
            return
        self._scan(block[:cut])
        self.rest = block[cut:]

    def end(self) -> None:
        """The sheet is complete."""
        self._scan(self.rest)
        if not self.rest.rstrip().endswith(b"worksheet>") or self.opened != self.closed:
            self.marks.trouble = "cut"
        self.rest = b""

    def _scan(self, block: bytes) -> None:
        """Whole rows, and what stands before the first and behind the last."""
        if self.prefix:
            block = block.replace(b"<" + self.prefix, b"<").replace(b"</" + self.prefix, b"</")
        start = max(block.find(b"<row "), 0)
        found = _ORDINARY.match(block, start)
        end = found.end() if found else start
        # Python before 3.11.5 may stop within a row (cpython issue 106052)
        if end > start and (end == len(block) or block.startswith((b"<row", b"</sheetData"), end)):
            if start:
                self._look(block[:start])
            self._count(block[start:end])
            block = block[end:]
        if block:
            self._look(block)

    def _count(self, block: bytes) -> None:
        """Ordinary rows: only their numbers, which are hidden, and which of them is the last with a value."""
        before = self.row
        if b' hidden="' in block:
            self.marks.hidden.update(map(int, _ORDINARY_HIDDEN.findall(block)))
        self._number([int(number) for number in _ORDINARY_NUMBER.findall(block)])
        self._reach(block, max(block.rfind(b"</v>"), block.rfind(b"</is>")), before)

    def _number(self, numbers: list[int]) -> None:
        """Rows have to stand in order: what is not counted here must not be read there."""
        if numbers[0] <= self.row or any(a >= b for a, b in pairwise(numbers)):
            self.marks.trouble = self.marks.trouble or "order"
        self.row = max(self.row, numbers[-1])

    def _reach(self, block: bytes, value: int, before: int) -> None:
        """The last value of a block stands at `value`, or nowhere (-1)."""
        if value >= 0:
            self.marks.last_row = max(self.marks.last_row, _row_before(block, value, before))

    def _look(self, block: bytes) -> None:  # noqa: C901 — one pass, in the order of cost
        """Any rows, in detail."""
        marks = self.marks
        count = block.count(b"<row ") + block.count(b"<row>")
        if block.count(b"<row") - block.count(b"<rowBreaks") != count or (
            b":row" in block and _STRANGE_ROW.search(block)
        ):
            marks.trouble = (
                "order"  # nobody writes rows like that: what is not counted here must not be read there
            )
        closed = block.count(b"</row>")
        self.closed += closed
        if b"</sheetData>" in block or count == 0:
            for a, b, c, d in _MERGE.findall(block):
                if len(marks.merged) < 200_000:
                    marks.merged.append(Merged(int(b), _place(a), int(d), _place(c)))
        if count == 0:
            if _OUTSIDE_ROWS.search(block):
                marks.trouble = "order"
            return
        self.opened += count
        if closed != count:  # rows without cells: <row r="9"/>
            self.opened -= len(_ROW_EMPTY.findall(block))
        before = self.row
        numbers = [int(number) for number in _ROW_NUMBER.findall(block)]
        if len(numbers) == count:
            self._number(numbers)
        else:
            self.row = max([before + count, *numbers])
        if _beyond(self.row).search(block):
            marks.trouble = "order"  # a cell that claims to stand in a later row than its own
        if _TEXT_UNKNOWN.search(block):
            marks.trouble = (
                "text"  # the number of a shared text that is none: a reader would take the first one
            )
        self._measure(block, before)
        if b"hidden=" in block or b"hidden =" in block:
            places = _Places(block, before)
            for found in _HIDDEN.finditer(block):
                marks.hidden.add(places.row_at(found.end()))
        if b't="e"' in block or b"t='e'" in block:
            places = _Places(block, before)
            for found in _CELL_ERROR.finditer(block):
                text = _VALUE.search(found[2])
                where = places.of(found.start(), found[1])
                marks.errors[where] = text[1].decode("utf-8", "replace")[:20] if text else "#N/A"
        if b"<f" in block:
            places = _Places(block, before)
            for found in _CELL_FORMULA.finditer(block):
                if b't="str"' not in found[1] or b"<v" not in found[0]:
                    marks.formulas.add(places.of(found.start(), found[1]))

    def _measure(self, block: bytes, before: int) -> None:
        """How far the values reach. A reader keeps every cell up to there in memory, filled or not."""
        marks = self.marks
        self._reach(block, max(block.rfind(b"<v>"), block.rfind(b"<v "), block.rfind(b"<is>")), before)
        cells = block.count(b"<c ") + block.count(b"<c>")
        if (
            block.count(b' r="') + block.count(b" r='") < cells
        ):  # cells without their place: counted row by row
            longest = max(
                (row.count(b"<c ") + row.count(b"<c>") for row in block.split(b"</row>")), default=0
            )
            marks.width = max(marks.width, longest)
        named = set(_CELLS_FAR.findall(block))
        far = {letters for letters in named if len(letters) > 3 or _place(letters) >= marks.width}
        if any(len(letters) > 3 or not letters.isupper() for letters in far):
            marks.trouble = "order"
        elif far:
            filled = max(map(_place, set(_CELLS_FILLED.findall(block))), default=0)
            marks.width = max(marks.width, filled + 1)


def _row_before(block: bytes, position: int, before: int) -> int:
    """The number of the row that holds `position`, for one look."""
    start = max(block.rfind(b"<row ", 0, position), block.rfind(b"<row>", 0, position))
    number = _ROW_NUMBER.match(block, start) if start >= 0 else None
    if number:
        return int(number[1])
    return before + block.count(b"<row ", 0, position) + block.count(b"<row>", 0, position)


class _Places:
    """Where in a block's rows something stands, asked from its beginning to its end: what was counted is kept."""

    def __init__(self, block: bytes, before: int) -> None:
        self.block = block
        self.before = before
        self.starts = [found.start() for found in _ROW_START.finditer(block)]
        self.counted = (-1, 0, 0)  # the row's start, up to where its cells were counted, how many

    def _start(self, position: int) -> tuple[int, int]:
        """How many rows began before `position`, and where the last of them did."""
        place = bisect_left(self.starts, position)
        return place, self.starts[place - 1] if place else -1

    def row_at(self, position: int) -> int:
        place, start = self._start(position)
        number = _ROW_NUMBER.match(self.block, start) if place else None
        return int(number[1]) if number else self.before + place

    def of(self, position: int, attributes: bytes) -> tuple[int, int]:
        """Row and column of the cell that begins at `position`."""
        ref = _REF.search(attributes)
        if ref:
            return int(ref[2]), _place(ref[1])
        start = max(self._start(position)[1], 0)
        row, upto, cells = self.counted
        if row != start:
            upto, cells = start, 0
        cells += self.block.count(b"<c ", upto, position) + self.block.count(b"<c>", upto, position)
        self.counted = (start, position, cells)
        return self.row_at(position), cells


def _beyond(row: int) -> re.Pattern[bytes]:
    """Finds a cell whose reference names a later row than `row`."""
    digits = str(row)
    larger = [rf"\d{{{len(digits) + 1},}}"]
    for at, digit in enumerate(digits):
        if digit != "9":
            larger.append(rf"{digits[:at]}[{int(digit) + 1}-9]\d{{{len(digits) - at - 1}}}")
    return re.compile(rf"""r\s*=\s*["'][A-Za-z]+(?:{"|".join(larger)})["']""".encode())


def _place(letters: bytes) -> int:
    """Column letters as a place from 0: A is 0, AA is 26."""
    place = 0
    for letter in letters.upper():
        place = place * 26 + letter - 64
    return place - 1
