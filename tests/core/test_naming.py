"""Downloads have names in any language, and headers that a web server sends."""

import io

from flask import Response

from portal.core.naming import name_download
from tests.customer_files.form import GOOD, csv_of


def named(name: str) -> str:
    return name_download(Response(), name).headers["Content-Disposition"]


def test_a_plain_name_stands_as_it_is() -> None:
    assert named("HZ-1.pdf") == 'attachment; filename="HZ-1.pdf"'


def test_a_chinese_name_travels_in_ascii() -> None:
    assert named("十月.xlsx") == (
        "attachment; filename=\"download.xlsx\"; filename*=UTF-8''%E5%8D%81%E6%9C%88.xlsx"
    )
    assert named("汇总_2026-10.xlsx").startswith('attachment; filename="_2026-10.xlsx"; filename*=')


def test_nothing_breaks_out_of_the_header() -> None:
    said = named('a"; x="\r\nSet-Cookie: y=1.csv')
    assert "\r" not in said
    assert "\n" not in said
    assert said.count('"') == 2


def test_every_spreadsheet_of_the_clerk_can_be_sent(world, browser_as) -> None:
    """The template and the annotated file have Chinese names: a real server refused them once."""
    browser = browser_as(world.actors["clerk2"])
    guard = browser.page("/files/2026-10/upload").guard
    sent = {**guard, "file": (io.BytesIO(csv_of(GOOD)), "十月客户.csv")}
    browser.post("/files/2026-10/upload", data=sent, content_type="multipart/form-data")
    for address in ("/files/template.xlsx", "/files/2026-10/annotated.xlsx"):
        answer = browser.get(address)
        assert answer.status_code == 200
        assert "filename*=UTF-8''%E" in answer.headers["Content-Disposition"]
