"""Promises, breaches and the procedure of a rulebook in plain words (duties.py holds what they say)."""

from collections.abc import Iterator

from flask_babel import lazy_gettext as _
from flask_babel import lazy_ngettext

from portal.rulebook.rules.book import Rulebook
from portal.rulebook.rules.duties import Answerable, Breach, Promise, RefundTerms
from portal.rulebook.rules.values import Term
from portal.rulebook.rules.wording import (
    PEOPLE,
    Entry,
    Phrase,
    Series,
    duration_words,
    measure_words,
    money,
    once,
    term_words,
)


def promise(given: Promise) -> Entry:
    if given.months:
        time = lazy_ngettext("%(num)s month", "%(num)s months", given.months)
    else:
        time = term_words(given.within or Term())
    lines = [_("Within %(time)s %(duty)s", time=time, duty=given.duty)]
    if given.follows:
        lines.append(_("Otherwise: %(what)s", what=given.follows))
    return Entry(given.key, given.event, tuple(lines), (given.source,))


def breach(ruled: Breach) -> Entry:
    lines: list[Phrase] = [
        _("Found by the clock") if ruled.by_clock else _("Proposed by a person, with evidence")
    ]
    for found in ruled.answerable:
        lines.append(_("%(who)s: %(what)s", who=PEOPLE[found.who], what=found.consequence))
        lines += _measures(found)
    return Entry(
        ruled.key,
        ruled.title,
        tuple(lines),
        once(ruled.source, *(found.source for found in ruled.answerable)),
    )


def _measures(found: Answerable) -> list[Phrase]:
    if not found.ladder:
        return [_("Measures: %(measures)s", measures=Series(tuple(map(measure_words, found.measures)), "，"))]
    return [
        _("Time %(nth)s: %(measures)s", nth=nth, measures=Series(tuple(map(measure_words, step)), "，"))
        for nth, step in enumerate(found.ladder, 1)
    ]


def procedure(book: Rulebook) -> Iterator[Entry]:
    times = book.sanctions.procedure
    yield Entry(
        "case_times",
        _("Times"),
        (
            _("Statement of the party: %(time)s", time=duration_words(times.statement)),
            _("Approval: %(time)s", time=duration_words(times.approval)),
            _("Appeal: %(time)s, once", time=duration_words(times.appeal)),
            _(
                "Acknowledgement of a decision: %(time)s; after that it counts as received",
                time=duration_words(times.acknowledgement),
            ),
            _("Margin topped up: %(time)s", time=duration_words(times.top_up)),
            _("Measures that are handed on, carried out: %(time)s", time=duration_words(times.handed_on)),
            _("Earlier breaches count for %(time)s", time=duration_words(times.ladder_within)),
        ),
        (times.source,),
    )
    yield Entry(
        "four_eyes",
        _("Who decides"),
        (
            _("Whoever proposes does not approve; whoever approved does not hear the appeal"),
            _("Above %(amount)s two approve", amount=money(times.two_approvers_above)),
        ),
        (times.source,),
    )
    if times.margin_required:
        yield Entry(
            "margin",
            _("Brand margin"),
            (
                _("Required of each dealer: %(amount)s", amount=money(times.margin_required)),
                _("It never falls below zero; what it lacks is owed")
                if times.debt_allowed
                else _("It never falls below zero; what it lacks is not taken"),
                *_refund_words(times.refund),
            ),
            (times.source,),
        )


def _refund_words(terms: RefundTerms | None) -> Iterator[Phrase]:
    if terms:
        yield _(
            "When a dealer leaves: %(share)s %% within %(days)s working days, the rest after %(months)s months "
            "without claims",
            share=terms.first_share,
            days=terms.first_within_workdays,
            months=terms.rest_after_months,
        )
