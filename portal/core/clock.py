"""The portal's clock: the real one, or for demonstration and tests one that runs on from PORTAL_NOW (API.md).

PORTAL_NOW is tied to the real instant when it is first seen and the tie is kept in the database, so that processes
with the same value share one clock. Another value ties anew, unless a process with the old one is still running.
"""

import atexit
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

_GATE = 7_201_001  # advisory lock: one process at a time looks at the tie
_zone: ContextVar[ZoneInfo] = ContextVar("zone", default=ZoneInfo("Asia/Shanghai"))  # noqa: B039 - a ZoneInfo never changes
_standing: ContextVar[datetime | None] = ContextVar("standing", default=None)
_offset = timedelta()
_held: "list[psycopg.Connection[Any]]" = []
_wanted: list[tuple[Callable[[], str], datetime]] = []  # a tie that the database could not give yet
_one_thread = threading.Lock()


class ClockRefused(Exception):
    """Another process runs with another PORTAL_NOW."""


def now() -> datetime:
    """This instant, aware, in UTC."""
    return _standing.get() or datetime.now(UTC) + _offset


@contextmanager
def standing_at(moment: datetime) -> Iterator[None]:
    """The clock stands at this instant for a while: the demonstration's history is filed in its own time."""
    token = _standing.set(moment.astimezone(UTC))
    try:
        yield
    finally:
        _standing.reset(token)


def zone() -> ZoneInfo:
    """The network's time zone in this context."""
    return _zone.get()


def use_zone(name: str) -> None:
    _zone.set(ZoneInfo(name))


def local(moment: datetime) -> datetime:
    """An instant as the network's people read it, with its offset."""
    return moment.astimezone(zone())


def tie(url: str, wanted: datetime | None) -> None:
    """Run on from `wanted` (aware), or on the real clock where it is None. Raises ClockRefused."""
    global _offset  # noqa: PLW0603 - one process has one clock
    release()
    _offset = timedelta()
    if wanted is None:
        return
    connection = psycopg.connect(url, autocommit=True)
    value = wanted.astimezone(UTC).isoformat()
    connection.execute("SELECT pg_advisory_lock(%s)", (_GATE,))
    try:
        tied_at = _tied(connection, value)
    except (ClockRefused, psycopg.Error):
        connection.close()
        raise
    connection.execute("SELECT pg_advisory_lock_shared(hashtextextended('portal.clock' || %s, 0))", (value,))
    connection.execute("SELECT pg_advisory_unlock(%s)", (_GATE,))
    _offset = wanted - tied_at
    _held.append(connection)  # its shared lock says: a process with this value is running


def tie_soon(url: Callable[[], str], wanted: datetime) -> None:
    """Tie now; where the database is away or empty, before the first work (`be_tied`). Raises ClockRefused."""
    _wanted[:] = [(url, wanted)]
    with suppress(psycopg.Error):
        be_tied()


def be_tied() -> None:
    """Make sure that this process has the clock it was asked to have: no time at all is better than a wrong one.

    Raises ClockRefused, and psycopg.Error while the database cannot tell.
    """
    if _wanted:
        with _one_thread:
            for url, wanted in _wanted:
                tie(url(), wanted)
            _wanted.clear()


def _tied(connection: "psycopg.Connection[Any]", value: str) -> datetime:
    row = connection.execute("SELECT value, tied_at FROM clock_tie").fetchone()
    if row and row[0] == value:
        tied_at: datetime = row[1]
        return tied_at
    if row:
        lock = "SELECT pg_try_advisory_xact_lock(hashtextextended('portal.clock' || %s, 0))"
        free = connection.execute(lock, (row[0],)).fetchone()
        if not (free and free[0]):
            raise ClockRefused(f"another process is running with PORTAL_NOW={row[0]}; stop it first")
    connection.execute(
        "INSERT INTO clock_tie (id, value, tied_at) VALUES (1, %s, clock_timestamp()) "
        "ON CONFLICT (id) DO UPDATE SET value = excluded.value, tied_at = excluded.tied_at",
        (value,),
    )
    return _tied(connection, value)


@atexit.register
def release() -> None:
    """Let go of the tie's connection; the clock runs on."""
    for connection in _held:
        connection.close()
    _held.clear()
