"""What a worksheet's XML tells beside its values: rows that are told at one look, and what hides between them."""

import pytest

from portal.customer_files.rules.sheet import Merged
from portal.customer_files.rules.worksheets import Marks, Rows

HEAD = '<?xml version="1.0"?><worksheet><cols><col min="1" max="3"/></cols><sheetData>'
TAIL = '</sheetData><mergeCells count="1"><mergeCell ref="A2:A3"/></mergeCells></worksheet>'
WRITERS = {
    "Excel": '<row r="{n}" spans="1:3" ht="15" x14ac:dyDescent="0.2"><c r="A{n}" s="1" t="s"><v>0</v></c>'
    '<c r="B{n}"><v>1.5</v></c><c r="C{n}" s="2"/></row>',
    "LibreOffice": '<row r="{n}" customFormat="false" hidden="false" outlineLevel="0">'
    '<c r="A{n}" s="0" t="n"><v>1</v></c><c r="B{n}" s="0" t="b"><v>1</v></c></row>',
    "a stream": '<row r="{n}"><c r="A{n}" t="inlineStr"><is><t xml:space="preserve"> a </t></is></c>'
    '<c r="B{n}" t="str" s="1"><v>b</v></c></row>',
    "POI": '<row r="{n}"><c r="A{n}" t="s" s="1"><v>0</v></c></row>',
    "a filter": '<row r="{n}" spans="1:3" hidden="1"><c r="A{n}" t="s"><v>0</v></c></row>',
}
STEPS = (40, 300, 1 << 20)


def looked(xml: str, step: int) -> Marks:
    marks = Marks()
    rows = Rows(marks)
    for start in range(0, len(xml), step):
        rows.take(xml[start : start + step].encode())
    rows.end()
    return marks


def sheet(writer: str, odd: str = "", at: int = 0) -> str:
    rows = [odd.format(n=n) if n == at else WRITERS[writer].format(n=n) for n in range(1, 21)]
    return HEAD + "".join(rows) + '<row r="21" s="1"/>' + TAIL


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("writer", WRITERS)
def test_ordinary_rows_need_only_one_look(writer: str, step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    closely: list[bytes] = []
    look = Rows._look
    monkeypatch.setattr(Rows, "_look", lambda self, block: [closely.append(block), look(self, block)][1])
    hidden = set(range(1, 21)) if writer == "a filter" else set()
    assert looked(sheet(writer), step) == Marks(hidden, [Merged(2, 0, 3, 0)], last_row=20)
    assert not any(b"<row" in block for block in closely)


ODD = {
    "hidden": ('<row r="{n}" hidden="1"><c r="A{n}"><v>1</v></c></row>', "hidden"),
    "an error": (
        '<row r="{n}"><c r="A{n}" t="s"><v>0</v></c><c r="B{n}" t="e"><v>#N/A</v></c></row>',
        "errors",
    ),
    "a formula": ('<row r="{n}"><c r="A{n}"><f>B1</f></c></row>', "formulas"),
    "a text of no number": ('<row r="{n}"><c r="A{n}" t="s"><v>x</v></c></row>', "trouble"),
    "a text of a wrong number": ('<row r="{n}"><c r="A{n}" s="1" t="s"><v>-1</v></c></row>', "trouble"),
    "a text of a large number": (
        "<row r='{n}'><c t = 's' r='A{n}'><f>A1</f><v>9999999999</v></c></row>",
        "trouble",
    ),
    "far away": ('<row r="{n}"><c r="A{n}"><v>1</v></c><c r="ZZ{n}"><v>1</v></c></row>', "width"),
    "in a later row": ('<row r="{n}"><c r="A1048576"><v>1</v></c></row>', "trouble"),
    "in an earlier row's place": ('<row r="{n}"><c r="A{n}"><v>1</v></c></row><row r="{n}"/>', "trouble"),
    "never closed": ('<row r="{n}"><c r="A{n}"><v>1</v></c>', "trouble"),
    "of another name": ('<x:row r="{n}"><c r="A{n}"><v>1</v></c></x:row>', "trouble"),
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("at", [1, 10, 20])
@pytest.mark.parametrize("odd", ODD)
def test_one_odd_row_between_ordinary_ones_is_found(odd: str, at: int, step: int) -> None:
    xml, what = ODD[odd]
    found = getattr(looked(sheet("Excel", xml, at), step), what)
    wanted = {"hidden": {at}, "errors": {(at, 1): "#N/A"}, "formulas": {(at, 0)}, "width": 702}
    if what == "trouble":
        assert found
    else:
        assert found == wanted[what]
