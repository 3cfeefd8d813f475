"""What a superior sends about a clock: a day and a reason."""

import re
from datetime import date
from typing import Any

from flask_babel import lazy_gettext as lazy
from flask_wtf import FlaskForm
from wtforms import StringField, TextAreaField
from wtforms.validators import DataRequired, Length, ValidationError

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_DAY = re.compile(r"(20\d\d)[-/.]?(\d{1,2})[-/.]?(\d{1,2})")
_WIDE = str.maketrans("０１２３４５６７８９．－／", "0123456789.-/")


def tidy(text: Any) -> str:
    """A text as it can be stored and shown: no control characters, no blanks around it."""
    return _CONTROL.sub("", str(text or "").replace("\r\n", "\n")).strip()


def day_of(written: str) -> date | None:
    """`2026-11-08`, `2026/11/8`, `20261108`, full width too; None for anything else."""
    found = _DAY.fullmatch(written.translate(_WIDE))
    try:
        return date(*map(int, found.groups())) if found else None
    except ValueError:
        return None


class ReasonForm(FlaskForm):  # type: ignore[misc]
    """A pause, or a waiver."""

    reason = TextAreaField(
        lazy("Reason"),
        filters=[tidy],
        validators=[
            DataRequired(lazy("Say why: whoever owes it reads this.")),
            Length(max=1000, message=lazy("At most 1,000 characters.")),
        ],
    )


class ExtendForm(ReasonForm):
    """A later limit: the end of a day."""

    day = StringField(
        lazy("New last day"),
        filters=[tidy],
        validators=[DataRequired(lazy("Write the new last day, for example 2026-11-08."))],
    )

    def validate_day(self, field: Any) -> None:
        if day_of(field.data) is None:
            raise ValidationError(lazy("Write the day like 2026-11-08."))


class ResumeForm(FlaskForm):  # type: ignore[misc]
    """Nothing but the guard against forgery."""
