"""The shape of what the pages send: no database, no rule. Every text comes out without control characters."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as lazy
from flask_wtf import FlaskForm
from wtforms import BooleanField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, Length, Optional

from portal.core.numbers import whole
from portal.customer_files.rules.columns import Column

LONGEST_REASON = 1000
LONGEST_CELL = 5000
MOST_BY_HAND = 60
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_ROW_FIELD = re.compile(r"v-([1-9]\d{0,8})-([a-z][a-z0-9_]{0,59})")


def tidy(text: Any) -> str:
    """A text as it can be stored and shown: no control characters, no blanks around it."""
    return _CONTROL.sub("", str(text or "").replace("\r\n", "\n")).strip()


def reason_field(label: Any, empty: Any) -> TextAreaField:
    return TextAreaField(
        label,
        filters=[lambda text: text and tidy(text)],
        validators=[
            DataRequired(empty),
            Length(max=LONGEST_REASON, message=lazy("At most 1,000 characters.")),
        ],
    )


class NilForm(FlaskForm):  # type: ignore[misc]
    """No customer in this month, and why."""

    reason = reason_field(lazy("Reason"), lazy("Say in a few words why there is no customer this month."))


class WithdrawForm(FlaskForm):  # type: ignore[misc]
    reason = reason_field(lazy("Reason"), lazy("Say why you take it back; your regional manager reads it."))


class ReturnForm(FlaskForm):  # type: ignore[misc]
    """A dealer's file goes back."""

    reason = reason_field(lazy("Reason"), lazy("Say what the dealer has to mend."))


class NoteForm(FlaskForm):  # type: ignore[misc]
    """An optional note beside a check or a reminder."""

    note = TextAreaField(
        lazy("Note"),
        filters=[tidy],
        validators=[Optional(), Length(max=LONGEST_REASON, message=lazy("At most 1,000 characters."))],
    )


class SubmitForm(FlaskForm):  # type: ignore[misc]
    """The last look: what was declared; reasons for silent stores stand beside it (`reasons`)."""

    declared = BooleanField(
        lazy("These are all of the month’s customers as far as I know, and the data are true."),
        validators=[InputRequired(lazy("Tick this before you submit."))],
    )
    complete = BooleanField(lazy("I have looked: nobody was left out."))


def reasons(form: Mapping[str, str], codes: Iterable[str]) -> dict[str, str]:
    """What was typed for each of these units, by code; empty ones are left out."""
    found = {code: tidy(form.get(f"reason-{code}"))[:LONGEST_REASON] for code in codes}
    return {code: reason for code, reason in found.items() if reason}


# --- rows mended in place -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fix:
    """A cell as typed; `seen` is what stood there when the page was made, `offered` what the page had put in."""

    row: int
    column: str
    typed: str
    seen: str

    @property
    def name(self) -> str:
        return f"v-{self.row}-{self.column}"


def fixes(form: Mapping[str, str]) -> list[Fix]:
    """Every cell of the form (v-12-phone) whose typed text is not what was seen (o-12-phone)."""
    found = []
    for name, value in form.items():
        match = _ROW_FIELD.fullmatch(name)
        if match is None:
            continue
        typed, seen = tidy(value)[:LONGEST_CELL], tidy(form.get(f"o{name[1:]}"))
        if typed != seen:
            found.append(Fix(int(match[1]), match[2], typed, seen))
    return found


# --- the form of rows, for a dealer with five customers ------------------------------------------------------------


def by_hand(form: Mapping[str, str], columns: Sequence[Column]) -> list[dict[str, str]]:
    """The rows as typed (r-0-phone), in their order, empty ones included; at most MOST_BY_HAND."""
    rows = min(whole(form.get("rows", "1"), 3) or 1, MOST_BY_HAND)
    return [
        {column.name: tidy(form.get(f"r-{row}-{column.name}"))[:LONGEST_CELL] for column in columns}
        for row in range(rows)
    ]


def filled(rows: Iterable[Mapping[str, str]]) -> list[int]:
    """The places of the rows in which something stands."""
    return [place for place, row in enumerate(rows) if any(row.values())]


# --- the mapping of headings ---------------------------------------------------------------------------------------

UNUSED = "-"


def mapping(form: Mapping[str, str], headings: Sequence[str], columns: Sequence[Column]) -> dict[str, str]:
    """What was chosen for each heading (m-0, m-1, …): a column's name, UNUSED, or "" where nothing was chosen."""
    known = {column.name for column in columns} | {UNUSED}
    chosen = {heading: form.get(f"m-{place}", "") for place, heading in enumerate(headings)}
    return {heading: name if name in known else "" for heading, name in chosen.items()}
