"""Text of a cell: what cannot be seen is taken out, what cannot be meant is named."""

import re
import unicodedata

# Controls other than tab and line ends, lone surrogates and noncharacters: nobody types them, PostgreSQL refuses some.
_CONTROLS = re.compile(
    "\x1b\\[[0-9;]*[A-Za-z]|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
    "|["
    + "".join(chr(plane * 0x10000 + 0xFFFE) + chr(plane * 0x10000 + 0xFFFF) for plane in range(1, 17))
    + "]"
)
# Invisible ones that carry nothing here: zero widths, direction marks, tags, fillers (category Cf and the like).
_INVISIBLE = re.compile(
    "[\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u2800\u3164\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_BLANKS = re.compile("[ \xa0\u1680\u2000-\u200a\u202f\u205f\u3000]+")
_LINE_ENDS = re.compile("\r\n?|[\u2028\u2029]")
_ROUNDED = re.compile(r"\d(?:\.\d+)?[eE]\+\d+")

EXCEL_ERRORS = frozenset(
    "#REF! #N/A #VALUE! #DIV/0! #NAME? #NUM! #NULL! #SPILL! #CALC! #GETTING_DATA #FIELD! #BLOCKED! #CONNECT!".split()
)
PLACEHOLDERS = frozenset(
    ["无", "暂无", "不详", "未知", "没有", "空", "n/a", "na", "null", "none", "nil", "待补", "待定"]
)


def clean(text: str) -> tuple[str, bool]:
    """`text` in NFC, trimmed, without what cannot be seen; and whether control characters were taken out."""
    kept, controls = _CONTROLS.subn("", text)
    kept = _INVISIBLE.sub("", kept)
    kept = _LINE_ENDS.sub("\n", kept)
    kept = _BLANKS.sub(" ", kept)
    return unicodedata.normalize("NFC", kept).strip(), bool(controls)


def all_clean(texts: list[str]) -> bool:
    """Whether each text is already as `clean` would leave it and undamaged. One look at all of them, in C.

    Joined by a blank: a blank at an end of a text, or an empty text, shows as two blanks in a row.
    """
    joined = " ".join(texts)
    return (
        joined.isprintable()
        and "  " not in joined
        and not joined.startswith(" ")
        and not joined.endswith(" ")
        and "\ufffd" not in joined
        and "锟斤" not in joined
        and "\u2800" not in joined
        and "\u3164" not in joined
        and "#" not in joined
        and unicodedata.is_normalized("NFC", joined)
    )


def damaged(text: str) -> bool:
    """Whether the text was destroyed on its way (replacement characters, or what GBK makes of them)."""
    return "\ufffd" in text or "锟斤" in text


def placeholder(text: str) -> bool:
    """Whether the text only says that there is nothing: “无”, “-”, “N/A”."""
    return text.casefold() in PLACEHOLDERS or not any(sign.isalnum() for sign in text)


def rounded(text: str) -> bool:
    """Whether Excel wrote a long number in scientific form (1.38E+10)."""
    return _ROUNDED.fullmatch(text) is not None


def shown(value: object) -> str:
    """A cell's value as the person sees it, for messages and raw texts; whole numbers without “.0”."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        if value.is_integer() and abs(value) < 1e21:
            return str(int(value))
        return repr(value)
    if isinstance(value, tuple):
        return str(value[1])
    return str(value)
