"""The whole rulebook: read from a document, checked, and asked by the other rooms."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from portal.rulebook.rules.calling import ReturnVisits
from portal.rulebook.rules.duties import Answerable, Breach, Dossier, Promise, Retention, Sanctions, Who
from portal.rulebook.rules.filing import Calendar, Column, CustomerFile, Limits, Window, Windows
from portal.rulebook.rules.headings import heading_key, heading_without_notes
from portal.rulebook.rules.values import Key, Section, Term, Words, refuse, repeated

WindowName = Literal["dealer", "region", "statistics", "lock"]


class RulebookError(ValueError):
    """A document that is no rulebook. `faults` says for each one where it stands and what is wrong."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Consequence:
    """What follows from a breach for one who answers for it, in both languages, with its requirement's id."""

    text: Words
    source: str


class Rulebook(Section):
    """One version of a network's rules. Read one with `read(document)`; it never changes."""

    format: Literal[1]
    key: Key
    title: Words
    summary: Words
    currency: Literal["CNY"]
    calendar: Calendar
    customer_file: CustomerFile
    return_visits: ReturnVisits | None = None
    promises: tuple[Promise, ...] = ()
    sanctions: Sanctions
    dossiers: tuple[Dossier, ...] = ()
    retention: tuple[Retention, ...] = Field(default=())

    # --- what other rooms ask ---
    @property
    def windows(self) -> Windows:
        return self.calendar.windows

    def window(self, name: WindowName) -> Window:
        found: Window = getattr(self.calendar.windows, name)
        return found

    @property
    def shifts_on_holidays(self) -> bool:
        """Whether a deadline on a holiday moves to the next working day."""
        return self.calendar.shifts_on_holidays

    @property
    def columns(self) -> tuple[Column, ...]:
        """The customer file's columns, in the template's order."""
        return self.customer_file.columns

    @property
    def limits(self) -> Limits:
        return self.customer_file.limits

    def column(self, name: str) -> Column | None:
        return self._columns_by_name.get(name)

    def column_for(self, heading: str) -> Column | None:
        """The column that a heading means, or None. Notes in brackets are skipped unless they name another one."""
        found = self._columns_by_heading.get(heading_key(heading))
        if found:
            return found
        bare, notes = heading_without_notes(heading)
        found = self._columns_by_heading.get(bare)
        others = (self._columns_by_heading.get(note) for note in notes)
        return None if any(other not in (None, found) for other in others) else found

    def promise(self, key: str) -> Promise | None:
        return next((promise for promise in self.promises if promise.key == key), None)

    def breach(self, key: str) -> Breach | None:
        """A breach by its key or by its requirement's id (`R033`); of several with that id the first."""
        by_key = (breach for breach in self.sanctions.breaches if breach.key == key)
        by_source = (breach for breach in self.sanctions.breaches if breach.source == key)
        return next(by_key, None) or next(by_source, None)

    def answerable(self, breach_key: str, who: Who | str) -> Answerable | None:
        breach = self.breach(breach_key)
        return next((found for found in breach.answerable if found.who == who), None) if breach else None

    def consequence(self, breach_key: str | None, who: Who | str) -> Consequence | None:
        """What `who` faces for a breach, as boards show it beside a deadline; None where nothing is said."""
        found = self.answerable(breach_key, who) if breach_key else None
        return Consequence(found.consequence, found.source) if found else None

    def dossier(self, key: str) -> Dossier | None:
        return next((dossier for dossier in self.dossiers if dossier.key == key), None)

    def record_class(self, key: str) -> Retention | None:
        return next((kept for kept in self.retention if kept.key == key), None)

    def sources(self) -> list[str]:
        """Every requirement that the book cites, in order."""
        return sorted(set(_sources(self.model_dump())))

    def _terms(self) -> Iterator[tuple[str, Term]]:
        yield "customer_file.returned_within", self.customer_file.returned_within
        if self.return_visits:
            yield "return_visits.rectification", self.return_visits.rectification
            yield "return_visits.comment_within", self.return_visits.comment_within
        for promise in self.promises:
            if promise.within:
                yield f"promises[{promise.key}].within", promise.within

    @cached_property
    def _columns_by_name(self) -> dict[str, Column]:
        return {column.name: column for column in self.columns}

    @cached_property
    def _columns_by_heading(self) -> dict[str, Column]:
        return {key: column for column in self.columns for key in column.keys}

    # --- checks across sections ---
    @model_validator(mode="after")
    def _hangs_together(self) -> "Rulebook":
        known = {breach.key for breach in self.sanctions.breaches}
        cited: list[tuple[str, str | None]] = [
            (f"calendar.windows.{name}.breach", self.window(name).breach)
            for name in ("dealer", "region", "statistics")
        ]
        cited.append(("customer_file.returned_breach", self.customer_file.returned_breach))
        if self.return_visits:
            cited.append(("return_visits.rectification_breach", self.return_visits.rectification_breach))
            cited.append(("return_visits.comment_breach", self.return_visits.comment_breach))
        cited += [(f"promises[{promise.key}].breach", promise.breach) for promise in self.promises]
        faults = [
            (where, f"must be a breach of sanctions.breaches, is {key}")
            for where, key in cited
            if key and key not in known
        ]
        if self.calendar.working is None:
            faults += [
                (where, "is in working time, and calendar.working is missing")
                for where, within in self._terms()
                if within.counts != "calendar"
            ]
        for section, keys in (
            ("promises", [promise.key for promise in self.promises]),
            ("dossiers", [dossier.key for dossier in self.dossiers]),
            ("retention", [kept.key for kept in self.retention]),
        ):
            faults += [(f"{section}[{key}]", "stands twice") for key in repeated(keys)]
        refuse(faults)
        return self


def read(document: dict[str, Any]) -> Rulebook:
    """A document (as TOML or JSON gave it) as a rulebook. Raises RulebookError with every fault and its place."""
    try:
        return Rulebook.model_validate(document)
    except ValidationError as refused:
        raise RulebookError(_faults(refused, document)) from None


def _sources(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        for name, value in part.items():
            if name.endswith("source") and isinstance(value, str):
                yield value
            yield from _sources(value)
    elif isinstance(part, list | tuple):
        for value in part:
            yield from _sources(value)


WORDS = {
    "missing": "is missing",
    "extra_forbidden": "is not known here",
    "string_type": "must be text",
    "string_too_short": "must not be empty",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
    "tuple_type": "must be a list",
    "dict_type": "must be a table",
}


def _faults(refused: ValidationError, document: Any) -> list[str]:
    faults: list[str] = []
    errors = refused.errors(include_url=False)
    places = [error["loc"] for error in errors]
    for error in errors:
        loc = error["loc"]
        if error["type"] == "too_short" and any(at[: len(loc)] == loc != at for at in places):
            continue  # a list is called short where its one wrong item was left out, which is told already
        where, found = _place(loc, document), error.get("input")
        known = isinstance(found, str | int | float) and error["type"] not in ("extra_forbidden", "missing")
        shown = f", is {found}" if known else ""
        if error["type"] != "value_error":
            faults.append(f"{where or 'rulebook'}: {_said(error)}{shown}")
            continue
        for line in str(error["ctx"]["error"]).split("\n"):
            below, _, what = line.rpartition("\t")
            place = ".".join(part for part in (where, below) if part)
            faults.append(f"{place or 'rulebook'}: {what}{'' if below else shown}")
    return faults


def _said(error: ErrorDetails) -> str:
    """A fault that pydantic found itself, in our words."""
    told = error.get("ctx", {})
    match error["type"]:
        case "enum" | "literal_error":
            return "must be one of " + str(told["expected"]).replace(" or ", ", ").replace("'", "")
        case "too_short":
            return f"must have at least {told['min_length']}"
        case "too_long" | "string_too_long":
            return f"must have at most {told['max_length']}"
        case "string_pattern_mismatch":
            return "must be lower-case letters, digits and _"
        case known:
            return WORDS.get(known) or error["msg"].lower()


def _place(loc: tuple[int | str, ...], document: Any) -> str:
    """Where, as a person would say it: `customer_file.columns[phone].kind`, by number from 1 without a name."""
    place, here = "", document
    for step in loc:
        if isinstance(step, int):
            here = here[step] if isinstance(here, list | tuple) and step < len(here) else None
            named = here if isinstance(here, dict) else {}
            name = next(
                (
                    named[key]
                    for key in ("name", "key", "id", "who", "kind")
                    if isinstance(named.get(key), str)
                ),
                None,
            )
            place += f"[{name or step + 1}]"
        else:
            here = here.get(step) if isinstance(here, dict) else None
            place += f".{step}" if place else step
    return place


def version_for(versions: list[tuple[int, date]], month: date) -> int | None:
    """Which of these (number, effective from) is in force for a month: the latest to take effect by then.

    Of several from one month the newest; a month before all of them has the first one; None where there is none.
    """
    begun = [(effective_from, number) for number, effective_from in versions if effective_from <= month]
    return max(begun)[1] if begun else min((number for number, _ in versions), default=None)
