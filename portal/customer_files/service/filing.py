"""Submitting a file, taking it back, and beginning its next version (R041)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import insert, select, text

from portal import customers, network, return_visits
from portal.access import Actor
from portal.core import clock, events
from portal.core.db import db, within
from portal.core.errors import Conflict, FieldError, Invalid
from portal.core.scope import Scope
from portal.core.texts import lazy
from portal.customer_files import queries
from portal.customer_files.models import CustomerFile, FilePart
from portal.customer_files.queries import Part
from portal.customer_files.rules.moves import (
    COUNTED,
    DRAFTS,
    FILED,
    Kind,
    Move,
    State,
    after,
    file_receipt,
)
from portal.customer_files.service import duties, neighbours
from portal.customer_files.service.locking import lock_file
from portal.network import Unit

TAKES_PART = COUNTED  # a store's file in one of these states goes into its dealer's


@dataclass(frozen=True)
class Receipt:
    """Proof for both sides: `submitted_at` is the server's time, `on_time` follows from when it is judged."""

    number: str
    submitted_at: datetime
    due_at: datetime
    on_time: bool
    judged_at: datetime
    sha256: str | None = None


def receipt_of(file: CustomerFile) -> Receipt:
    """The receipt of a submitted file."""
    assert file.receipt_number is not None
    assert file.submitted_at is not None
    assert file.due_at is not None
    assert file.judged_at is not None
    return Receipt(
        file.receipt_number, file.submitted_at, file.due_at, bool(file.on_time), file.judged_at, file.sha256
    )


def submit(
    actor: Actor, file_id: int, *, requested_at: datetime, missing: Mapping[str, str] | None = None
) -> Receipt:
    """File a version that is ready; twice gives the same receipt.

    `requested_at` is when the request reached the server, before any waiting; `missing` gives a reason for each store
    (by code) without a part. Raises NotFound, Invalid (unknown_unit), Conflict (has_errors, still_checking,
    stores_missing, month_…, wrong_state).
    """
    missing = missing or {}
    unit = network.get_unit(queries.get_file(file_id).unit_id)
    stores = network.units_below(unit.unit_path, kind="store") if unit.kind == "dealer" else []
    _must_be_stores(stores, missing)
    file = lock_file(file_id, beside=[store.id for store in stores])
    if file.state in COUNTED:
        return receipt_of(file)  # a second click, or the answer to the first one was lost
    _must_be_ready(file)
    state = after(State(file.state), Move.SUBMIT)
    now = clock.now()
    duties.must_take(file.network_id, unit, file.month, requested_at)
    parts = queries.list_stores(unit, file.month) if unit.kind == "dealer" else []
    present = [part for part in parts if part.file is not None and part.file.state in TAKES_PART]
    absent = _without_reason(file, parts, missing)
    if absent:
        words = lazy(
            "Give a reason for each store that has sent nothing: %(stores)s.", stores="、".join(absent)
        )
        raise Conflict("stores_missing", words, stores=absent)
    _put_in_place(actor, file, present)
    due_at = duties.due_at(unit, file.month)
    held = [part.file for part in present if part.file]
    judge = partial(duties.judged, file, requested_at=requested_at, parts=held)
    judged_at = judge(due_at)
    ids = [file.id, *(part.id for part in held)]
    totals = queries.totals_of(ids)
    file.state = state
    file.submitted_at, file.submitted_by = max(now, requested_at), actor.person_id
    file.due_at, file.judged_at = due_at, judged_at
    file.receipt_number = file_receipt(file.month, unit.code, file.version)
    file.missing_parts = [{"unit": code, "reason": reason} for code, reason in missing.items()]
    file.customers, file.people, file.left_out = totals.customers, totals.people, totals.excluded
    db.session.flush()
    duties.meet(actor, unit, file.month, judged_at)
    duties.meet_returned(actor, unit, file.month, judge)
    events.record(
        actor,
        "customer_file:submitted",
        file,
        after={
            "receipt": file.receipt_number,
            "customers": totals.customers,
            "excluded": totals.excluded,
            "judged_at": judged_at,
            "missing": file.missing_parts,
        },
    )
    if unit.kind == "dealer":
        customers.take_in(actor, ids)
        return_visits.look_later([unit.id], file.month)
    return receipt_of(file)


def _must_be_stores(stores: Sequence[Unit], missing: Mapping[str, str]) -> None:
    known = {store.code for store in stores}
    errors = [
        FieldError(f"/missing/{place}/unit", "unknown_unit", lazy("There is no such store below you."))
        for place, code in enumerate(missing)
        if code not in known
    ]
    if errors:
        raise Invalid("unknown_unit", errors[0].detail, errors)


def _must_be_ready(file: CustomerFile) -> None:
    if file.state == State.CHECKING:
        raise Conflict("still_checking", lazy("The rows are still being checked: try again in a moment."))
    if file.state == State.NEEDS_CORRECTION:
        words = lazy("%(count)s rows still have errors: mend them or leave them out.", count=file.bad)
        raise Conflict("has_errors", words, rows=file.bad)


def _without_reason(file: CustomerFile, parts: Sequence[Part], missing: Mapping[str, str]) -> list[str]:
    """The stores that owe this month, sent nothing and are not explained."""
    owing = duties.owing_stores(file, [part.unit for part in parts])
    return [
        part.unit.code
        for part in parts
        if part.unit.id in owing
        and (part.file is None or part.file.state not in TAKES_PART)
        and part.unit.code not in missing
    ]


def _put_in_place(actor: Actor, file: CustomerFile, present: Sequence[Part]) -> None:
    """The parts go in, and what was filed or returned before gives way."""
    for part in present:
        assert part.file is not None
        db.session.execute(
            insert(FilePart).values(
                network_id=file.network_id,
                unit_path=part.file.unit_path,
                file_id=file.id,
                part_id=part.file.id,
            )
        )
    for other in queries.list_versions(file.unit_id, file.month):
        if other.id != file.id and other.state in {*FILED, *DRAFTS, State.RETURNED}:
            supersede(actor, other, file)


def supersede(actor: Actor, older: CustomerFile, newer: CustomerFile) -> None:
    """A newer version takes the older one's place."""
    before = State(older.state)
    older.state = after(before, Move.SUPERSEDE)
    events.record(
        actor,
        "customer_file:superseded",
        older,
        before={"state": before},
        after={"state": older.state, "by": newer.id},
    )


def withdraw(actor: Actor, file_id: int, reason: str) -> CustomerFile:
    """Take a filed version back before it is consolidated; the duty is open again.

    Raises NotFound, Conflict (wrong_state, month_…, part_of_filed).
    """
    file = queries.get_file(file_id)
    unit = network.get_unit(file.unit_id)
    above = [unit.parent_id] if unit.kind == "store" and unit.parent_id else []
    file = lock_file(file_id, beside=above)
    before = State(file.state)
    state = after(before, Move.WITHDRAW)
    now = clock.now()
    duties.must_take(file.network_id, unit, file.month, now)
    dealer = network.superior_of_kind(unit.unit_path, "dealer")
    if unit.kind == "store" and dealer and _in_filed_whole(file, dealer.unit_path):
        words = lazy(
            "Your dealer has submitted this part already; the dealer has to withdraw its file first."
        )
        raise Conflict("part_of_filed", words)
    file.state, file.withdraw_reason, file.withdrawn_at = state, reason, now
    db.session.flush()
    if not any(
        other.state == State.CONSOLIDATED for other in queries.list_versions(file.unit_id, file.month)
    ):
        duties.reopen(actor, unit, file.month, reason)
    neighbours.let_go(actor, file, unit)
    events.record(
        actor,
        "customer_file:withdrawn",
        file,
        before={"state": before},
        after={"state": file.state, "reason": reason},
    )
    return file


def _in_filed_whole(part: CustomerFile, dealer_path: str) -> bool:
    """Whether a dealer's file that stands filed holds this part; the store itself has no eyes for that file."""
    with within(Scope.below(part.network_id, dealer_path)):
        found = (
            select(CustomerFile.id)
            .join(FilePart, FilePart.file_id == CustomerFile.id)
            .where(FilePart.part_id == part.id, CustomerFile.state.in_(list(COUNTED)))
        )
        return db.session.scalar(found.limit(1)) is not None


_COPY_ROWS = text(
    """
    INSERT INTO customer_file_row (network_id, unit_path, file_id, row_no, status, customer_name, phone, address,
        product_model, purchase_date, purchase_region, quantity, area, order_no, installer, installed_on, remarks,
        extra, raw, reason, return_reason)
    SELECT network_id, :path, :new, row_no, status, customer_name, phone, address, product_model, purchase_date,
        purchase_region, quantity, area, order_no, installer, installed_on, remarks, extra, raw, reason, return_reason
    FROM customer_file_row WHERE network_id = :network AND file_id = :old
    """
)
_COPY_PROBLEMS = text(
    """
    INSERT INTO customer_file_problem (network_id, unit_path, file_id, row_no, "column", code, severity, params, value)
    SELECT network_id, :path, :new, row_no, "column", code, severity, params, value
    FROM customer_file_problem WHERE network_id = :network AND file_id = :old ORDER BY row_no, id
    """
)


_COPY_MARKS = text(
    """
    UPDATE customer_file_row r SET return_reason = old.return_reason
    FROM customer_file_row old
    WHERE r.network_id = :network AND r.file_id = :new
      AND old.network_id = :network AND old.file_id = :old AND old.row_no = r.row_no
    """
)


def mark_revision(returned: CustomerFile) -> None:
    """A draft that was begun from this file before it came back carries its reasons too."""
    for draft in queries.list_versions(returned.unit_id, returned.month):
        if draft.revision_of == returned.id and draft.state in DRAFTS:
            draft.return_reason = returned.return_reason
            places = {"network": returned.network_id, "old": returned.id, "new": draft.id}
            db.session.execute(_COPY_MARKS, places)


def revise(actor: Actor, file_id: int) -> CustomerFile:
    """The next version with the same rows, the returned ones marked, to mend in place; twice gives the same draft.

    Raises NotFound, Conflict (wrong_state, month_…).
    """
    old = lock_file(file_id)
    unit = network.get_unit(old.unit_id)
    after(State(old.state), Move.REVISE)
    now = clock.now()
    duties.must_take(old.network_id, unit, old.month, now)
    versions = queries.list_versions(old.unit_id, old.month)
    for version in versions:
        if version.revision_of == old.id and version.state in DRAFTS:
            return version
    new = CustomerFile(
        network_id=old.network_id,
        unit_path=unit.unit_path,
        unit_id=old.unit_id,
        month=old.month,
        version=versions[0].version + 1,
        kind=old.kind,
        state=State.NEEDS_CORRECTION if old.bad else State.READY,
        revision_of=old.id,
        file_name=old.file_name,
        sha256=old.sha256,
        size=old.size,
        mapping=old.mapping,
        nil_reason=old.nil_reason,
        received_at=now,
        received_by=actor.person_id,
        checked_at=now,
        total=old.total,
        good=old.good,
        bad=old.bad,
        excluded=old.excluded,
        warnings=old.warnings,
        return_reason=old.return_reason,
    )
    db.session.add(new)
    db.session.flush()
    for version in versions:
        if version.state in DRAFTS:
            supersede(actor, version, new)
    if old.kind not in (Kind.NIL, Kind.PARTS):
        places = {"network": old.network_id, "path": unit.unit_path, "old": old.id, "new": new.id}
        db.session.execute(_COPY_ROWS, places)
        db.session.execute(_COPY_PROBLEMS, places)
    events.record(actor, "customer_file:revised", new, after={"version": new.version, "of": old.id})
    return new
