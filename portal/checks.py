"""What `flask check` looks at: a line for each, good or bad (API.md, Commands)."""

import os
from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

from babel.messages.pofile import read_po
from flask import current_app
from sqlalchemy import text

from portal import network
from portal.core import clock, jobs, schema, texts
from portal.core.db import db, look_as
from portal.core.scope import Scope

Line = tuple[str, bool, str]
UNWALLED = {
    "alembic_version",
    "api_token",
    "clock_tie",
    "ended_session",
    "membership",
    "network",
    "person",
    "throttle",
}
"""Tables without a wall, by name: sign-in and commands read them before any scope is known."""
WALLS = text(
    """SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity, has_table_privilege('portal_app', c.oid, 'SELECT')
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') ORDER BY c.relname"""
)


def run(database: schema.Database) -> Iterator[Line]:
    """Each look in turn; a look that fails is a bad line, not an end."""
    for name, look in (
        ("database", _database),
        ("migrations", _migrations),
        ("row-level security", _walls),
        ("storage", _storage),
        ("queue", _queue),
        ("clock", _clock),
        ("holidays", _holidays),
        ("translations", _translations),
    ):
        try:
            good, words = look()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a bad line and the next look follows
            good, words = False, f"{type(error).__name__}: {error}"
            db.session.rollback()
        yield name, good, words


def _database() -> tuple[bool, str]:
    version, role, powerful = db.session.execute(
        text(
            "SELECT current_setting('server_version'), current_user, "
            "(SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user)"
        )
    ).one()
    return not powerful, f"PostgreSQL {version}, acting as {role}" + (
        ", which skips the walls" if powerful else ""
    )


def _migrations() -> tuple[bool, str]:
    there = schema.current_revision(db.session)
    return there == schema.head(), f"at {there}, newest is {schema.head()}"


def _walls() -> tuple[bool, str]:
    rows = db.session.execute(WALLS).all()
    bare = [
        name
        for name, walled, readable in rows
        if not walled and name not in UNWALLED and not name.startswith("procrastinate") and readable
    ]
    return not bare, f"{len(rows)} tables" + (
        f"; without a wall: {', '.join(bare)}" if bare else ", none open"
    )


def _storage() -> tuple[bool, str]:
    folder = current_app.config["STORAGE"]
    folder.mkdir(parents=True, exist_ok=True)
    trial = folder / f".check-{uuid4().hex}"
    trial.write_bytes(b"ok")
    trial.unlink()
    free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize // 2**20
    return free > 200, f"writable, {free:,} MB free"


def _queue() -> tuple[bool, str]:
    counts = jobs.waiting()
    failed = counts.get("failed", 0)
    waiting = counts.get("todo", 0)
    return failed == 0, f"{waiting} waiting, {counts.get('doing', 0)} running, {failed} failed"


def _clock() -> tuple[bool, str]:
    there = db.session.execute(text("SELECT clock_timestamp()")).scalar_one()
    wanted = current_app.extensions["settings"].portal_now
    drift = abs(clock.now() - there)
    if wanted is not None:
        return (
            True,
            f"runs on from PORTAL_NOW={wanted.isoformat()}: {clock.now().isoformat(timespec='seconds')}",
        )
    return drift < timedelta(seconds=5), f"{drift.total_seconds():.1f} s from the database's"


def _holidays() -> tuple[bool, str]:
    lacking = []
    year = clock.now().year
    for each in network.list_networks():
        look_as(Scope.below(each.id, each.root_path))
        db.session.rollback()
        years = {day.year for day in network.holidays(each.id)}
        # the next year's holidays are published in November
        wanted = {year, year + 1} if clock.now().month == 12 else {year}
        if each.time_zone == "Asia/Shanghai" and not wanted <= years:
            lacking.append(f"{each.code} lacks {', '.join(str(y) for y in sorted(wanted - years))}")
    return not lacking, "; ".join(lacking) or "each network has this year's"


def _translations() -> tuple[bool, str]:
    lacking = 0
    for source in texts.TRANSLATIONS.glob("zh_Hans_CN/LC_MESSAGES/*.po"):
        with source.open("rb") as opened:
            lacking += sum(1 for m in read_po(opened) if m.id and (not m.string or m.fuzzy))
    return lacking == 0, f"{lacking} texts without Chinese" if lacking else "complete"
