"""When a request reached the server: what a deadline is judged by (API.md, Judged).

The web server's loop (`core.web`) notes the instant when the first byte of a request is there. That the request then
waits for a thread, a lock or the database is our doing, and nobody is late for it. Where nobody noted anything (a
command, a job, another web server) it is now. Nothing of this comes from a header.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.core import clock


@dataclass
class Arrival:
    """Instants of `time.monotonic()`: setting the wall clock moves none of them."""

    noted: float
    reading_began: float | None = None
    reading_ended: float | None = None


_arrival: ContextVar[Arrival | None] = ContextVar("arrival", default=None)


@contextmanager
def noted_at(moment: float) -> Iterator[None]:
    """The request that this thread works on was there at this instant of `time.monotonic()`."""
    token = _arrival.set(Arrival(moment))
    try:
        yield
    finally:
        _arrival.reset(token)


def reading_begins() -> None:
    """Some of the request's body is asked for."""
    found = _arrival.get()
    if found and found.reading_began is None:
        found.reading_began = time.monotonic()


def reading_ends() -> None:
    """Some of the request's body came."""
    found = _arrival.get()
    if found:
        found.reading_ended = time.monotonic()


def reached() -> datetime:
    """When the request's first byte was here, by the portal's clock: never later than now."""
    arrival = _arrival.get()
    now = clock.now()
    return now if arrival is None else now - timedelta(seconds=time.monotonic() - arrival.noted)


def bytes_in() -> datetime:
    """When the request's last byte was here: as long after its first one as we were reading its body.

    A sender who dawdles is not in before his last byte; what waited for us before the reading began counts nowhere.
    """
    arrival = _arrival.get()
    if arrival is None or arrival.reading_began is None or arrival.reading_ended is None:
        return reached()
    return reached() + timedelta(seconds=arrival.reading_ended - arrival.reading_began)
