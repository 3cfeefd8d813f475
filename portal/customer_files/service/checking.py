"""Reading a file's rows and judging them: one function for the request (small files) and the job (large ones)."""

import json
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from time import monotonic
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text, update

from portal import network, rulebook
from portal.access import Actor
from portal.core import clock, collector, events, storage
from portal.core.db import db, outside
from portal.core.errors import Conflict
from portal.customer_files import queries
from portal.customer_files.models import CustomerFile
from portal.customer_files.queries import CANONICAL
from portal.customer_files.rules.columns import Column
from portal.customer_files.rules.csvs import too_many_rows
from portal.customer_files.rules.handover import Handed, packed, unpacked
from portal.customer_files.rules.headings import Headings, recognise
from portal.customer_files.rules.judging import (
    Above,
    Judged,
    below,
    from_records,
    in_pieces,
    judge,
    no_customers,
)
from portal.customer_files.rules.leftovers import customers_in
from portal.customer_files.rules.moves import Kind, Move, RowStatus, State, after
from portal.customer_files.rules.problems import ERROR, WARNING, Code, FileRefused, Problem
from portal.customer_files.rules.reading import read
from portal.customer_files.rules.sheet import Sheet
from portal.customer_files.service import duties, filing
from portal.customer_files.service.columns import columns_of, limits_of
from portal.customer_files.service.locking import lock_months
from portal.customer_files.service.storing import (
    Fields,
    Piece,
    store_problems,
    store_rows,
    written,
)

ROWS_AT_ONCE = 20_000  # judged while the database takes in as many (decision 0018)
PROGRESS_EVERY = 0.5  # seconds: each report is a transaction of its own
TEXTS = frozenset(
    {
        "customer_name",
        "phone",
        "address",
        "product_model",
        "purchase_region",
        "order_no",
        "installer",
        "remarks",
    }
)
CORRECTABLE = frozenset(
    {Code.UNKNOWN_PRODUCT, Code.UNKNOWN_REGION}
)  # warnings that a correction answers as well


@dataclass(frozen=True)
class Opened:
    """A file's content as a sheet whose headings are known; or as its first piece, with those that follow."""

    sheet: Sheet
    headings: Headings
    columns: tuple[Column, ...]
    handed: Handed | None = None

    @property
    def rows(self) -> int:
        """Below the headings, blank ones too."""
        return (self.handed.rows if self.handed else len(self.sheet.rows)) - self.headings.last - 1

    def pieces(self) -> Iterator[tuple[Sheet, Headings]]:
        """The sheet in pieces, once: what was handed over is taken as it comes."""
        if self.handed is None:
            yield from in_pieces(self.sheet, self.headings, ROWS_AT_ONCE)
            return
        yield self.sheet, self.headings
        for sheet in self.handed.more:
            yield sheet, below(self.headings)


@collector.put_off()
def open_content(
    network_id: int,
    month: date,
    kind: Kind,
    content: bytes,
    name: str,
    mapping: Mapping[str, str | None] | None,
) -> Opened:
    """Read a sheet's or a JSON file's bytes. Raises FileRefused with a whole-file code."""
    book = rulebook.current(network_id, month)
    columns = columns_of(book)
    if kind == Kind.ROWS:
        records = json.loads(content)["customers"]
        return Opened(*from_records(records, columns), columns)
    limits = limits_of(book)
    sheet = read(content, name, limits, columns, mapping)
    opened = Opened(sheet, recognise(sheet.rows, columns, mapping), columns)
    if opened.rows > limits.rows and customers_in(sheet.rows[opened.headings.last + 1 :]) > limits.rows:
        raise too_many_rows(limits)
    return opened


@collector.put_off()
def check(actor: Actor, file_id: int) -> None:
    """The job: check a large file. Run twice, or by two workers at once, it comes out the same."""
    file = queries.get_file(file_id)
    db.session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"),
        {"key": f"customer_file.check:{file_id}"},
    )
    file = queries.get_file(file_id)
    if file.state != State.CHECKING:
        return
    report = _report(file_id)
    try:
        opened = _handed_over(file) or open_content(
            file.network_id,
            file.month,
            Kind(file.kind),
            storage.get(file.network_id, file.sha256),
            file.file_name or "",
            _mapping(file),
        )
        report(0, opened.rows)
        check_rows(actor, file, opened, report)
    except (
        FileRefused
    ) as refused:  # only rows that turn out to be no customers: the request looked at all else
        finish_check(actor, file, refused=refused.code)
    storage.drop_aside(_aside(file))


def hand_over(file: CustomerFile, opened: Opened) -> None:
    """Keep what the request has read for the job: to read a large workbook again takes longer than all else of it."""
    if file.kind == Kind.SHEET:
        storage.put_aside(_aside(file), packed(sheet for sheet, _headings in opened.pieces()))


def _handed_over(file: CustomerFile) -> Opened | None:
    kept = storage.look_aside(_aside(file))
    if kept is None:
        return None
    try:
        handed = unpacked(kept)
    except ValueError:  # the machine stopped while it was written
        return None
    columns = columns_of(rulebook.current(file.network_id, file.month))
    return Opened(handed.first, recognise(handed.first.rows, columns, _mapping(file)), columns, handed)


def _aside(file: CustomerFile) -> str:
    return f"{file.network_id}-{file.id}-{file.sha256}"


def _mapping(file: CustomerFile) -> dict[str, str | None]:
    return {**queries.mapping_of(file.unit_id), **(file.mapping or {})}


@collector.put_off()
def check_rows(
    actor: Actor, file: CustomerFile, opened: Opened, report: Callable[[int, int], None] | None = None
) -> None:
    """Judge every row, store rows and problems, compare with other files, and say what became of the file."""
    rows: set[int] = set()
    bad: set[int] = set()
    warned: set[int] = set()
    left: list[Problem] = []  # of rows that are no customers, until the next customer comes

    def pieces() -> Iterator[Piece]:
        above, judging = Above(), _judging(file, opened)
        for sheet, headings in opened.pieces():
            judged, applied = judging(sheet, headings, above)
            above.add(judged)
            left.extend([*applied, *judged.problems])
            if judged.rows:
                rows.update(judged.rows)
                bad.update(judged.bad)
                warned.update(p.row for p in left if p.severity == WARNING)
                piece = Piece(_columns(judged, headings.places), list(_problem_lines(left)))
                left.clear()
                yield piece
        if not rows:
            raise no_customers()

    db.session.flush()
    total = opened.rows
    warned |= store_rows(file, pieces(), (lambda sent: report(sent, total)) if report else None)
    store_problems(file, _problem_lines(left))
    counts = Counts(len(rows), len(rows) - len(bad), len(bad), len(warned & rows))
    finish_check(actor, file, counts)


def judge_sheet(file: CustomerFile, opened: Opened) -> tuple[Judged, list[Problem]]:
    """Judge the whole sheet; where this dealer corrected the same wrong value before, with the right one."""
    return _judging(file, opened)(opened.sheet, opened.headings, None)


Judging = Callable[[Sheet, Headings, Above | None], tuple[Judged, list[Problem]]]


def _judging(file: CustomerFile, opened: Opened) -> Judging:
    """A function that judges the sheet or a piece of it, and does not ask the database for it."""
    zone = ZoneInfo(network.get_network(file.network_id).time_zone)
    today = clock.now().astimezone(zone).date()
    days_back = rulebook.current(file.network_id, file.month).customer_file.forgotten.days
    corrections = queries.corrections_of(file.unit_id)
    known = {
        (column, wrong): right for column, pairs in corrections.items() for wrong, right in pairs.items()
    }

    def run(sheet: Sheet, headings: Headings, above: Above | None) -> Judged:
        return judge(
            sheet, headings, opened.columns, file.month, today, days_back=days_back, zone=zone, above=above
        )

    def judged_and_corrected(
        sheet: Sheet, headings: Headings, above: Above | None
    ) -> tuple[Judged, list[Problem]]:
        judged = run(sheet, headings, above)
        applied = _corrected(sheet, headings, judged, known) if known else []
        return (run(sheet, headings, above) if applied else judged), applied

    return judged_and_corrected


def _corrected(
    sheet: Sheet, headings: Headings, judged: Judged, known: Mapping[tuple[str, str], str]
) -> list[Problem]:
    """Put what this dealer corrected before into the sheet's cells; gives a note for each."""
    answered = {
        (problem.row, problem.column): (problem.value, known[problem.column, problem.value])
        for problem in judged.problems
        if problem.column
        and (problem.severity == ERROR or problem.code in CORRECTABLE)
        and (problem.column, problem.value) in known
    }
    places = {number: i for i, number in enumerate(sheet.numbers)} if answered else {}
    for (row, column), (_, right) in answered.items():
        cells, place = sheet.rows[places[row]], headings.places[column or ""]
        cells.extend([""] * (place + 1 - len(cells)))
        cells[place] = right
    return [
        Problem(row, column, Code.READ_AS, WARNING, {"expected": right, "remembered": True}, wrong)
        for (row, column), (wrong, right) in sorted(answered.items())
    ]


def _columns(judged: Judged, places: Container[str]) -> dict[str, Fields]:
    """The rows as texts, by the columns of storing.ROW_COLUMNS for which the file has a place.

    Each distinct value of what is no text is written once.
    """
    by_name: dict[str, Sequence[Any]] = dict(zip(judged.columns, judged.cells, strict=True))
    good, bad = RowStatus.GOOD.value, RowStatus.BAD.value
    columns: dict[str, Fields] = {
        "row_no": list(map(str, judged.rows)),
        "status": [bad if row in judged.bad else good for row in judged.rows],
    }
    for name, values in by_name.items():
        if name not in places:
            continue
        if name in TEXTS:
            columns[name] = ["" if value is None else value for value in values] if None in values else values
        elif name in CANONICAL:
            texts: dict[Any, str | None] = {value: written(value) for value in set(values)}
            columns[name] = [texts[value] for value in values]
    own = [(name, values) for name, values in by_name.items() if name not in CANONICAL]
    if own:
        columns["extra"] = [
            written({name: "" if v[i] is None else str(v[i]) for name, v in own})
            for i in range(len(judged.rows))
        ]
    if judged.raw:
        columns["raw"] = [kept and written(kept) for kept in map(judged.raw.get, judged.rows)]  # type: ignore[misc]
    return columns


def _problem_lines(problems: Iterable[Problem]) -> Iterator[Fields]:
    for row, column, code, severity, params, value in problems:
        yield (
            str(row),
            column,
            code.value,
            severity,
            written(dict(params)),
            value or None,
        )


def _report(file_id: int) -> Callable[[int, int], None]:
    """Progress that others see while the check runs; the check itself touches the file's row only at its end."""
    told = -PROGRESS_EVERY

    def report(done: int, total: int) -> None:
        nonlocal told
        if monotonic() - told < PROGRESS_EVERY:
            return
        told = monotonic()
        with outside() as connection:
            connection.execute(
                update(CustomerFile)
                .where(CustomerFile.id == file_id)
                .values(progress_done=done, progress_total=total)
            )

    return report


@dataclass(frozen=True)
class Counts:
    total: int = 0
    good: int = 0
    bad: int = 0
    warnings: int = 0


def finish_check(
    actor: Actor, file: CustomerFile, counts: Counts = Counts(), *, refused: str | None = None
) -> None:
    """Counts and state after the check. A version that was superseded meanwhile stays so, with its counts."""
    lock_months(file.network_id, {file.unit_id}, file.month)
    db.session.refresh(file, ["state", "progress_done", "progress_total"])
    file.total, file.good, file.bad, file.warnings = counts.total, counts.good, counts.bad, counts.warnings
    file.progress_done = file.progress_total = file.total
    file.checked_at = clock.now()
    if file.state == State.CHECKING:
        move = Move.FIND_ERRORS if file.bad or refused else Move.FIND_NONE
        file.state = after(State.CHECKING, move)
    db.session.flush()
    after_check = {"state": file.state, "total": file.total, "good": file.good, "bad": file.bad}
    if refused:
        after_check["code"] = refused
    events.record(actor, "customer_file:judged", file, after=after_check)
    unit = network.get_unit(file.unit_id)
    if file.state == State.READY and file.submit_when_ready:
        _submit_by_itself(actor, file)
    if file.state in (State.READY, State.NEEDS_CORRECTION):
        duties.await_submit(file, unit)


def _submit_by_itself(actor: Actor, file: CustomerFile) -> None:
    """The submit request came with the bytes. Where stores are missing or the month closed, it waits for a person."""
    try:
        with db.session.begin_nested():
            filing.submit(actor, file.id, requested_at=file.received_at)
    except Conflict as refused:
        db.session.refresh(file)
        events.record(actor, "customer_file:not_submitted", file, after={"code": refused.code})
