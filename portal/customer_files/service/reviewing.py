"""What a regional manager does with a dealer's file: in order, or back with reasons; and who is reminded (R041)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import insert, text, update

from portal import accounts, network
from portal.access import Actor, Role
from portal.core import clock, events
from portal.core.db import db
from portal.core.errors import Conflict, FieldError, Invalid, NotAllowed
from portal.core.texts import lazy
from portal.customer_files import queries
from portal.customer_files.models import CustomerFile, CustomerFileRow, Reminder
from portal.customer_files.rules.moves import Move, State, after
from portal.customer_files.service import duties, filing, neighbours
from portal.customer_files.service.locking import lock_file
from portal.network import Unit


@dataclass(frozen=True)
class RowReason:
    """Why one row comes back; `row` as in the sheet."""

    row: int
    reason: str


@dataclass(frozen=True)
class Reminded:
    """Whom a reminder went to, and who owes nothing (any more), by code."""

    reminded: list[str]
    skipped: list[str]


def must_be_in_charge(actor: Actor, path: str) -> Unit:
    """The region that a unit lies in, if this actor is in charge of it.

    A channel manager stands in only where the region has no manager. Raises NotAllowed `region_has_manager`.
    """
    region = network.superior_of_kind(f"{path}0.", "region")
    if region is None:
        raise NotAllowed("no_region", lazy("This unit lies in no region."))
    if actor.role is Role.CHANNEL_MANAGER:
        contacts = accounts.contacts_of(actor.network_id, [region.id]).get(region.id, [])
        if any(contact.role is Role.REGIONAL_MANAGER for contact in contacts):
            words = lazy("This region has a manager of its own, who decides on it.")
            raise NotAllowed("region_has_manager", words)
    return region


def check(actor: Actor, file_id: int, note: str = "") -> CustomerFile:
    """In order. Raises NotFound, NotAllowed, Conflict (wrong_state, part_of_file)."""
    file, _ = _to_review(actor, file_id)
    before = State(file.state)
    if before is State.CHECKED:
        return file  # twice is once
    file.state = after(before, Move.CHECK)
    file.review_note, file.reviewed_at, file.reviewed_by = note or None, clock.now(), actor.person_id
    events.record(
        actor,
        "customer_file:checked",
        file,
        before={"state": before},
        after={"state": file.state, "note": note},
    )
    db.session.flush()
    return file


def return_file(actor: Actor, file_id: int, reason: str, rows: Sequence[RowReason] = ()) -> datetime:
    """Back to the dealer, with a duty of its own; the filing duty stays met. Gives until when it has to come back.

    Raises NotFound, NotAllowed, Invalid (unknown_row), Conflict (wrong_state, part_of_file).
    """
    _must_be_rows(queries.get_file(file_id), rows)
    file, unit = _to_review(actor, file_id)
    before = State(file.state)
    file.state = after(before, Move.RETURN)
    now = clock.now()
    file.return_reason, file.returned_at = reason, now
    file.reviewed_at, file.reviewed_by = now, actor.person_id
    db.session.execute(
        update(CustomerFileRow)
        .where(CustomerFileRow.file_id == file.id, CustomerFileRow.return_reason.is_not(None))
        .values(return_reason=None)
    )
    if rows:
        db.session.execute(
            _MARK,
            {
                "network": file.network_id,
                "file": file.id,
                "rows": [each.row for each in rows],
                "reasons": [each.reason for each in rows],
            },
        )
    db.session.flush()
    filing.mark_revision(file)
    due_at = duties.open_returned(actor, file, unit, now)
    events.record(
        actor,
        "customer_file:returned",
        file,
        before={"state": before},
        after={
            "state": file.state,
            "reason": reason,
            "rows": [{"row": each.row, "reason": each.reason} for each in rows],
            "due_at": due_at,
        },
    )
    neighbours.let_go(actor, file, unit)
    neighbours.tell(actor, [unit], "customer_file:returned", file.month, reason)
    return due_at


_MARK = text(
    """
    UPDATE customer_file_row r SET return_reason = given.reason
    FROM unnest(CAST(:rows AS integer[]), CAST(:reasons AS text[])) AS given(row_no, reason)
    WHERE r.network_id = :network AND r.file_id = :file AND r.row_no = given.row_no
    """
)


def _must_be_rows(file: CustomerFile, rows: Sequence[RowReason]) -> None:
    known = set(queries.known_rows(file.id, [each.row for each in rows]))
    errors = [
        FieldError(f"/rows/{place}/row", "unknown_row", lazy("This file has no such row."))
        for place, each in enumerate(rows)
        if each.row not in known
    ]
    if errors:
        raise Invalid("unknown_row", errors[0].detail, errors)


def _to_review(actor: Actor, file_id: int) -> tuple[CustomerFile, Unit]:
    unit = network.get_unit(queries.get_file(file_id).unit_id)
    must_be_in_charge(actor, unit.unit_path)
    if unit.kind == "store":
        words = lazy("A store's part is looked at with its dealer's file.")
        raise Conflict("part_of_file", words)
    return lock_file(file_id), unit


def remind(actor: Actor, month: date, region: Unit, codes: Sequence[str], note: str = "") -> Reminded:
    """Remind whoever still owes at this moment; without codes, all who do.

    Raises NotAllowed, Invalid (unknown_unit), Conflict (month_not_open).
    """
    must_be_in_charge(actor, region.unit_path)
    board = queries.region_board(region, month)
    by_code = {dealer.unit.code: dealer for dealer in board.dealers}
    errors = [
        FieldError(f"/units/{place}", "unknown_unit", lazy("There is no such dealer in this region."))
        for place, code in enumerate(codes)
        if code not in by_code
    ]
    if errors:
        raise Invalid("unknown_unit", errors[0].detail, errors)
    now = clock.now()
    duties.must_be_over(actor.network_id, month, now)
    asked = list(dict.fromkeys(codes)) or [dealer.unit.code for dealer in board.dealers if dealer.owes]
    owing = [by_code[code] for code in asked if by_code[code].owes]
    for dealer in owing:
        db.session.execute(
            insert(Reminder).values(
                network_id=actor.network_id,
                unit_path=dealer.unit.unit_path,
                unit_id=dealer.unit.id,
                month=month,
                note=note,
                reminded_at=now,
                reminded_by=actor.person_id,
            )
        )
        events.record(
            actor,
            "customer_file:reminded",
            kind="unit",
            object_id=dealer.unit.id,
            unit_path=dealer.unit.unit_path,
            after={"month": month, "note": note, "state": dealer.state},
        )
    neighbours.tell(actor, [dealer.unit for dealer in owing], "customer_file:reminded", month, note)
    reminded = [dealer.unit.code for dealer in owing]
    return Reminded(reminded, [code for code in asked if code not in set(reminded)])
