"""What the pages send, read and told apart: texts, opinions, measures row by row. No database, no rule."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from flask_babel import lazy_gettext as lazy

from portal.core.numbers import hundredths, whole
from portal.sanctions.rules import Measure, MeasureKind

LONG, SHORT = 10_000, 2_000
LARGEST = 10**11  # fen
SPARE_ROWS = 2
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_MONTH = re.compile(r"20\d\d-(0[1-9]|1[0-2])", re.ASCII)
_DAY = re.compile(r"(20\d\d)[-/.]?(\d{1,2})[-/.]?(\d{1,2})")
_WIDE = str.maketrans("０１２３４５６７８９．，－／％", "0123456789.,-/%")
PARTS = ("kind", "amount", "share", "month", "until", "note")


def tidy(text: Any, most: int = LONG) -> str:
    """A text as it can be stored and shown: no control characters, no blanks around it, not endless."""
    return _CONTROL.sub("", str(text or "").replace("\r\n", "\n")).strip()[:most]


@dataclass(frozen=True)
class MeasureRow:
    """One row of the measures as it was written."""

    place: int
    kind: str = ""
    amount: str = ""
    share: str = ""
    month: str = ""
    until: str = ""
    note: str = ""


@dataclass
class Sent:
    """A form as it came: `values` by name, `rows` of measures, `errors` as (anchor, words)."""

    values: Mapping[str, str] = field(default_factory=dict)
    rows: Sequence[MeasureRow] = ()
    errors: list[tuple[str, Any]] = field(default_factory=list)

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, "")

    def needed(self, name: str, words: Any) -> str:
        """A text that must be there; what is lacking stands in the errors."""
        if not self[name]:
            self.errors.append((f"#{name}", words))
        return self[name]

    def error(self, name: str) -> Any:
        return next((words for anchor, words in self.errors if anchor == f"#{name}"), "")


def read_sent(form: Mapping[str, str]) -> Sent:
    values = {name: tidy(value) for name, value in form.items() if name not in ("csrf_token", "membership")}
    places = sorted({int(found[1]) for name in form if (found := re.fullmatch(r"m-(\d{1,2})-kind", name))})
    rows = [
        MeasureRow(place, **{part: tidy(form.get(f"m-{place}-{part}"), SHORT) for part in PARTS})
        for place in places
    ]
    return Sent(values, rows)


def rows_of(measures: Sequence[Measure], spare: int = SPARE_ROWS) -> list[MeasureRow]:
    """Measures as a form shows them, with rows to spare."""
    rows = [
        MeasureRow(
            place,
            each.kind.value,
            "" if each.amount is None else f"{each.amount / 100:.2f}",
            "" if each.share is None else str(each.share),
            each.month or "",
            each.until.isoformat() if each.until else "",
            each.note or "",
        )
        for place, each in enumerate(measures)
    ]
    return rows + [MeasureRow(len(rows) + place) for place in range(spare)]


def read_measures(sent: Sent) -> tuple[list[Measure], list[int]]:
    """The measures of the rows that name a kind, with each one's row; what cannot be read stands in the errors."""
    read: list[Measure] = []
    places: list[int] = []
    for row in sent.rows:
        if row.kind not in set(MeasureKind):
            continue
        amount, share, until = _fen(row.amount), _share(row.share), _day(row.until)
        for name, wrong, words in (
            ("amount", row.amount and amount is None, lazy("Write the amount in yuan, above 0: 1234.50.")),
            ("share", row.share and share is None, lazy("Write the share in per cent, 1 to 100.")),
            (
                "month",
                row.month and not _MONTH.fullmatch(row.month),
                lazy("Write the month like this: 2026-10."),
            ),
            ("until", row.until and until is None, lazy("Write the date like this: 2026-11-05.")),
        ):
            if wrong:
                sent.errors.append((f"#m-{row.place}-{name}", words))
        month = row.month if _MONTH.fullmatch(row.month) else None
        kind = MeasureKind(row.kind)
        read.append(
            Measure(kind=kind, amount=amount, share=share, month=month, until=until, note=row.note or None)
        )
        places.append(row.place)
    return read, places


def _fen(written: str) -> int | None:
    value = hundredths(written)
    return value if value is not None and 0 < value <= LARGEST else None


def _share(written: str) -> int | None:
    value = whole(written.translate(_WIDE).rstrip("%").strip(), 3)
    return value if value is not None and 1 <= value <= 100 else None


def _day(written: str) -> date | None:
    found = _DAY.fullmatch(written.translate(_WIDE))
    try:
        return date(*(int(part) for part in found.groups())) if found else None
    except ValueError:
        return None


def anchor(pointer: str, places: Sequence[int] = ()) -> str:
    """Where the page shows a field that an error points to: '/measures/1/amount' → '#m-3-amount'."""
    parts = pointer.strip("/").split("/")
    if parts[0] != "measures":
        return f"#{parts[0]}" if parts[0] else ""
    if len(parts) < 3:
        return "#measures"
    place = int(parts[1])
    return f"#m-{places[place] if place < len(places) else place}-{parts[2]}"
