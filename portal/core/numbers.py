"""Numbers as somebody wrote them: what is no number, or an endless one, is None and never an error."""

import re

_WIDE = str.maketrans("０１２３４５６７８９．，", "0123456789.,")
_AMOUNT = re.compile(r"([0-9]{1,18}|[0-9]{1,3}(?:,[0-9]{3}){1,5})(?:\.([0-9]{1,2}))?")


def whole(text: str, longest: int = 18) -> int | None:
    """ASCII digits alone as a number; by default as many as a key of ours may have (`bigint`).

    `str.isdigit` alone is also true of '²' and '①', which `int` refuses.
    """
    return int(text) if text.isascii() and text.isdigit() and len(text) <= longest else None


def hundredths(text: str) -> int | None:
    """'¥1,234.5' as 123450: digits (full width too), commas between thousands, at most two decimals.

    Nothing else: `Decimal` would also take '1e10', '1_0' and 'Infinity'.
    """
    found = _AMOUNT.fullmatch(text.translate(_WIDE).strip().lstrip("¥￥").strip())
    return int(found[1].replace(",", "")) * 100 + int((found[2] or "").ljust(2, "0")) if found else None
