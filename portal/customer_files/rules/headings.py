"""Which column of a sheet is which: headings as people write them."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from flask_babel import lazy_gettext as _l

from portal.customer_files.rules.columns import Column
from portal.customer_files.rules.problems import FileRefused
from portal.customer_files.rules.sheet import Cell
from portal.customer_files.rules.texts import clean, shown

_SEARCHED_ROWS = 40

# What a person would recognise, beside the rulebook's own words (which win).
_PEOPLE = (
    "",
    "客户",
    "顾客",
    "用户",
    "消费者",
    "购买人",
    "买家",
    "收货人",
    "业主",
    "customer",
    "client",
    "buyer",
)
_BOUGHT = ("", "购买", "产品", "商品", "购货", "销售", "purchase", "product", "sales", "purchased")
_COMMON: dict[str, tuple[tuple[str, ...], str]] = {
    "customer_name": (_PEOPLE, "姓名 名称 名字 name fullname"),
    "phone": (
        (*_PEOPLE, "联系", "客户联系"),
        (
            "电话 手机 手机号 手机号码 联系电话 联系方式 电话号码 联系手机 移动电话 phone phoneno "
            "phonenumber mobile mobileno mobilephone tel telephone cellphone contact"
        ),
    ),
    "address": (
        (
            *_PEOPLE,
            "安装",
            "送货",
            "联系",
            "收货",
            "详细",
            "家庭",
            "施工",
            "铺装",
            "installation",
            "delivery",
        ),
        "地址 住址 详细地址 收货地址 address addr",
    ),
    "product_model": (
        _BOUGHT,
        "型号 产品型号 商品型号 规格型号 型号规格 产品 机型 花色型号 model modelno sku item",
    ),
    "purchase_date": (
        _BOUGHT,
        "日期 时间 购买日 购货日期 成交日期 下单日期 下单时间 订购日期 交易日期 date time dateofpurchase orderdate",
    ),
    "purchase_region": (
        _BOUGHT,
        "区域 地区 购买地区 购买地 所属区域 大区 销售区域 region area regionofpurchase",
    ),
    "quantity": (_BOUGHT, "数量 件数 台数 购买数量 qty quantity amount count pcs"),
    "order_no": (
        ("", "销售", "购买", "sales", "purchase"),
        "订单号 订单编号 订单号码 单号 合同号 合同编号 订单 orderno ordernumber orderid order. order order#",
    ),
    "area": (("", "铺装", "产品"), "面积 购买面积 平方数 平米数 floorarea areasqm sqm"),
    "installer": (
        ("",),
        "安装人 安装工 安装师傅 安装人员 铺装师傅 铺装工 安装队 installer fitter installedby",
    ),
    "installed_on": (
        ("",),
        "安装日期 安装时间 铺装日期 铺装时间 完工日期 installedon installationdate dateofinstallation",
    ),
    "remarks": (
        ("", "客户", "其他"),
        "备注 说明 备考 附注 备注说明 remark remarks note notes comment comments memo",
    ),
}
_TRADITIONAL = str.maketrans(
    "戶電話聯繫絡產號購買區數訂單備註說時間裝鋪師傅積機顧銷貨費規編類稱詳細業員聯",
    "户电话联系络产号购买区数订单备注说时间装铺师傅积机顾销货费规编类称详细业员联",
)
_NOTES = re.compile(
    r"\([^)]*\)|\[[^\]]*\]|【[^】]*】|〔[^〕]*〕|<[^>]*>|（[^）]*）|必填|选填|required|optional"
)
_NOISE = re.compile(r"[^\w#㎡]|_")
_OURS = frozenset({"问题", "problems", "问题problems", "problem"})


@dataclass(frozen=True)
class Headings:
    """Where the headings stand and what they mean. Places count from 0; `row` and `last` index the sheet's rows."""

    row: int
    last: int
    places: dict[str, int]
    found: tuple[str, ...]
    unknown: tuple[str, ...]
    width: int

    def text_of(self, name: str) -> str:
        """The person's own heading over a canonical column, "" where it has none."""
        place = self.places.get(name)
        return self.found[place] if place is not None and place < len(self.found) else ""


def normalised(text: str) -> str:
    """A heading without what people add to it: notes in brackets, stars, blanks, line breaks, width, case."""
    folded = unicodedata.normalize("NFKC", clean(text)[0]).casefold().translate(_TRADITIONAL)
    bare = _NOISE.sub("", _NOTES.sub("", folded))
    return bare or _NOISE.sub("", folded)


@lru_cache(maxsize=64)
def _vocabulary(columns: tuple[Column, ...]) -> dict[str, str]:
    """Normalised heading word -> canonical name."""
    words: dict[str, str] = {}
    names = {column.name for column in columns}
    for name, (fronts, ends) in _COMMON.items():
        if name in names:
            for end in ends.split():
                for front in fronts:
                    words.setdefault(normalised(front + end), name)
    for column in columns:
        for word in (*column.headings, column.name, column.label_zh, column.label_en):
            if word and normalised(word):
                words[normalised(word)] = column.name
    return words


def meaning(
    text: str, columns: tuple[Column, ...], mapping: Mapping[str, str | None] | None = None
) -> str | None:
    """The canonical name that a heading stands for, or None. "" means: a person said that it is to be ignored."""
    if not text:
        return None
    bare = normalised(text)
    if mapping:
        for heading, name in mapping.items():
            if heading == text or normalised(heading) == bare:
                return name or ""
    words = _vocabulary(columns)
    if bare in words:
        return words[bare]
    if len(text) > 60:
        return None
    parts = re.split(r"[/\n|]", text)
    chinese = "".join(re.findall("[\u3400-\u9fff]+", _NOTES.sub("", unicodedata.normalize("NFKC", text))))
    latin = " ".join(re.findall("[A-Za-z]+", text))
    known = {words[word] for part in (*parts, chinese, latin) if (word := normalised(part)) in words}
    if len(known) == 1 and ((chinese and latin) or len(parts) > 1):
        return known.pop()
    return None


def recognise(
    rows: Sequence[Sequence[Cell]], columns: Sequence[Column], mapping: Mapping[str, str | None] | None = None
) -> Headings:
    """Find the headings of a sheet.

    `mapping` is what a person said: heading -> canonical name, None or "" to ignore it; it goes before what we know.
    Raises FileRefused: missing_columns (`missing`, `found`, `row`), ambiguous_columns (`columns`), no_rows.
    """
    known = tuple(columns)
    best = _search(rows, known, mapping)
    if best is None:
        raise FileRefused("no_rows", _l("The sheet is empty: fill in the customers, or file a nil return"))
    row, last, meanings, found = best
    places: dict[str, int] = {}
    twice: dict[str, list[str]] = {}
    for place, name in enumerate(meanings):
        if not name:
            continue
        if name in places:
            first = places[name]
            if _empty_below(rows, last, place):
                continue
            if not _empty_below(rows, last, first):
                twice.setdefault(name, [found[first]]).append(found[place])
                continue
        places[name] = place
    missing = [column.name for column in known if column.required and column.name not in places]
    if missing:
        labels = [
            column.headings[0] if column.headings else column.label_zh or column.name
            for column in known
            if column.name in missing
        ]
        raise FileRefused(
            "missing_columns",
            _l(
                "These columns were not found: %(names)s. Name the headings as in the form, "
                "or say which column is which",
                names=", ".join(labels),
            ),
            missing=missing,
            found=[text for text in found if text],
            row=row + 1,
        )
    if twice:
        raise FileRefused(
            "ambiguous_columns",
            _l(
                "Several columns mean the same: %(names)s. Keep one of each, or say which one counts",
                names="; ".join(" = ".join(headings) for headings in twice.values()),
            ),
            columns=twice,
            found=[text for text in found if text],
            row=row + 1,
        )
    unknown = tuple(
        text
        for text, name in zip(found, meanings, strict=True)
        if text and name is None and normalised(text) not in _OURS
    )
    width = max((place for place, text in enumerate(found) if text), default=-1) + 1
    return Headings(row, last, places, tuple(found), unknown, width)


def fits(
    rows: Sequence[Sequence[Cell]], columns: Sequence[Column], mapping: Mapping[str, str | None] | None = None
) -> int:
    """How many canonical columns the headings of these rows name; 0 where none are found."""
    best = _search(rows, tuple(columns), mapping)
    return len({name for name in best[2] if name}) if best else 0


_Found = tuple[int, int, list[str | None], list[str]]


def _search(
    rows: Sequence[Sequence[Cell]], columns: tuple[Column, ...], mapping: Mapping[str, str | None] | None
) -> _Found | None:
    """The row (or pair of rows) with the most headings that are known; else the first row that is filled."""
    best: _Found | None = None
    best_score = (0, 0)
    first_filled: _Found | None = None
    seen: list[tuple[int, list[str]]] = []
    required = {column.name for column in columns if column.required}
    for index, row in enumerate(rows[:_SEARCHED_ROWS]):
        texts = [clean(shown(cell))[0] if cell not in (None, "") else "" for cell in row]
        if not any(texts):
            continue
        seen.append((index, texts))
        candidates: list[_Found] = [
            (index, index, [meaning(text, columns, mapping) for text in texts], texts)
        ]
        if len(seen) > 1 and seen[-2][0] == index - 1 and not required <= set(candidates[0][2]):
            candidates.append(_pair(index, seen[-2][1], texts, columns, mapping))
        first_filled = first_filled or candidates[0]
        for candidate in candidates:
            names = {name for name in candidate[2] if name}
            score = (len(names & required), len(names))
            if len(names) >= 2 and score > best_score:
                best, best_score = candidate, score
        if required and best_score[0] == len(required):
            break
    return best or first_filled


def _pair(
    index: int,
    above: list[str],
    below: list[str],
    columns: tuple[Column, ...],
    mapping: Mapping[str, str | None] | None,
) -> _Found:
    """Headings over two lines: a group above (merged over several columns), its parts below."""
    meanings: list[str | None] = []
    texts: list[str] = []
    group = ""
    for place in range(max(len(above), len(below))):
        top = above[place] if place < len(above) else ""
        bottom = below[place] if place < len(below) else ""
        group = top or group
        choices = [top + bottom, group + bottom, bottom] if bottom else [top]
        hit = next((text for text in choices if meaning(text, columns, mapping) is not None), choices[0])
        meanings.append(meaning(hit, columns, mapping))
        texts.append(hit)
    return index - 1, index, meanings, texts


def _empty_below(rows: Sequence[Sequence[Cell]], last: int, place: int) -> bool:
    return not any(place < len(row) and row[place] not in ("", None) for row in rows[last + 1 :])
