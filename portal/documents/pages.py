"""A document for a browser that is signed in: what <img> and links of other rooms' pages point to."""

from flask import Response, send_file

from portal.access import Permission, Room
from portal.documents import queries, service

room = Room("documents", __name__)


@room.get("/documents/<key:document_id>", needs=Permission.DOCUMENT_READ)
def show(document_id: int) -> Response:
    return send_file(**vars(service.shown(queries.get_document(document_id))), max_age=0)
