"""Judging rows: what is good, what is bad, and what is pointed out."""

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.customer_files.rules import (
    Code,
    Column,
    FileRefused,
    Judged,
    Odd,
    duplicates,
    from_records,
    judge,
    judge_row,
    message,
    suggestion,
)
from portal.customer_files.rules.problems import _SENTENCES
from tests.customer_files.form import COLUMNS, MONTH, NAMES, TODAY, csv_of, judged, with_cell

RECORD: dict[str, Any] = {
    "customer_name": "王芳",
    "phone": "13000010000",
    "address": "浙江省杭州市西湖区文三路435号",
    "product_model": "KT-88",
    "purchase_date": "2026-10-05",
    "purchase_region": "华东",
    "quantity": 1,
}


def one(column: str, cell: Any, **options: Any) -> tuple[Any, list[str]]:
    """The value of one cell and the codes that are said about it."""
    answer = judge_row({**RECORD, column: cell}, options.pop("columns", COLUMNS), MONTH, TODAY, **options)
    return answer.values[0][NAMES.index(column)], [
        p.code.value for p in answer.problems if p.column == column
    ]


def of(*records: dict[str, Any]) -> Judged:
    sheet, headings = from_records(list(records), COLUMNS)
    return judge(sheet, headings, COLUMNS, MONTH, TODAY)


@pytest.mark.parametrize(
    ("cell", "value", "codes"),
    [
        ("13000010000", "13000010000", []),
        (13000010000.0, "13000010000", []),
        (8613000010000, "13000010000", []),
        ("13000010000.0", "13000010000", []),
        ("1.3000010000E+10", "13000010000", []),
        ("+86 130 0001 0000", "13000010000", []),
        ("0086-13000010000", "13000010000", []),
        ("电话：１３０００６０００１３", "13000600013", []),
        ("'13000010000", "13000010000", []),
        ("010-88886666", "010-88886666", []),
        ("(0571) 8888 6666", "0571-88886666", []),
        ("+86 20 8123 4567", "020-81234567", []),
        ("0571-88886666转801", "0571-88886666-801", ["unusual_phone"]),
        ("400-810-8888", "400-810-8888", ["unusual_phone"]),
        ("+852 9123 4567", "+85291234567", ["unusual_phone"]),
        ("13000010000/13900139000", "13000010000", ["unusual_phone"]),
        ("13000010000 13900139000", "13000010000", ["unusual_phone"]),
        ("13000010000（妻子）", "13000010000", ["unusual_phone"]),
        ("1390000", "", ["invalid_phone"]),
        ("130000100001", "", ["invalid_phone"]),
        ("12345678901", "", ["invalid_phone"]),
        ("88886666", "", ["invalid_phone"]),
        ("10086", "", ["invalid_phone"]),
        ("1.38E+10", "", ["invalid_phone"]),
        (1.30000123e16, "", ["invalid_phone"]),
        (True, "", ["invalid_phone"]),
        (date(2026, 10, 5), "", ["invalid_phone"]),
        ("张三", "", ["invalid_phone"]),
        ("无", "", ["missing"]),
        ("\u200b", "", ["missing"]),
        ("²³⁴", "", ["invalid_phone"]),
    ],
)
def test_phones(cell: Any, value: str, codes: list[str]) -> None:
    assert one("phone", cell) == (value, codes)


D5 = date(2026, 10, 5)


@pytest.mark.parametrize(
    ("cell", "value", "codes"),
    [
        ("2026-10-05", D5, []),
        (D5, D5, []),
        (datetime(2026, 10, 5, 23, 59, 59), D5, []),
        *[
            (text, D5, [])
            for text in (
                "2026/10/5",
                "2026.10.05",
                "2026年10月5日",
                "2026 年 10 月 5 号",
                "20261005",
                "20261005.0",
                "5-Oct-2026",
                "October 5th, 2026",
                "2026-10-05 14:30:00",
                "2026-10-05T00:00:00+08:00",
                "２０２６／１０／０５",
                "2026/10/5 上午 9:05",
                "二〇二六年十月五日",
                "2026-10-05 星期一",
                "2026-10-5 8:30",
                "2026年10月5日 8时30分",
                "2026,10,5",
                "2026 10 5",
                "'2026-10-05",
            )
        ],
        (20261005.0, D5, []),
        *[
            (text, D5, ["read_as"])
            for text in (
                "46300",
                46300.0,
                46300.75,
                "5-Oct-26",
                "05/10/2026",
                "26-10-05",
                "26/10/5",
                "10/5/26",
                "26年10月5日",
                "261005",
                "10月5日",
                "10-05",
                "10/5",
            )
        ],
        ("13/10/2026", date(2026, 10, 13), []),
        ("2026-09-30", date(2026, 9, 30), ["outside_month"]),
        ("2026-07-01", date(2026, 7, 1), ["outside_month"]),
        ("2026-06-30", date(2026, 6, 30), ["outside_month"]),
        ("2026-11-01", date(2026, 11, 1), ["outside_month"]),
        *[
            (cell, None, ["invalid_date"])
            for cell in (
                "2026-02-30",
                "2026-13-01",
                "2026-00-10",
                "1900-02-29",
                "0000-00-00",
                "20260230",
                "0026-10-05",
                0.0,
                60.0,
                -5.0,
                2958466.0,
                1e12,
                float("nan"),
                float("inf"),
                True,
                "上月",
                "农历九月初五",
                "国庆节",
                "2026年10月",
                "2026-10",
                "10.5",
                10.5,
                "abc",
                "2026-1O-05",
                "1e5",
                "05/06/2025 ",
                "99999999",
                "二〇二六年十三月五日",
                "²⁰²⁶-10-05x",
            )
        ],
        ("", None, ["missing"]),
    ],
)
def test_dates(cell: Any, value: date | None, codes: list[str]) -> None:
    assert one("purchase_date", cell) == (value, codes)


def test_how_far_outside_the_month_is_grave() -> None:
    def severity(day: str, today: date = TODAY) -> str:
        return judge_row({**RECORD, "purchase_date": day}, COLUMNS, MONTH, today).problems[0].severity

    assert severity("2026-07-01") == "warning"  # 92 days before the 1st
    assert severity("2026-06-30") == "error"
    assert severity("2026-11-01") == "error"
    assert severity("2026-10-20", date(2026, 10, 19)) == "error"


def test_an_instant_is_a_day_of_the_networks_calendar() -> None:
    shanghai = timezone(timedelta(hours=8))
    assert one("purchase_date", "2026-10-04T16:00:00.000Z", zone=shanghai) == (D5, [])


@pytest.mark.parametrize(
    ("cell", "value", "codes"),
    [
        *[(cell, 2, []) for cell in (2, 2.0, "2", " 2 ", "２", "2.0", "02", "+2", "2.00")],
        ("1,000", 1000, []),
        *[(cell, 2, ["read_as"]) for cell in ("2台", "2 件", "2㎡", "2 pcs", "٢")],
        *[
            (cell, None, ["invalid_number"])
            for cell in (
                0,
                -1,
                1.5,
                "0",
                "-1",
                "1.5",
                "两台",
                "²",
                "①",
                "1/2",
                "0x10",
                "NaN",
                "Infinity",
                "1e999",
                "一",
                "true",
                "1_0",
                "1,5",
                "2+1",
                float("nan"),
                float("inf"),
                True,
                D5,
                "99999999999999999999",
                1e9,
                "约2",
                "½",
            )
        ],
        ("", None, ["missing"]),
        ("-", None, ["missing"]),
    ],
)
def test_quantities(cell: Any, value: int | None, codes: list[str]) -> None:
    assert one("quantity", cell) == (value, codes)


def test_areas() -> None:
    assert one("area", "86.50㎡") == (Decimal("86.5"), ["read_as"])
    assert one("area", 86.5) == (Decimal("86.5"), [])
    assert one("area", 120.0)[0] == 120
    assert one("area", "") == (None, [])
    answer = judge_row({**RECORD, "area": "86,5"}, COLUMNS, MONTH, TODAY)
    assert suggestion(answer.problems[0].code, answer.problems[0].params) == "86.5"


@pytest.mark.parametrize(
    ("column", "cell", "value", "codes"),
    [
        ("customer_name", "王", "王", []),
        ("customer_name", "阿卜杜拉·买买提", "阿卜杜拉·买买提", []),
        ("customer_name", "𠮷田😀", "𠮷田😀", []),
        ("customer_name", "\u3000张\u00a0\u00a0涛 ", "张 涛", []),
        ("customer_name", "\u202e孔杰\u202c\u200b", "孔杰", []),
        ("customer_name", "e\u0301", "é", []),
        ("customer_name", "王\x00\x07小明", "王小明", ["cleaned"]),
        ("customer_name", "王\x1b[31m小明", "王小明", ["cleaned"]),
        ("customer_name", "王\ud800明", "王明", ["cleaned"]),
        ("customer_name", "王\ufffd明", "", ["invalid_text"]),
        ("customer_name", "长" * 100, "长" * 100, []),
        ("customer_name", "长" * 101, "", ["too_long"]),
        ("customer_name", True, "", ["invalid_text"]),
        ("customer_name", "@张三", "@张三", []),
        ("customer_name", "暂无", "", ["missing"]),
        ("customer_name", ["x"], "", ["invalid_text"]),
        ("address", D5, "", ["invalid_text"]),
        ("address", "杭州市西湖区", "杭州市西湖区", ["incomplete_address"]),
        ("address", "上海市浦东新区\r\n世纪大道100号", "上海市浦东新区\n世纪大道100号", []),
        ("product_model", 8026.0, "8026", []),
        ("product_model", date(2026, 3, 1), "", ["invalid_text"]),
        ("product_model", "#REF!", "", ["invalid_text"]),
        ("product_model", Odd("formula", ""), "", ["missing"]),
        ("remarks", Odd("error", "#N/A"), "", ["cleaned"]),
        ("remarks", "=cmd|' /C calc'!A0", "=cmd|' /C calc'!A0", []),
        ("remarks", None, "", []),
        ("order_no", 2610064000001.0, "2610064000001", []),
        ("order_no", 26100640000011234.0, "", ["invalid_text"]),
        ("order_no", "2.61E+14", "", ["invalid_text"]),
    ],
)
def test_texts(column: str, cell: Any, value: str, codes: list[str]) -> None:
    assert one(column, cell) == (value, codes)


@pytest.mark.parametrize(("strict", "severity"), [(True, "error"), (False, "warning")])
def test_lists_of_products(strict: bool, severity: str) -> None:
    columns = tuple(
        Column(c.name, required=c.required, allowed=("QY-8206", "QY-8062"), strict=strict)
        if c.name == "product_model"
        else c
        for c in COLUMNS
    )
    assert one("product_model", "qy－8206", columns=columns)[1] in ([], ["unknown_product"])
    assert one("product_model", "qy-8206 ", columns=columns) == ("QY-8206", [])
    problem = judge_row({**RECORD, "product_model": "QY-8026"}, columns, MONTH, TODAY).problems[0]
    assert (problem.code, problem.severity) == ("unknown_product", severity)
    assert set(problem.params["nearest"]) == {"QY-8206", "QY-8062"}
    assert suggestion(problem.code, problem.params) in ("QY-8206", "QY-8062")


def test_fields_beyond_the_headings() -> None:
    answer = judged(csv_of([*with_cell()[:2], "四川省成都市", "武侯区1号", *with_cell()[3:]]))
    assert (2, None, "too_many_fields") in [(p.row, p.column, p.code) for p in answer.problems]
    assert answer.bad == {2}
    assert judged(csv_of([*with_cell(), "", ""])).bad == set()


def test_totals_signatures_headings_and_the_example_are_left_out() -> None:
    names = list(RECORD)
    answer = judged(
        csv_of(
            [str(RECORD[n]) for n in names],
            names,
            ["合计", "", "", "", "", "", "17"],
            ["制表人：王芳", "", "", "审核：", "", "", ""],
            ["示例：张三", *[str(RECORD[n]) for n in names[1:]]],
            ["", "", "", "", "", "", "23"],
            ["以下空白", "", "", "", "", "", ""],
            headings=["客户姓名", "联系电话", "地址", "产品型号", "购买日期", "购买区域", "数量"],
        )
    )
    assert (answer.rows, answer.bad, answer.left_out) == ([2], set(), [3, 4, 5, 6, 7, 8])
    assert {p.code for p in answer.problems} == {"not_a_customer"}


def test_a_customer_with_much_missing_is_still_a_customer() -> None:
    answer = of(
        RECORD, {"customer_name": "李合计", "quantity": 1}, {"customer_name": "合计", "phone": "13000010009"}
    )
    assert (answer.rows, answer.bad, answer.left_out) == ([1, 2, 3], {2, 3}, [])


def test_nothing_but_totals_is_no_file() -> None:
    with pytest.raises(FileRefused, match="no_rows"):
        of({"customer_name": "合计", "quantity": 0})


def test_duplicates_the_later_row_is_bad() -> None:
    answer = of(
        {**RECORD, "remarks": "x"},
        {**RECORD, "phone": "139 0001 0000"},
        {**RECORD, "customer_name": " 王芳 "},
    )
    assert answer.bad == {3}
    assert [(p.row, p.code, p.params) for p in answer.problems if p.severity == "error"] == [
        (3, "duplicate_in_file", {"row": 1})
    ]


def test_what_only_looks_alike() -> None:
    answer = of(
        {**RECORD, "order_no": "A"},
        {**RECORD, "order_no": ""},
        {**RECORD, "customer_name": "李静", "product_model": "X", "order_no": "B"},
        {**RECORD, "phone": "13900010000", "order_no": "A"},
        {**RECORD, "order_no": "A", "product_model": "Y"},
    )
    assert answer.bad == set()
    assert {(p.row, p.column, p.code.value) for p in answer.problems} == {
        (2, None, "near_duplicate"),
        (3, "phone", "phone_reused"),
        (4, "order_no", "order_no_reused"),
    }


def test_duplicates_can_be_judged_again_after_a_row_was_mended() -> None:
    answer = of(RECORD, {**RECORD, "phone": "1300001000"})
    assert answer.bad == {2}
    mended = judge_row({**RECORD}, COLUMNS, MONTH, TODAY, row=2)
    both = zip(answer.values[0], mended.values[0], strict=True)
    again = duplicates([1, 2], dict(zip(answer.columns, both, strict=True)))
    assert [(p.row, p.code) for p in again] == [(2, "duplicate_in_file")]


def test_raw_texts_are_kept_where_a_cell_is_bad_or_was_changed() -> None:
    answer = of({**RECORD, "phone": "+86 130-0001-0000", "purchase_date": "上月"})
    assert answer.raw == {1: {"phone": "+86 130-0001-0000", "purchase_date": "上月"}}
    assert answer.values[0][NAMES.index("purchase_date")] is None


def test_clean_and_odd_rows_in_one_chunk_come_out_the_same() -> None:
    many = [{**RECORD, "phone": f"130{n:08d}", "order_no": str(n)} for n in range(2500)]
    answer = of(
        *many[:1200],
        {**RECORD, "customer_name": "王\x00芳", "address": "　浙江省杭州市文三路1号"},
        *many[1200:],
    )
    assert len(answer.rows) == 2501
    assert [(p.row, p.code) for p in answer.problems if p.code == "cleaned"] == [(1201, "cleaned")]
    assert answer.values[1200][:3] == ("王芳", "13000010000", "浙江省杭州市文三路1号")


def test_every_code_says_how_to_mend_it() -> None:
    for code in Code:
        assert message(code, {}, "电话")
    for code, why in _SENTENCES:
        assert "%(" not in message(code, {"why": why, "value": "100%", "nearest": ["A"]}, "电话")
    assert (
        message("invalid_phone", {"why": "short", "count": 1})
        == "Too short by 1: a mobile number has 11 digits"
    )


CELLS = st.one_of(
    st.text(max_size=30),
    st.floats(),
    st.integers(),
    st.booleans(),
    st.dates(),
    st.datetimes(),
    st.none(),
    st.times(),
    st.timedeltas(),
    st.sampled_from(
        [
            "1.38E+10",
            "²",
            "①",
            "1_0",
            "9999-12-31",
            "00-00-00",
            "99/99/99",
            "13/13/13",
            "２０２６",
            "10月32日",
            "2026年二十十月",
        ]
    ),
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(NAMES), CELLS), min_size=1, max_size=5))
def test_no_cell_breaks_it_and_no_row_vanishes(records: list[dict[str, Any]]) -> None:
    rows = [{**RECORD, **record} for record in records]
    try:
        answer = of(*rows)
    except FileRefused:
        return
    said = {p.row for p in answer.problems}
    assert all(
        row in answer.rows or row in said for row in range(1, len(rows) + 1) if any(rows[row - 1].values())
    )
    for row, values in zip(answer.rows, answer.values, strict=True):
        good = dict(zip(NAMES, values, strict=True))
        for value in values:
            assert not isinstance(value, str) or (
                value.isprintable() or "\n" in value or "\t" in value or value.encode()
            )
            assert not isinstance(value, str) or "\x00" not in value
        if row not in answer.bad:
            assert good["quantity"] >= 1
            assert isinstance(good["purchase_date"], date)
            assert good["phone"]
            assert good["customer_name"]
