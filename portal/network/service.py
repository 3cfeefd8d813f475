"""Making networks and their trees."""

from collections.abc import Iterable
from datetime import date, datetime
from functools import lru_cache
from importlib import import_module
from zoneinfo import ZoneInfo, available_timezones

import chinese_calendar
from psycopg.errors import LockNotAvailable
from sqlalchemy import insert, select
from sqlalchemy.exc import OperationalError

from portal.core import events
from portal.core.db import db, look_as
from portal.core.errors import Conflict, FieldError, Invalid
from portal.core.scope import Scope
from portal.network import rules
from portal.network.models import Holiday, Network, Unit
from portal.network.queries import units_below

FIRST_HOLIDAY_YEAR = 2025
LAST_HOLIDAY_YEAR = 2026  # chinesecalendar's last; `flask check` warns when the next year is missing


def create_network(code: str, name: str, *, time_zone: str, name_en: str = "", now: datetime) -> Network:
    """A new network with its headquarters unit HQ. Raises Conflict (code taken) or Invalid."""
    if not rules.CODE.fullmatch(code):
        raise Invalid("invalid_code", "A network's code has 1 to 40 letters, digits, '.', '_' or '-'.")
    if not 0 < len(name) <= rules.NAME_LIMIT:
        raise Invalid("invalid_name", f"A network's name has 1 to {rules.NAME_LIMIT} characters.")
    if time_zone not in available_timezones():
        raise Invalid("invalid_time_zone", f"There is no time zone {time_zone}.")
    if db.session.scalar(select(Network.id).where(Network.code == code)):
        raise Conflict("network_exists", f"There is a network {code} already.")
    network = Network(code=code, name=name, name_en=name_en or name, time_zone=time_zone, created_at=now)
    db.session.add(network)
    db.session.flush()
    unit_id = next_unit_ids(1)[0]
    network.root_path = rules.path_of("", unit_id)
    look_as(Scope.below(network.id, network.root_path))
    headquarters = Unit(
        id=unit_id,
        network_id=network.id,
        unit_path=network.root_path,
        code="HQ",
        kind="headquarters",
        name=name,
        sort_key=pinyin(name),
        joined_at=now,
    )
    db.session.add(headquarters)
    db.session.flush()
    seed_holidays(network)
    return network


def next_unit_ids(count: int) -> list[int]:
    return list(
        db.session.scalars(
            db.text("SELECT nextval(pg_get_serial_sequence('unit', 'id')) FROM generate_series(1, :n)"),
            {"n": count},
        )
    )


@lru_cache(maxsize=4096)
def pinyin(name: str) -> str:
    """A key that sorts Chinese names as people expect (重庆 → chong qing)."""
    # Its phrases take a tenth of a start of every process; only imports and boards need them.
    syllables: list[str] = import_module("pypinyin").lazy_pinyin(name)
    return " ".join(syllables).lower()


def seed_holidays(network: Network) -> None:
    """The country's holidays and make-up workdays, for networks that live by Beijing time; others edit theirs."""
    if ZoneInfo(network.time_zone) != ZoneInfo("Asia/Shanghai"):
        return
    first, last = date(FIRST_HOLIDAY_YEAR, 1, 1), date(LAST_HOLIDAY_YEAR, 12, 31)
    rows = []
    for on in chinese_calendar.get_dates(first, last):
        weekend = on.weekday() >= 5
        holiday, name = chinese_calendar.get_holiday_detail(on)
        if holiday != weekend or (holiday and name):
            rows.append(
                {
                    "network_id": network.id,
                    "unit_path": network.root_path,
                    "on": on,
                    "works": not holiday,
                    "name": name or "",
                }
            )
    db.session.execute(insert(Holiday).inline(), rows)


def _move(actor: events.Doer, unit: Unit, parent: Unit, was_below: str) -> None:
    """Below another parent, with all rows: superiors of the new place see them, those of the old one no longer.

    What was consolidated stays with the region of that day. Raises Conflict where the portal is too busy for it.
    """
    unit.parent_id = parent.id
    db.session.flush()
    try:
        db.session.execute(db.text("SELECT move_rows_of_unit(:unit)"), {"unit": unit.id})
    except OperationalError as error:
        if isinstance(error.orig, LockNotAvailable):
            words = "Long work is running (a large file, say), which a move waits for. Try again in a minute."
            raise Conflict("busy", words) from error
        raise
    db.session.refresh(unit)
    events.record(actor, "unit:moved", unit, before={"parent": was_below}, after={"parent": parent.code})


def import_units(
    actor: events.Doer, root_path: str, lines: Iterable[rules.UnitLine], now: datetime
) -> tuple[int, int]:
    """Make, change or move units, all or nothing; gives (new, changed). Absent units stay. Raises Invalid by row."""
    listed = list(lines)
    units = {unit.code: unit for unit in units_below(root_path)}
    codes = {unit.id: unit.code for unit in units.values()}
    known = {u.code: (u.kind, codes.get(u.parent_id) if u.parent_id else None) for u in units.values()}
    wrong = rules.faults(listed, known)
    if wrong:
        raise Invalid(
            "invalid_units",
            "Nothing was imported.",
            [FieldError(f"/{row}", "invalid_unit", sentence) for row, sentence in sorted(wrong)],
        )
    order = {kind: place for place, kind in enumerate(rules.KINDS)}
    fresh = sorted((line for line in listed if line.code not in units), key=lambda line: order[line.kind])
    for line, unit_id in zip(fresh, next_unit_ids(len(fresh)) if fresh else [], strict=True):
        parent = units[line.parent]
        units[line.code] = unit = Unit(
            id=unit_id,
            network_id=actor.network_id,
            unit_path=rules.path_of(parent.unit_path, unit_id),
            code=line.code,
            kind=line.kind,
            name=line.name,
            sort_key=pinyin(line.name),
            parent_id=parent.id,
            city=line.city or "",
            joined_at=now,
            territory=line.regions,
            status="active",
        )
        db.session.add(unit)
        db.session.flush()
        events.record(
            actor,
            "unit:created",
            unit,
            after={"code": unit.code, "kind": unit.kind, "name": unit.name, "city": unit.city},
        )
    below = [line for line in listed if line.kind != "headquarters"]
    moving = [line for line in below if units[line.code].parent_id != units[line.parent].id]
    for line in sorted(
        moving, key=lambda line: order[line.kind]
    ):  # a region before the dealers that it takes along
        unit = units[line.code]
        _move(actor, unit, units[line.parent], codes[unit.parent_id or 0])
    if moving:
        db.session.expire_all()  # paths of many rows are others now
        units = {unit.code: unit for unit in units_below(root_path)}
    changed = len(moving)
    for line in listed:
        unit = units[line.code]
        city = unit.city if line.city is None else line.city
        if (unit.name, unit.city) != (line.name, city):
            before, after = {"name": unit.name, "city": unit.city}, {"name": line.name, "city": city}
            events.record(actor, "unit:renamed", unit, before=before, after=after)
            unit.name, unit.sort_key, unit.city = line.name, pinyin(line.name), city
            changed += 1
        if line.regions and unit.territory != line.regions:
            was, now_is = {"territory": unit.territory}, {"territory": line.regions}
            events.record(actor, "unit:territory", unit, before=was, after=now_is)
            unit.territory = line.regions
            changed += 1
    db.session.flush()
    return len(fresh), changed
