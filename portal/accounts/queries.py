"""Reading people and memberships. These tables have no wall: each query narrows by network itself."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from secrets import compare_digest
from typing import Any

from sqlalchemy import Row, Select, bindparam, exists, func, or_, select, true

from portal.access import Actor, Role
from portal.accounts.models import ApiToken, EndedSession, Membership, Person
from portal.accounts.rules import identifier
from portal.core.db import db, found_with_eyes, look_as
from portal.core.scope import Scope, current_scope
from portal.network import Network, Unit


def person_by_id(person_id: int) -> Person | None:
    return db.session.get(Person, person_id)


def person_by_identifier(identifier: str) -> Person | None:
    """By e-mail (lower case) or phone (digits)."""
    return db.session.scalar(
        select(Person).where(or_(Person.email == identifier, Person.phone == identifier)).limit(1)
    )


def people_by_identifiers(identifiers: Iterable[str]) -> dict[str, Person]:
    """Known people by each e-mail and phone asked for."""
    wanted = sorted({each for each in identifiers if each})
    known = select(Person).where(or_(Person.email.in_(wanted), Person.phone.in_(wanted)))
    found: dict[str, Person] = {}
    for person in db.session.scalars(known):
        found |= {each: person for each in (person.email, person.phone) if each}
    return found


def memberships_of(person_id: int) -> "Sequence[Row[Membership, Network]]":
    """A person's memberships in all networks, by network and unit."""
    return db.session.execute(
        select(Membership, Network)
        .join(Network, Network.id == Membership.network_id)
        .where(Membership.person_id == person_id, Membership.status == "active")
        .order_by(Network.id, Membership.unit_path, Membership.id)
    ).all()


# Every request asks these, so they are built once, and of plain columns: entities cost twice as much.
_person, _membership, _network = Person.__table__.c, Membership.__table__.c, Network.__table__.c
_acting = (
    select(
        _person.id.label("person_id"),
        _person.name,
        _person.email,
        _person.phone,
        _person.language,
        _person.stamp,
        _membership.id.label("membership_id"),
        _membership.unit_id,
        _membership.role,
        _network.id.label("network_id"),
        _network.code.label("network_code"),
        _network.name.label("network_name"),
        _network.name_en.label("network_name_en"),
        _network.time_zone,
        _network.root_path,
    )
    .join(Membership.__table__, _membership.person_id == _person.id)
    .join(Network.__table__, _network.id == _membership.network_id)
    .where(_person.status == "active", _membership.status == "active")
)


def _with_its_unit(chosen: Select[Any]) -> Select[Any]:
    """The same row with the unit, whose eyes the transaction has from then on."""
    found = chosen.limit(1).subquery()
    unit = (
        func.look_as_unit(found.c.network_id, found.c.unit_id)
        .table_valued("unit_code", "unit_kind", "unit_name", "unit_status", "unit_path")
        .lateral()
    )
    return select(found, unit).join_from(found, unit, true())


_BY_MEMBERSHIP = _with_its_unit(
    _acting.where(
        _person.id == bindparam("person"),
        ~exists().where(EndedSession.__table__.c.id == bindparam("session")),
    ).order_by(_membership.id != bindparam("membership"), _membership.id)
)
_BY_TOKEN = _with_its_unit(
    _acting.add_columns(ApiToken.__table__.c.id.label("token_id"), ApiToken.__table__.c.scopes)
    .join(ApiToken.__table__, ApiToken.__table__.c.membership_id == _membership.id)
    .where(
        ApiToken.__table__.c.hash == bindparam("hash"),
        ApiToken.__table__.c.revoked_at.is_(None),
        or_(ApiToken.__table__.c.expires_at.is_(None), ApiToken.__table__.c.expires_at > bindparam("now")),
    )
)


def _actor(asked: Select[Any], given: Mapping[str, Any], via: str, stamp: str | None = None) -> Actor | None:
    """An Actor from the row of `_with_its_unit`, whose eyes stay.

    None, with the eyes as they were, where there is no row, the unit is closed or the person's stamp is not `stamp`.
    """
    before = current_scope()
    found = found_with_eyes(asked, given)
    if found is None:
        return None
    look_as(Scope.below(found.network_id, found.unit_path), told=True)
    if found.unit_status != "active" or not (stamp is None or compare_digest(found.stamp, stamp)):
        look_as(before)
        return None
    by_token = via == "api"
    return Actor(
        person_id=found.person_id,
        name=found.name,
        membership_id=found.membership_id,
        network_id=found.network_id,
        network_code=found.network_code,
        network_name=found.network_name,
        network_name_en=found.network_name_en,
        time_zone=found.time_zone,
        root_path=found.root_path,
        unit_id=found.unit_id,
        unit_code=found.unit_code,
        unit_kind=found.unit_kind,
        unit_name=found.unit_name,
        unit_path=found.unit_path,
        role=Role(found.role),
        via=via,
        token_id=found.token_id if by_token else None,
        scopes=tuple(found.scopes) if by_token and found.scopes is not None else None,
        language=found.language,
        email=found.email,
        phone=found.phone,
    )


def actor_of_membership(
    person_id: int,
    membership_id: int | None,
    via: str = "page",
    *,
    stamp: str | None = None,
    session_id: str = "",
) -> Actor | None:
    """The person in this membership, or in the first one; None where there is none.

    With `stamp` only while it is still the person's: a session ends when the password changes. With `session_id` only
    while nobody has signed out of that session.
    """
    given = {"person": person_id, "membership": membership_id or 0, "session": session_id}
    return _actor(_BY_MEMBERSHIP, given, via, stamp)


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def actor_of_token(token: str, now: datetime) -> Actor | None:
    """Whoever this API token belongs to; None where it is unknown, expired or revoked."""
    return _actor(_BY_TOKEN, {"hash": token_hash(token), "now": now}, "api")


@dataclass(frozen=True)
class Contact:
    """Somebody who answers for a unit, as colleagues and superiors see them."""

    name: str
    phone: str | None
    role: Role


def contacts_of(network_id: int, unit_ids: Iterable[int]) -> dict[int, list[Contact]]:
    """Who works at these units, principals before clerks, by unit id."""
    rows = db.session.execute(
        select(Membership.unit_id, Person.name, Person.phone, Membership.role)
        .join(Person, Person.id == Membership.person_id)
        .where(
            Membership.network_id == network_id,
            Membership.unit_id.in_(list(set(unit_ids))),
            Membership.status == "active",
        )
        .order_by(Membership.unit_id, Membership.role.desc(), Membership.id)
    )
    found: dict[int, list[Contact]] = defaultdict(list)
    for unit_id, name, phone, role in rows:
        found[unit_id].append(Contact(name, phone, Role(role)))
    return found


def names_of(person_ids: Iterable[int]) -> dict[int, str]:
    wanted = list(set(person_ids))
    rows = db.session.execute(select(Person.id, Person.name).where(Person.id.in_(wanted)))
    return {row.id: row.name for row in rows}


def memberships_in(network_id: int) -> "Sequence[Row[Membership, Person, Unit]]":
    """Every membership of a network with its person and unit."""
    return db.session.execute(
        select(Membership, Person, Unit)
        .join(Person, Person.id == Membership.person_id)
        .join(Unit, Unit.id == Membership.unit_id)
        .where(Membership.network_id == network_id, Membership.status == "active")
        .order_by(Membership.unit_path, Membership.role, Membership.id)
    ).all()


def person_in(network_id: int, written: str) -> int | None:
    """The id of whoever is meant by an e-mail, a phone or an id, among those who work in the network; else None."""
    named = identifier(written)
    meant = or_(Person.email == named, Person.phone == named)
    if written.isascii() and written.isdigit() and len(written) < 11:
        meant = or_(meant, Person.id == int(written))
    chosen = (
        select(Person.id)
        .join(Membership, Membership.person_id == Person.id)
        .where(meant, Membership.network_id == network_id, Membership.status == "active")
        .order_by(Person.id)
        .limit(1)
    )
    return db.session.scalar(chosen)
