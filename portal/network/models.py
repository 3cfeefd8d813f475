"""Networks, their tree of units, and their holidays."""

from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Date,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.db import Base, Keyed, Walled


class Network(Keyed, Base):
    """A brand. Not walled: sign-in, commands and the sweep find their network here; it holds nothing but its name."""

    __tablename__ = "network"
    code: Mapped[str] = mapped_column(Text, unique=True)
    name: Mapped[str] = mapped_column(Text)
    name_en: Mapped[str] = mapped_column(Text)
    time_zone: Mapped[str] = mapped_column(Text)
    root_path: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Unit(Keyed, Walled, Base):
    """Headquarters, a channel, a region, a dealer or a store; closed when it leaves, never deleted."""

    __tablename__ = "unit"
    __table_args__ = (
        UniqueConstraint("network_id", "id"),
        UniqueConstraint("network_id", "code", name="uq_unit_code"),
        UniqueConstraint("network_id", "unit_path", name="uq_unit_path"),
        ForeignKeyConstraint(["network_id"], ["network.id"]),
        ForeignKeyConstraint(["network_id", "parent_id"], ["unit.network_id", "unit.id"]),
        CheckConstraint("kind IN ('headquarters','channel','region','dealer','store')", name="kind"),
        CheckConstraint("status IN ('active','closed')", name="status"),
        CheckConstraint("char_length(city) <= 100", name="city"),
        Index("ix_unit_kind", "network_id", "kind", "unit_path"),
    )
    code: Mapped[str] = mapped_column(Text(collation="C"))
    kind: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    sort_key: Mapped[str] = mapped_column(Text(collation="C"))  # pinyin: no Chinese collation without ICU
    city: Mapped[str] = mapped_column(Text, default="")  # '' where nobody has said it
    parent_id: Mapped[int | None] = mapped_column(BigInteger)
    # regions in which a dealer, or every dealer of a region, sells; nothing said: learned from what was filed
    territory: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    status: Mapped[str] = mapped_column(Text, default="active")
    joined_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    closed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class Holiday(Base):
    """A day that is not what its weekday says: a holiday, or a make-up workday. Seeded, editable by the network."""

    __tablename__ = "holiday"
    network_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("network.id"), primary_key=True)
    unit_path: Mapped[str] = mapped_column(Text(collation="C"))
    on: Mapped[date] = mapped_column(Date, primary_key=True)
    works: Mapped[bool] = mapped_column(Boolean)
    name: Mapped[str] = mapped_column(Text)
