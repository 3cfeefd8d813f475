"""What the room below is told: a missed duty is a breach of the rule that the rulebook names for it (R046, R047)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from portal import rulebook, sanctions
from portal.clocks import rules
from portal.clocks.models import Obligation
from portal.clocks.rules import Kind
from portal.core import events
from portal.core.texts import gettext


def source_of(obligation_id: int) -> str:
    return f"obligation:{obligation_id}"


def report(who: events.Doer, marked: Sequence[Any], now: datetime) -> int:
    """Report rows that were marked breached (id, kind, unit_id, subject, rulebook_version, due_at), in this
    transaction; a rule that the rulebook does not name drafts nothing."""
    ruled: dict[tuple[int, str], tuple[str, str] | None] = {}
    reports = []
    for row in marked:
        place = (row.rulebook_version, row.kind)
        if place not in ruled:
            ruled[place] = _ruled(who.network_id, row.rulebook_version, Kind(row.kind))
        found = ruled[place]
        if found is not None:
            reports.append(_report(found, row, [{"code": "found", "at": now.isoformat()}]))
    return sanctions.report_breaches(who, reports, now)


def note_end(
    who: events.Doer, owed: Obligation, judged_at: datetime, now: datetime, *, in_time: bool
) -> None:
    """The duty is done. Late: it is a breach, whether a sweep saw it or not, with that fact in it. In time: what a
    sweep reported meanwhile is taken back."""
    if in_time:
        if owed.breached_at is not None:
            reason = gettext("What was filed had come in before the deadline.")
            sanctions.retract_breach(who, source_of(owed.id), reason, now)
        return
    found = _ruled(owed.network_id, owed.rulebook_version, owed.kind)
    if found is not None:
        sanctions.report_breaches(who, [_report(found, owed, [])], now)
        sanctions.note_cure(who, source_of(owed.id), judged_at)


def note_reopened(who: events.Doer, owed: Obligation) -> None:
    """What was done late was taken back: it is owed again."""
    if owed.judged_at is not None and not rules.on_time(owed.judged_at, owed.due_at):
        sanctions.note_cure(who, source_of(owed.id), None)


def _ruled(network_id: int, version: int, kind: Kind) -> tuple[str, str] | None:
    """The breach's key and requirement for a missed duty of this kind; None where the rulebook names none."""
    book = rulebook.at_version(network_id, version)
    key = rules.breach_of(book, kind)
    breach = book.breach(key) if key else None
    return (breach.key, breach.source) if breach else None


def _report(found: tuple[str, str], row: Any, facts: list[dict[str, Any]]) -> sanctions.Report:
    rule, requirement = found
    return sanctions.Report(
        rule=rule,
        requirement=requirement,
        source=source_of(row.id),
        version=row.rulebook_version,
        unit_id=row.unit_id,
        occurred_at=row.due_at,
        facts=[
            {"code": "subject", "text": row.subject},
            {"code": "due", "at": row.due_at.isoformat()},
            *facts,
        ],
    )
