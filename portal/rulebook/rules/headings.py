"""How a column's heading is recognised, however a person wrote it."""

import re
import unicodedata

BRACKETS = re.compile(r"[(\[{【〔《<].*?[)\]}】〕》>]")
NOISE = re.compile(r"[\s*#:_\-./、,;'\"|·•]+")


def heading_key(text: str) -> str:
    """A heading without width, case, blanks, invisible signs and marks: ` 客户 姓名＊` is `客户姓名`."""
    flat = unicodedata.normalize("NFKC", text)
    flat = "".join(
        sign for sign in flat if unicodedata.category(sign) not in ("Cc", "Cf") or sign in "\t\n\r"
    )
    return NOISE.sub("", flat).casefold()


def heading_without_notes(text: str) -> tuple[str, list[str]]:
    """A heading's key without what stands in brackets, and that in keys: 数量(台) gives 数量, [台]."""
    flat = unicodedata.normalize("NFKC", text)
    notes = [heading_key(note[1:-1]) for note in BRACKETS.findall(flat)]
    return heading_key(BRACKETS.sub("", flat)), notes
