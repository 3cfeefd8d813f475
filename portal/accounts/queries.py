"""Reading people and memberships. These tables have no wall: each query narrows by network itself."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from secrets import compare_digest
from typing import Any

from sqlalchemy import Row, or_, select

from portal.access import Actor, Role
from portal.accounts.models import ApiToken, Membership, Person
from portal.accounts.rules import identifier
from portal.core.db import db, look_as
from portal.core.scope import Scope
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


def _actor(found: Any, via: str, token: ApiToken | None = None) -> Actor | None:
    """An Actor from (Person, Membership, Network); its unit is read with that membership's own eyes."""
    person, membership, network = found
    look_as(Scope.below(membership.network_id, membership.unit_path))
    unit = db.session.execute(
        select(Unit.code, Unit.kind, Unit.name, Unit.status).where(Unit.id == membership.unit_id)
    ).one_or_none()
    if unit is None or unit.status != "active":
        return None
    return Actor(
        person_id=person.id,
        name=person.name,
        membership_id=membership.id,
        network_id=network.id,
        network_code=network.code,
        network_name=network.name,
        network_name_en=network.name_en,
        time_zone=network.time_zone,
        root_path=network.root_path,
        unit_id=membership.unit_id,
        unit_code=unit.code,
        unit_kind=unit.kind,
        unit_name=unit.name,
        unit_path=membership.unit_path,
        role=Role(membership.role),
        via=via,
        token_id=token.id if token else None,
        scopes=tuple(token.scopes) if token and token.scopes is not None else None,
        language=person.language,
        email=person.email,
        phone=person.phone,
    )


def actor_of_membership(
    person_id: int, membership_id: int | None, via: str = "page", *, stamp: str | None = None
) -> Actor | None:
    """The person in this membership, or in the first one; None where there is none.

    With `stamp` only while it is still the person's: a session ends when the password changes.
    """
    chosen = (
        select(Person, Membership, Network)
        .join(Membership, Membership.person_id == Person.id)
        .join(Network, Network.id == Membership.network_id)
        .where(Person.id == person_id, Person.status == "active", Membership.status == "active")
        .order_by(Membership.id != (membership_id or 0), Membership.id)
        .limit(1)
    )
    found = db.session.execute(chosen).one_or_none()
    if found is None or (stamp is not None and not compare_digest(found[0].stamp, stamp)):
        return None
    return _actor(found, via)


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def actor_of_token(token: str, now: datetime) -> Actor | None:
    """Whoever this API token belongs to; None where it is unknown, expired or revoked."""
    chosen = (
        select(Person, Membership, Network, ApiToken)
        .join(Membership, Membership.person_id == Person.id)
        .join(Network, Network.id == Membership.network_id)
        .join(ApiToken, ApiToken.membership_id == Membership.id)
        .where(
            ApiToken.hash == token_hash(token),
            ApiToken.revoked_at.is_(None),
            or_(ApiToken.expires_at.is_(None), ApiToken.expires_at > now),
            Membership.status == "active",
            Person.status == "active",
        )
    )
    found = db.session.execute(chosen).one_or_none()
    return _actor(found[:3], "api", found[3]) if found else None


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
