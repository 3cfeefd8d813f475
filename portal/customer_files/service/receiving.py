"""A file comes in: kept by its hash, as the next version of its unit's month (R040, R041, R048)."""

import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Any

from sqlalchemy.dialects.postgresql import insert

from portal import network, rulebook
from portal.access import Actor
from portal.core import clock, collector, events, storage
from portal.core import month as months
from portal.core.db import db, outside
from portal.core.errors import FieldError, Invalid, pointer
from portal.core.jobs import later
from portal.core.texts import lazy
from portal.customer_files import queries
from portal.customer_files.models import ColumnMapping, CustomerFile
from portal.customer_files.rules.moves import DRAFTS, Kind, State
from portal.customer_files.rules.problems import FileRefused
from portal.customer_files.service import duties, filing
from portal.customer_files.service.checking import Opened, check_rows, finish_check, hand_over, open_content
from portal.customer_files.service.columns import columns_of
from portal.customer_files.service.locking import lock_months
from portal.network import Unit

SMALL_BYTES = 2_000_000
SMALL_ROWS = 10_000
"""Up to here a file is checked in the request; larger ones by the job customer_files.check."""
JOB = "customer_files.check"
NAME_LIMIT = 150
_NOT_IN_A_NAME = re.compile(r'[\\/:*?"<>|\x00-\x1f\x7f]+')


@dataclass(frozen=True)
class Received:
    """What came of an upload; `again` when the same bytes were the latest version already."""

    file: CustomerFile
    again: bool = False


@dataclass(frozen=True)
class _Coming:
    """A content on its way in."""

    unit: Unit
    month: date
    kind: Kind
    content: bytes
    received_at: datetime
    name: str | None = None
    mapping: dict[str, str | None] | None = None
    nil_reason: str | None = None
    submit: bool = False


def filing_unit(actor: Actor, code: str | None, pointer: str = "/unit") -> Unit:
    """The unit that is filed for: my own, or an active store below my dealer. Raises Invalid unknown_unit."""
    if code is None or code == actor.unit_code:
        return network.get_unit(actor.unit_id)
    unit = network.unit_below(actor.unit_path, code)
    if unit is None or unit.kind != "store" or unit.status != "active":
        words = lazy("There is no such unit below yours.")
        raise Invalid("unknown_unit", words, [FieldError(pointer, "unknown_unit", words)])
    return unit


@collector.put_off()
def receive_sheet(
    actor: Actor,
    *,
    month: date,
    name: str,
    content: bytes,
    received_at: datetime,
    unit: str | None = None,
    mapping: dict[str, str | None] | None = None,
    submit: bool = False,
) -> Received:
    """Take in a spreadsheet; `received_at` is when its bytes were in.

    `mapping` explains headings that are not recognised (heading → column) and is remembered. Raises Invalid with a
    whole-file code (nothing is kept but the audit record) or unknown_unit, and Conflict month_….
    """
    owner = filing_unit(actor, unit)
    _must_be_columns(actor.network_id, month, mapping or {})
    shown = safe_name(name)
    coming = _Coming(
        owner, month, Kind.SHEET, content, received_at, name=shown, mapping=mapping or None, submit=submit
    )
    remembered = {**queries.mapping_of(owner.id), **(mapping or {})}

    def run() -> Opened:
        return open_content(actor.network_id, month, Kind.SHEET, content, name, remembered)

    return _keep(actor, coming, _opened(actor, coming, run))


@collector.put_off()
def receive_rows(
    actor: Actor,
    *,
    month: date,
    customers: Sequence[Mapping[str, Any]],
    received_at: datetime,
    unit: str | None = None,
    submit: bool = False,
) -> Received:
    """Take in rows as JSON or from the form; they count from 1. Raises as receive_sheet, and Invalid unknown_column."""
    owner = filing_unit(actor, unit)
    book = rulebook.current(actor.network_id, month)
    known = {column.name for column in columns_of(book)}
    errors = [
        FieldError(pointer("customers", place, name), "unknown_column", lazy("There is no such column."))
        for place, row in enumerate(customers)
        for name in row
        if name not in known
    ][:100]
    if errors:
        raise Invalid("unknown_column", errors[0].detail, errors)
    content = canonical({"customers": list(customers)})
    coming = _Coming(owner, month, Kind.ROWS, content, received_at, submit=submit)

    def opened() -> Opened:
        if not customers:
            raise FileRefused(
                "no_rows", lazy("There is no customer in it: send at least one, or file a nil return.")
            )
        if len(customers) > book.limits.rows:
            words = lazy("At most %(count)s rows fit into one file.", count=book.limits.rows)
            raise FileRefused("too_many_rows", words)
        return open_content(actor.network_id, month, Kind.ROWS, content, "", None)

    return _keep(actor, coming, _opened(actor, coming, opened))


def receive_nil(
    actor: Actor,
    *,
    month: date,
    reason: str,
    received_at: datetime,
    unit: str | None = None,
    submit: bool = False,
) -> Received:
    """A nil return: no customer in this month, and why. Raises Invalid unknown_unit, Conflict month_…."""
    owner = filing_unit(actor, unit)
    content = canonical({"nil": True, "reason": reason})
    return _keep(
        actor, _Coming(owner, month, Kind.NIL, content, received_at, nil_reason=reason, submit=submit), None
    )


def receive_parts_only(
    actor: Actor, *, month: date, received_at: datetime, unit: str | None = None, submit: bool = False
) -> Received:
    """A dealer's file of its stores' parts alone. Raises Invalid no_stores, Conflict month_…."""
    owner = filing_unit(actor, unit)
    if owner.kind != "dealer" or not network.units_below(owner.unit_path, kind="store", active=True):
        words = lazy("There are no stores whose parts could be filed.")
        raise Invalid("no_stores", words, [FieldError("/parts_only", "no_stores", words)])
    content = canonical({"parts_only": True})
    return _keep(actor, _Coming(owner, month, Kind.PARTS, content, received_at, submit=submit), None)


def _must_be_columns(network_id: int, month: date, mapping: Mapping[str, str | None]) -> None:
    known = {column.name for column in columns_of(rulebook.current(network_id, month))}
    errors = [
        FieldError("/mapping" + pointer(heading), "unknown_column", lazy("There is no such column."))
        for heading, column in mapping.items()
        if column and column not in known
    ]
    if errors:
        raise Invalid("unknown_column", errors[0].detail, errors)


def canonical(value: Any) -> bytes:
    """JSON in one spelling, so that equal contents have equal hashes."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def safe_name(name: str) -> str:
    """A file's name for showing: no path, nothing invisible, at most NAME_LIMIT characters with its ending kept."""
    last = re.split(r"[\\/]", unicodedata.normalize("NFC", name))[-1]
    kept = _NOT_IN_A_NAME.sub(
        "_", "".join(sign for sign in last if unicodedata.category(sign)[0] != "C")
    ).strip(" .")
    if len(kept) > NAME_LIMIT:
        stem, dot, ending = kept.rpartition(".")
        ending = f"{dot}{ending}" if stem and len(ending) <= 8 else ""
        kept = kept[: NAME_LIMIT - len(ending)] + ending
    return kept or "customers"


def _opened(actor: Actor, coming: _Coming, run: Callable[[], Opened]) -> Opened:
    """The content as a sheet; a refusal of the whole file keeps the audit record and nothing else."""
    try:
        return run()
    except FileRefused as refused:
        raise _refusal(actor, coming, refused) from refused


def _refusal(actor: Actor, coming: _Coming, refused: FileRefused) -> Invalid:
    after = {
        "month": months.text(coming.month),
        "unit": coming.unit.code,
        "file_name": coming.name,
        "size": len(coming.content),
        "sha256": sha256(coming.content).hexdigest(),
        "code": refused.code,
    }
    with outside() as connection:
        events.record(
            actor,
            "customer_file:refused",
            kind="customer_file",
            unit_path=coming.unit.unit_path,
            after=after,
            connection=connection,
        )
    place = "/customers" if coming.kind == Kind.ROWS else "/file"
    wrong = [FieldError(place, refused.code, refused.detail)]
    return Invalid(refused.code, refused.detail, wrong, **refused.extra)


def _keep(actor: Actor, coming: _Coming, opened: Opened | None) -> Received:
    unit, month = coming.unit, coming.month
    duties.must_take(actor.network_id, unit, month, coming.received_at)
    lock_months(actor.network_id, {unit.id}, month)
    digest = sha256(coming.content).hexdigest()
    versions = queries.list_versions(unit.id, month)
    if versions and _is_same(versions[0], coming, digest):
        return _again(actor, versions[0], coming)
    storage.put(actor.network_id, coming.content)
    file = _insert(actor, coming, digest, versions[0].version + 1 if versions else 1)
    for version in versions:
        if version.state in DRAFTS:
            filing.supersede(actor, version, file)
    if coming.mapping:
        _remember(actor, unit, coming.mapping)
    _start_check(actor, file, coming, opened)
    return Received(file)


def _is_same(latest: CustomerFile, coming: _Coming, digest: str) -> bool:
    """The bytes of the latest version once more, read the same way; what was withdrawn may come again as a new one."""
    return (
        latest.sha256 == digest
        and latest.kind == coming.kind
        and latest.state != State.WITHDRAWN
        and (coming.mapping is None or coming.mapping == latest.mapping)
    )


def _again(actor: Actor, file: CustomerFile, coming: _Coming) -> Received:
    if coming.submit and file.state in DRAFTS and not file.submit_when_ready:
        file.submit_when_ready = True
        if file.state == State.READY:
            filing.submit(actor, file.id, requested_at=coming.received_at)
    return Received(queries.get_file(file.id), again=True)


def _insert(actor: Actor, coming: _Coming, digest: str, version: int) -> CustomerFile:
    file = CustomerFile(
        network_id=actor.network_id,
        unit_path=coming.unit.unit_path,
        unit_id=coming.unit.id,
        month=coming.month,
        version=version,
        kind=coming.kind,
        state=State.CHECKING,
        file_name=coming.name,
        sha256=digest,
        size=len(coming.content),
        mapping=coming.mapping,
        nil_reason=coming.nil_reason,
        received_at=coming.received_at,
        received_by=actor.person_id,
        submit_when_ready=coming.submit,
    )
    db.session.add(file)
    db.session.flush()
    events.record(
        actor,
        "customer_file:received",
        file,
        after={
            "month": months.text(coming.month),
            "unit": coming.unit.code,
            "version": version,
            "kind": coming.kind,
            "file_name": coming.name,
            "sha256": digest,
            "size": len(coming.content),
        },
    )
    return file


def _start_check(actor: Actor, file: CustomerFile, coming: _Coming, opened: Opened | None) -> None:
    if opened is None:
        finish_check(actor, file)
    elif file.size <= SMALL_BYTES and opened.rows <= SMALL_ROWS:
        try:
            check_rows(actor, file, opened)
        except (
            FileRefused
        ) as refused:  # every line turned out to be no customer: the request's rollback drops the file
            raise _refusal(actor, coming, refused) from refused
    else:
        file.progress_total = opened.rows
        db.session.flush()
        duties.await_check(file, coming.unit)
        hand_over(file, opened)
        later(JOB, once=f"{JOB}-{file.id}", file_id=file.id)


def _remember(actor: Actor, unit: Unit, mapping: Mapping[str, str | None]) -> None:
    now = clock.now()
    made = insert(ColumnMapping).values(
        [
            {
                "network_id": actor.network_id,
                "unit_path": unit.unit_path,
                "unit_id": unit.id,
                "heading": heading,
                "column": column or "",  # nothing: to be left out
                "set_at": now,
            }
            for heading, column in mapping.items()
        ]
    )
    key = ["network_id", "unit_id", "heading"]
    db.session.execute(
        made.on_conflict_do_update(
            index_elements=key, set_={"column": made.excluded.column, "set_at": made.excluded.set_at}
        )
    )
