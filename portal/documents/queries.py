"""Reading documents: the wall lets one see those of the own unit and below."""

from collections.abc import Iterable, Sequence

from sqlalchemy import select

from portal.core.db import db
from portal.core.errors import NotFound
from portal.documents.models import Document


def get_document(document_id: int) -> Document:
    """Raises NotFound, also for a document of somebody else's unit."""
    found = db.session.get(Document, document_id, populate_existing=True)
    if found is None:
        raise NotFound()
    return found


def list_documents(document_ids: Iterable[int]) -> Sequence[Document]:
    """Those of these that I may see, by id."""
    wanted = sorted(set(document_ids))
    return db.session.scalars(select(Document).where(Document.id.in_(wanted)).order_by(Document.id)).all()


def known(unit_id: int, sha256: str) -> Document | None:
    """The same bytes, handed in by the same unit before."""
    return db.session.scalar(select(Document).where(Document.unit_id == unit_id, Document.sha256 == sha256))
