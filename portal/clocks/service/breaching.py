"""What the room below is told: a missed duty is a breach of the rule that the rulebook names for it (R046, R047)."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from portal import rulebook, sanctions
from portal.clocks import rules
from portal.clocks.models import Obligation
from portal.clocks.rules import Kind
from portal.core import events


def source_of(obligation_id: int) -> str:
    return f"obligation:{obligation_id}"


def report(who: events.Doer, marked: Sequence[Any], now: datetime) -> int:
    """Report rows that were marked breached (id, kind, unit_id, subject, rulebook_version, due_at), in this
    transaction; a rule that the rulebook does not name drafts nothing."""
    groups: dict[tuple[int, str, str, datetime], list[Any]] = defaultdict(list)
    for row in marked:
        groups[row.rulebook_version, row.kind, row.subject, row.due_at].append(row)
    reports = []
    for (version, kind, _subject, _due_at), rows in groups.items():
        found = _ruled(who.network_id, version, Kind(kind))
        if found is not None:
            reports.append(_report(found, rows, [{"code": "found", "at": now.isoformat()}]))
    return sanctions.report_breaches(who, reports, now)


def note_end(
    who: events.Doer, owed: Obligation, judged_at: datetime, now: datetime, *, in_time: bool
) -> None:
    """The duty is done. Late: it is a breach, whether a sweep saw it or not, with that fact in it. In time: what a
    sweep reported meanwhile is taken back."""
    if in_time:
        if owed.breached_at is not None:
            sanctions.retract_breach(who, source_of(owed.id), now)
        return
    found = _ruled(owed.network_id, owed.rulebook_version, owed.kind)
    if found is not None:
        sanctions.report_breaches(who, [_report(found, [owed], [])], now)
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


def _report(found: tuple[str, str], rows: Sequence[Any], facts: list[dict[str, Any]]) -> sanctions.Report:
    """Of rows of one rulebook, kind, subject and limit."""
    rule, requirement = found
    one = rows[0]
    said = [{"code": "subject", "text": one.subject}, {"code": "due", "at": one.due_at.isoformat()}]
    by = [(source_of(row.id), row.unit_id) for row in rows]
    return sanctions.Report(rule, requirement, one.rulebook_version, one.due_at, by, [*said, *facts])
