"""A rulebook in plain words: chapters of entries, each with its sources.

What headquarters keeps for itself (signals and their weights, the call's script) is left out: every dealer reads it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from flask_babel import lazy_gettext as _
from flask_babel import lazy_ngettext

from portal.rulebook.rules.book import Rulebook
from portal.rulebook.rules.duties import Who
from portal.rulebook.rules.filing import Column, Window
from portal.rulebook.rules.reading_duties import breach, procedure, promise
from portal.rulebook.rules.requirements import REQUIREMENTS, Requirement
from portal.rulebook.rules.values import hour_and_minute
from portal.rulebook.rules.wording import (
    KEEPERS,
    KINDS,
    WINDOWS,
    Entry,
    Headline,
    Phrase,
    Series,
    duration_words,
    once,
    term_words,
    working_words,
)


@dataclass(frozen=True, slots=True)
class Chapter:
    """A part of the rulebook. `icon` is one of the portal's icons."""

    key: str
    title: Phrase
    icon: str
    entries: tuple[Entry, ...]


def cited(chapters: list[Chapter]) -> list[Requirement]:
    """The requirements that these chapters come from, each once, in order."""
    entries = (entry for chapter in chapters for entry in chapter.entries)
    return [
        REQUIREMENTS[source] for source in sorted({source for entry in entries for source in entry.sources})
    ]


def chapters(book: Rulebook) -> list[Chapter]:
    """The whole book, in reading order; a chapter without an entry is left out."""
    found = [
        Chapter("calendar", _("Deadlines of a month"), "clock", tuple(_calendar(book))),
        Chapter("customer_file", _("Customer file"), "file", tuple(_customer_file(book))),
        Chapter("columns", _("Columns of the customer file"), "layers", tuple(map(_column, book.columns))),
        Chapter("return_visits", _("Return visits"), "phone", tuple(_return_visits(book))),
        Chapter("promises", _("Promises"), "check", tuple(map(promise, book.promises))),
        Chapter(
            "breaches", _("What follows from a breach"), "alert", tuple(map(breach, book.sanctions.breaches))
        ),
        Chapter("procedure", _("How a case is decided"), "users", tuple(procedure(book))),
        Chapter("dossiers", _("Dossiers"), "book", tuple(_dossiers(book))),
        Chapter("retention", _("What is kept, where and how long"), "lock", tuple(_retention(book))),
    ]
    return [chapter for chapter in found if chapter.entries]


def _calendar(book: Rulebook) -> Iterator[Entry]:
    calendar = book.calendar
    for name, (title, about) in WINDOWS.items():
        window: Window = getattr(calendar.windows, name)
        until = (
            _(
                "By %(time)s of day %(day)s of the month after",
                time=hour_and_minute(window.at),
                day=window.day,
            )
            if calendar.includes_named_day
            else _("Before day %(day)s of the month after begins", day=window.day)
        )
        follows = book.consequence(window.breach, Who.DEALER if name == "dealer" else Who.REGIONAL_MANAGER)
        lines = [until, about] + ([_("Missed: %(what)s", what=follows.text)] if follows else [])
        yield Entry(
            f"window_{name}",
            title,
            tuple(lines),
            once(window.source, *([follows.source] if follows else [])),
        )
    yield Entry(
        "time_zone",
        _("Time and holidays"),
        (
            _("Time zone: %(zone)s, unless the network states its own", zone=calendar.time_zone),
            _("A deadline on a holiday moves to the next working day")
            if calendar.shifts_on_holidays
            else _("A deadline on a holiday stays where it is"),
        ),
        (calendar.source,),
    )
    reminders = calendar.reminders
    before = Series(tuple(duration_words(length) for length in reminders.before))
    yield Entry(
        "reminders",
        _("Reminders"),
        (
            _("To whoever still owes, before the deadline: %(times)s", times=before),
            _(
                "Sent between %(start)s and %(end)s",
                start=hour_and_minute(reminders.from_time),
                end=hour_and_minute(reminders.to_time),
            ),
            *([_("Also before a holiday in which the deadline lies")] if reminders.before_holiday else []),
        ),
        (reminders.source,),
    )
    if calendar.escalation:
        times = Series(tuple(duration_words(length) for length in calendar.escalation.levels))
        yield Entry(
            "escalation",
            _("When a deadline is missed"),
            (
                _(
                    "The superior unit is told and has a clock of its own, then the next one: %(times)s",
                    times=times,
                ),
                _("On days off, too")
                if calendar.escalation.on_days_off
                else _("On days off it waits for the next working day"),
            ),
            (calendar.escalation.source,),
        )
    if calendar.working:
        yield Entry(
            "working",
            _("Working hours"),
            (*working_words(calendar.working), _("A make-up workday has the hours of a working day")),
            (calendar.working.source,),
        )
    levels = calendar.levels
    yield Entry(
        "levels",
        _("Colours of the time left"),
        (
            _(
                "Monthly limits: a warning from %(warn)s, red from %(bad)s",
                warn=duration_words(levels.warn),
                bad=duration_words(levels.bad),
            ),
            _(
                "Promises: a warning when %(warn)s %% of the time is used, red from %(bad)s %%",
                warn=levels.promise_warn,
                bad=levels.promise_bad,
            ),
        ),
        (levels.source,),
    )


def _customer_file(book: Rulebook) -> Iterator[Entry]:
    file = book.customer_file
    limits = file.limits
    yield Entry(
        "forgotten",
        _("Forgotten customers"),
        (
            _(
                "A purchase up to %(time)s before the month may be filed with it",
                time=duration_words(file.forgotten),
            ),
        ),
        (file.forgotten_source,),
    )
    yield Entry(
        "judged",
        _("When a file counts"),
        (
            _(
                "In time: uploaded by the deadline, unchanged, and submitted within %(time)s of the end of its check",
                time=duration_words(file.submit_grace),
            ),
            _("A fall of more than %(share)s %% against last month is asked about", share=file.fall_to_ask),
        ),
        (file.source,),
    )
    yield Entry(
        "returned_file",
        _("A file that was returned"),
        (_("The dealer mends it within %(time)s", time=term_words(file.returned_within)),),
        (file.source,),
    )
    yield Entry(
        "limits",
        _("Size"),
        (
            _(
                "Up to %(mb)s MB, %(unpacked)s MB unpacked, %(rows)s rows, %(columns)s columns",
                mb=limits.megabytes,
                unpacked=limits.unpacked_megabytes,
                rows=f"{limits.rows:,}",
                columns=limits.columns,
            ),
        ),
        (limits.source,),
    )


def _column(column: Column) -> Entry:
    said: list[Phrase] = [
        _("Required: %(kind)s", kind=KINDS[column.kind])
        if column.required
        else _("Optional: %(kind)s", kind=KINDS[column.kind])
    ]
    if column.max_length:
        said.append(_("At most %(count)s characters", count=column.max_length))
    if column.least is not None and column.most is not None:
        said.append(_("From %(low)s to %(high)s", low=f"{column.least:,}", high=f"{column.most:,}"))
    if column.allowed:
        rule = (
            _("Only: %(values)s", values=Series(column.allowed))
            if column.strict
            else _("Known, others with a warning: %(values)s", values=Series(column.allowed))
        )
        said.append(rule)
    said.append(_("Also read as: %(headings)s", headings=Headline(column)))
    return Entry(f"column_{column.name}", column.label, tuple(said), (column.source,))


def _return_visits(book: Rulebook) -> Iterator[Entry]:
    visits = book.return_visits
    if visits is None:
        return
    yield Entry(
        "coverage",
        _("Coverage"),
        (
            _(
                "%(share)s %% of the month's people are called, by the last day of the month",
                share=visits.coverage,
            ),
            _(
                "From %(installed)s after the installation; without one from %(bought)s after the purchase",
                installed=duration_words(visits.after_installation),
                bought=duration_words(visits.after_purchase),
            ),
        ),
        (visits.source,),
    )
    yield Entry(
        "attempts",
        _("Attempts"),
        (
            _(
                "%(count)s attempts on at least %(days)s days, %(gap)s apart; after them: unreachable",
                count=visits.attempts,
                days=visits.attempt_days,
                gap=duration_words(visits.attempt_gap),
            ),
            _(
                "Calls between %(start)s and %(end)s",
                start=hour_and_minute(visits.calls_from),
                end=hour_and_minute(visits.calls_to),
            ),
            _("A customer is held for one agent for %(time)s", time=duration_words(visits.lease)),
        ),
        (visits.source,),
    )
    yield Entry(
        "rectification",
        _("Rectification"),
        (
            _(
                "The dealer puts it right within %(time)s, then the customer is called again",
                time=term_words(visits.rectification),
            ),
            _(
                "From round %(round)s on the regional manager says within %(time)s what will be done",
                round=visits.comment_from_round,
                time=term_words(visits.comment_within),
            ),
        ),
        (visits.rectification_source,),
    )
    yield Entry(
        "questions", _("Questions"), tuple(question.words for question in visits.questions), (visits.source,)
    )


def _dossiers(book: Rulebook) -> Iterator[Entry]:
    for dossier in book.dossiers:
        lines = tuple(
            paper.title if paper.required else _("%(document)s, where there is one", document=paper.title)
            for paper in dossier.documents
        )
        yield Entry(f"dossier_{dossier.key}", dossier.title, lines, (dossier.source,))


def _retention(book: Rulebook) -> Iterator[Entry]:
    for kept in book.retention:
        keepers = Series(tuple(KEEPERS[keeper] for keeper in kept.keepers))
        line = (
            _("%(keepers)s, for ever", keepers=keepers)
            if kept.years is None
            else lazy_ngettext(
                "%(keepers)s, %(num)s year", "%(keepers)s, %(num)s years", kept.years, keepers=keepers
            )
        )
        yield Entry(f"kept_{kept.key}", kept.title, (line,), (kept.source,))
