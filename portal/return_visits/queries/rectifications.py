"""Reading rectifications: of the own subtree, the most urgent first."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from sqlalchemy import func, select

from portal import network
from portal.access import Actor
from portal.core.db import db
from portal.core.errors import NotFound
from portal.core.paging import Page, paged
from portal.return_visits.models import Rectification, RectificationDocument, RectificationRound
from portal.return_visits.rules.outcomes import RectificationState


def get_rectification(rectification_id: int, *, lock: bool = False) -> Rectification:
    """Raises NotFound, also for one of somebody else's unit."""
    chosen = select(Rectification).where(Rectification.id == rectification_id)
    if lock:
        chosen = chosen.with_for_update()
    found = db.session.scalar(chosen, execution_options={"populate_existing": lock})
    if found is None:
        raise NotFound()
    return found


def of_visit(visit_id: int, *, lock: bool = False) -> Rectification | None:
    chosen = select(Rectification).where(Rectification.visit_id == visit_id)
    if lock:
        chosen = chosen.with_for_update()
    return db.session.scalar(chosen, execution_options={"populate_existing": lock})


def list_rectifications(
    actor: Actor,
    *,
    state: RectificationState | None = None,
    unit: str | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[Rectification]:
    """The earliest limit first; a foreign or unknown unit gives an empty list."""
    chosen = select(Rectification)
    if state is not None:
        chosen = chosen.where(Rectification.state == state)
    if unit:
        found = network.unit_below(actor.unit_path, unit)
        if found is None:
            return Page([], None)
        chosen = chosen.where(
            Rectification.unit_path >= found.unit_path, Rectification.unit_path < f"{found.unit_path[:-1]}/"
        )
    return paged(chosen, [Rectification.due_at, Rectification.id], cursor, limit)


def rounds_of(rectification_ids: Iterable[int]) -> dict[int, list[RectificationRound]]:
    """Each one's rounds, the first one first."""
    wanted = sorted(set(rectification_ids))
    rows = db.session.scalars(
        select(RectificationRound)
        .where(RectificationRound.rectification_id.in_(wanted))
        .order_by(RectificationRound.rectification_id, RectificationRound.number),
        execution_options={"populate_existing": True},
    )
    found: dict[int, list[RectificationRound]] = defaultdict(list)
    for row in rows:
        found[row.rectification_id].append(row)
    return found


def documents_of(rectification_ids: Iterable[int]) -> dict[tuple[int, int], list[int]]:
    """Document ids by (rectification, round)."""
    wanted = sorted(set(rectification_ids))
    rows = db.session.scalars(
        select(RectificationDocument)
        .where(RectificationDocument.rectification_id.in_(wanted))
        .order_by(RectificationDocument.document_id)
    )
    found: dict[tuple[int, int], list[int]] = defaultdict(list)
    for row in rows:
        found[row.rectification_id, row.number].append(row.document_id)
    return found


def count_by_state() -> dict[RectificationState, int]:
    """Of the own subtree, for tabs."""
    rows = db.session.execute(select(Rectification.state, func.count()).group_by(Rectification.state))
    counts = {RectificationState(state): count for state, count in rows}
    return {state: counts.get(state, 0) for state in RectificationState}


def list_by_ids(ids: Iterable[int]) -> Sequence[Rectification]:
    return db.session.scalars(select(Rectification).where(Rectification.id.in_(sorted(set(ids))))).all()
