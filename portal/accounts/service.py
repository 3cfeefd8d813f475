"""Signing in, tokens, and the import of people."""

import secrets
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from flask import current_app
from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert

from portal.access import Role
from portal.accounts import rules
from portal.accounts.models import ApiToken, EndedSession, Membership, Person, Throttle
from portal.accounts.queries import memberships_in, people_by_identifiers, person_by_identifier, token_hash
from portal.core import events
from portal.core.db import db, outside
from portal.core.errors import Conflict, FieldError, Invalid, TooMany
from portal.core.texts import lazy
from portal.network import units_below

COUNT = text(
    "INSERT INTO throttle (key, window_start, count) VALUES (:key, :start, 1) "
    "ON CONFLICT (key, window_start) DO UPDATE SET count = throttle.count + 1 RETURNING count"
)

TAKE = text(
    "INSERT INTO throttle (key, window_start, count) VALUES (:key, :start, 1) "
    "ON CONFLICT (key, window_start) DO UPDATE SET count = throttle.count + 1 WHERE throttle.count < :most "
    "RETURNING count"
)
GIVE_BACK = text("UPDATE throttle SET count = count - 1 WHERE key = :key AND window_start = :start")


def hasher() -> PasswordHasher:
    """argon2id with OWASP's minimum (19 MiB, t=2, p=1): 30 ms, for 200 people sign in in the last minute."""
    if current_app.config["TESTING"]:
        return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


_NOBODY: dict[str, str] = {}


def _nobodys_hash() -> str:
    """What an unknown account is checked against, so that it takes as long as a known one."""
    if "hash" not in _NOBODY:
        _NOBODY["hash"] = hasher().hash(secrets.token_hex(16))
    return _NOBODY["hash"]


def _fits(kept: str, password: str) -> bool:
    try:
        return hasher().verify(kept, password[: rules.LONGEST_PASSWORD])
    except (VerificationError, InvalidHashError):
        return False


def count(key: str, limit: rules.Limit, now: datetime) -> None:
    """Count one; raise TooMany above the limit. Outlives the request's rollback."""
    with outside() as connection:
        counted = connection.execute(COUNT, {"key": key, "start": limit.window_start(now)}).scalar_one()
    if counted > limit.count:
        raise TooMany(lazy("Too many requests. Try again in a little while."), limit.retry_after(now))


Counts = Sequence[tuple[str, rules.Limit]]


class _Full(Exception):
    """A count is at its limit."""

    def __init__(self, limit: rules.Limit) -> None:
        self.limit = limit


def _take(counts: Counts, now: datetime) -> None:
    """One more in each of these counts, or in none where one is at its limit. Raises TooMany."""
    try:
        with outside() as connection:
            for key, limit in counts:
                given = {"key": key, "start": limit.window_start(now), "most": limit.count}
                if connection.execute(TAKE, given).scalar() is None:
                    raise _Full(limit)
    except _Full as full:
        words = lazy("Too many wrong passwords. Wait a few minutes, then try again.")
        raise TooMany(words, full.limit.retry_after(now)) from None


def _give_back(counts: Counts, now: datetime) -> None:
    with outside() as connection:
        for key, limit in counts:
            connection.execute(GIVE_BACK, {"key": key, "start": limit.window_start(now)})


def check_password(
    identifier: str, password: str, *, address: str, known_device: str | None, now: datetime
) -> Person | None:
    """The person, if identifier and password fit; None otherwise. Raises TooMany.

    Failures count per account and per address; a device on which this account signed in before has a count of its
    own, so that guessing from elsewhere never locks the true user out (security.md C1). Each guess is counted before
    it is checked and given back where it was right: guesses at the same time do not slip past the count. Unknown
    accounts take as long as known ones (C2).
    """
    wanted = rules.identifier(identifier)[:254]
    counts = (
        [(f"device:{known_device}:{wanted}", rules.GUESSES)]
        if known_device
        else [  # all in this order: two who wait for each other's count would wait for ever
            (f"account:{wanted}", rules.GUESSES),
            (f"day:{wanted}", rules.GUESSES_A_DAY),
            (f"address:{address}", rules.GUESSES),
        ]
    )
    _take(counts, now)
    person = person_by_identifier(wanted) if wanted else None
    kept = (person.password_hash if person else None) or _nobodys_hash()
    if not (_fits(kept, password) and person and person.password_hash and person.status == "active"):
        return None
    _give_back(counts, now)
    if hasher().check_needs_rehash(kept):
        person.password_hash = hasher().hash(password)
    return person


def end_session(session_id: str, now: datetime) -> None:
    """Signed out: no copy of the session's cookie opens anything any more. Kept for as long as a session may rest."""
    if session_id:
        ended = insert(EndedSession).values(id=session_id, until=now + rules.KEPT)
        db.session.execute(ended.on_conflict_do_nothing())


def set_password(person: Person, password: str) -> None:
    """A new password; all sessions end. Raises Invalid."""
    if not rules.SHORTEST_PASSWORD <= len(password) <= rules.LONGEST_PASSWORD:
        detail = lazy("A password has 8 to 128 characters.")
        raise Invalid("weak_password", detail, [FieldError("/password", "weak_password", detail)])
    person.password_hash = hasher().hash(password)
    person.stamp = secrets.token_hex(8)


def forget_old_counts(now: datetime) -> None:
    db.session.execute(delete(Throttle).where(Throttle.window_start < now - timedelta(days=2)))
    db.session.execute(delete(EndedSession).where(EndedSession.until < now))


def issue_token(
    actor: events.Doer, membership: Membership, *, name: str, days: int | None, now: datetime
) -> str:
    """A new API token of this membership, shown this once; only its hash is kept."""
    token = f"pt_{secrets.token_urlsafe(32)}"
    kept = ApiToken(
        network_id=membership.network_id,
        membership_id=membership.id,
        name=name,
        hash=token_hash(token),
        created_at=now,
        expires_at=now + timedelta(days=days) if days else None,
    )
    db.session.add(kept)
    db.session.flush()
    events.record(
        actor,
        "api_token:issued",
        kind="api_token",
        object_id=kept.id,
        unit_path=membership.unit_path,
        after={"membership": membership.id, "name": name, "days": days},
    )
    return token


def import_people(
    actor: events.Doer, root_path: str, lines: Iterable[rules.PersonLine], now: datetime
) -> tuple[int, int]:
    """Make people and their memberships, all or nothing; gives (people, memberships).

    A person's rows replace that person's memberships in this network; absent people stay. Raises Invalid by row.
    """
    listed = list(lines)
    units = {unit.code: unit for unit in units_below(root_path)}
    wrong = rules.faults(listed, {code: unit.kind for code, unit in units.items()})
    people, contested = _people_of(listed, now)
    if wrong or contested:
        raise Invalid(
            "invalid_people",
            "Nothing was imported.",
            [
                FieldError(f"/{row}", "invalid_person", sentence)
                for row, sentence in sorted(wrong + contested)
            ],
        )
    wanted: dict[str, list[rules.PersonLine]] = defaultdict(list)
    for line in listed:
        wanted[line.who].append(line)
    for who, person in people.items():
        first = wanted[who][0]
        person.name = first.name
        person.email = rules.identifier(first.email) or person.email or None
        person.phone = rules.identifier(first.phone) or person.phone or None
        db.session.add(person)
    db.session.flush()
    there: dict[int, list[Membership]] = defaultdict(list)
    for membership, _, _ in memberships_in(actor.network_id):
        there[membership.person_id].append(membership)
    for who, person in people.items():
        keep = {(units[line.unit].id, line.role): units[line.unit].unit_path for line in wanted[who]}
        _replace_memberships(actor, person, there[person.id], keep, now)
    db.session.flush()
    return len(people), len(listed)


def _people_of(
    lines: list[rules.PersonLine], now: datetime
) -> tuple[dict[str, Person], list[tuple[int, str]]]:
    """Each line's person, known or new, by identifier; and the lines that name two known people as one."""
    people: dict[str, Person] = {}
    wrong = []
    known = people_by_identifiers(
        rules.identifier(each) for line in lines for each in (line.email, line.phone)
    )
    for line in lines:
        if line.who in people:
            continue
        by_email = known.get(rules.identifier(line.email)) if line.email else None
        by_phone = known.get(rules.identifier(line.phone)) if line.phone else None
        if by_email and by_phone and by_email.id != by_phone.id:
            wrong.append((line.row, f"email {line.email} and phone {line.phone} belong to two people"))
        elif by_phone and not by_email and line.email and by_phone.email:
            wrong.append((line.row, f"phone {line.phone} belongs to somebody else"))
        people[line.who] = (
            by_email or by_phone or Person(created_at=now, stamp=secrets.token_hex(8), status="active")
        )
    return people, wrong


def _replace_memberships(
    actor: events.Doer,
    person: Person,
    there: list[Membership],
    keep: dict[tuple[int, str], str],
    now: datetime,
) -> None:
    kept = {(membership.unit_id, membership.role) for membership in there}
    for membership in there:
        if (membership.unit_id, membership.role) not in keep:
            membership.status = "ended"
            before = {"person": person.name, "role": membership.role}
            events.record(actor, "membership:ended", membership, before=before)
    for (unit_id, role), unit_path in keep.items():
        if (unit_id, role) not in kept:
            _join(actor, person, unit_id, unit_path, Role(role), now)


def _join(
    actor: events.Doer, person: Person, unit_id: int, unit_path: str, role: Role, now: datetime
) -> None:
    ended = db.session.scalar(
        select(Membership).where(
            Membership.network_id == actor.network_id,
            Membership.person_id == person.id,
            Membership.unit_id == unit_id,
            Membership.role == role,
        )
    )
    membership = ended or Membership(
        network_id=actor.network_id, person_id=person.id, unit_id=unit_id, role=role.value, created_at=now
    )
    membership.unit_path, membership.status = unit_path, "active"
    db.session.add(membership)
    db.session.flush()
    events.record(actor, "membership:begun", membership, after={"person": person.name, "role": role})


def choose_membership(person: Person, membership_id: int) -> int:
    """Check that this membership is the person's own. Raises Conflict."""
    found = db.session.scalar(
        select(Membership.id).where(
            Membership.id == membership_id, Membership.person_id == person.id, Membership.status == "active"
        )
    )
    if found is None:
        raise Conflict("no_membership", lazy("You are not a member there any more."))
    return found
