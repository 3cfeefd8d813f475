"""A region's summary customer file: consolidated, amended, never changed (R042, R046)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, insert, select, text

from portal import network, return_visits
from portal.access import Actor
from portal.core import clock, events
from portal.core import month as months
from portal.core.db import db, within
from portal.core.errors import Conflict, FieldError, Invalid
from portal.core.texts import lazy
from portal.customer_files import queries
from portal.customer_files.models import (
    Consolidation,
    ConsolidationFile,
    ConsolidationMissing,
    CustomerFile,
    FilePart,
)
from portal.customer_files.queries import DealerLine, RegionBoard
from portal.customer_files.rules.moves import FILED, Move, State, after, consolidation_receipt
from portal.customer_files.service import duties
from portal.customer_files.service.filing import Receipt
from portal.customer_files.service.locking import lock_months
from portal.customer_files.service.reviewing import must_be_in_charge
from portal.network import Unit


@dataclass(frozen=True)
class _Taken:
    """One file that goes in: a dealer's own or a part of it."""

    dealer: Unit
    file: CustomerFile


def consolidate(
    actor: Actor,
    month: date,
    region: Unit,
    *,
    requested_at: datetime,
    missing: Mapping[str, str] | None = None,
) -> Receipt:
    """Send the region's files to headquarters, with a reason for each dealer that is missing.

    Again: takes what came since as an amendment. Raises NotAllowed, Invalid unknown_unit, Conflict (dealers_missing,
    nothing_new, month_…).
    """
    missing = missing or {}
    must_be_in_charge(actor, region.unit_path)
    dealers = network.units_below(region.unit_path, kind="dealer")
    _must_be_dealers(dealers, missing)
    lock_months(actor.network_id, [region.id, *(dealer.id for dealer in dealers)], month)
    duties.must_take(actor.network_id, region, month, requested_at)
    board = queries.region_board(region, month)
    number = len(board.consolidations)
    fresh = [line for line in board.dealers if line.file is not None and line.file.state in FILED]
    if number and not fresh:
        raise Conflict("nothing_new", lazy("Nothing has come in since the last consolidation."))
    if not number:
        _must_be_explained(board, missing)
    done = _write(actor, board, number, requested_at)
    taken = _take(actor, done, fresh)
    with within(actor.whole_network):  # of a dealer that has moved here another region holds the earlier ones
        _match(done, taken)
        _sum_up(done, taken)
    return_visits.open_visits(actor, done.id, month)
    for line in board.missing:
        db.session.execute(
            insert(ConsolidationMissing).values(
                network_id=done.network_id,
                unit_path=region.unit_path,
                consolidation_id=done.id,
                dealer_id=line.unit.id,
                state=line.state,
                reason=missing.get(line.unit.code, ""),
            )
        )
    duties.meet(actor, region, month, done.judged_at)
    events.record(
        actor,
        "consolidation:submitted",
        done,
        after={
            "month": months.text(month),
            "number": number,
            "receipt": done.receipt_number,
            "dealers": done.dealers,
            "customers": done.customers,
            "matched": done.matched,
            "missing": dict(missing),
        },
    )
    return receipt_of(done)


def receipt_of(done: Consolidation) -> Receipt:
    return Receipt(done.receipt_number, done.submitted_at, done.due_at, done.on_time, done.judged_at)


def _must_be_dealers(dealers: Sequence[Unit], missing: Mapping[str, str]) -> None:
    known = {dealer.code for dealer in dealers}
    errors = [
        FieldError(f"/missing/{place}/unit", "unknown_unit", lazy("There is no such dealer in this region."))
        for place, code in enumerate(missing)
        if code not in known
    ]
    if errors:
        raise Invalid("unknown_unit", errors[0].detail, errors)


def _must_be_explained(board: RegionBoard, missing: Mapping[str, str]) -> None:
    silent = [line.unit.code for line in board.missing if line.unit.code not in missing]
    if silent:
        words = lazy(
            "Give a reason for each dealer whose file is missing: %(dealers)s.", dealers="、".join(silent)
        )
        raise Conflict("dealers_missing", words, dealers=silent)


def _write(actor: Actor, board: RegionBoard, number: int, requested_at: datetime) -> Consolidation:
    done = Consolidation(
        network_id=actor.network_id,
        unit_path=board.region.unit_path,
        region_id=board.region.id,
        month=board.month,
        number=number,
        submitted_at=max(requested_at, clock.now()),
        submitted_by=actor.person_id,
        judged_at=requested_at,
        due_at=board.due_at,
        receipt_number=consolidation_receipt(board.month, board.region.code, number),
        dealers=0,
        customers=0,
        people=0,
        matched=0,
        excluded=0,
        quantity=0,
    )
    db.session.add(done)
    db.session.flush()
    return done


def _take(actor: Actor, done: Consolidation, fresh: Sequence[DealerLine]) -> list[_Taken]:
    """The dealers' files and their parts become consolidated; a part that an earlier one holds stays there."""
    taken = []
    wholes = {line.file.id: line for line in fresh if line.file is not None}
    parts = db.session.execute(
        select(FilePart.file_id, CustomerFile)
        .join(CustomerFile, CustomerFile.id == FilePart.part_id)
        .where(FilePart.file_id.in_(list(wholes)))
        .order_by(CustomerFile.id)
    ).all()
    for line in fresh:
        assert line.file is not None
        taken.append(_Taken(line.unit, line.file))
    seen: set[int] = set()
    for whole_id, part in parts:
        # a part that was superseded after the dealer's submission still stands in the dealer's file
        if part.id in seen or part.consolidated_as is not None:
            continue
        seen.add(part.id)
        taken.append(_Taken(wholes[whole_id].unit, part))
    for each in taken:
        before = State(each.file.state)
        if before in FILED:
            each.file.state = after(before, Move.CONSOLIDATE)
        each.file.consolidated_as = done.number
        events.record(
            actor,
            "customer_file:consolidated",
            each.file,
            before={"state": before},
            after={"state": each.file.state, "consolidation": done.id, "number": done.number},
        )
    db.session.flush()
    return taken


# Tried one after the other, each only on what is still unmatched: k equal purchases match k earlier ones, not one many.
_KEYS = (
    "(r.phone, r.product_model, r.purchase_date, r.order_no)",
    "(nullif(r.order_no, ''), r.product_model, NULL::date, '')",
    "(r.customer_name, r.product_model, r.purchase_date, r.address)",
)
_MATCH = """
    WITH earlier AS (
        SELECT f.dealer_id, {key}::text AS key, count(*) AS many
        FROM consolidation_file f
        JOIN customer_file_row r ON r.network_id = f.network_id AND r.file_id = f.file_id
        WHERE f.network_id = :network AND f.month = :month AND f.dealer_id = ANY(:dealers)
          AND r.status = 'good' AND NOT r.matched {some}
        GROUP BY 1, 2),
    fresh AS (
        SELECT t.dealer_id, r.file_id, r.row_no, r.matched, {key}::text AS key,
               row_number() OVER (
                   PARTITION BY t.dealer_id, {key}::text ORDER BY r.matched DESC, r.file_id, r.row_no) AS place
        FROM unnest(CAST(:files AS bigint[]), CAST(:owners AS bigint[])) AS t(file_id, dealer_id)
        JOIN customer_file_row r ON r.network_id = :network AND r.file_id = t.file_id
        WHERE r.status = 'good' {some})
    UPDATE customer_file_row r SET matched = true
    FROM fresh JOIN earlier ON earlier.dealer_id = fresh.dealer_id AND earlier.key = fresh.key
    WHERE fresh.place <= earlier.many AND NOT fresh.matched
      AND r.network_id = :network AND r.file_id = fresh.file_id AND r.row_no = fresh.row_no
"""


def _match(done: Consolidation, taken: Sequence[_Taken]) -> None:
    """Purchases that an earlier consolidation of the month holds are matched: they count there and not again."""
    held = select(ConsolidationFile.file_id).where(
        ConsolidationFile.month == done.month,
        ConsolidationFile.dealer_id.in_({each.dealer.id for each in taken}),
    )
    if not db.session.scalar(select(held.exists())):
        return
    given = {
        "network": done.network_id,
        "month": done.month,
        "dealers": list({each.dealer.id for each in taken}),
        "files": [each.file.id for each in taken],
        "owners": [each.dealer.id for each in taken],
    }
    for key in _KEYS:
        some = "AND r.order_no <> ''" if "nullif" in key else ""
        db.session.execute(text(_MATCH.replace("{key}", f"ROW{key}").replace("{some}", some)), given)


def _sum_up(done: Consolidation, taken: Sequence[_Taken]) -> None:
    """Write what each file adds, then the consolidation's totals."""
    if not taken:
        return
    db.session.execute(
        _ADD,
        {
            "network": done.network_id,
            "path": done.unit_path,
            "id": done.id,
            "month": done.month,
            "files": [each.file.id for each in taken],
            "owners": [each.dealer.id for each in taken],
        },
    )
    column = ConsolidationFile
    sums = db.session.execute(
        select(
            func.coalesce(func.sum(column.customers), 0),
            func.coalesce(func.sum(column.people), 0),
            func.coalesce(func.sum(column.matched), 0),
            func.coalesce(func.sum(column.excluded), 0),
            func.coalesce(func.sum(column.quantity), 0),
        ).where(column.consolidation_id == done.id)
    ).one()
    done.customers, done.people, done.matched, done.excluded, done.quantity = (int(each) for each in sums)
    done.dealers = len({each.dealer.id for each in taken})
    db.session.flush()


_ADD = text(
    """
    WITH given AS (
        SELECT * FROM unnest(CAST(:files AS bigint[]), CAST(:owners AS bigint[])) AS t(file_id, dealer_id)),
    known AS (
        SELECT DISTINCT f.dealer_id, r.phone, r.customer_name
        FROM consolidation_file f
        JOIN customer_file_row r ON r.network_id = f.network_id AND r.file_id = f.file_id AND r.status = 'good'
        WHERE f.network_id = :network AND f.month = :month AND f.dealer_id IN (SELECT dealer_id FROM given)),
    person AS (
        SELECT g.dealer_id, r.phone, r.customer_name, min(g.file_id) AS file_id
        FROM given g
        JOIN customer_file_row r ON r.network_id = :network AND r.file_id = g.file_id
        WHERE r.status = 'good' AND NOT r.matched
        GROUP BY g.dealer_id, r.phone, r.customer_name),
    people AS (
        SELECT p.file_id, count(*) AS people FROM person p
        WHERE NOT EXISTS (SELECT 1 FROM known k WHERE k.dealer_id = p.dealer_id AND k.phone = p.phone
                          AND k.customer_name = p.customer_name)
        GROUP BY p.file_id),
    counted AS (
        SELECT r.file_id, count(*) FILTER (WHERE r.status = 'good' AND NOT r.matched) AS customers,
               count(*) FILTER (WHERE r.matched) AS matched,
               count(*) FILTER (WHERE r.status = 'excluded') AS excluded,
               coalesce(sum(r.quantity) FILTER (WHERE r.status = 'good' AND NOT r.matched), 0) AS quantity
        FROM given g JOIN customer_file_row r ON r.network_id = :network AND r.file_id = g.file_id
        GROUP BY r.file_id)
    INSERT INTO consolidation_file
        (network_id, unit_path, consolidation_id, file_id, month, dealer_id, customers, people, matched, excluded,
         quantity)
    SELECT :network, :path, :id, g.file_id, :month, g.dealer_id, coalesce(c.customers, 0), coalesce(p.people, 0),
           coalesce(c.matched, 0), coalesce(c.excluded, 0), coalesce(c.quantity, 0)
    FROM given g LEFT JOIN counted c ON c.file_id = g.file_id LEFT JOIN people p ON p.file_id = g.file_id
    """
)
