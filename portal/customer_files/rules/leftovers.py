"""Lines that are no customers: blank ones, totals, signatures, the headings once more, the form's example."""

import re
from collections.abc import Iterable, Sequence

from portal.customer_files.rules.columns import Column
from portal.customer_files.rules.headings import meaning
from portal.customer_files.rules.sheet import Cell

_TOTAL = re.compile(
    r"(?:本页|本月|本表|全部|以上|月度|累计)?(?:合\s*计|总\s*计|小\s*计|共\s*计|总数|汇总|累计|总合计)(?:数量|金额|数|：|:|\d|\b|$).*"
    r"|共\s*\d+\s*(?:户|人|条|单|位|笔|件|台|名).*|(?:grand\s+|sub\s*)?totals?\b.*|sum\b.*",
    re.I | re.S,
)
_SIGNATURE = re.compile(
    r"(?:制\s*表|填\s*表|填\s*报|审\s*核|复\s*核|审\s*批|批\s*准|经\s*办|负\s*责\s*人|主\s*管|经\s*理|盖\s*章|公\s*章|签\s*字|签\s*名|签\s*章|"
    r"日\s*期|备\s*注|注\s*意|注|说\s*明|填写说明|填表说明|联系人|单\s*位|填报单位|报送|上报|经销商|门店|财务)"
    r"(?:人|员|日期|单位|时间|部门|盖章|签字|签章|说明|事项)*\s*(?:[（(][^）)]*[）)])?\s*(?:[:：].*|$)"
    r"|第\s*\d+\s*页.*|以下(?:空白|无正文).*|(?:以上|以下).{0,30}"
    r"|prepared by.*|checked by.*|approved by.*|signature.*|notes?\s*[:：].*|page\s+\d+.*|[-—=*_]{2,}.*",
    re.I | re.S,
)
_EXAMPLE = re.compile(r"[（(【\[]?\s*(?:示例|样例|范例|举例|填写示例|例\s*[:：]|example\b)", re.I)
EXAMPLE_BEGINS = "示样例举填范Ee（(【["
"""With one of these every example's name begins: nothing else of the others has to be looked at."""


def is_example(name: str) -> bool:
    """Whether a clean name says that the row is the form's example."""
    return _EXAMPLE.match(name) is not None


def customers_in(rows: Iterable[Sequence[Cell]]) -> int:
    """How many rows are filled like a customer's; a total or a signature fills one or two cells."""
    return sum(1 for row in rows if sum(cell not in ("", None) for cell in row) > 2)


def why_no_customer(filled: dict[str, str], row: list[str], columns: tuple[Column, ...]) -> str | None:
    """Why a row with errors is no customer: "" (blank), "total", "signature", "heading", "example"; None: it is one.

    `filled`: canonical column -> clean text, filled cells only; `row`: all cells of the row, clean.
    """
    texts = [text for text in row if text]
    if not filled and not any(_TOTAL.fullmatch(text) or _SIGNATURE.fullmatch(text) for text in texts):
        return ""
    if is_example(filled.get("customer_name", "")):
        return "example"
    if filled.get("phone") and any(sign.isdigit() for sign in filled["phone"]):
        return None  # before the headings: those take a hundred times as long, and theirs has no digit
    if sum(1 for name, text in filled.items() if len(text) < 40 and meaning(text, columns) == name) >= 3:
        return "heading"
    weighty = [
        name
        for name in ("customer_name", "phone", "address", "product_model", "purchase_date")
        if filled.get(name)
    ]
    if any(_TOTAL.fullmatch(text) for text in texts) and len(weighty) <= 3:
        return "total"
    if texts and _SIGNATURE.fullmatch(texts[0]) and len(weighty) <= 3:
        return "signature"
    if filled and set(filled) <= {"quantity", "area"}:
        return "total"
    return None
