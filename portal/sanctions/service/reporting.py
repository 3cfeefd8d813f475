"""Breaches come in: each is taken once, and drafts one case for each one answerable, in the caller's transaction.

Set-based: the sweep reports thousands at a time. Everything is written with headquarters' eyes.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, Text, bindparam, select, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from portal import network, notices, rulebook
from portal.access import Role
from portal.core import events
from portal.core.db import db, within
from portal.core.scope import Scope
from portal.network import Network
from portal.rulebook import Who
from portal.sanctions import queries
from portal.sanctions.models import Breach, Case, Step
from portal.sanctions.rules import FILED_IN_TIME, REVIEWED, STANDS, Move, State, planned, under_review

PLACE: dict[Who, tuple[str, Role | None]] = {
    Who.STORE: ("store", None),
    Who.DEALER: ("dealer", None),
    Who.REGIONAL_MANAGER: ("region", Role.REGIONAL_MANAGER),
    Who.CHANNEL_MANAGER: ("channel", Role.CHANNEL_MANAGER),
    Who.CUSTOMER_SERVICE: ("headquarters", None),
}
"""Where one answerable stands above (or at) the unit that broke the rule, and in which role if it is a person."""
HISTORY = timedelta(days=365)


@dataclass(frozen=True)
class Report:
    """A rule that was broken at one time: `rule` is the rulebook's key. `by` says for each one who did it what says so
    ('obligation:17'), counted once for rule and source together, and the unit's id."""

    rule: str
    requirement: str
    version: int
    occurred_at: datetime
    by: Sequence[tuple[str, int]]
    facts: Sequence[dict[str, Any]] = ()


TAKE = text(
    """
    WITH taken AS (
        INSERT INTO breach (network_id, unit_path, rule, requirement, source, rulebook_version, about_unit_id,
                            about_path, occurred_at, reported_at, facts)
        SELECT :network, :root, r.rule, r.requirement, each ->> 0, r.version, u.id, u.unit_path, r.occurred_at, :now,
               r.facts
        FROM jsonb_to_recordset(:reports) AS r(rule text, requirement text, version int, occurred_at timestamptz,
                                               by jsonb, facts jsonb)
        CROSS JOIN LATERAL jsonb_array_elements(r.by) AS each
        CROSS JOIN LATERAL (SELECT id, unit_path FROM unit WHERE id = (each ->> 1)::bigint AND network_id = :network
                            OFFSET 0) AS u
        ON CONFLICT (network_id, source, rule) WHERE retracted_at IS NULL DO NOTHING
        RETURNING id, rule, rulebook_version, occurred_at)
    SELECT rule, rulebook_version, occurred_at, array_agg(id ORDER BY id) AS ids FROM taken
    GROUP BY rule, rulebook_version, occurred_at ORDER BY occurred_at, rule, rulebook_version
    """
).bindparams(bindparam("reports", type_=JSONB))

# OFFSET 0 keeps each unit's look-up by its key: without statistics (after an import) a join would read them all
DRAFT = text(
    """
    WITH target AS MATERIALIZED (
        SELECT b.id AS breach_id, b.occurred_at, u.id AS unit_id, u.unit_path, m.person_id,
               CASE WHEN m.person_id IS NULL THEN 'u' || u.id ELSE 'p' || m.person_id END AS party
        FROM breach b
        CROSS JOIN LATERAL (SELECT id, network_id, unit_path FROM unit
                            WHERE id = ANY(string_to_array(rtrim(b.about_path, '.'), '.')::bigint[]) AND kind = :kind
                            OFFSET 0) AS u
        LEFT JOIN membership m ON m.network_id = u.network_id AND m.unit_id = u.id AND m.role = :role
                              AND m.status = 'active'
        WHERE b.network_id = :network AND b.id = ANY(:breaches)
          AND NOT EXISTS (SELECT 1 FROM sanction_case c WHERE c.network_id = b.network_id AND c.breach_id = b.id
                          AND c.who = :who)),
    counted AS (SELECT count(*)::int AS n FROM target),
    number AS (
        INSERT INTO sanction_number (network_id, unit_path, year, last)
        SELECT :network, :root, CAST(:year AS int), n FROM counted WHERE n > 0
        ON CONFLICT (network_id, year) DO UPDATE SET last = sanction_number.last + excluded.last RETURNING last),
    numbered AS (
        SELECT t.*, number.last - counted.n + row_number() OVER (ORDER BY t.breach_id, t.party) AS place,
               before.step, before.history
        FROM target t CROSS JOIN number CROSS JOIN counted CROSS JOIN LATERAL (
            SELECT 1 + count(*) FILTER (WHERE c.ladder = :ladder AND c.approved_at >= t.occurred_at - :within) AS step,
                   coalesce(jsonb_agg(jsonb_build_object('id', c.id, 'number', c.number, 'rule', c.rule, 'requirement',
                     c.requirement, 'at', c.approved_at, 'state', c.state, 'measures', c.measures)
                     ORDER BY c.approved_at) FILTER (WHERE c.approved_at >= t.occurred_at - :year_back),
                     '[]') AS history
            FROM sanction_case c
            WHERE c.network_id = :network AND c.party = t.party AND c.approved_at >= t.occurred_at - :back
              AND c.state = ANY(:standing) AND c.decision IS DISTINCT FROM 'revoked') AS before),
    drafted AS (
        INSERT INTO sanction_case (network_id, unit_path, about_unit_id, about_path, person_id, party, who, number,
            breach_id, rule, requirement, ladder, rulebook_version, state, step, measures, history, words, documents,
            occurred_at, drafted_at, step_due_at)
        SELECT :network, :root, unit_id, unit_path, person_id, party, :who,
               'CF-' || CAST(:year AS text) || '-' || lpad(place::text, greatest(4, length(place::text)), '0'),
               breach_id, :rule, :requirement, :ladder, :version, 'draft', step,
               CAST(:ladders AS jsonb) -> (least(step, jsonb_array_length(CAST(:ladders AS jsonb)))::int - 1),
               history, :words, :documents, occurred_at, :now, :due
        FROM numbered
        ON CONFLICT (network_id, breach_id, who, party) DO NOTHING
        RETURNING id, number, rule, state, measures),
    steps AS (
        INSERT INTO sanction_step (network_id, unit_path, case_id, at, move, state, person_id, doer, note, measures)
        SELECT :network, :root, id, :now, 'draft', 'draft', CAST(:person AS bigint), :doer, '', measures FROM drafted)
    INSERT INTO event (network_id, unit_path, at, person_id, membership_id, doer, via, action, kind, object_id,
                       before, after)
    SELECT :network, :root, :now, CAST(:person AS bigint), CAST(:membership AS bigint), :doer, :via,
           'sanction_case:drafted', 'sanction_case', id::text, '{}',
           jsonb_build_object('number', number, 'rule', rule)
    FROM drafted
    """
).bindparams(
    bindparam("breaches", type_=ARRAY(BigInteger)),
    bindparam("documents", type_=ARRAY(Text)),
    bindparam("standing", [each.value for each in STANDS]),
)


def month_of(occurred_at: datetime, zone: ZoneInfo) -> str:
    """The calendar month of a breach, '2026-11': 24:00 belongs to the day that ends."""
    return f"{(occurred_at - timedelta(seconds=1)).astimezone(zone):%Y-%m}"


def headquarters_of(of: Network) -> Scope:
    return Scope.below(of.id, of.root_path)


def report_breaches(who: events.Doer, reports: Sequence[Report], now: datetime) -> int:
    """Take each breach once (rule and source) and draft its cases; gives how many breaches were new.

    The caller's transaction: rolled back with it. `who` is whoever noticed: the clock, or an officer.
    """
    if not reports:
        return 0
    of = network.get_network(who.network_id)
    rows = [vars(each) | {"occurred_at": each.occurred_at.isoformat()} for each in reports]
    with within(headquarters_of(of)):
        fresh = db.session.execute(
            TAKE, {"network": of.id, "root": of.root_path, "now": now, "reports": rows}
        ).all()
        zone = ZoneInfo(of.time_zone)
        groups: dict[tuple[str, int, str], list[int]] = defaultdict(list)
        for taken in fresh:
            groups[taken.rule, taken.rulebook_version, month_of(taken.occurred_at, zone)] += taken.ids
        drafted = sum(
            draft(who, of, rule, version, breaches, month, now)
            for (rule, version, month), breaches in groups.items()
        )
        if drafted:
            tell_officers(who, of, drafted)
    return sum(len(taken.ids) for taken in fresh)


def draft(
    who: events.Doer,
    of: Network,
    rule: str,
    version: int,
    breaches: Sequence[int],
    month: str,
    now: datetime,
    *,
    but: Iterable[Who] = (),
    words: str = "",
    documents: Sequence[str] = (),
) -> int:
    """Draft the cases of breaches of one rule in one month ("2026-11") for each one answerable (but `but`); gives how
    many. `words` and `documents`: the facts and the evidence of whoever found it, where it was not the clock.
    """
    book = rulebook.at_version(of.id, version)
    breach, times = book.breach(rule), book.sanctions.procedure
    if breach is None:
        return 0
    count = 0
    for answerable in breach.answerable:
        if answerable.who in but or answerable.who not in PLACE:
            continue
        kind, role = PLACE[answerable.who]
        ladders = [planned(step, month) for step in answerable.ladder or (answerable.measures,)]
        values = {
            "network": of.id,
            "root": of.root_path,
            "breaches": list(breaches),
            "kind": kind,
            "role": role.value if role else None,
            "who": answerable.who.value,
            "year": now.astimezone(ZoneInfo(of.time_zone)).year,
            "rule": breach.key,
            "requirement": answerable.source,
            "ladder": breach.group or breach.key,
            "version": version,
            "within": times.ladder_within,
            "back": max(HISTORY, times.ladder_within),
            "year_back": HISTORY,
            "ladders": json.dumps([[each.model_dump(mode="json") for each in step] for step in ladders]),
            "now": now,
            "due": now + times.approval,
            "person": who.person_id,
            "membership": who.membership_id,
            "doer": who.name,
            "via": who.via,
            "words": words,
            "documents": list(documents),
        }
        drafted: Any = db.session.execute(DRAFT, values)
        count += drafted.rowcount
    return count


def tell_officers(who: events.Doer, of: Network, drafted: int) -> None:
    office = network.units_below(of.root_path, kind="headquarters")
    notices.tell(
        who,
        unit_ids=[unit.id for unit in office],
        roles=[Role.SANCTION_OFFICER],
        kind="sanction_case:drafted",
        subject="%(count)s new sanction cases were drafted",
        params={"count": drafted},
        link="/sanctions?state=draft",
    )


def note_cure(who: events.Doer, source: str, cured_at: datetime | None) -> None:
    """What was broken was done late, or (None) taken back again: it stays a breach, with that fact in it."""
    of = network.get_network(who.network_id)
    with within(headquarters_of(of)):
        for breach in _of_source(source):
            if breach.cured_at != cured_at:
                events.record(
                    who,
                    "breach:cured",
                    breach,
                    before={"cured_at": breach.cured_at},
                    after={"cured_at": cured_at},
                )
                breach.cured_at = cured_at


def retract_breach(who: events.Doer, source: str, now: datetime) -> None:
    """It was no breach after all (the bytes were in): drafts fall, what somebody proposed is put up for review."""
    of = network.get_network(who.network_id)
    with within(headquarters_of(of)):
        for breach in _of_source(source):
            breach.retracted_at, breach.retraction = now, FILED_IN_TIME
            events.record(who, "breach:retracted", breach, after={"reason": FILED_IN_TIME})
            for case in queries.cases_of_breach(breach.id, lock=True):
                if case.at is State.DRAFT and case.told_at is None:
                    case.state, case.closed_at, case.step_due_at = State.WITHDRAWN, now, None
                    case.end_note = FILED_IN_TIME
                    write_step(who, case, Move.WITHDRAW, FILED_IN_TIME, now)
                else:
                    put_up_for_review(who, case, FILED_IN_TIME, now)


def put_up_for_review(who: events.Doer, case: Case, reason: str, now: datetime) -> None:
    """What it hangs on fell: it is looked at again, also when it has taken effect. Once; not where nothing binds."""
    if case.review_at is not None or not under_review(case.at, case.decision):
        return
    case.review_at, case.review_reason = now, reason
    if case.at in REVIEWED:  # somebody else's step, with a deadline of its own
        book = rulebook.at_version(case.network_id, case.rulebook_version)
        case.step_due_at = now + book.sanctions.procedure.approval
    write_step(who, case, Move.REVIEW, reason, now)
    notices.tell(
        who,
        unit_ids=[unit.id for unit in network.units_below(case.unit_path, kind="headquarters")],
        roles=[Role.SANCTION_OFFICER, Role.SANCTION_APPROVER],
        kind="sanction_case:put_up_for_review",
        subject="Sanction case %(number)s is to be reviewed: what it hangs on fell",
        params={"number": case.number},
        link=f"/sanctions/{case.number}",
    )


def write_step(who: events.Doer, case: Case, move: Move, note: str, now: datetime) -> None:
    """One line of the case's own trail, and one of the audit trail."""
    step = Step(
        network_id=case.network_id,
        unit_path=case.unit_path,
        case_id=case.id,
        at=now,
        move=move.value,
        state=case.state,
        person_id=who.person_id,
        doer=who.name,
        note=note,
        measures=case.measures,
    )
    db.session.add(step)
    db.session.flush()
    after = {"number": case.number, "state": case.state, "note": note, "measures": case.measures}
    events.record(who, f"sanction_case:{move.value}", case, after=after)


def _of_source(source: str) -> Sequence[Breach]:
    """Locked in the order of their ids, as their cases are after them."""
    stands = Breach.retracted_at.is_(None)
    chosen = select(Breach).where(Breach.source == source, stands).order_by(Breach.id)
    return db.session.scalars(chosen.with_for_update()).all()
