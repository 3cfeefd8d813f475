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
    """A zip whose every entry is unpacked once, counting, and looked through; worksheets apart from all other parts.

    Each step raises FileRefused: unreadable, encrypted, unsafe_file, too_large.
    """

    def __init__(self, content: bytes, limits: Limits) -> None:
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                self._entries = archive.infolist()
        except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error, OSError):
            raise unreadable() from None
        names = [entry.filename for entry in self._entries]
        if len({name.casefold().replace("\\", "/") for name in names}) != len(names) or len(names) > _ENTRIES:
            raise unsafe(_l("The file contains the same part twice"))
        if any(".." in re.split(r"[/\\\\]", name) for name in names):
            raise unsafe(_l("The file's table of contents does not match what is in it"))
        self._content = content
        self._left = limits.unpacked_bytes
        self.names = frozenset(names)
        self.parts: dict[str, bytes] = {}
        """What the small control parts hold."""
        self.sheets: dict[str, Marks] = {}

    def look_at_parts(self) -> None:
        """Everything that is no worksheet."""
        for entry in self._entries:
            path = _path(entry)
            if not _WORKSHEET.search(path):
                self._look(entry, self._reader_for(path))

    def look_at_sheets(self) -> None:
        """The worksheets."""
        for entry in self._entries:
            path = _path(entry)
            if _WORKSHEET.search(path):
                self._look(entry, _Worksheet(self.sheets.setdefault(path, Marks())))

    def _look(self, entry: zipfile.ZipInfo, reader: "_Part") -> None:
        unpacked = 0
        for chunk in _unpack(self._content, entry, self._left):
            unpacked += len(chunk)
            reader.take(chunk)
        self._left -= unpacked
        reader.end()

    def _reader_for(self, path: str) -> "_Part":
        if path.endswith((".xml", ".rels")) or path == "mimetype":
            return _Xml(self.parts if _CONTROL.search(path) else None, path)
        return _Part()


def _path(entry: zipfile.ZipInfo) -> str:
    return entry.filename.replace("\\", "/").lstrip("/")


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
        if (
            b"!" in joined
            and b"<!" in joined
            and re.search(rb"<!(?:DOCTYPE|ENTITY|ELEMENT|ATTLIST|NOTATION)", joined, re.I)
        ):
            raise unsafe(_l("The file holds a document type, which spreadsheets never need"))
        self.tail = chunk[-12:]
        if self.parts is not None:
            self.kept.append(chunk)

    def end(self) -> None:
        if self.parts is not None:
            self.parts[self.path] = b"".join(self.kept)


class _Worksheet(_Xml):
    """A worksheet: its rows are looked through on the way."""

    def __init__(self, marks: Marks) -> None:
        super().__init__(None, "")
        self.rows = Rows(marks)

    def take(self, chunk: bytes) -> None:
        super().take(chunk)
        self.rows.take(chunk)

    def end(self) -> None:
        self.rows.end()
