"""Files that go out: the empty form, the sheet explained, a region's summary. Each that holds people is recorded."""

from collections.abc import Iterator, Sequence
from datetime import date
from hashlib import sha256
from zoneinfo import ZoneInfo

from portal import clocks, network, rulebook
from portal.access import Actor
from portal.core import clock, events, storage
from portal.core import month as months
from portal.core.texts import language
from portal.customer_files import queries
from portal.customer_files.models import CustomerFile
from portal.customer_files.queries import ProblemView
from portal.customer_files.rules import workbooks
from portal.customer_files.rules.columns import Column
from portal.customer_files.rules.headings import Headings
from portal.customer_files.rules.moves import Kind
from portal.customer_files.rules.problems import Code, Problem
from portal.customer_files.rules.sheet import Cell, Sheet
from portal.customer_files.service.checking import Opened, judge_sheet, open_content
from portal.customer_files.service.columns import columns_for, columns_of
from portal.network import Unit


def template(actor: Actor, month: date | None = None) -> bytes:
    """The empty form of a month, the running one by default, in the reader's language."""
    now = clock.now()
    month = month or clocks.running_month(actor.network_id, now)
    book = rulebook.current(actor.network_id, month)
    allowed = {column.name: column.allowed for column in book.columns}
    limit = clocks.calendar(actor.network_id, month).dealer_due_at
    due = clocks.deadline_words(limit, ZoneInfo(actor.time_zone), language(), now=now)
    name = actor.network_name_en if language() == "en" and actor.network_name_en else actor.network_name
    return workbooks.template(
        columns_of(book),
        name,
        month,
        allowed.get("product_model", ()),
        allowed.get("purchase_region", ()),
        language(),
        due=str(due),
    )


def annotated(actor: Actor, file_id: int) -> bytes:
    """The sheet as sent, bad cells marked; for those above made anew from the rows, masked. Raises NotFound.

    A cell that was mended in place holds what it was mended to: sent again, the file loses nobody's work.
    """
    file = queries.get_file_with_rows(actor, file_id)
    columns = columns_for(file.network_id, file.month)
    whole = actor.sees_whole_phones
    problems = list(queries.all_problems(file.id, whole=whole))
    if whole and file.kind == Kind.SHEET:
        content = storage.get(file.network_id, file.sha256)
        mapping = {**queries.mapping_of(file.unit_id), **(file.mapping or {})}
        opened = open_content(file.network_id, file.month, Kind.SHEET, content, file.file_name or "", mapping)
        if file.changed_at is not None:
            _write_mended(file, opened)
        sheet, headings, shift = opened.sheet, opened.headings, 0
    else:
        sheet, headings, shift = _from_rows(file, columns, whole=whole)
    marked = [_problem(each, shift) for each in problems]
    made = workbooks.annotated(sheet, headings, marked, columns, language())
    after = {"what": "annotated", "rows": file.total, "sha256": sha256(made).hexdigest(), "masked": not whole}
    events.record(actor, "customer_file:downloaded", file, after=after)
    return made


def _write_mended(file: CustomerFile, opened: Opened) -> None:
    """Put into the sheet what has been written in place since: where the stored row differs from the one that came."""
    judged, _applied = judge_sheet(file, opened)
    came = dict(zip(judged.rows, judged.values, strict=True))
    lines = dict(zip(opened.sheet.numbers, opened.sheet.rows, strict=True))
    for _, row in queries.all_rows([file.id], whole=True, good_only=False):
        if row.row not in came:
            continue
        raw = judged.raw.get(row.row, {})
        for name, value in zip(judged.columns, came[row.row], strict=True):
            now, place = row.values.get(name), opened.headings.places.get(name)
            if place is None or _same(now, value) or _same(now, raw.get(name)):
                continue
            cells = lines[row.row]
            cells.extend([""] * (place + 1 - len(cells)))
            cells[place] = "" if now is None else now


def _same(one: object, other: object) -> bool:
    return str("" if one is None else one) == str("" if other is None else other)


def _problem(view: ProblemView, shift: int) -> Problem:
    row = (view.row or 0) + shift
    return Problem(max(row, 1), view.column, Code(view.code), view.severity, view.params, view.value or "")


def _from_rows(file: CustomerFile, columns: Sequence[Column], *, whole: bool) -> tuple[Sheet, Headings, int]:
    """Rows as a sheet with a line of headings; `shift` is how far it moves them down to make room for that line."""
    names = [column.name for column in columns]
    heads = tuple(column.label(language()) for column in columns)
    rows: list[list[Cell]] = [list(heads)]
    numbers = [0]
    for _, row in queries.all_rows([file.id], whole=whole, good_only=False):
        rows.append([row.values.get(name) for name in names])
        numbers.append(row.row)
    shift = 1 if len(numbers) > 1 and numbers[1] == 1 else 0
    numbers = [
        max(1, numbers[1] + shift - 1) if len(numbers) > 1 else 1,
        *(number + shift for number in numbers[1:]),
    ]
    places = {name: place for place, name in enumerate(names)}
    return Sheet("xlsx", rows, numbers), Headings(0, 0, places, heads, (), len(names)), shift


def summary(actor: Actor, month: date, regions: Sequence[Unit]) -> bytes:
    """The summary customer file of these regions, masked: what was consolidated, else what is filed so far."""
    columns = columns_for(actor.network_id, month)
    count = 0

    def lines() -> Iterator[tuple[str, str, list[object]]]:
        nonlocal count
        for region in regions:
            owners = queries.summary_files(region, month)
            for file_id, row in queries.all_rows(list(owners), whole=actor.sees_whole_phones, matched=False):
                count += 1
                yield region.name, owners[file_id], [row.values.get(column.name) for column in columns]

    made = workbooks.summary(columns, lines(), language(), months.text(month))
    after = {
        "what": "summary",
        "month": months.text(month),
        "regions": [region.code for region in regions],
        "rows": count,
        "sha256": sha256(made).hexdigest(),
    }
    events.record(actor, "consolidation:downloaded", kind="month", object_id=months.text(month), after=after)
    return made


def who_still_owes(region: Unit, month: date) -> str:
    """Text to paste into a group: which dealers still owe the month, and until when."""
    board = queries.region_board(region, month)
    now = clock.now()
    zone = ZoneInfo(network.get_network(region.network_id).time_zone)
    return queries.owing_text(board, now, zone)
