"""What a file is by its content, and what of it is taken. Pure."""

from enum import StrEnum
from typing import Any

from flask_babel import lazy_gettext as _

LARGEST = 20 * 1024 * 1024
MOST_PIXELS = 40_000_000  # before decoding: a bomb of a few kB claims more
SHOWN_SIDE = 2560
NAME_LIMIT = 120
OTHER_PICTURES = (b"GIF8", b"BM", b"II*\0", b"MM\0*")
"""Pictures that are not taken: GIF, BMP, TIFF; HEIC and AVIF have `ftyp` at their fourth byte."""
PICTURE_NAMES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".heic", ".bmp", ".tif", ".tiff")


class Kind(StrEnum):
    JPEG = "image/jpeg"
    PNG = "image/png"
    WEBP = "image/webp"
    PDF = "application/pdf"

    @property
    def is_picture(self) -> bool:
        return self is not Kind.PDF


ENDINGS = {Kind.JPEG: ".jpg", Kind.PNG: ".png", Kind.WEBP: ".webp", Kind.PDF: ".pdf"}
REFUSALS: dict[str, Any] = {
    "empty": _("This file is empty. Take the photo again and send it."),
    "too_large": _("This file is larger than 20 MB. Send a smaller photo."),
    "not_an_image": _(
        "This file is named as a photo, but it is none. Send the photo itself, as JPEG or PNG."
    ),
    "unsupported_type": _(
        "Photos as JPEG, PNG or WebP and papers as PDF are taken; this file is none of these."
    ),
    "too_many_pixels": _("This photo has more than 40 million pixels. Send it in a smaller size."),
    "corrupt": _("This photo is damaged and cannot be opened. Take it again or send the original."),
}


def kind_of(content: bytes) -> Kind | None:
    """By the first bytes, never by the name; None for what is not taken (HTML, SVG, sheets, programs)."""
    if content.startswith(b"\xff\xd8\xff"):
        return Kind.JPEG
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return Kind.PNG
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return Kind.WEBP
    return Kind.PDF if content.startswith(b"%PDF-") else None


def refusal(content: bytes, file_name: str) -> str | None:
    """Why these bytes are not taken, as a code of REFUSALS; None where they may be."""
    if not content:
        return "empty"
    if len(content) > LARGEST:
        return "too_large"
    if kind_of(content) is not None:
        return None
    markup = content.lstrip()[:5].lower() in (b"<?xml", b"<svg ", b"<svg>")
    other_picture = content.startswith(OTHER_PICTURES) or content[4:8] == b"ftyp"
    named = file_name.lower().endswith(PICTURE_NAMES)
    return "not_an_image" if named and not markup and not other_picture else "unsupported_type"


def safe_name(file_name: str, kind: Kind, sha256: str) -> str:
    """A name to save under: letters, digits and a few marks of the one given, with the ending of its true type."""
    base = file_name.replace("\\", "/").rpartition("/")[2]
    while "." in base:
        base = base.rpartition(".")[0]
    kept = "".join(each for each in base if each.isalnum() or each in " -_()（）").strip()
    return f"{kept[:NAME_LIMIT] or sha256[:12]}{ENDINGS[kind]}"
