"""A large sheet is judged piece by piece: what a row is does not hang on the rows below it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.core.errors import Invalid
from portal.customer_files import queries
from portal.customer_files.rules import judge, recognise
from portal.customer_files.rules.judging import Above, in_pieces
from portal.customer_files.rules.sheet import Merged, Sheet
from portal.customer_files.service import checking
from tests.customer_files.filing import received, row, submit
from tests.customer_files.form import COLUMNS, HEADINGS, MONTH, TODAY, with_cell
from tests.factories import World

CELLS = {
    "customer_name": ["王芳", "李强", "", "合计"],
    "phone": ["13000010000", "13000010001", "1300001", ""],
    "order_no": ["SO1", "SO2", ""],
    "quantity": ["1", "2", "x"],
    "remarks": ["", "送货上门"],
}
EMPTY = dict.fromkeys(
    ["address", "product_model", "purchase_date", "purchase_region", "order_no", "remarks"], ""
)
ROWS = st.fixed_dictionaries({name: st.sampled_from(values) for name, values in CELLS.items()}).map(
    lambda cells: with_cell(**cells)
)


@given(st.lists(ROWS | st.just([""] * len(HEADINGS)), min_size=1, max_size=12), st.integers(1, 6))
def test_in_pieces_it_comes_to_the_same(rows: list[list[str]], size: int) -> None:
    lines = [[*HEADINGS], *rows, with_cell(phone="13000010009")]
    sheet = Sheet("csv", lines, range(1, len(lines) + 1), hidden=frozenset({3}), others=(("九月", 4),))
    headings = recognise(sheet.rows, COLUMNS)
    whole = judge(sheet, headings, COLUMNS, MONTH, TODAY)
    above = Above()
    parts = []
    for piece, below in in_pieces(sheet, headings, size):
        part = judge(piece, below, COLUMNS, MONTH, TODAY, above=above)
        above.add(part)
        parts.append(part)
    assert above.rows == whole.rows
    assert [tuple(column) for column in above.cells] == [tuple(column) for column in whole.cells]
    assert above.bad == whole.bad
    assert [n for part in parts for n in part.left_out] == whole.left_out
    assert {row: raw for part in parts for row, raw in part.raw.items()} == whole.raw
    assert sorted(map(str, (p for part in parts for p in part.problems))) == sorted(map(str, whole.problems))


def test_where_cells_are_merged_the_sheet_stays_whole() -> None:
    """A merged cell shows its value in rows of another piece."""
    lines = [[*HEADINGS], with_cell(), with_cell(customer_name="")]
    sheet = Sheet("csv", lines, range(1, 4), merged=(Merged(2, 0, 3, 0),))
    assert len(list(in_pieces(sheet, recognise(sheet.rows, COLUMNS), 1))) == 1


def test_what_is_stored_in_pieces_is_what_is_stored_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice in two pieces, a mistake, and a customer whom a store has: statuses, problems and counts."""
    actor = world.as_("clerk")
    submit(actor, received(actor, [row(7)], unit="S1"), {})
    given = [row(1), row(2), row(1), row(3, quantity="很多"), row(7, customer_name="李四"), row(4), row(2)]
    seen = []
    for at_once in (checking.ROWS_AT_ONCE, 2):
        monkeypatch.setattr(checking, "ROWS_AT_ONCE", at_once)
        file = received(actor, given)
        counts = (file.state, file.total, file.good, file.bad, file.warnings)
        problems = [
            (each.row, each.column, each.code) for each in queries.list_problems(file, whole=True).items
        ]
        stored = [(each.row, each.status, each.values) for each in queries.list_rows(file, whole=True).items]
        seen.append((counts, problems, stored))
        given = [*given[:-1], {**given[-1], "remarks": "再来"}]  # other bytes
    assert seen[0][:2] == seen[1][:2]
    assert seen[0][0] == ("needs_correction", 7, 4, 3, 1)
    assert [each[:2] for each in seen[0][2]] == [each[:2] for each in seen[1][2]]


def test_pieces_without_a_single_customer_are_no_file(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "ROWS_AT_ONCE", 1)
    with pytest.raises(Invalid) as refused:
        received(world.as_("clerk2"), [row(0, customer_name="", phone="", **EMPTY) for _ in range(3)])
    assert refused.value.code == "no_rows"
