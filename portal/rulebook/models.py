"""The versions of each network's rulebook: written once, never changed."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    DateTime,
    ForeignKeyConstraint,
    Integer,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.db import Base, Keyed, Walled


class RulebookVersion(Keyed, Walled, Base):
    """One version, in force for the months from `effective_from` on. `unit_path` is headquarters'; all read it.

    `digest` is the SHA-256 of the document as canonical JSON: equal documents share one parsed book.
    """

    __tablename__ = "rulebook_version"
    __table_args__ = (
        UniqueConstraint("network_id", "id"),
        UniqueConstraint("network_id", "version", name="uq_rulebook_version_version"),
        ForeignKeyConstraint(["network_id"], ["network.id"]),
        CheckConstraint("version >= 1", name="version"),
        CheckConstraint("extract(day from effective_from) = 1", name="effective_from"),
    )
    version: Mapped[int] = mapped_column(Integer)
    effective_from: Mapped[date] = mapped_column(Date)
    key: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(Text)
    document: Mapped[dict[str, Any]] = mapped_column(JSONB, deferred=True)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    created_by: Mapped[int | None] = mapped_column(
        BigInteger
    )  # a person, or nobody where a command installed it
    created_by_name: Mapped[str] = mapped_column(Text)
