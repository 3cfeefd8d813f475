"""Messages in the portal: one row for each membership that was told."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, ForeignKeyConstraint, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.db import Base, Keyed, Walled


class Notice(Keyed, Walled, Base):
    """`subject` is a message of the catalogues with named places, `params` fill them: each reads it in its language."""

    __tablename__ = "notice"
    __table_args__ = (
        ForeignKeyConstraint(["network_id", "membership_id"], ["membership.network_id", "membership.id"]),
        Index("ix_notice_newest", "network_id", "membership_id", "id"),
        Index(
            "ix_notice_unread", "network_id", "membership_id", "id", postgresql_where=text("read_at IS NULL")
        ),
    )

    membership_id: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    sender: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    params: Mapped[dict[str, Any]] = mapped_column(JSONB)
    note: Mapped[str] = mapped_column(Text)  # the sender's own words, in no language but the sender's
    link: Mapped[str] = mapped_column(Text)  # an address of the portal, or ''
    read_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
