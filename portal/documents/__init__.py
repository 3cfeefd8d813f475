"""Documents: photos and papers, kept by the hash of their content, shown without what they carry along."""

from portal.documents.models import Document
from portal.documents.queries import get_document, list_documents
from portal.documents.rules import LARGEST, Kind
from portal.documents.service import keep, shown

__all__ = ["LARGEST", "Document", "Kind", "get_document", "keep", "list_documents", "shown"]
