"""Customers of a dealer or store, what they are found by, and links that headquarters keeps.

A customer belongs to the unit that filed it: the same person at two dealers is two rows (docs/architecture.md,
Tenancy). Purchases are the rows of the files; there is no copy of them. `customer_search` has no model: nobody but
`find_customers` reads it.
"""

from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Date,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.db import Base, Keyed, Walled


class Customer(Keyed, Walled, Base):
    """A person at a dealer or store; without months while no filed file holds the person."""

    __tablename__ = "customer"
    __table_args__ = (
        UniqueConstraint("network_id", "id"),
        UniqueConstraint("network_id", "unit_id", "phone", "name", name="uq_customer_person"),
        ForeignKeyConstraint(["network_id", "unit_id"], ["unit.network_id", "unit.id"]),
        Index(
            "ix_customer_by_unit",
            "network_id",
            "unit_path",
            "id",
            postgresql_where=text("last_month IS NOT NULL"),
        ),
        Index("ix_customer_phone", "network_id", "phone"),
    )

    unit_id: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str] = mapped_column(Text)
    phone: Mapped[str] = mapped_column(Text(collation="C"))
    address: Mapped[str] = mapped_column(Text)  # the latest
    first_month: Mapped[date | None] = mapped_column(Date)
    last_month: Mapped[date | None] = mapped_column(Date)
    orders: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    facets: Mapped[list[str]] = mapped_column(ARRAY(Text(collation="C")), server_default=text("'{}'"))


class CustomerSource(Walled, Base):
    """A filed file whose good rows are purchases: a dealer's own or a store's part of it."""

    __tablename__ = "customer_source"
    __table_args__ = (
        ForeignKeyConstraint(["network_id", "file_id"], ["customer_file.network_id", "customer_file.id"]),
        Index("ix_customer_source_unit_path", "network_id", "unit_path", "month"),
    )

    network_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    file_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    unit_id: Mapped[int] = mapped_column(BigInteger)
    month: Mapped[date] = mapped_column(Date)


class CustomerFacet(Walled, Base):
    """The list's index by month and model, in the order of units; kept by the triggers of `customer`."""

    __tablename__ = "customer_facet"

    network_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    facet: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    unit_path: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    customer_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)


class CustomerLink(Walled, Base):
    """A customer whose phone other dealers filed too; kept by headquarters (its path), found by the job."""

    __tablename__ = "customer_link"
    __table_args__ = (
        ForeignKeyConstraint(["network_id", "customer_id"], ["customer.network_id", "customer.id"]),
    )

    network_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    phone: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    customer_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    same_name: Mapped[bool] = mapped_column(Boolean)  # at another dealer under the same name too
    found_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
