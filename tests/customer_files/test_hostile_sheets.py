"""Sheets made to keep the portal busy: a few kilobytes, refused or read within a moment (security.md, B)."""

import io
import time
import zipfile

import pytest
import xlsxwriter

from portal.customer_files.rules.columns import Limits
from portal.customer_files.rules.packages import Package
from portal.customer_files.rules.problems import FileRefused
from portal.customer_files.rules.reading import read

SIZE = 600_000
MOMENT = 10.0  # seconds, on a machine that has other work too; each of these once took minutes to hours
HEAD, TAIL = "<worksheet><sheetData>", "</sheetData></worksheet>"
WORKBOOK = (
    '<workbook xmlns:r="r"><sheets><sheet name="a" sheetId="1" r:id="rId1"/></sheets></workbook>',
    '<Relationships><Relationship Id="rId1" Target="worksheets/sheet1.xml"/></Relationships>',
    f'{HEAD}<row r="1"><c r="A1"><v>1</v></c></row>{TAIL}',
)
PLACES = ("xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/worksheets/sheet1.xml")


def many(unit: str) -> str:
    return unit * (SIZE // len(unit))


def packed(parts: dict[str, str]) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return written.getvalue()


def column(place: int) -> str:
    letters = ""
    while place >= 0:
        letters, place = chr(65 + place % 26) + letters, place // 26 - 1
    return letters


def rows(inner: str) -> str:
    return HEAD + inner + TAIL


def row(inner: str) -> str:
    return rows('<row r="1">' + inner + "</row>")


SHEETS = {
    "cells of errors, none closed": row(many('<c t="e">')),
    "one tag of many errors": row("<c " + many('t="e" ')),
    "cells of texts, none closed": row(many('<c t="s">')),
    "a text's cell of many parts": row('<c t="s">' + many("<a>")),
    "rows, none closed": rows(many("<row x ")),
    "hidden rows, none closed": rows(many("<row hidden ") + ' hidden="1"'),
    "hidden rows without a number": rows(many('<row hidden="1"></row>')),
    "errors without a place": row(many('<c t="e"><v>1</v></c>')),
    "blanks after a formula": row("<c><f/>" + many(" ")),
    "every column, none filled": row("".join(f'<c r="{column(place)}1"/>' for place in range(16_384))),
    "letters without end": row('<c r="' + many("A") + '1"/>'),
    "merged cells, none closed": HEAD
    + '<row r="1"></row></sheetData>'
    + many("<mergeCell ")
    + "</worksheet>",
    "a row's number of 5000 digits": rows('<row r="' + "9" * 5000 + '"><c r="A1"><v>1</v></c></row>'),
}


@pytest.mark.parametrize("sheet", SHEETS.values(), ids=SHEETS.keys())
def test_a_worksheet_made_to_take_long_is_looked_through_in_a_moment(sheet):
    content = packed({"xl/workbook.xml": "<workbook/>", "xl/worksheets/sheet1.xml": sheet})
    began = time.monotonic()
    Package(content, Limits(), io.BytesIO()).look_at_sheets()
    assert time.monotonic() - began < MOMENT


def test_merged_cells_that_lie_over_each_other_are_refused():
    written = io.BytesIO()
    book = xlsxwriter.Workbook(written)
    page = book.add_worksheet()
    for place in range(2_000):
        page.write(place, 0, "a")
    book.close()
    with zipfile.ZipFile(written) as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist()}
    merged = "</sheetData><mergeCells>" + many('<mergeCell ref="A1:B1048576"/>') + "</mergeCells>"
    parts[PLACES[2]] = parts[PLACES[2]].replace("</sheetData>", merged)
    began = time.monotonic()
    with pytest.raises(FileRefused) as refused:
        read(packed(parts), "a.xlsx", Limits())
    assert refused.value.code == "unsafe_file"
    assert time.monotonic() - began < MOMENT


@pytest.mark.parametrize(
    ("place", "text"),
    [
        (0, many("<sheet ")),
        (0, many("<workbookPr ")),
        (1, many("<Relationship ")),
        (2, row('<c r="A' + "9" * 5000 + '"><v>1</v></c>')),
    ],
)
def test_a_workbook_made_to_take_long_is_refused_in_a_moment(place, text):
    parts = dict(zip(PLACES, WORKBOOK, strict=True)) | {PLACES[place]: text}
    began = time.monotonic()
    with pytest.raises(FileRefused):
        read(packed(parts), "a.xlsx", Limits())
    assert time.monotonic() - began < MOMENT


def ods(table: str) -> bytes:
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    spaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "table", "text")
    )
    sheet = f'<table:table table:name="a">{table}</table:table>'
    body = f"<office:body><office:spreadsheet>{sheet}</office:spreadsheet></office:body>"
    return packed(
        {
            "mimetype": kind,
            "content.xml": f"<office:document-content {spaces}>{body}</office:document-content>",
        }
    )


FILLED = "<table:table-cell><text:p>x</text:p></table:table-cell></table:table-row>"


@pytest.mark.parametrize(
    "table",
    [
        many("<table:table-row "),
        many("<table:table-row table:number-rows-repeated='1'>"),
        '<table:table-row table:number-rows-repeated="' + "9" * 5000 + '">' + FILLED,
        f'<table:table-row table:number-rows-repeated="00000000000001048576">{FILLED}',
        f"<table:table-row table:number-rows-repeated = '90000'>{FILLED}" * 3,
    ],
)
def test_an_ods_made_to_take_long_is_refused_in_a_moment(table):
    began = time.monotonic()
    with pytest.raises(FileRefused):
        read(ods(table), "a.ods", Limits())
    assert time.monotonic() - began < MOMENT


@pytest.mark.parametrize("text", ["\n" * 2_000_000, "\r" * 2_000_000, "姓名,手机号\n" + '"a,b\n' * 600_000])
def test_a_text_of_lines_without_end_is_refused_in_a_moment(text):
    began = time.monotonic()
    with pytest.raises(FileRefused) as refused:
        read(text.encode(), "a.csv", Limits())
    assert refused.value.code == "too_many_rows"
    assert time.monotonic() - began < MOMENT
