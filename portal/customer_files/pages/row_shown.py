"""Rows as the pages show them: what is wrong with each cell, and what stands in the field."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from portal.core.texts import gettext, language
from portal.customer_files import queries, service
from portal.customer_files.models import CustomerFile
from portal.customer_files.pages import shown
from portal.customer_files.queries import RowView
from portal.customer_files.rules.columns import Column
from portal.customer_files.rules.problems import ERROR, Code, message, suggestion


@dataclass(frozen=True)
class Labels:
    """The columns of a month by name, with their words in the reader's language."""

    columns: Sequence[Column]

    def of(self, name: str | None) -> str:
        return next((column.label(language()) for column in self.columns if column.name == name), "")

    def column(self, name: str | None) -> Column | None:
        return next((column for column in self.columns if column.name == name), None)


def labels_for(network_id: int, month: date) -> Labels:
    return Labels(service.columns_for(network_id, month))


@dataclass(frozen=True)
class Trouble:
    """One line of the check page: a cell (or a whole row) and everything that is said about it."""

    row: int
    column: Column | None
    label: str
    value: str
    words: Sequence[str]
    severity: str
    suggested: str | None = None
    typed: str | None = None
    stale: str | None = None  # what somebody else has written here meanwhile
    choices: Sequence[str] = ()
    near: Sequence[str] = ()
    listed: bool = False  # choices as a datalist: too many for a select

    @property
    def id(self) -> str:
        return f"f-{self.row}-{self.column.name}" if self.column else f"f-{self.row}"

    @property
    def name(self) -> str:
        return f"{self.row}-{self.column.name}" if self.column else ""

    @property
    def shown(self) -> str:
        """What stands in the field when the page opens."""
        if self.typed is not None:
            return self.typed
        return self.suggested if self.suggested is not None else self.value

    @property
    def inputmode(self) -> str:
        kinds = {"phone": "tel", "date": "numeric", "whole": "numeric", "decimal": "decimal"}
        return kinds.get(self.column.kind, "text") if self.column else "text"


@dataclass(frozen=True)
class RowShown:
    """A row of a file with its troubles, one for each cell."""

    view: RowView
    troubles: Sequence[Trouble]

    @property
    def row(self) -> int:
        return self.view.row

    def text(self, column: str) -> str:
        value = self.view.values.get(column)
        return "" if value is None else plain(value)

    @property
    def warnings(self) -> Sequence[Trouble]:
        return [each for each in self.troubles if each.severity != ERROR]


def plain(value: Any) -> str:
    """A cell's value as a person types it: 2, not 2.0."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)


MOST_IN_A_SELECT = 300


def row_shown(
    view: RowView,
    labels: Labels,
    *,
    only: str | None = None,
    typed: Mapping[str, str] | None = None,
    stale: Mapping[str, str] | None = None,
) -> RowShown:
    """`only` severity; `typed` and `stale` by field name (v-12-phone) after a form that could not be saved."""
    by_column: dict[str | None, list[Any]] = {}
    for problem in view.problems:
        if only is None or problem.severity == only:
            by_column.setdefault(problem.column, []).append(problem)
    troubles = []
    for name, problems in by_column.items():
        column = labels.column(name)
        worst = next((each for each in problems if each.severity == ERROR), problems[0])
        value = plain(view.values.get(column.name)) if column else ""
        field_name = f"v-{view.row}-{name}"
        near = [str(each) for each in worst.params.get("nearest", ())] if column and column.allowed else []
        offered = suggestion(worst.code, worst.params) if column else None
        troubles.append(
            Trouble(
                row=view.row,
                column=column,
                label=labels.of(name) or gettext("Whole row"),
                value=value,
                words=[_said(each, labels) for each in problems],
                severity=worst.severity,
                suggested=offered if offered != value else None,
                typed=(typed or {}).get(field_name),
                stale=(stale or {}).get(field_name),
                choices=column.allowed if column and len(column.allowed) <= MOST_IN_A_SELECT else (),
                near=near,
                listed=bool(column and len(column.allowed) > MOST_IN_A_SELECT),
            )
        )
    return RowShown(view, troubles)


def _said(problem: Any, labels: Labels) -> str:
    params = {**problem.params, "value": problem.params.get("value", problem.value or "")}
    return str(message(problem.code, params, labels.of(problem.column)))


@dataclass(frozen=True)
class Notice:
    """A line of the warnings' panel: one thing that is said, and the rows of which it is said; none: the whole file."""

    rows: Sequence[int]
    label: str
    words: str

    @property
    def where(self) -> Any:
        if not self.rows:
            return ""
        if len(self.rows) == 1:
            return gettext("Row %(row)s", row=self.rows[0])
        first = shown.listed(self.rows[:ROWS_NAMED])
        if len(self.rows) <= ROWS_NAMED:
            return gettext("Rows %(rows)s", rows=first)
        return gettext("Rows %(rows)s and others, %(count)d in all", rows=first, count=len(self.rows))


ROWS_NAMED = 3
WARNINGS_READ = 400
LEFT_OUT = (Code.NOT_A_CUSTOMER, Code.HIDDEN_ROWS)
"""What takes rows out of the sheet, or may surprise in it, is said first: no row vanishes without a word."""


def notices(file: CustomerFile, labels: Labels, *, whole: bool, most: int = 8) -> list[Notice]:
    """The warnings of a file, equal ones in one line; what concerns the whole file and what was left out first."""
    urgent = queries.list_problems(file, whole=whole, codes=LEFT_OUT, limit=most).items
    others = queries.list_problems(file, whole=whole, severity="warning", limit=WARNINGS_READ).items
    rows: dict[tuple[str, str], dict[int, None]] = {}
    for each in (*urgent, *others):
        same = rows.setdefault((labels.of(each.column), _said(each, labels)), {})
        if each.row:
            same[each.row] = None
    found = [Notice(list(numbers), label, words) for (label, words), numbers in rows.items()]
    first = len({(labels.of(each.column), _said(each, labels)) for each in urgent})
    rest = sorted(found[first:], key=lambda notice: (bool(notice.rows), -len(notice.rows)))
    return [*found[:first], *rest][:most]
