"""Two people at once: whoever changes a unit's month holds its lock first, then looks at the state."""

from collections.abc import Iterable
from datetime import date
from hashlib import blake2b

from sqlalchemy import text

from portal.core.db import db
from portal.customer_files import queries
from portal.customer_files.models import CustomerFile

_LOCK_ALL = text("SELECT pg_advisory_xact_lock(key) FROM unnest(CAST(:keys AS bigint[])) AS key")


def lock_months(network_id: int, unit_ids: Iterable[int], month: date) -> None:
    """Hold the months of these units until the transaction ends; always in one order, so that nobody deadlocks."""
    keys = sorted({_key(network_id, unit_id, month) for unit_id in unit_ids})
    db.session.execute(_LOCK_ALL, {"keys": keys})


def lock_file(file_id: int, *, beside: Iterable[int] = ()) -> CustomerFile:
    """A file as it is once nobody else changes its unit's month (and those of the units `beside`).

    Raises NotFound.
    """
    file = queries.get_file(file_id)
    lock_months(file.network_id, {file.unit_id, *beside}, file.month)
    return queries.get_file(file_id)  # a new statement: it sees what was committed while we waited


def _key(network_id: int, unit_id: int, month: date) -> int:
    name = f"customer_file:{network_id}:{unit_id}:{month:%Y-%m}".encode()
    return int.from_bytes(blake2b(name, digest_size=8).digest(), "big", signed=True)
