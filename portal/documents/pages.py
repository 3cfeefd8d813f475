"""A document for a browser that is signed in: what <img> and links of other rooms' pages point to."""

from flask import Response, send_file

from portal.access import Permission, Room, current_actor
from portal.documents import queries, service

room = Room("documents", __name__)


@room.get("/documents/<key:document_id>", needs=Permission.DOCUMENT_READ)
def show(document_id: int) -> Response:
    return send_file(**vars(service.look(current_actor(), queries.get_document(document_id))), max_age=0)
