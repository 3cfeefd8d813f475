"""Telling people in the portal, in the transaction of what they are told about."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Required, TypedDict

from sqlalchemy import BigInteger, Text, bindparam, text, update
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from portal.access import Actor, Role
from portal.core import clock
from portal.core.db import db
from portal.core.events import Doer, plain
from portal.notices.models import Notice
from portal.notices.queries import get_notice

_TELL = text(
    """
    INSERT INTO notice (network_id, unit_path, membership_id, at, sender, kind, subject, params, note, link)
    SELECT m.network_id, m.unit_path, m.id, :now, :sender, :kind, :subject, :params, :note, :link
    FROM membership m JOIN person p ON p.id = m.person_id
    WHERE m.network_id = :network AND m.status = 'active' AND p.status = 'active'
      AND (m.unit_id = ANY(:units) OR m.person_id = :person)
      AND (cardinality(:roles) = 0 OR m.role = ANY(:roles))
    ORDER BY m.id
    """
).bindparams(
    bindparam("units", type_=ARRAY(BigInteger)),
    bindparam("roles", type_=ARRAY(Text)),
    bindparam("params", type_=JSONB),
    bindparam("person", type_=BigInteger),
)


class To(TypedDict, total=False):
    """One unit of a letter: who works there in the letter's roles is told (with `person_id`, that person alone), and
    led to `link`; `params` are its own, beside the letter's."""

    unit_id: Required[int]
    link: Required[str]
    person_id: int | None
    params: Mapping[str, Any]


@dataclass(frozen=True)
class Letter:
    """The same said to many; kind, subject, roles and params as `tell` has them, params of what JSON can hold."""

    kind: str
    subject: str
    roles: Sequence[Role]
    params: Mapping[str, Any]
    to: list[To] = field(default_factory=list)


_TELL_MANY = text(
    """
    INSERT INTO notice (network_id, unit_path, membership_id, at, sender, kind, subject, params, note, link)
    SELECT :network, m.unit_path, m.id, :now, :sender, r.kind, r.subject, r.params || coalesce(t.params, '{}'), '',
           t.link
    FROM ROWS FROM (jsonb_to_recordset(:letters) AS (kind text, subject text, roles text[], params jsonb, "to" jsonb))
         WITH ORDINALITY AS r(kind, subject, roles, params, "to", place)
    CROSS JOIN LATERAL ROWS FROM (jsonb_to_recordset(r."to") AS (unit_id bigint, person_id bigint, params jsonb,
                                                                 link text))
         WITH ORDINALITY AS t(unit_id, person_id, params, link, place)
    CROSS JOIN LATERAL (
        SELECT m.id, m.unit_path FROM membership m JOIN person p ON p.id = m.person_id
        WHERE m.network_id = :network AND m.status = 'active' AND p.status = 'active' AND m.unit_id = t.unit_id
          AND (t.person_id IS NULL OR m.person_id = t.person_id) AND m.role = ANY(r.roles) OFFSET 0) AS m
    ORDER BY r.place, t.place, m.id
    """
).bindparams(bindparam("letters", type_=JSONB))
"""OFFSET 0 keeps each unit's look-up by its key: without statistics (after an import) a join would read them all."""


def tell_many(actor: Doer, letters: Sequence[Letter]) -> int:
    """Send all of these letters in one statement; gives how many were told."""
    if not letters:
        return 0
    values = {
        "network": actor.network_id,
        "now": clock.now(),
        "sender": actor.name,
        "letters": [vars(each) for each in letters],
    }
    told: Any = db.session.execute(_TELL_MANY, values)
    return int(told.rowcount)


def tell(
    actor: Doer,
    *,
    unit_ids: Iterable[int] = (),
    person_id: int | None = None,
    roles: Iterable[Role] = (),
    kind: str,
    subject: str,
    params: Mapping[str, Any] | None = None,
    link: str = "",
    note: str = "",
) -> int:
    """Tell whoever works at these units (with `roles`, only those), or one person; gives how many were told.

    `kind` as events are named ('customer_file:returned'). `subject` is the English message as it stands in the
    catalogues ('Your file for %(month)s was returned'), never translated here; `params` fill its places; `note` is
    the sender's own words; `link` an address of the portal. Whoever comes to the unit later has not been told.
    """
    if link and (not link.startswith("/") or link.startswith("//")):
        raise ValueError(f"a notice links within the portal, not to {link}")
    told: Any = db.session.execute(
        _TELL,
        {
            "now": clock.now(),
            "network": actor.network_id,
            "sender": actor.name,
            "kind": kind,
            "subject": subject,
            "params": plain(dict(params or {})),
            "note": note,
            "link": link,
            "units": sorted(set(unit_ids)),
            "person": person_id,
            "roles": [role.value for role in roles],
        },
    )
    return int(told.rowcount)


def read(actor: Actor, notice_id: int) -> Notice:
    """Mark one as read; twice is once. Raises NotFound."""
    notice = get_notice(actor, notice_id)
    if notice.read_at is None:
        notice.read_at = clock.now()
    return notice


def read_all(actor: Actor, until: int) -> None:
    """Mark all up to this one as read: what came while the page was open stays new."""
    db.session.execute(
        update(Notice)
        .where(
            Notice.membership_id == (actor.membership_id or 0), Notice.read_at.is_(None), Notice.id <= until
        )
        .values(read_at=clock.now())
    )
