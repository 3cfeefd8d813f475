"""Reading customer files: what is taken in, what is refused, and that nothing is ever carried out."""

import io
import re
import struct
import zipfile
from collections.abc import Callable
from datetime import date
from typing import Any

import openpyxl
import pytest
import xlsxwriter

from portal.customer_files.rules import FileRefused, Limits, Sheet, read, reading, recognise
from tests.customer_files.form import COLUMNS, GOOD, HEADINGS, csv_of, judged, with_cell

Edit = Callable[[str, bytes], bytes | None]


def xlsx(*rows: list[Any], **options: Any) -> bytes:
    """A workbook of one sheet."""
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"strings_to_formulas": False, "strings_to_urls": False, **options})
    sheet = book.add_worksheet("客户")
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    for at, row in enumerate(rows):
        for place, cell in enumerate(row):
            sheet.write(at, place, cell, day if isinstance(cell, date) else None)
    book.close()
    return target.getvalue()


PLAIN = xlsx(HEADINGS, GOOD, with_cell(phone="13000010001", order_no="SO2"))


def edited(edit: Edit, source: bytes = PLAIN) -> bytes:
    """The same package with its parts changed; None leaves a part out."""
    target = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(source)) as old,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            part = edit(name, old.read(name))
            if part is not None:
                new.writestr(name, part)
    return target.getvalue()


def in_sheet(old: bytes, new: bytes, source: bytes = PLAIN) -> bytes:
    return edited(lambda name, part: part.replace(old, new) if "sheet1.xml" in name else part, source)


def sheet_of(content: bytes, limits: Limits | None = None, name: str = "a") -> Sheet:
    return read(content, name, limits or Limits(), COLUMNS)


def refusal(content: bytes, limits: Limits | None = None, name: str = "a") -> FileRefused:
    def taken() -> None:
        recognise(sheet_of(content, limits, name).rows, COLUMNS)

    with pytest.raises(FileRefused) as caught:
        taken()
    assert str(caught.value.detail)
    return caught.value


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16", "utf-16-le", "utf-16-be", "big5"]
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_csv_in_every_dress(encoding: str, delimiter: str, ends: str) -> None:
    headings = (
        ["客戶姓名", "聯繫電話", "地址", "產品型號", "購買日期", "購買區域", "數量"]
        if encoding == "big5"
        else HEADINGS
    )
    row = (
        ["王芳", "13000010000", "浙江省杭州市文三路1號", "KT-88", "2026-10-05", "山東", "1"]
        if encoding == "big5"
        else GOOD
    )
    text = ends.join([delimiter.join(headings), delimiter.join(row), ""])
    answer = judged(text.encode(encoding))
    assert (answer.rows, answer.bad) == ([2], set())
    assert answer.values[0][0] == "王芳"


def test_rare_characters_of_gb18030() -> None:
    content = csv_of(with_cell(customer_name="㛃𠮷䶮")).decode().encode("gb18030")
    assert judged(content).values[0][0] == "㛃𠮷䶮"


def test_a_damaged_byte_is_one_bad_cell() -> None:
    content = csv_of(GOOD, with_cell(customer_name="李XX", phone="13000010009", order_no="SO9")).replace(
        b"XX", b"\xff\xfe"
    )
    answer = judged(content)
    assert answer.bad == {3}
    assert [(p.column, p.code) for p in answer.problems] == [("customer_name", "invalid_text")]


def test_a_file_of_damaged_bytes_is_refused() -> None:
    assert refusal(bytes(range(128, 256)) * 50).code in ("unreadable", "unsupported_type")


def test_an_open_quotation_mark_swallows_nothing() -> None:
    rows = [with_cell(phone=f"1300001000{n}", order_no=f"SO{n}") for n in range(8)]
    rows[3][2] = '"浙江省杭州市西湖区文三路435号'
    rows[6][8] = '"他说""好"""'
    answer = judged(csv_of(*rows))
    assert answer.bad == {5}
    assert answer.rows == list(range(2, 10))
    assert answer.values[6][-1] == '他说"好"'


def test_a_quoted_cell_of_several_lines_is_one_record() -> None:
    answer = judged(
        csv_of(with_cell(address='"浙江省杭州市\n文三路1号"'), with_cell(phone="13000010001", order_no="SO2"))
    )
    assert answer.rows == [2, 3]
    assert answer.bad == set()


def test_a_huge_cell_is_too_long_and_no_more() -> None:
    answer = judged(csv_of(with_cell(remarks="长" * 300_000), with_cell(phone="13000010001", order_no="SO2")))
    assert [(p.row, p.column, p.code) for p in answer.problems] == [(2, "remarks", "too_long")]


def test_excels_separator_line() -> None:
    assert judged(b"sep=;\r\n" + csv_of(GOOD).replace(b",", b";")).rows == [2]


@pytest.mark.parametrize("guard", ['="{}"', '"=""{}"""'], ids=["as it is", "quoted"])
def test_digits_guarded_from_excel_are_the_digits(guard: str) -> None:
    """What programs write so that Excel keeps leading zeros; any other formula stays the text that it is."""
    given = with_cell(phone=guard.format("13000010000"), order_no=guard.format("00012"), remarks="=1+1")
    answer = judged(csv_of(given))
    assert answer.problems == []
    assert [str(value) for value in answer.values[0]].count("00012") == 1
    assert answer.values[0][-1] == "=1+1"
    assert answer.values[0][1] == "13000010000"


def test_blank_records_count_for_the_row_number() -> None:
    answer = judged(csv_of(GOOD, [""], ["", " ", "\u3000"], with_cell(phone="13000010001", order_no="SO2")))
    assert answer.rows == [2, 5]


@pytest.mark.parametrize(
    "content",
    [
        b"%PDF-1.7 x",
        b"Rar!\x1a\x07\x01\0",
        b"7z\xbc\xaf\x27\x1c",
        b"\x89PNG\r\n",
        b"<html><table><tr><td>1</td></tr></table></html>",
        b'\xef\xbb\xbf<?xml version="1.0"?><Workbook/>',
        b"MIME-Version: 1.0\r\n",
        b'[{"customer_name": "x"}]',
        b"{\\rtf1 x}",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600 + "WordDocument".encode("utf-16-le"),
    ],
    ids=["pdf", "rar", "7z", "png", "html", "xml", "mht", "json", "rtf", "doc"],
)
def test_what_is_no_spreadsheet(content: bytes) -> None:
    assert refusal(content, name="客户.xls").code == "unsupported_type"


def test_wps_own_format_says_how_to_save() -> None:
    content = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600 + "Workbook".encode("utf-16-le")
    refused = refusal(content, name="客户.ET")
    assert refused.code == "unsupported_type"
    assert "WPS" in str(refused.detail)


def test_a_zip_of_something_else() -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("客户.xlsx", PLAIN)
    assert refusal(target.getvalue()).code == "unsupported_type"


def test_encrypted() -> None:
    content = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le")
    assert refusal(content).code == "encrypted"


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_cut_off(share: float) -> None:
    assert refusal(PLAIN[: int(len(PLAIN) * share)]).code == "unreadable"


def test_empty_and_too_large() -> None:
    assert refusal(b"").code == "unreadable"
    assert refusal(PLAIN, Limits(bytes=1000)).code == "too_large"
    assert refusal(b" \n \n").code == "no_rows"
    assert refusal(xlsx()).code == "no_rows"


def test_zip_bomb_is_refused_before_it_is_read() -> None:
    bomb = in_sheet(b"</sheetData>", b"</sheetData>" + b" " * 30_000_000)
    assert refusal(bomb, Limits(unpacked_bytes=20_000_000)).code == "unsafe_file"


def test_a_size_that_lies() -> None:
    content = bytearray(in_sheet(b"</sheetData>", b"</sheetData>" + b" " * 3_000_000))
    at = content.find(b"PK\x01\x02")
    while at >= 0:
        size = struct.unpack("<I", content[at + 24 : at + 28])[0]
        if size > 3_000_000:
            content[at + 24 : at + 28] = struct.pack("<I", 100)
        at = content.find(b"PK\x01\x02", at + 4)
    assert refusal(bytes(content)).code == "unsafe_file"


def test_a_part_that_stands_there_twice() -> None:
    target = io.BytesIO(PLAIN)
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(target, "a") as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"<worksheet/>")
    assert refusal(target.getvalue()).code == "unsafe_file"


@pytest.mark.parametrize("name", ["../../evil.txt", "..\\..\\evil.txt", "xl/../../evil.txt"])
def test_a_part_that_would_climb_out_is_refused(name: str) -> None:
    target = io.BytesIO(PLAIN)
    with zipfile.ZipFile(target, "a") as archive:
        archive.writestr(name, b"x")
    assert refusal(target.getvalue()).code == "unsafe_file"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_document_types_are_refused(encoding: str) -> None:
    evil = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><worksheet><sheetData/></worksheet>'
    content = edited(lambda name, part: evil.encode(encoding) if "sheet1.xml" in name else part)
    assert refusal(content).code == "unsafe_file"


def test_a_dimension_that_lies_is_not_believed() -> None:
    for claimed in (b"A1", b"A1:XFD1048576"):
        assert judged(in_sheet(b'<dimension ref="A1:I3"/>', b'<dimension ref="' + claimed + b'"/>')).rows == [
            2,
            3,
        ]


def test_styled_but_empty_cells_cost_nothing() -> None:
    styled = b"".join(b'<row r="%d"><c r="XFD%d" s="1"/></row>' % (n, n) for n in range(4, 50_000))
    assert judged(in_sheet(b"</sheetData>", styled + b"</sheetData>")).rows == [2, 3]


@pytest.mark.parametrize(
    "far",
    [b'<row r="1048576"><c r="A1048576"><v>1</v></c></row>', b'<row r="9"><c r="XFD9"><v>1</v></c></row>'],
)
def test_a_value_far_away_is_refused_before_it_costs_memory(far: bytes) -> None:
    assert refusal(in_sheet(b"</sheetData>", far + b"</sheetData>")).code in ("too_many_rows", "too_large")


@pytest.mark.parametrize("broken", [b"</row>", b"</worksheet>"])
def test_missing_ends_are_no_half_a_file(broken: bytes) -> None:
    assert (
        refusal(
            edited(lambda name, part: part.replace(broken, b"", 1) if "sheet1.xml" in name else part)
        ).code
        == "unreadable"
    )


def test_a_row_that_stands_there_twice_is_not_swallowed() -> None:
    assert refusal(in_sheet(b'<row r="3"', b'<row r="2"')).code == "unreadable"


def test_too_many_rows() -> None:
    rows = [with_cell(order_no=f"S{n}") for n in range(200)]
    for content in (xlsx(HEADINGS, *rows), csv_of(*rows)):
        assert refusal(content, Limits(rows=100)).code == "too_many_rows"


def test_namespaced_and_unnumbered_cells() -> None:
    def prefixed(name: str, part: bytes) -> bytes:
        if "sheet1.xml" not in name:
            return part
        return (
            part.replace(b"<", b"<x:")
            .replace(b"<x:/", b"</x:")
            .replace(b"<x:?", b"<?")
            .replace(b"xmlns=", b"xmlns:x=")
        )

    assert judged(edited(prefixed)).rows == [2, 3]
    bare = edited(lambda name, part: re.sub(rb' r="[A-Z]*\d+"', b"", part) if "sheet1.xml" in name else part)
    assert judged(bare).rows == [2, 3]


def test_macros_are_never_opened() -> None:
    target = io.BytesIO(PLAIN)
    with zipfile.ZipFile(target, "a") as archive:
        archive.writestr("xl/vbaProject.bin", b"\xd0\xcf\x11\xe0 Sub Auto_Open()")
    assert judged(target.getvalue(), "客户.xlsm").rows == [2, 3]


def test_what_the_cells_do_not_tell() -> None:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page.append(HEADINGS)
    for n in range(4):
        page.append(with_cell(phone=f"1300001000{n}", order_no=f"SO{n}"))
    page["A3"] = "=X1"
    page["B4"] = "#N/A"
    page["B4"].data_type = "e"
    page.row_dimensions[5].hidden = True
    target = io.BytesIO()
    book.save(target)
    sheet = sheet_of(target.getvalue())
    assert sheet.hidden == {5}
    assert [(p.row, p.column, p.code) for p in judged(target.getvalue()).problems] == [
        (3, "customer_name", "missing"),
        (4, "phone", "invalid_phone"),
        (5, None, "hidden_rows"),
    ]


def test_merged_values_are_filled_down_but_never_numbers() -> None:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page.append(HEADINGS)
    for n in range(3):
        page.append([*with_cell(phone=f"1300001000{n}", order_no=f"SO{n}")[:6], 1, f"SO{n}", ""])
    page.merge_cells("F2:F3")
    page.merge_cells("G3:G4")
    target = io.BytesIO()
    book.save(target)
    answer = judged(target.getvalue())
    assert [(p.row, p.column, p.code) for p in answer.problems] == [
        (3, "purchase_region", "merged"),
        (4, "quantity", "missing"),
    ]
    assert answer.values[1][5] == "华东"


def test_values_hidden_below_merged_cells_are_taken_and_named() -> None:
    """Excel drops them, other programs and a format painter keep them: nobody sees them in the sheet."""
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page.append(HEADINGS)
    for n in range(4):
        page.append([*with_cell(phone=f"1300001000{n}", order_no=f"SO{n}")[:6], n + 1, f"SO{n}", ""])
    page["F3"] = "华南"
    target = io.BytesIO()
    book.save(target)
    merged = ("F2:F4", "G3:G4", "H5:I5", "A1:I1")  # equal, other and no values below; wholly above the rows
    ranges = "".join(f'<mergeCell ref="{each}"/>' for each in merged)
    with_ranges = f"</sheetData><mergeCells>{ranges}</mergeCells>".encode()
    answer = judged(in_sheet(b"</sheetData>", with_ranges, target.getvalue()))
    assert [(p.row, p.column, p.code, p.params) for p in answer.problems] == [
        (3, "purchase_region", "merged", {"why": "covered", "row": 2}),
        (4, "quantity", "merged", {"why": "covered", "row": 3}),
    ]
    assert [values[5:7] for values in answer.values] == [("华东", 1), ("华南", 2), ("华东", 3), ("华东", 4)]
    assert not answer.bad


@pytest.mark.parametrize("index", ["x", "", "-1", "0.5", " 0", "99", "99999999999", "&#48;", "+0"])
def test_a_text_that_the_workbook_does_not_hold_is_never_another_one(index: str) -> None:
    """A reader takes the first text for what is no number: a heading, or another customer's name."""
    content = xlsx(HEADINGS, GOOD)
    broken = in_sheet(b"<v>9</v>", f"<v>{index}</v>".encode(), content)  # GOOD's name is the tenth text
    if index:
        assert refusal(broken).code == "unreadable"
    else:
        assert [(p.column, p.code) for p in judged(broken).problems] == [("customer_name", "missing")]


def test_a_sheet_of_hidden_rows_is_read_with_a_word_for_each() -> None:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page.append(HEADINGS)
    for n in range(2_000):
        page.append(with_cell(phone=f"1300001{n:04d}", order_no=f"SO{n}"))
        page.row_dimensions[n + 2].hidden = n % 10 != 0
    target = io.BytesIO()
    book.save(target)
    answer = judged(target.getvalue())
    assert (len(answer.rows), answer.bad) == (2_000, set())
    assert {p.code for p in answer.problems} == {"hidden_rows"}
    assert [p.row for p in answer.problems] == [n + 2 for n in range(2_000) if n % 10]


def test_dates_from_1904() -> None:
    content = xlsx(
        HEADINGS,
        [*GOOD[:4], date(2026, 10, 5), *GOOD[5:]],
        [*with_cell(order_no="S")[:4], 44838, *GOOD[5:]],
        date_1904=True,
    )
    assert [values[4] for values in judged(content).values] == [date(2026, 10, 5), date(2026, 10, 5)]


def test_other_sheets_are_named_not_swallowed() -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.append(["说明"])
    for name in ("客户", "补报"):
        page = book.create_sheet(name)
        page.append(HEADINGS)
        page.append(GOOD)
    target = io.BytesIO()
    book.save(target)
    sheet = sheet_of(target.getvalue())
    assert (sheet.name, sheet.others) == ("客户", (("补报", 1),))
    assert any(p.params.get("why") == "other_sheet" for p in judged(target.getvalue()).problems)


@pytest.mark.parametrize(
    "headings",
    [
        [" 客户 姓名 ", "联系电话（必填）", "地址*", "产品\n型号", "\u3000购买日期", "购买区域", "数量(台)"],
        ["姓名", "手机号码", "安装地址", "型号", "购买时间", "地区", "台数"],
        [
            "customer_name",
            "phone",
            "address",
            "product_model",
            "purchase_date",
            "purchase_region",
            "quantity",
        ],
        ["Customer Name", "PHONE NO.", "Address", "Product Model", "Date of purchase", "Region", "Qty"],
        [
            "客户姓名/Name",
            "联系电话 Phone",
            "地址\nAddress",
            "产品型号 Model",
            "购买日期 Date",
            "购买区域 Region",
            "数量 Qty",
        ],
        ["客戶姓名", "聯繫電話", "地址", "產品型號", "購買日期", "購買區域", "數量"],
    ],
)
def test_headings_that_a_person_recognises(headings: list[str]) -> None:
    found = recognise([["10 月客户资料表"], [], list(headings), ["x"] * 7], COLUMNS)
    assert (found.row, sorted(found.places.values())) == (2, list(range(7)))


def test_headings_over_two_lines() -> None:
    found = recognise(
        [
            ["客户", "", "", "购买", "", "", ""],
            ["姓名", "电话", "地址", "型号", "日期", "区域", "数量"],
            ["x"] * 7,
        ],
        COLUMNS,
    )
    assert (found.row, found.last, len(found.places)) == (1, 1, 7) or (
        found.row,
        found.last,
        len(found.places),
    ) == (0, 1, 7)


def test_missing_columns_are_named_and_can_be_mapped() -> None:
    headings = ["客户姓名", "微信电话本", *HEADINGS[2:]]
    with pytest.raises(FileRefused) as caught:
        recognise([list(headings), list(GOOD)], COLUMNS)
    assert (caught.value.code, caught.value.extra["missing"], caught.value.extra["row"]) == (
        "missing_columns",
        ["phone"],
        1,
    )
    assert "微信电话本" in caught.value.extra["found"]
    assert recognise([list(headings), list(GOOD)], COLUMNS, {"微信电话本": "phone"}).places["phone"] == 1


def test_two_columns_of_one_meaning() -> None:
    rows = [[*HEADINGS, "手机"], [*GOOD, "13900000000"]]
    with pytest.raises(FileRefused) as caught:
        recognise(rows, COLUMNS)
    assert caught.value.code == "ambiguous_columns"
    assert recognise(rows, COLUMNS, {"手机": ""}).places["phone"] == 1
    assert recognise([[*HEADINGS, "手机"], [*GOOD, ""]], COLUMNS).places["phone"] == 1


def test_many_open_quotation_marks_are_quick_and_all_named() -> None:
    rows = [with_cell(customer_name='"张', phone=f"1300001{n:04d}", order_no=str(n)) for n in range(3_000)]
    answer = judged(csv_of(*rows))
    assert len(answer.bad) == 3_000


def test_two_encodings_in_one_file_name_the_damaged_rows() -> None:
    other = with_cell(phone="13000010001", order_no="S2")
    answer = judged(
        csv_of(GOOD, *[with_cell(phone=f"1300002{n:04d}", order_no=f"T{n}") for n in range(8)])
        + b"\n"
        + ",".join(other).encode("gbk")
    )
    assert answer.bad == {11}


def test_a_line_of_text_between_customers_is_left_out() -> None:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    for row in (HEADINGS, GOOD, ["十月上旬"], with_cell(phone="13000010001", order_no="S2")):
        page.append(row)
    page.merge_cells("A3:I3")
    target = io.BytesIO()
    book.save(target)
    answer = judged(target.getvalue())
    assert (answer.rows, answer.bad, answer.left_out) == ([2, 4], set(), [3])


def test_a_heading_line_that_is_far_too_wide() -> None:
    assert refusal(csv_of(GOOD, headings=[*HEADINGS, *[f"x{n}" for n in range(300)]])).code == "too_large"


@pytest.mark.parametrize(
    "lie", [b'r="A99999999999"', b'r="A1048576"', b'r="A4"', b'r = "A999999"', b'r="xfdxfd3"', b"r='ZZZZZZ3'"]
)
def test_a_cell_that_lies_about_its_place_is_no_danger(lie: bytes) -> None:
    assert refusal(in_sheet(b'r="A3"', lie)).code == "unreadable"


def test_rows_written_so_that_they_are_not_counted() -> None:
    assert refusal(in_sheet(b"<row ", b"<row\t")).code == "unreadable"
    strange = edited(
        lambda name, part: (
            part.replace(b"<row ", b"<y:row ").replace(b"</row>", b"</y:row>") if "sheet1" in name else part
        )
    )
    assert refusal(strange).code == "unreadable"


def test_the_reader_gets_only_what_was_looked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """No picture and no macro, and each part under its plain name; where the system has no files in memory, too."""
    opened: list[list[str]] = []
    load = reading.python_calamine.load_workbook

    def loaded(source: Any) -> Any:
        with zipfile.ZipFile(source) as archive:
            opened.append(archive.namelist())
        source.seek(0)
        return load(source)

    wanted = sheet_of(PLAIN).rows
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(PLAIN)) as archive, zipfile.ZipFile(target, "w") as made:
        for name in archive.namelist():
            made.writestr(name.replace("/", "\\"), archive.read(name))
        made.writestr("xl/media/image1.png", b"\x89PNG")
        made.writestr("xl/vbaProject.bin", b"\xd0\xcf\x11\xe0")
    monkeypatch.setattr(reading, "_memory", io.BytesIO)
    monkeypatch.setattr(reading.python_calamine, "load_workbook", loaded)
    assert sheet_of(target.getvalue()).rows == wanted
    assert set(opened[0]) == set(zipfile.ZipFile(io.BytesIO(PLAIN)).namelist())
