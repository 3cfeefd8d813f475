"""What is printed: typst with the one typeface that comes with the portal, the same bytes for the same content."""

import json
import struct
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import pylopdf_fonts_zh_cn
import typst

from config.settings import ROOT
from portal.core.texts import gettext, language

MISSING_SIGN = "〓"
"""The printers' sign for a character that the fount has not; a note on the paper explains it."""


def printed(template: str, texts: Mapping[str, Any], at: datetime, lang: str = "") -> bytes:
    """A PDF/A-3b of `texts` by a template of ours (its path from the root); `at` is its date of making.

    `lang`: what the texts are in, the reader's language by default.
    """
    clean, lost = printable(texts)
    clean["lang"] = lang or language()
    clean["page"] = gettext("Page %(page)s of %(pages)s", page="{n}", pages="{t}")
    clean["lost"] = (
        gettext(
            "%(sign)s stands for a character that this typeface does not have; the portal keeps it as it is.",
            sign=MISSING_SIGN,
        )
        if lost
        else ""
    )
    made = typst.compile(
        (Path(ROOT) / template).read_bytes(),
        font_paths=fonts(),
        ignore_system_fonts=True,
        sys_inputs={"content": json.dumps(clean, ensure_ascii=False)},
        pdf_standards="a-3b",
        timestamp=at.astimezone(UTC).replace(microsecond=0),
    )
    assert isinstance(made, bytes)
    return made


def printable(value: Any) -> tuple[Any, bool]:
    """The same texts with each character that cannot be printed replaced by MISSING_SIGN, and whether there was one."""
    if isinstance(value, Mapping):
        made = {name: printable(inner) for name, inner in value.items()}
        return {name: text for name, (text, _) in made.items()}, any(lost for _, lost in made.values())
    if isinstance(value, list | tuple):
        listed = [printable(inner) for inner in value]
        return [text for text, _ in listed], any(lost for _, lost in listed)
    known = characters()
    text = "".join(sign if ord(sign) in known or sign in "\n " else MISSING_SIGN for sign in str(value))
    return text, text != str(value)


@lru_cache(maxsize=1)
def fonts() -> typst.Fonts:
    """The one typeface that comes with the portal: what is printed never depends on the machine."""
    folder = pylopdf_fonts_zh_cn.sans_path().parent
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[folder])


@lru_cache(maxsize=1)
def characters() -> frozenset[int]:
    """The code points that the typeface draws: its cmap table, format 12 or 4."""
    font = pylopdf_fonts_zh_cn.sans_path().read_bytes()
    count = struct.unpack(">H", font[4:6])[0]
    tables = {
        font[12 + 16 * i : 16 + 16 * i]: struct.unpack(">II", font[20 + 16 * i : 28 + 16 * i])
        for i in range(count)
    }
    start = tables[b"cmap"][0]
    records = struct.unpack(">H", font[start + 2 : start + 4])[0]
    found: set[int] = set()
    for i in range(records):
        offset = struct.unpack(">I", font[start + 8 + 8 * i : start + 12 + 8 * i])[0]
        found |= _subtable(font, start + offset)
    return frozenset(found)


def _subtable(font: bytes, at: int) -> set[int]:
    kind = struct.unpack(">H", font[at : at + 2])[0]
    found: set[int] = set()
    if kind == 12:
        groups = struct.unpack(">I", font[at + 12 : at + 16])[0]
        for i in range(groups):
            first, last, glyph = struct.unpack(">III", font[at + 16 + 12 * i : at + 28 + 12 * i])
            found.update(range(first if glyph else first + 1, last + 1))
    elif kind == 4:
        segments = struct.unpack(">H", font[at + 6 : at + 8])[0] // 2
        ends = struct.unpack(f">{segments}H", font[at + 14 : at + 14 + 2 * segments])
        starts = struct.unpack(f">{segments}H", font[at + 16 + 2 * segments : at + 16 + 4 * segments])
        for first, last in zip(starts, ends, strict=True):
            if last != 0xFFFF:
                found.update(range(first, last + 1))
    return found
