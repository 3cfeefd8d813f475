"""Static files are small on the way and kept for long; pages are neither."""

import gzip
import re

from portal.app import Portal

PACKED = {"Accept-Encoding": "gzip, deflate"}


def test_styles_are_packed_and_pages_are_not(app: Portal) -> None:
    client = app.test_client()
    address = "/static/css/tokens.css"
    with client.get(address, headers=PACKED) as packed, client.get(address) as plain:
        assert packed.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(packed.data) == plain.data
        assert len(packed.data) < len(plain.data) / 3
        assert "Content-Encoding" not in plain.headers
        kept = PACKED | {"If-None-Match": packed.headers["ETag"]}
    with client.get(address, headers=kept) as again:
        assert again.status_code == 304
    assert "Content-Encoding" not in client.get("/login", headers=PACKED).headers


def test_an_address_with_its_version_is_kept_for_a_year(app: Portal) -> None:
    client = app.test_client()
    page = client.get("/login")
    assert page.headers["Cache-Control"] == "no-store"
    address = re.findall(r'href="(/static/css/portal\.css\?v=[0-9a-f]{10})"', page.text)[0]
    with client.get(address) as named, client.get("/static/css/portal.css") as other:
        assert "max-age=31536000" in named.headers["Cache-Control"]
        assert "max-age=3600" in other.headers["Cache-Control"]
