"""The audit trail: who did what to what, when, from where, before and after. Append-only in the database."""

from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Protocol

from flask import g, has_request_context, request
from sqlalchemy import BigInteger, Connection, DateTime, Text, insert
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.core import clock
from portal.core.db import Base, Keyed, Walled, db


class Doer(Protocol):
    """Whoever acts: portal.access.Actor is one."""

    @property
    def person_id(self) -> int | None: ...
    @property
    def membership_id(self) -> int | None: ...
    @property
    def network_id(self) -> int: ...
    @property
    def unit_path(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def via(self) -> str: ...


class Event(Keyed, Walled, Base):
    """One thing done; `action` in the past tense ('customer_file:submitted'), `kind` and `object_id` say to what."""

    __tablename__ = "event"

    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    person_id: Mapped[int | None] = mapped_column(BigInteger)
    membership_id: Mapped[int | None] = mapped_column(BigInteger)
    doer: Mapped[str] = mapped_column(Text)
    via: Mapped[str] = mapped_column(Text)
    address: Mapped[str | None] = mapped_column(Text)
    request_id: Mapped[str | None] = mapped_column(Text)
    action: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    object_id: Mapped[str] = mapped_column(Text)
    before: Mapped[dict[str, Any]] = mapped_column(JSONB)
    after: Mapped[dict[str, Any]] = mapped_column(JSONB)


def record(
    actor: Doer,
    action: str,
    about: Any = None,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    kind: str | None = None,
    object_id: Any = None,
    unit_path: str | None = None,
    connection: Connection | None = None,
) -> None:
    """Write one event in this transaction, or on `connection` (from `outside`) where it must outlive a refusal.

    `about` is the row that it happened to; `kind`, `object_id` and `unit_path` say it where there is no row.
    """
    values = {
        "network_id": actor.network_id,
        "unit_path": unit_path or getattr(about, "unit_path", None) or actor.unit_path,
        "at": clock.now(),
        "person_id": actor.person_id,
        "membership_id": actor.membership_id,
        "doer": actor.name,
        "via": actor.via,
        "address": request.remote_addr if has_request_context() else None,
        "request_id": g.get("request_id") if has_request_context() else None,
        "action": action,
        "kind": kind or getattr(about, "__tablename__", None) or action.partition(":")[0],
        "object_id": str(object_id if object_id is not None else getattr(about, "id", "") or ""),
        "before": plain(before or {}),
        "after": plain(after or {}),
    }
    (connection or db.session).execute(insert(Event).inline(), values)


def plain(value: Any) -> Any:
    """What JSON can hold, without what PostgreSQL's JSON refuses (NUL)."""
    match value:
        case dict():
            return {str(name): plain(inner) for name, inner in value.items()}
        case list() | tuple() | set():
            return [plain(inner) for inner in value]
        case datetime() | date():
            return value.isoformat()
        case Enum():
            return plain(value.value)
        case bool() | int() | float() | None:
            return value
        case Decimal():
            return str(value)
    return str(value).replace("\x00", "�")
