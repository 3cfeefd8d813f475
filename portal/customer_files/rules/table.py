"""The rows below the headings, column by column."""

from collections.abc import Iterable, Sequence

from portal.customer_files.rules.columns import Column
from portal.customer_files.rules.headings import Headings
from portal.customer_files.rules.sheet import Cell, Merged, Odd, Sheet
from portal.customer_files.rules.texts import clean, shown

_SHOWN = 200


class Table:
    """The rows below the headings, by column, with merged cells filled downwards."""

    def __init__(self, sheet: Sheet, headings: Headings, columns: Sequence[Column]) -> None:
        self.sheet = sheet
        self.headings = headings
        self.start = headings.last + 1
        self.rows = sheet.rows[self.start :]
        self.numbers = sheet.numbers[self.start :]
        self.count = len(self.rows)
        self.kinds = {column.name: column.kind for column in columns}
        self.merged: dict[tuple[int, str], tuple[str, int]] = {}
        self.covered: list[tuple[int, str, int]] = []
        self._cells: dict[str, list[Cell]] = {}
        places = headings.places
        shortest = min(map(len, self.rows), default=0)
        for name, place in places.items():
            if place < shortest:
                self._cells[name] = [row[place] for row in self.rows]
            else:
                self._cells[name] = [row[place] if place < len(row) else "" for row in self.rows]
        if sheet.merged:
            self._fill()

    def _fill(self) -> None:
        """Fill merged cells downwards. Not numbers: one quantity over three rows is not three times that quantity.

        A covered cell that holds another value than the one that is shown keeps it, and is named.
        """
        begin = self.numbers[0] if self.count else 0
        for block in self.sheet.merged:
            top = self.sheet.rows[block.first_row - 1] if 0 < block.first_row <= len(self.sheet.rows) else []
            shows = top[block.first_column] if block.first_column < len(top) else ""
            for name, place in self.headings.places.items():
                if block.first_column <= place <= block.last_column:
                    rows = range(max(block.first_row - begin, 0), min(block.last_row - begin + 1, self.count))
                    self._cover(block, name, rows, shows)

    def _cover(self, block: Merged, name: str, rows: Iterable[int], shows: Cell) -> None:
        """One column of a merged range, whose first cell shows `shows`; `rows` as places in this table."""
        cells = self._cells[name]
        first = block.first_column == self.headings.places[name]
        for i in rows:
            if self.numbers[i] == block.first_row and first:
                continue
            if cells[i] not in ("", None):
                if cells[i] != shows:
                    self.covered.append((i, name, block.first_row))
            elif first and self.numbers[0] <= block.first_row and shows not in ("", None):
                if not any(cell not in ("", None) for cell in self.rows[i]):
                    continue
                if self.kinds.get(name) in ("whole", "decimal"):
                    cells[i] = Odd("merged_number", "")
                else:
                    cells[i] = shows
                    self.merged[i, name] = (shown(shows), block.first_row)

    def column(self, name: str) -> list[Cell] | None:
        """The cells of a canonical column, None where the file has no such column."""
        return self._cells.get(name)

    def text_of(self, i: int) -> str:
        """The row's filled cells in one line."""
        return " ".join(text for cell in self.rows[i] if (text := clean(shown(cell))[0]))[:_SHOWN]
