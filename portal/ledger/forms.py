"""The shape of what the pages send: no database, no rule."""

import re
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import lazy_gettext as lazy
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import StringField
from wtforms.validators import DataRequired, Length, Regexp

_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_DATE = re.compile(r"(20\d\d)[-/.年]?(\d{1,2})[-/.月]?(\d{1,2})日?")
_WIDE = str.maketrans("０１２３４５６７８９．，－／", "0123456789.,-/")


def tidy(text: Any) -> str:
    """A line as it can be stored: half-width digits, no control characters, no blanks around it."""
    return _CONTROL.sub("", str(text or "").translate(_WIDE)).strip()


def day_of(written: str) -> date | None:
    """'2026-11-05', '2026/11/5' or '20261105'; None for anything else."""
    found = _DATE.fullmatch(tidy(written))
    try:
        return date(*(int(part) for part in found.groups())) if found else None
    except ValueError:
        return None


def begins(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, zone)


def ends(day: date, zone: ZoneInfo) -> datetime:
    """The last instant of a day: a span includes it."""
    return begins(day + timedelta(days=1), zone) - timedelta(microseconds=1)


def _why() -> StringField:
    """The field for a reason."""
    return StringField(
        lazy("Reason"),
        filters=[tidy],
        validators=[
            DataRequired(lazy("Say why.")),
            Length(max=500, message=lazy("At most 500 characters.")),
        ],
    )


class DepositForm(FlaskForm):  # type: ignore[misc]
    """Money that came in at the bank."""

    amount = StringField(
        lazy("Amount in yuan"),
        filters=[tidy],
        validators=[DataRequired(lazy("Write the amount in yuan, above 0: 1234.50."))],
    )
    reference = StringField(
        lazy("Bank reference"),
        filters=[tidy],
        validators=[
            DataRequired(lazy("Write the bank’s reference: each one is posted once.")),
            Length(max=100, message=lazy("At most 100 characters.")),
        ],
    )


class RefundForm(DepositForm):
    """Margin that is paid back."""

    reason = _why()


class LeaveForm(FlaskForm):  # type: ignore[misc]
    """A dealer leaves the network."""

    day = StringField(
        lazy("Day on which it leaves"),
        filters=[tidy],
        validators=[DataRequired(lazy("Write the date like this: 2026-11-05."))],
    )
    reason = _why()


class ReverseForm(FlaskForm):  # type: ignore[misc]
    """A mistake is undone."""

    reason = _why()


class CommissionsForm(FlaskForm):  # type: ignore[misc]
    """A month's commission statement."""

    month = StringField(
        lazy("Month"),
        filters=[tidy],
        validators=[Regexp(r"20\d\d-(0[1-9]|1[0-2])$", message=lazy("Write the month like this: 2026-10."))],
    )
    file = FileField(lazy("Statement"), validators=[FileRequired(lazy("Choose a file."))])
