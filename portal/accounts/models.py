"""People, what they are in which network, and their tokens.

Not walled, the named exception (tests/tenancy): sign-in reads these before any scope is known. Each query narrows by
network itself.
"""

from datetime import datetime

from flask_login import UserMixin
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.db import Base, Keyed


class Person(Keyed, UserMixin, Base):  # type: ignore[misc]
    """One account, by e-mail or mobile number (many clerks have no mail)."""

    __tablename__ = "person"
    __table_args__ = (CheckConstraint("email IS NOT NULL OR phone IS NOT NULL", name="reachable"),)
    email: Mapped[str | None] = mapped_column(Text, unique=True)  # in lower case
    phone: Mapped[str | None] = mapped_column(Text, unique=True)  # digits
    name: Mapped[str] = mapped_column(Text)
    password_hash: Mapped[str | None] = mapped_column(Text)
    stamp: Mapped[str] = mapped_column(Text)  # a new one ends all sessions
    language: Mapped[str | None] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, default="active")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))

    def get_id(self) -> str:
        """For the session: void as soon as the stamp changes."""
        return f"{self.id}|{self.stamp}"


class Membership(Keyed, Base):
    """A role at a unit of a network."""

    __tablename__ = "membership"
    __table_args__ = (
        UniqueConstraint("network_id", "id"),
        UniqueConstraint("network_id", "person_id", "unit_id", "role", name="uq_membership_once"),
        ForeignKeyConstraint(["network_id", "unit_id"], ["unit.network_id", "unit.id"]),
        CheckConstraint("status IN ('active','ended')", name="status"),
        Index("ix_membership_unit", "network_id", "unit_id"),
        Index("ix_membership_person", "person_id"),
    )
    network_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("network.id"))
    person_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("person.id"))
    unit_id: Mapped[int] = mapped_column(BigInteger)
    unit_path: Mapped[str] = mapped_column(Text(collation="C"))
    role: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, default="active")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class ApiToken(Keyed, Base):
    """A token of one person in one membership; only its hash is kept."""

    __tablename__ = "api_token"
    __table_args__ = (
        ForeignKeyConstraint(["network_id", "membership_id"], ["membership.network_id", "membership.id"]),
    )
    network_id: Mapped[int] = mapped_column(BigInteger)
    membership_id: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str] = mapped_column(Text)
    hash: Mapped[str] = mapped_column(Text, unique=True)
    scopes: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class Throttle(Base):
    """How often something was done in a window of time; unlogged: a crash may forget it."""

    __tablename__ = "throttle"
    __table_args__ = ({"prefixes": ["UNLOGGED"]},)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    window_start: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True)
    count: Mapped[int] = mapped_column(Integer)


class EndedSession(Base):
    """Signed out: no copy of this session's cookie opens anything any more. Logged, for a crash must not revive one."""

    __tablename__ = "ended_session"
    id: Mapped[str] = mapped_column(Text, primary_key=True)
    until: Mapped[datetime] = mapped_column(DateTime(timezone=True))  # then the cookie is too old by itself
