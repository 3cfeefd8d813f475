"""POST /documents, and the way to look at one."""

from flask import Response, request, send_file
from pydantic import Field

from portal import accounts
from portal.access import ApiRoom, Permission, current_actor
from portal.core import clock
from portal.core.api import MULTIPART, Model, Unsupported, answer, read_form
from portal.core.errors import FieldError, Invalid
from portal.core.texts import lazy
from portal.documents import queries, service

api = ApiRoom("documents", __name__)


class UploadForm(Model):
    """Nothing but the file."""


class DocumentAnswer(Model):
    id: str
    sha256: str = Field(description="of the bytes as they were sent")


@api.post(
    "/documents",
    needs=Permission.DOCUMENT_UPLOAD,
    form=UploadForm,
    files=("file",),
    answers={201: DocumentAnswer},
    summary="Keep a photo or paper, for reports, cases and complaints",
)
def upload() -> Response:
    actor = current_actor()
    accounts.count(f"uploads:{actor.token_id}", accounts.UPLOADS, clock.now())
    if request.mimetype != MULTIPART:
        raise Unsupported(MULTIPART)
    read_form(UploadForm)
    sent = request.files.get("file")
    if sent is None:
        detail = lazy("This field is required.")
        raise Invalid("invalid", detail, [FieldError("/file", "required", detail)])
    document = service.keep(actor, sent.stream.read(), sent.filename or "")
    return answer(DocumentAnswer(id=str(document.id), sha256=document.sha256), 201)


@api.get(
    "/documents/<key:document_id>",
    needs=Permission.DOCUMENT_READ,
    answers={200: "image/jpeg"},
    summary="A document as it is shown: a photo without EXIF, a paper to save",
)
def download(document_id: int) -> Response:
    return send_file(**vars(service.look(current_actor(), queries.get_document(document_id))), max_age=0)
