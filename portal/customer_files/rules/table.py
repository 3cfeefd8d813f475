"""The rows below the headings, column by column."""

from collections.abc import Sequence

from portal.customer_files.rules.columns import Column
from portal.customer_files.rules.headings import Headings
from portal.customer_files.rules.sheet import Cell, Odd, Sheet
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
        """Fill merged cells downwards. Not numbers: one quantity over three rows is not three times that quantity."""
        by_place = {place: name for name, place in self.headings.places.items()}
        position = {number: i for i, number in enumerate(self.numbers)} if self.sheet.merged else {}
        for block in self.sheet.merged:
            name = by_place.get(block.first_column)
            first = position.get(block.first_row)
            if name is None or first is None or block.first_row == block.last_row:
                continue
            value = self._cells[name][first]
            for number in range(block.first_row + 1, block.last_row + 1):
                i = position.get(number)
                if i is None or value in ("", None) or self._cells[name][i] not in ("", None):
                    continue
                if not any(cell not in ("", None) for cell in self.rows[i]):
                    continue
                if self.kinds.get(name) in ("whole", "decimal"):
                    self._cells[name][i] = Odd("merged_number", "")
                else:
                    self._cells[name][i] = value
                    self.merged[i, name] = (shown(value), block.first_row)

    def column(self, name: str) -> list[Cell] | None:
        """The cells of a canonical column, None where the file has no such column."""
        return self._cells.get(name)

    def text_of(self, i: int) -> str:
        """The row's filled cells in one line."""
        return " ".join(text for cell in self.rows[i] if (text := clean(shown(cell))[0]))[:_SHOWN]
