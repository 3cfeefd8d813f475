"""What the portal hands out reads back the same, explains itself, and never runs."""

import csv
import io
from datetime import date
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.customer_files.rules import FileRefused, Judged, Limits, Sheet, judge, read, recognise
from portal.customer_files.rules.headings import Headings
from portal.customer_files.rules.workbooks import (
    annotated,
    csv_file,
    harmless,
    summary,
    summary_headings,
    template,
)
from tests.customer_files.form import COLUMNS, GOOD, HEADINGS, MONTH, REGIONS, TODAY, csv_of, with_cell


def taken(content: bytes) -> tuple[Sheet, Headings, Judged]:
    sheet = read(content, "a", Limits(), COLUMNS)
    headings = recognise(sheet.rows, COLUMNS)
    return sheet, headings, judge(sheet, headings, COLUMNS, MONTH, TODAY)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_form_can_be_filled_and_sent(language: str) -> None:
    form = template(COLUMNS, "青榆地板", MONTH, ["KT-88", "QY-8206"], REGIONS, language, due="11月5日 24:00")
    with pytest.raises(FileRefused, match="no_rows"):  # the example row is no customer
        taken(form)
    book = openpyxl.load_workbook(io.BytesIO(form))
    page = book.worksheets[0]
    assert [validation.formula1 for validation in page.data_validations.dataValidation] == [
        "lists!$D$1:$D$2",
        "lists!$F$1:$F$7",
    ]
    assert book["lists"].sheet_state == "hidden"
    assert page.column_dimensions["B"].number_format == "@" or page["B2"].number_format == "@"
    for place, cell in enumerate([*GOOD[:7], "86.5", *GOOD[7:8], "", "", "送货上门"], 1):
        page.cell(3, place, cell)
    filled = io.BytesIO()
    book.save(filled)
    _sheet, _headings, answer = taken(filled.getvalue())
    assert (answer.rows, answer.bad, answer.left_out) == ([3], set(), [2])


def test_the_annotated_file_explains_and_comes_back() -> None:
    content = csv_of(
        GOOD,
        with_cell(phone="1390000", remarks="=1+1", order_no="S2"),
        ["合计", "", "", "", "", "", "2", "", ""],
    )
    sheet, headings, answer = taken(content)
    explained = annotated(sheet, headings, answer.problems, COLUMNS, "zh")
    page = openpyxl.load_workbook(io.BytesIO(explained)).active
    assert page is not None
    assert [cell.value for cell in page[1]] == ["问题", *HEADINGS]
    assert "Too short by 4" in page["A3"].value
    assert page["C3"].comment is not None
    assert page["C3"].fill.start_color.rgb == "FFF9D5D3"
    assert (page["J3"].value, page["J3"].data_type) == ("=1+1", "s")
    again_sheet, again_headings, again = taken(explained)
    assert (again.rows, again.values, again.bad) == (answer.rows, answer.values, answer.bad)
    twice = annotated(again_sheet, again_headings, again.problems, COLUMNS, "en")
    page = openpyxl.load_workbook(io.BytesIO(twice)).active
    assert page is not None
    assert [cell.value for cell in page[1]] == ["Problems", *HEADINGS]


def test_merged_values_are_written_out() -> None:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page.append(HEADINGS)
    page.append(GOOD)
    page.append(with_cell(phone="13000010001", order_no="S2"))
    page.merge_cells("F2:F3")
    target = io.BytesIO()
    book.save(target)
    sheet, headings, answer = taken(target.getvalue())
    _sheet, _headings, again = taken(annotated(sheet, headings, answer.problems, COLUMNS, "zh"))
    assert (again.values, again.problems) == (answer.values, [])


def test_the_summary_names_region_and_dealer() -> None:
    _sheet, _headings, answer = taken(csv_of(GOOD))
    content = summary(COLUMNS, [("华东", "恒居", values) for values in answer.values], "zh", "10月/汇总")
    sheet = read(content, "a", Limits(), COLUMNS)
    assert sheet.rows[0][:3] == ["Region", "Dealer", "客户姓名"]
    assert sheet.rows[1][:3] == ["华东", "恒居", "王芳"]
    assert sheet.rows[1][6] == date(2026, 10, 5)
    assert summary_headings(COLUMNS, "en")[2] == "Customer name"


@pytest.mark.parametrize(
    "text", ["=1+1", "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", "\t=1", "\r=1", "＝1+1", "  =1"]
)
def test_csv_texts_that_a_spreadsheet_would_run(text: str) -> None:
    assert harmless(text) == "'" + text


@pytest.mark.parametrize("value", ["-5", "+8613000010000", "王芳", "'=1", -5, 1.5, None, ""])
def test_csv_values_that_stay(value: Any) -> None:
    assert harmless(value) == ("" if value is None else str(value))


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=40)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_every_text_reads_back_from_csv(texts: list[str]) -> None:
    content = csv_file(["a"] * len(texts), [texts])
    assert content.startswith(b"\xef\xbb\xbf")
    back = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))[1:]
    assert (
        [cell.removeprefix("'") for cell in back[0]] == [text.removeprefix("'") for text in texts]
        if back
        else texts == [""]
    )
    assert not any(cell.startswith(("=", "@", "\t")) for cell in back[0]) if back else True


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=40)
@given(
    st.lists(
        st.text(
            st.characters(min_codepoint=32, exclude_categories=["Cs", "Cc", "Cn"]), min_size=1, max_size=40
        ),
        min_size=1,
        max_size=4,
    )
)
def test_every_text_reads_back_from_a_workbook(texts: list[str]) -> None:
    columns = COLUMNS[: len(texts)]
    sheet = read(summary(columns, [("r", "d", texts)], "zh"), "a", Limits())
    assert sheet.rows[1] == ["r", "d", *texts]
