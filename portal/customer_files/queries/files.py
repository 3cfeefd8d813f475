"""Files, their versions and parts, and who may look into them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import exists, select
from sqlalchemy.orm import aliased

from portal import network
from portal.access import Actor
from portal.core.db import db
from portal.core.errors import NotFound
from portal.core.paging import LIMIT, Page, paged
from portal.customer_files.models import ColumnMapping, CustomerFile, FilePart, ValueCorrection
from portal.customer_files.rules.moves import DRAFTS, SHOWN_ABOVE, DealerState, Kind, State, Version, standing
from portal.network import Unit


@dataclass(frozen=True)
class Part:
    """A store's file as its dealer sees it; before the dealer's submission the one that would go in."""

    unit: Unit
    file: CustomerFile | None
    state: DealerState


def get_file(file_id: int) -> CustomerFile:
    """A file that I may see. Raises NotFound."""
    file = db.session.get(CustomerFile, file_id, populate_existing=True)
    if file is None:
        raise NotFound()
    return file


def shows_rows(actor: Actor, file: CustomerFile) -> bool:
    """Whether this actor may look into the rows: those above only once it was submitted to them."""
    if actor.unit_kind in ("dealer", "store"):
        return True
    if not _was_filed(file):
        return False
    if network.get_unit(file.unit_id).kind != "store":
        return True
    whole = aliased(CustomerFile)
    into_filed = exists().where(
        FilePart.part_id == file.id,
        whole.id == FilePart.file_id,
        whole.submitted_at.is_not(None),
        whole.state.in_(list(SHOWN_ABOVE)),
    )
    return bool(db.session.scalar(select(into_filed)))


def _was_filed(file: CustomerFile) -> bool:
    return file.submitted_at is not None and file.state in SHOWN_ABOVE


def get_file_with_rows(actor: Actor, file_id: int) -> CustomerFile:
    """A file whose rows I may see. Raises NotFound."""
    file = get_file(file_id)
    if not shows_rows(actor, file):
        raise NotFound()
    return file


def get_file_by_receipt(number: str) -> CustomerFile:
    """The file of a receipt. Raises NotFound."""
    file = db.session.scalar(select(CustomerFile).where(CustomerFile.receipt_number == number))
    if file is None:
        raise NotFound()
    return file


def list_files(
    actor: Actor,
    *,
    month: date | None = None,
    unit: str | None = None,
    state: State | None = None,
    cursor: str | None = None,
    limit: int = LIMIT,
) -> Page[CustomerFile]:
    """All versions that I may see, the newest first; a foreign or unknown unit gives an empty page."""
    chosen = select(CustomerFile)
    if month is not None:
        chosen = chosen.where(CustomerFile.month == month)
    if unit is not None:
        found = network.unit_below(actor.unit_path, unit)
        chosen = chosen.where(CustomerFile.unit_id == (found.id if found else -1))
    if state is not None:
        chosen = chosen.where(CustomerFile.state == state)
    return paged(chosen, [CustomerFile.id], cursor, limit, newest_first=True)


def list_versions(unit_id: int, month: date) -> Sequence[CustomerFile]:
    """A unit's versions of a month, the newest first."""
    return db.session.scalars(
        select(CustomerFile)
        .where(CustomerFile.unit_id == unit_id, CustomerFile.month == month)
        .order_by(CustomerFile.version.desc())
    ).all()


def latest_version(unit_id: int, month: date) -> CustomerFile | None:
    versions = list_versions(unit_id, month)
    return versions[0] if versions else None


def current_draft(unit_id: int, month: date) -> CustomerFile | None:
    """The version that is being checked or mended, if there is one."""
    return next((file for file in list_versions(unit_id, month) if file.state in DRAFTS), None)


def stand(files: Iterable[CustomerFile]) -> tuple[DealerState, CustomerFile | None]:
    """Where a unit stands, from the versions of one month."""
    by_id = {file.id: file for file in files}
    state, version = standing(
        Version(file.id, file.version, State(file.state), file.kind == Kind.NIL and not file.customers)
        for file in by_id.values()
    )
    return state, by_id[version.id] if version else None


def list_months(unit_id: int, *, most: int = 12) -> list[tuple[date, DealerState, CustomerFile | None]]:
    """A unit's latest months with a file, the newest first: for its own list and the squares on its home page."""
    files = db.session.scalars(
        select(CustomerFile)
        .where(CustomerFile.unit_id == unit_id)
        .order_by(CustomerFile.month.desc())
        .limit(most * 20)
    ).all()
    months: dict[date, list[CustomerFile]] = defaultdict(list)
    for file in files:
        months[file.month].append(file)
    return [(month, *stand(months[month])) for month in list(months)[:most]]


def standings(path: str, month: date, kind: str) -> dict[int, tuple[DealerState, CustomerFile]]:
    """Where each unit of `kind` under `path` stands, by unit id; units without a file are left out."""
    rows = db.session.scalars(
        select(CustomerFile)
        .join(Unit, Unit.id == CustomerFile.unit_id)
        .where(
            CustomerFile.month == month,
            CustomerFile.unit_path >= path,
            CustomerFile.unit_path < f"{path[:-1]}/",
            Unit.kind == kind,
        )
    )
    versions: dict[int, list[CustomerFile]] = defaultdict(list)
    for file in rows:
        versions[file.unit_id].append(file)
    found = {}
    for unit_id, files in versions.items():
        state, telling = stand(files)
        if telling is not None:
            found[unit_id] = (state, telling)
    return found


def list_stores(dealer: Unit, month: date) -> list[Part]:
    """Each active store of a dealer and where its part of the month stands."""
    stores = network.units_below(dealer.unit_path, kind="store", active=True)
    where = standings(dealer.unit_path, month, "store") if stores else {}
    parts = []
    for store in stores:
        found = where.get(store.id)
        parts.append(Part(store, found[1], found[0]) if found else Part(store, None, DealerState.NOT_BEGUN))
    return parts


def list_parts(file: CustomerFile) -> list[Part]:
    """The parts of a dealer's file: those that went in, or, before the submission, those that there are."""
    unit = network.get_unit(file.unit_id)
    if unit.kind != "dealer":
        return []
    if file.submitted_at is None:
        return [part for part in list_stores(unit, file.month) if part.file is not None]
    rows = db.session.execute(
        select(CustomerFile, Unit)
        .join(FilePart, FilePart.part_id == CustomerFile.id)
        .join(Unit, Unit.id == CustomerFile.unit_id)
        .where(FilePart.file_id == file.id)
        .order_by(Unit.unit_path)
    )
    return [Part(unit, part, stand([part])[0]) for part, unit in rows]


def part_ids(file_id: int) -> list[int]:
    return list(db.session.scalars(select(FilePart.part_id).where(FilePart.file_id == file_id)))


def mapping_of(unit_id: int) -> dict[str, str | None]:
    """The headings that this dealer has explained before → canonical column, None where it is to be left out."""
    rows = db.session.execute(
        select(ColumnMapping.heading, ColumnMapping.column).where(ColumnMapping.unit_id == unit_id)
    )
    return {heading: column or None for heading, column in rows}


def corrections_of(unit_id: int) -> dict[str, dict[str, str]]:
    """What this dealer has corrected for all equal values before: column → wrong → right."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    rows = db.session.execute(
        select(ValueCorrection.column, ValueCorrection.wrong, ValueCorrection.right).where(
            ValueCorrection.unit_id == unit_id
        )
    )
    for column, wrong, right in rows:
        found[column][wrong] = right
    return dict(found)
