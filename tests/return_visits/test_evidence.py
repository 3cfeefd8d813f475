"""Photos and papers as evidence of a rectification: refused with a sentence, or taken harmlessly (R045).

The made-up ones stand for each kind of the sample folder; where that lies beside the checkout, its own are tried too.
"""

import io
import json
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from portal.core.db import db
from portal.documents import Document
from tests.factories import World
from tests.pages import Page

Browse = Callable[..., Any]
TAKEN, REFUSED = "taken", "refused"


def drawn(mode: str = "RGB", size: tuple[int, int] = (320, 240)) -> Image.Image:
    made = Image.new(mode, size)
    width = size[0]
    made.putdata(
        [(x % 256) if mode == "L" else (x % 256, x // width % 256, 90) for x in range(width * size[1])]
    )
    return made


def saved(image: Image.Image, kind: str = "JPEG", **more: Any) -> bytes:
    written = io.BytesIO()
    image.save(written, kind, **more)
    return written.getvalue()


def with_exif(taken: str = "2026:10:17 10:23:00", software: str = "", place: bool = True) -> bytes:
    image = drawn()
    exif = image.getexif()
    exif.get_ifd(0x8769)[0x9003] = taken
    if software:
        exif[0x0131] = software
    if place:
        gps = exif.get_ifd(0x8825)
        gps[1], gps[2], gps[3], gps[4] = "N", (30.0, 16.0, 26.0), "E", (120.0, 9.0, 18.0)
    return saved(image, exif=exif)


def png_of(width: int, height: int, lines: int) -> bytes:
    """A PNG that claims a size and holds so many lines: a bomb, or a lie."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4) + name + body + zlib.crc32(name + body).to_bytes(4)

    head = width.to_bytes(4) + height.to_bytes(4) + bytes([1, 0, 0, 0, 0])
    body = zlib.compress(bytes(1 + width // 8) * lines, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF"
CASES: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "original": (with_exif, "原图.jpg", TAKEN),
    "saved again": (lambda: saved(drawn(), quality=55), "again.jpg", TAKEN),
    "cropped": (lambda: saved(drawn().crop((20, 15, 300, 225))), "crop.jpg", TAKEN),
    "grey": (lambda: saved(drawn("L")), "grey.jpg", TAKEN),
    "before the purchase": (lambda: with_exif("2026:09:17 10:23:00"), "before.jpg", TAKEN),
    "in the future": (lambda: with_exif("2027:11:24 00:00:00"), "future.jpg", TAKEN),
    "no date": (lambda: with_exif("0000:00:00 00:00:00"), "zero.jpg", TAKEN),
    "edited": (lambda: with_exif(software="Adobe Photoshop"), "edited.jpg", TAKEN),
    "webp": (lambda: saved(drawn(), "WEBP"), "x.webp", TAKEN),
    "png named jpg": (lambda: saved(drawn(), "PNG"), "x.jpg", TAKEN),
    "named php": (lambda: saved(drawn()), "photo.jpg.php", TAKEN),
    "pdf": (lambda: PDF, "invoice.pdf", TAKEN),
    "html named jpg": (lambda: b"<html><script>alert(1)</script></html>", "x.jpg", REFUSED),
    "empty": (lambda: b"", "x.jpg", REFUSED),
    "svg": (lambda: b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', "x.svg", REFUSED),
    "bomb": (lambda: png_of(30_000, 30_000, 30_000), "bomb.png", REFUSED),
    "lie": (lambda: png_of(60_000, 60_000, 640), "lie.png", REFUSED),
    "cut": (lambda: saved(drawn())[:2000], "cut.jpg", REFUSED),
    "sheet": (lambda: b"PK\x03\x04 a sheet", "x.xlsx", REFUSED),
}


def report_with(browser: Any, where: str, content: bytes, name: str) -> Page:
    """Send the report's form with this one file and without words for the deed: the page comes again, all kept."""
    form = {"result": "客户认可", "file": [(io.BytesIO(content), name)]}
    guard = browser.page(where).guard
    answer = browser.post(f"{where}/report", data=guard | form, content_type="multipart/form-data")
    assert answer.status_code in (200, 422), answer.text
    page = Page(answer.text)
    assert 'value="客户认可"' in page.html or ">客户认可<" in page.html  # what was typed stays
    return page


def seen_harmlessly(browser: Any, page: Page) -> None:
    """What a browser gets: pixels alone, or a paper to save; under its true type and never a name that runs."""
    [key] = set(re.findall(r'name="document" value="(\d+)"', page.html))
    answer = browser.get(f"/documents/{key}")
    assert answer.status_code == 200
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert ".php" not in answer.headers["Content-Disposition"]
    if answer.mimetype == "application/pdf":
        assert answer.headers["Content-Disposition"].startswith("attachment")
        return
    assert answer.mimetype == "image/jpeg"
    with Image.open(io.BytesIO(answer.data)) as shown:
        assert not dict(shown.getexif())
        assert b"GPS" not in answer.data
        assert b"Photoshop" not in answer.data


def tried(world: World, browser: Any, where: str, content: bytes, name: str) -> str:
    page = report_with(browser, where, content, name)
    world.as_("clerk")
    if db.session.scalar(db.select(db.func.count()).select_from(Document)):
        seen_harmlessly(browser, page)
        return TAKEN
    sentence = re.search(rf"{re.escape(name)}\s*[:：]\s*(\S[^<]+)", page.html)
    assert sentence, page.text
    assert len(sentence[1]) > 8
    return REFUSED


@pytest.mark.parametrize("case", CASES)
def test_R045_evidence_is_refused_with_a_sentence_or_taken_harmlessly(
    month: World, sent_back: str, browser_as: Browse, case: str
) -> None:
    make, name, verdict = CASES[case]
    assert tried(month, browser_as(month.actors["clerk"]), sent_back, make(), name) == verdict


SAMPLES = [
    "p01_original", "p02_original_b", "p03_other_0", "p03_other_1", "p10_same_bytes", "p11_reencoded", "p13_cropped",
    "p18_grey", "p30_before_purchase", "p33_future", "p34_stripped", "p35_date_zero", "p36_far", "p38_edited",
    "p50_grey", "p55_webp", "p58_png_as_jpg", "p70_html_as_jpg", "p73_empty", "p74_svg", "p78_png_bomb", "p79_png_lie",
    "p81_truncated", "p84_double_ext", "p90_pdf", "p92_pdf_as_jpg",
]  # fmt: skip


@pytest.mark.parametrize("sample", SAMPLES)
def test_R045_the_sample_photos_as_evidence(
    month: World, sent_back: str, browser_as: Browse, samples: Path, sample: str
) -> None:
    listed = {
        each["id"]: each for each in json.loads((samples / "photos/expected.json").read_text())["photos"]
    }
    assert set(listed) == set(SAMPLES)
    case = listed[sample]
    content = (samples / "photos" / case["file"]).read_bytes()
    allowed = {each.partition("_")[0] for each in (case["verdict"], *case["also_ok"])}
    found = tried(month, browser_as(month.actors["clerk"]), sent_back, content, case["upload_as"])
    assert {TAKEN: "accepted", REFUSED: "rejected"}[found] in allowed
