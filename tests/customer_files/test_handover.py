"""A large workbook is read once: the request hands what it read to the job, which can do without."""

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from io import BytesIO

import pytest
import xlsxwriter

from portal.core import clock, storage
from portal.customer_files import queries, service
from portal.customer_files.jobs import check
from portal.customer_files.rules.handover import packed, unpacked
from portal.customer_files.rules.sheet import Cell, Merged, Odd, Sheet
from portal.customer_files.service import checking, receiving
from tests.customer_files.filing import OCTOBER, row
from tests.factories import World


def test_every_kind_of_cell_comes_out_as_it_went_in() -> None:
    cells: list[Cell] = [
        "王\t“芳”\n𠮷\0\x1f",
        "",
        1,
        1.0,
        0.1,
        True,
        False,
        None,
        date(2026, 10, 5),
        datetime(2026, 10, 5, 1, 2, 3, 4),
        time(23, 59, 1),
        timedelta(days=-1, seconds=5, microseconds=7),
        float("inf"),
        Odd("error", "#N/A"),
        Odd("formula", ""),
    ]
    sheet = Sheet(
        "xlsx",
        [cells, []],
        range(1, 3),
        name="客户",
        hidden=frozenset({1, 2}),
        merged=(Merged(1, 0, 2, 3),),
        broken={2: "quote"},
        others=(("旧", 3),),
        date1904=True,
        encoding="gbk",
        delimiter=";",
    )
    again, more, rows = unpacked(packed([sheet, replace(sheet, numbers=range(3, 5))]))
    assert again == sheet
    assert [piece.numbers for piece in more] == [range(3, 5)]
    assert rows == 4
    assert [type(cell) for cell in again.rows[0]] == [type(cell) for cell in cells]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x90",
        b"\x80",
        b"\xc1",
        b"\x81\xa4form\x01",
        b'{"form":1}',
        packed([Sheet("xlsx", [["a"]], range(1, 2))])[:-1],
        b"\x81\xa4form\xd4\x09x",
        b"\x81\xa4form\xd4\x00x",
        b"\x81\x90\x01",
    ],
)
def test_half_a_sheet_is_none(content: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 — whatever is wrong with the bytes
        unpacked(content)


def workbook(*customers: dict[str, object]) -> bytes:
    target = BytesIO()
    book = xlsxwriter.Workbook(target)
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, list(customers[0]))
    for place, customer in enumerate(customers, 1):
        sheet.write_row(place, 0, list(customer.values()))
    book.close()
    return target.getvalue()


@pytest.mark.parametrize("aside", ["kept", "lost", "damaged"])
def test_the_job_takes_over_what_the_request_read(
    world: World, monkeypatch: pytest.MonkeyPatch, aside: str
) -> None:
    monkeypatch.setattr(receiving, "SMALL_ROWS", 1)
    monkeypatch.setattr(checking, "ROWS_AT_ONCE", 2)
    reads: list[bool] = []
    read = checking.read
    monkeypatch.setattr(
        checking, "read", lambda *given, **more: [reads.append(True), read(*given, **more)][1]
    )
    actor = world.as_("clerk2")
    content = workbook(row(1), row(2), row(3, phone="12"))
    file = service.receive_sheet(
        actor, month=OCTOBER, name="a.xlsx", content=content, received_at=clock.now()
    ).file
    name = checking._aside(file)
    assert storage.look_aside(name)
    if aside == "lost":
        storage.drop_aside(name)
    elif aside == "damaged":
        storage.put_aside(name, (storage.look_aside(name) or b"")[:-9])
    check(file.id)
    assert len(reads) == (1 if aside == "kept" else 2)
    assert (file.state, file.total, file.good, file.bad) == ("needs_correction", 3, 2, 1)
    assert [each.row for each in queries.list_rows(file, whole=True).items] == [2, 3, 4]
    assert storage.look_aside(name) is None


def test_what_lies_aside_for_a_day_is_swept_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    storage.put_aside("old", b"1")
    monkeypatch.setattr(storage, "_ASIDE_FOR", -1)
    storage.put_aside("new", b"2")
    assert (storage.look_aside("old"), storage.look_aside("new")) == (None, b"2")
    storage.drop_aside("new")
    storage.drop_aside("new")
