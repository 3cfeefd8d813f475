"""Taking documents in and handing them out. The only writer of documents."""

import struct
import zlib
from dataclasses import dataclass
from io import BytesIO

from PIL import Image, ImageOps, UnidentifiedImageError

from portal.access import Actor
from portal.core import clock, events, storage
from portal.core.db import db
from portal.core.errors import FieldError, Invalid
from portal.documents import queries, rules
from portal.documents.models import Document
from portal.documents.rules import Kind

Image.MAX_IMAGE_PIXELS = None  # our own limit is looked at before anything is decoded
FORMATS = {Kind.JPEG: "JPEG", Kind.PNG: "PNG", Kind.WEBP: "WEBP"}
QUALITY = 85
DAMAGED = (
    *(OSError, ValueError, SyntaxError, EOFError, LookupError, TypeError, AttributeError),
    *(MemoryError, ArithmeticError, RecursionError, struct.error, zlib.error),
)
"""What Pillow raises over damaged bytes."""


def keep(actor: Actor, content: bytes, file_name: str) -> Document:
    """Keep a photo or paper for my unit; the same bytes again give the same document.

    Raises Invalid with a sentence: empty, too_large, not_an_image, unsupported_type, too_many_pixels, corrupt.
    """
    wrong = rules.refusal(content, file_name)
    if wrong:
        raise _refused(wrong)
    kind = rules.kind_of(content)
    assert kind is not None
    shown, size = _reencoded(content, kind) if kind.is_picture else (None, (None, None))
    sha256 = storage.put(actor.network_id, content)
    found = queries.known(actor.unit_id, sha256)
    if found is not None:
        return found
    document = Document(
        network_id=actor.network_id,
        unit_path=actor.unit_path,
        unit_id=actor.unit_id,
        sha256=sha256,
        shown_sha256=storage.put(actor.network_id, shown) if shown else None,
        kind=kind,
        size=len(content),
        width=size[0],
        height=size[1],
        file_name=rules.safe_name(file_name, kind, sha256),
        kept_at=clock.now(),
        kept_by=actor.person_id,
    )
    db.session.add(document)
    db.session.flush()
    events.record(
        actor, "document:kept", document, after={"sha256": sha256, "kind": kind, "size": len(content)}
    )
    return document


def _refused(code: str) -> Invalid:
    words = rules.REFUSALS[code]
    return Invalid(code, words, [FieldError("/file", code, words)])


def _reencoded(content: bytes, kind: Kind) -> tuple[bytes, tuple[int, int]]:
    """A copy of the pixels alone, in a size for the screen: no EXIF, no place, nothing behind the picture's end."""
    try:
        with Image.open(BytesIO(content), formats=[FORMATS[kind]]) as picture:
            size = picture.size
            if size[0] * size[1] > rules.MOST_PIXELS:
                raise _refused("too_many_pixels")
            picture.draft("RGB", (rules.SHOWN_SIDE, rules.SHOWN_SIDE))  # JPEG decodes at a part of its size
            upright = _upright(picture)
            upright.thumbnail((rules.SHOWN_SIDE, rules.SHOWN_SIDE))
            plain = Image.new("RGB", upright.size, "white")
            layer = upright.convert("RGBA") if "transparency" in upright.info or "A" in upright.mode else None
            plain.paste(layer or upright.convert("RGB"), mask=layer)
            written = BytesIO()
            plain.save(written, "JPEG", quality=QUALITY, optimize=True)
            return written.getvalue(), size
    except UnidentifiedImageError as error:
        raise _refused("corrupt") from error
    except DAMAGED as error:
        raise _refused("corrupt") from error


def _upright(picture: Image.Image) -> Image.Image:
    """Turned as the camera was held; as the pixels lie where its EXIF is damaged: the photo itself is whole."""
    picture.load()  # damaged pixels are refused by the caller, before EXIF is read
    try:
        return ImageOps.exif_transpose(picture)
    except DAMAGED:
        return picture.copy()


@dataclass(frozen=True)
class Shown:
    """What a browser gets: a photo's copy without EXIF within the page, a paper as it is, to save."""

    path_or_file: BytesIO
    mimetype: str
    download_name: str
    as_attachment: bool


def look(actor: Actor, document: Document) -> Shown:
    """The same for somebody: a look at another unit's document is in the audit trail."""
    if document.unit_id != actor.unit_id:
        events.record(actor, "document:downloaded", document)
    return shown(document)


def shown(document: Document) -> Shown:
    """The arguments of flask.send_file. Raises FileNotFoundError or OSError where the store was changed."""
    copy = document.shown_sha256
    content = storage.get(document.network_id, copy or document.sha256)
    kind = Kind.JPEG if copy else Kind(document.kind)
    name = f"{document.file_name.rpartition('.')[0]}{rules.ENDINGS[kind]}"
    return Shown(BytesIO(content), kind.value, name, copy is None)
