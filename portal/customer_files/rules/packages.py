"""An xlsx or ods is a zip of XML: unpacked once, counted while unpacking, before any library may touch it.

The directory of a zip is never believed (ASVS 5.2.x; a size that lies, a bomb, an entry that stands there twice), no
document type is let through, and what the cells alone do not tell is picked up on the way (worksheets.py).
"""

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO

from flask_babel import lazy_gettext as _l

from portal.customer_files.rules.columns import Limits
from portal.customer_files.rules.problems import FileRefused, unreadable, unsafe
from portal.customer_files.rules.worksheets import Marks, Rows

_STEP = 1 << 20
_ENTRIES = 5_000
_BOMB_RATIO = 200
_WORKSHEET = re.compile(r"worksheets/[^/]+\.xml$", re.I)
_CONTROL = re.compile(r"(?:^|/)(?:workbook\.xml(?:\.rels)?|content\.xml|mimetype|\[Content_Types\]\.xml)$")
_ENCODINGS = (b"utf-8", b"utf8", b"us-ascii", b"ascii", b"iso-8859-1")


class Package:
    """The XML of a zip, every entry of which was unpacked once, counting; in a package of its own for the reader.

    So a reader finds only what was looked at, under the names under which it was, and no picture, macro or the like.
    """

    def __init__(self, content: bytes, limits: Limits, kept: IO[bytes]) -> None:
        """Look at everything but the worksheets' rows, and write it to `kept`.

        Raises FileRefused: unreadable, encrypted, unsafe_file, too_large.
        """
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                entries = {_path(entry): entry for entry in archive.infolist()}
                count = len(archive.infolist())
        except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error, OSError):
            raise unreadable() from None
        if len({path.casefold() for path in entries}) != count or count > _ENTRIES:
            raise unsafe(_l("The file contains the same part twice"))
        if any(".." in path.split("/") for path in entries):
            raise unsafe(_l("The file's table of contents does not match what is in it"))
        self.parts: dict[str, bytes] = {}
        """What the small control parts hold."""
        self.sheets: dict[str, Marks] = {}
        self._kept = kept
        left = limits.unpacked_bytes
        with zipfile.ZipFile(kept, "w") as keeping:
            for path, entry in entries.items():
                left -= self._take(path, _unpack(content, entry, left), keeping)
        kept.flush()

    def look_at_sheets(self) -> None:
        """Look through the worksheets' rows; raises FileRefused (unsafe_file)."""
        with zipfile.ZipFile(self._kept) as archive:
            for path in filter(_WORKSHEET.search, archive.namelist()):
                rows = Rows(self.sheets.setdefault(path, Marks()))
                with archive.open(path) as part:
                    while chunk := part.read(_STEP):
                        rows.take(chunk)
                rows.end()

    def _take(self, path: str, chunks: Iterator[bytes], keeping: zipfile.ZipFile) -> int:
        """One entry; gives its size unpacked. What is no XML is only counted."""
        if not path.endswith((".xml", ".rels")) and path != "mimetype":
            return sum(map(len, chunks))
        xml = _Xml()
        size = 0
        control: list[bytes] | None = [] if _CONTROL.search(path) else None
        with keeping.open(zipfile.ZipInfo(path), "w") as part:
            for chunk in chunks:
                size += len(chunk)
                xml.take(chunk)
                if control is not None:
                    control.append(chunk)
                first_of_sheet = size == len(chunk) and _WORKSHEET.search(path)
                part.write(_without_merged(chunk) if first_of_sheet else chunk)
        if control is not None:
            self.parts[path] = b"".join(control)
        return size


def _path(entry: zipfile.ZipInfo) -> str:
    return entry.filename.replace("\\", "/").lstrip("/")


def _without_merged(begin: bytes) -> bytes:
    """The first chunk of a worksheet with an empty list of merged cells in it.

    python-calamine reads each worksheet a second time for them, up to the first list: 0.2 s of 0.5 s at 34 MB.
    They are read here (worksheets.py).
    """
    return re.sub(rb"<(\w+:)?sheetData\b", rb"<\1mergeCells></\1mergeCells>\g<0>", begin, count=1)


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


class _Xml:
    """Any XML: no document type, and only UTF-8 (others could hide one)."""

    def __init__(self) -> None:
        self.tail = b""
        self.first = True

    def take(self, chunk: bytes) -> None:
        """The next bytes. Raises FileRefused (unsafe_file)."""
        if self.first:
            self.first = False
            declared = re.match(rb"\s*(?:\xef\xbb\xbf)?<\?xml[^>]*encoding\s*=\s*[\"']([\w-]+)", chunk[:200])
            wide = chunk[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in chunk[:8]
            if wide or (declared and declared[1].lower() not in _ENCODINGS):
                raise unsafe(
                    _l("The file is written in an unusual way: open it in Excel or WPS and save it as xlsx")
                )
        joined = self.tail + chunk if self.tail else chunk
        if (
            b"!" in joined
            and b"<!" in joined
            and re.search(rb"<!(?:DOCTYPE|ENTITY|ELEMENT|ATTLIST|NOTATION)", joined, re.I)
        ):
            raise unsafe(_l("The file holds a document type, which spreadsheets never need"))
        self.tail = chunk[-12:]
