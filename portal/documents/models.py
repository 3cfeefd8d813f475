"""Documents: photos and papers as they were handed in, each kept by the hash of its content."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Integer,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.db import Base, Keyed, Walled, word_of
from portal.documents.rules import Kind


class Document(Keyed, Walled, Base):
    """The original stays unchanged for evidence; `shown_sha256` is the copy that browsers get, without EXIF."""

    __tablename__ = "document"
    __table_args__ = (
        UniqueConstraint("network_id", "id"),
        UniqueConstraint("network_id", "unit_id", "sha256", name="uq_document_content"),
        ForeignKeyConstraint(["network_id", "unit_id"], ["unit.network_id", "unit.id"]),
        Index("ix_document_by_unit", "network_id", "unit_path", "id"),
    )

    unit_id: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(Text)
    shown_sha256: Mapped[str | None] = mapped_column(Text)
    kind: Mapped[Kind] = mapped_column(word_of(Kind))  # by its content
    size: Mapped[int] = mapped_column(BigInteger)
    width: Mapped[int | None] = mapped_column(Integer)
    height: Mapped[int | None] = mapped_column(Integer)
    file_name: Mapped[str] = mapped_column(Text)
    kept_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    kept_by: Mapped[int | None] = mapped_column(BigInteger)
