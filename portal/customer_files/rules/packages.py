"""An xlsx or ods is a zip of XML: unpacked once, counted while unpacking, before any library may touch it.

The directory of a zip is never believed (ASVS 5.2.x; a size that lies, a bomb, an entry that stands there twice), no
document type is let through, and what the cells alone do not tell is picked up on the way: hidden rows, merged cells,
error values, formulas never worked out. Works on blocks of whole rows with searches in C, never on a tree.
"""

import io
import re
import struct
import zipfile
import zlib
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from flask_babel import lazy_gettext as _l

from portal.customer_files.rules.columns import Limits
from portal.customer_files.rules.problems import FileRefused
from portal.customer_files.rules.sheet import Merged

_STEP = 1 << 20
_LARGEST_ROW = 16 << 20
_ENTRIES = 5_000
_BOMB_RATIO = 200
_ENCODINGS = (b"utf-8", b"utf8", b"us-ascii", b"ascii", b"iso-8859-1")

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
_PREFIX = re.compile(rb"<(\w+:)worksheet\b")


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


@dataclass
class Package:
    """A zip that was looked through and found harmless."""

    names: frozenset[str]
    parts: dict[str, bytes]
    sheets: dict[str, Marks]


def look_through(content: bytes, limits: Limits) -> Package:
    """Unpack every entry once, counting. Raises FileRefused: unreadable, encrypted, unsafe_file, too_large."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error, OSError):
        raise unreadable() from None
    names = [entry.filename for entry in entries]
    if len({name.casefold().replace("\\", "/") for name in names}) != len(names) or len(names) > _ENTRIES:
        raise unsafe(_l("The file contains the same part twice"))
    if any(".." in re.split(r"[/\\\\]", name) for name in names):
        raise unsafe(_l("The file's table of contents does not match what is in it"))
    left = limits.unpacked_bytes
    package = Package(frozenset(names), {}, {})
    for entry in entries:
        reader = _reader_for(entry.filename, package)
        unpacked = 0
        for chunk in _unpack(content, entry, left):
            unpacked += len(chunk)
            reader.take(chunk)
        left -= unpacked
        reader.end()
    return package


def _reader_for(name: str, package: Package) -> "_Part":
    path = name.replace("\\", "/").lstrip("/")
    if re.search(r"worksheets/[^/]+\.xml$", path, re.I):
        return _Worksheet(package.sheets.setdefault(path, Marks()))
    if path.endswith((".xml", ".rels")) or path == "mimetype":
        keep = re.search(
            r"(?:^|/)(?:workbook\.xml(?:\.rels)?|content\.xml|mimetype|\[Content_Types\]\.xml)$", path
        )
        return _Xml(package.parts if keep else None, path)
    return _Part()


def _unpack(content: bytes, entry: zipfile.ZipInfo, left: int) -> Iterator[bytes]:
    """The bytes of one entry. Raises FileRefused where they are more than `left`, or not what the directory says."""
    if entry.flag_bits & 0x1:
        raise FileRefused(
            "encrypted", _l("The file is protected by a password: save it without one and send it again")
        )
    start = entry.header_offset
    head = content[start : start + 30]
    if len(head) < 30 or head[:4] != b"PK\x03\x04":
        raise unreadable()
    name_length, extra_length = struct.unpack("<HH", head[26:30])
    local_name = content[start + 30 : start + 30 + name_length]
    if local_name not in (entry.orig_filename.encode("utf-8"), entry.orig_filename.encode("cp437", "ignore")):
        raise unsafe(_l("The file's table of contents does not match what is in it"))
    begin = start + 30 + name_length + extra_length
    packed = memoryview(content)[begin : begin + entry.compress_size]
    if len(packed) != entry.compress_size:
        raise unreadable()
    total = checksum = 0
    for chunk in _inflate(packed, entry.compress_type):
        total += len(chunk)
        if total > entry.file_size:
            raise unsafe(_l("The file's table of contents does not match what is in it"))
        if total > left:
            if entry.compress_size and total / entry.compress_size > _BOMB_RATIO:
                raise unsafe(_l("The file unpacks to far more than it seems"))
            raise FileRefused(
                "too_large",
                _l("Unpacked, the file is too large: keep only the customers' sheet, without pictures"),
            )
        checksum = zlib.crc32(chunk, checksum)
        yield chunk
    if total != entry.file_size or checksum != entry.CRC:
        raise unsafe(_l("The file's table of contents does not match what is in it"))


def _inflate(packed: memoryview, method: int) -> Iterator[bytes]:
    if method == zipfile.ZIP_STORED:
        for start in range(0, len(packed), _STEP):
            yield bytes(packed[start : start + _STEP])
        return
    if method != zipfile.ZIP_DEFLATED:
        raise unreadable()
    inflater = zlib.decompressobj(-15)
    pending: bytes | memoryview = packed
    try:
        while not inflater.eof:
            chunk = inflater.decompress(pending, _STEP)
            pending = inflater.unconsumed_tail
            if chunk:
                yield chunk
            elif not pending:
                raise unreadable()
    except zlib.error:
        raise unreadable() from None


class _Part:
    """A part that is only counted (pictures, macros: never opened, never carried out)."""

    def take(self, chunk: bytes) -> None:
        """The next bytes of the part."""

    def end(self) -> None:
        """The part is complete."""


class _Xml(_Part):
    """Any XML: no document type, and only UTF-8 (others could hide one). Small control parts are kept."""

    def __init__(self, parts: dict[str, bytes] | None, path: str) -> None:
        self.parts = parts
        self.path = path
        self.kept: list[bytes] = []
        self.tail = b""
        self.first = True

    def take(self, chunk: bytes) -> None:
        if self.first:
            self.first = False
            declared = re.match(rb"\s*(?:\xef\xbb\xbf)?<\?xml[^>]*encoding\s*=\s*[\"']([\w-]+)", chunk[:200])
            wide = chunk[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in chunk[:8]
            if wide or (declared and declared[1].lower() not in _ENCODINGS):
                raise unsafe(
                    _l("The file is written in an unusual way: open it in Excel or WPS and save it as xlsx")
                )
        joined = self.tail + chunk if self.tail else chunk
        if b"<!" in joined and re.search(rb"<!(?:DOCTYPE|ENTITY|ELEMENT|ATTLIST|NOTATION)", joined, re.I):
            raise unsafe(_l("The file holds a document type, which spreadsheets never need"))
        self.tail = chunk[-12:]
        if self.parts is not None:
            self.kept.append(chunk)

    def end(self) -> None:
        if self.parts is not None:
            self.parts[self.path] = b"".join(self.kept)


class _Worksheet(_Xml):
    """A worksheet's rows, block by block."""

    def __init__(self, marks: Marks) -> None:
        super().__init__(None, "")
        self.marks = marks
        self.rest = b""
        self.prefix = b""
        self.opened = self.closed = self.row = 0
        self.begun = False

    def take(self, chunk: bytes) -> None:
        super().take(chunk)
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
        self._scan(self.rest)
        if not self.rest.rstrip().endswith(b"worksheet>") or self.opened != self.closed:
            self.marks.trouble = "cut"
        self.rest = b""

    def _scan(self, block: bytes) -> None:  # noqa: C901 — one pass, in the order of cost
        if self.prefix:
            block = block.replace(b"<" + self.prefix, b"<").replace(b"</" + self.prefix, b"</")
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
            if b"<v" in block or b"<c" in block:
                marks.trouble = "order"
            return
        self.opened += count
        if closed != count:  # rows without cells: <row r="9"/>
            self.opened -= len(_ROW_EMPTY.findall(block))
        before = self.row
        numbers = [int(number) for number in _ROW_NUMBER.findall(block)]
        if len(numbers) == count:
            if numbers[0] <= before or any(a >= b for a, b in pairwise(numbers)):
                marks.trouble = marks.trouble or "order"
            self.row = max(before, numbers[-1])
        else:
            self.row = max([before + count, *numbers])
        if _beyond(self.row).search(block):
            marks.trouble = "order"  # a cell that claims to stand in a later row than its own
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
        last = max(block.rfind(b"<v>"), block.rfind(b"<v "), block.rfind(b"<is>"))
        if last >= 0:
            marks.last_row = max(marks.last_row, _row_before(block, last, before))
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


def unreadable() -> FileRefused:
    """The refusal of a file that is damaged."""
    return FileRefused(
        "unreadable",
        _l("The file is damaged and cannot be read: open it in Excel or WPS and save it again as xlsx"),
    )


def unsafe(reason: object) -> FileRefused:
    """The refusal of a file that no spreadsheet program would write."""
    return FileRefused(
        "unsafe_file",
        _l("%(reason)s. Open it in Excel or WPS, save it as a new xlsx and send that", reason=reason),
    )
