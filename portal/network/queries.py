"""Reading networks, units and holidays."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from sqlalchemy import BigInteger, Row, Select, Text, any_, bindparam, cast, or_, select
from sqlalchemy.dialects.postgresql import ARRAY

from portal.core.db import db, once, plain_rows
from portal.core.errors import NotFound
from portal.core.paging import Page, paged
from portal.network.models import Holiday, Network, Unit
from portal.network.rules import ancestors

_BY_ID = select(Unit).where(Unit.id == any_(bindparam("ids", type_=ARRAY(BigInteger))))

_BELOW = (
    select(Unit)
    .where(
        Unit.unit_path >= bindparam("low"),
        Unit.unit_path < bindparam("high"),
        or_(cast(bindparam("kind"), Text).is_(None), Unit.kind == bindparam("kind")),
        or_(cast(bindparam("status"), Text).is_(None), Unit.status == bindparam("status")),
    )
    .order_by(Unit.unit_path)
)  # both are asked by most pages, so they are built once
_unit = Unit.__table__.c
_NAMES = (
    select(_unit.code, _unit.name)
    .where(
        _unit.unit_path >= bindparam("low"),
        _unit.unit_path < bindparam("high"),
        _unit.kind == bindparam("kind"),
    )
    .order_by(_unit.unit_path)
)


def get_network(network_id: int) -> Network:
    return once("network", network_id, lambda: db.session.get_one(Network, network_id))


def network_by_code(code: str) -> Network:
    """Raises NotFound."""
    network = db.session.scalar(select(Network).where(Network.code == code))
    if network is None:
        raise NotFound("unknown_network", f"There is no network {code}.")
    return network


def list_networks() -> Sequence[Network]:
    return db.session.scalars(select(Network).order_by(Network.id)).all()


def get_unit(unit_id: int) -> Unit:
    """By id, anywhere in the network (names of units may be read by all). Raises NotFound."""
    unit = db.session.get(Unit, unit_id)
    if unit is None:
        raise NotFound()
    return unit


def unit_by_code(code: str) -> Unit | None:
    return db.session.scalar(select(Unit).where(Unit.code == code))


def units_by_id(ids: Iterable[int]) -> dict[int, Unit]:
    return {unit.id: unit for unit in db.session.scalars(_BY_ID, {"ids": list(set(ids))})}


def below(path: str, *, kind: str | None = None, active: bool = False) -> Select[Unit]:
    """The units at `path` and under it. The wall on units is the network's, so each list narrows by path itself."""
    chosen = select(Unit).where(Unit.unit_path >= path, Unit.unit_path < f"{path[:-1]}/")
    if kind:
        chosen = chosen.where(Unit.kind == kind)
    if active:
        chosen = chosen.where(Unit.status == "active")
    return chosen


def units_below(path: str, *, kind: str | None = None, active: bool = False) -> Sequence[Unit]:
    given = {"low": path, "high": f"{path[:-1]}/", "kind": kind, "status": "active" if active else None}
    return db.session.scalars(_BELOW, given).all()


def names_below(path: str, kind: str) -> "Sequence[Row[str, str]]":
    """Code and name of each unit of this kind at `path` and under it: what a filter offers."""
    return plain_rows(_NAMES, {"low": path, "high": f"{path[:-1]}/", "kind": kind})


def unit_below(path: str, code: str) -> Unit | None:
    """The unit of this code at `path` or under it, else None: foreign and unknown are the same."""
    return db.session.scalar(below(path).where(Unit.code == code))


def list_units(
    path: str,
    *,
    kind: str | None = None,
    parent: str | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[Unit]:
    chosen = below(path, kind=kind)
    if parent is not None:
        above = unit_by_code(parent)
        chosen = chosen.where(Unit.parent_id == (above.id if above else -1))
    return paged(chosen, [Unit.unit_path], cursor, limit)


def superiors(path: str) -> Sequence[Unit]:
    """The units above `path`, headquarters first."""
    return db.session.scalars(
        select(Unit).where(Unit.unit_path.in_(ancestors(path))).order_by(Unit.unit_path)
    ).all()


def superior_of_kind(path: str, kind: str) -> Unit | None:
    return next((unit for unit in reversed(superiors(path)) if unit.kind == kind), None)


def holidays(network_id: int) -> Mapping[date, bool]:
    """Days that are not what their weekday says → whether one works on them."""
    rows = db.session.execute(select(Holiday.on, Holiday.works).where(Holiday.network_id == network_id))
    return {row.on: row.works for row in rows}
