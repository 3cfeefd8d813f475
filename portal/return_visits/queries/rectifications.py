"""Reading rectifications: of the own subtree, the most urgent first."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from sqlalchemy import BigInteger, and_, cast, func, select

from portal import clocks, network
from portal.access import Actor
from portal.clocks import Kind, Obligation
from portal.core.db import db
from portal.core.errors import NotFound
from portal.core.paging import Page, paged
from portal.return_visits.models import Rectification, RectificationDocument, RectificationRound
from portal.return_visits.rules.outcomes import RectificationState

_ABOUT = cast(func.split_part(Obligation.subject, "-", 1), BigInteger)
"""The rectification that a clock of this room is about (Rectification.subject)."""
_COMMENTS = (Obligation.kind == Kind.RECTIFICATION_COMMENT, Obligation.closed_at.is_(None))


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
    comment_due: bool = False,
    unit: str | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[Rectification]:
    """The earliest limit first; a foreign or unknown unit gives an empty list. `comment_due`: those alone."""
    chosen = select(Rectification)
    if state is not None:
        chosen = chosen.where(Rectification.state == state)
    if comment_due:
        chosen = chosen.where(Rectification.id.in_(select(_ABOUT).where(*_COMMENTS)))
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


def comment_clocks(listed: Iterable[Rectification]) -> dict[int, Obligation]:
    """Headquarters' eyes: what a regional manager has to say to each of these: the clock that runs, by its id."""
    rounds = {subject: each for each in listed for subject in each.subjects}
    about = [(each.unit_path, subject) for subject, each in rounds.items()]
    found = clocks.list_about(Kind.RECTIFICATION_COMMENT, about)
    return {rounds[subject].id: owed for subject, owed in found.items()}


def last_comment_clock(found: Rectification) -> Obligation | None:
    """Headquarters' eyes: the latest one, closed or not, whoever held it: the dealer may have moved since."""
    chosen = select(Obligation).where(
        Obligation.kind == Kind.RECTIFICATION_COMMENT, Obligation.subject.in_(found.subjects)
    )
    return db.session.scalar(chosen.order_by(Obligation.id.desc()).limit(1))


def clocks_of(listed: Iterable[Rectification]) -> dict[int, Obligation]:
    """The clocks that run for whoever puts these right, by the rectification's id."""
    rounds = {each.subject: each for each in listed if each.state == RectificationState.OPEN}
    about = [(each.unit_path, subject) for subject, each in rounds.items()]
    return {rounds[key].id: owed for key, owed in clocks.list_about(Kind.RECTIFICATION, about).items()}


def comments_elsewhere() -> Sequence[tuple[Obligation, Rectification]]:
    """Headquarters' eyes: comments that are owed by a unit which the dealer does not belong to any more."""
    chosen = (
        select(Obligation, Rectification)
        .join(
            Rectification,
            and_(
                Rectification.network_id == Obligation.network_id,
                Rectification.id == _ABOUT,
            ),
        )
        .where(
            *_COMMENTS,
            ~func.starts_with(Rectification.unit_path, Obligation.unit_path),
        )
        .order_by(Obligation.id)
        .with_for_update(of=Obligation)
    )
    return [(owed, found) for owed, found in db.session.execute(chosen)]


def count_by_state() -> dict[RectificationState, int]:
    """Of the own subtree, for tabs."""
    rows = db.session.execute(select(Rectification.state, func.count()).group_by(Rectification.state))
    counts = {RectificationState(state): count for state, count in rows}
    return {state: counts.get(state, 0) for state in RectificationState}


def count_comments() -> int:
    """Of the own subtree: how many wait for the word of a regional manager."""
    chosen = select(func.count()).select_from(Obligation).where(*_COMMENTS)
    return db.session.scalar(chosen) or 0


def list_by_ids(ids: Iterable[int]) -> Sequence[Rectification]:
    return db.session.scalars(select(Rectification).where(Rectification.id.in_(sorted(set(ids))))).all()
