"""The month of a region, dealer by dealer, for whoever stands above (R041, R042)."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute

from portal import clocks, network
from portal.clocks import Kind as Duty
from portal.core import month as months
from portal.core.db import db
from portal.core.texts import gettext, language, ngettext
from portal.customer_files.models import Consolidation, ConsolidationFile, CustomerFile, FilePart, Reminder
from portal.customer_files.queries.files import standings
from portal.customer_files.rules.moves import DEALER_WORDS, FILED, MISSING, URGENCY, DealerState
from portal.network import Unit


@dataclass(frozen=True)
class DealerLine:
    """One dealer on the board. `customers` are good rows, store parts included once the file is submitted."""

    unit: Unit
    state: DealerState
    file: CustomerFile | None
    customers: int
    people: int
    excluded: int
    due_at: datetime
    obliged: bool  # owes the month: joined before the dealers' deadline, not closed, not waived
    reminded_at: datetime | None = None

    @property
    def owes(self) -> bool:
        return self.obliged and self.state in MISSING

    @property
    def on_time(self) -> bool | None:
        return self.file.on_time if self.file else None

    @property
    def submitted_at(self) -> datetime | None:
        return self.file.submitted_at if self.file else None

    @property
    def version(self) -> int | None:
        return self.file.version if self.file else None

    def overdue(self, now: datetime) -> bool:
        return self.owes and self.state is not DealerState.RETURNED and now >= self.due_at


@dataclass(frozen=True)
class RegionBoard:
    """A region's month."""

    region: Unit
    month: date
    due_at: datetime
    dealers: Sequence[DealerLine]
    consolidations: Sequence[Consolidation] = field(default=())

    @property
    def state(self) -> str:
        """'open' until the region was consolidated, then 'consolidated', or 'amendable' when more has come since."""
        if not self.consolidations:
            return "open"
        waiting = any(
            line.file is not None and line.file.state in ("submitted", "checked") for line in self.dealers
        )
        return "amendable" if waiting else "consolidated"

    @property
    def latest(self) -> Consolidation | None:
        return self.consolidations[-1] if self.consolidations else None

    @property
    def counts(self) -> dict[DealerState, int]:
        """Dealers by state, for the tabs."""
        found = Counter(line.state for line in self.dealers)
        return {state: found[state] for state in DealerState}

    @property
    def missing(self) -> list[DealerLine]:
        return [line for line in self.dealers if line.owes]

    @property
    def customers(self) -> int:
        return sum(line.customers for line in self.dealers if line.state not in MISSING)

    @property
    def people(self) -> int:
        return sum(line.people for line in self.dealers if line.state not in MISSING)

    @property
    def excluded(self) -> int:
        return sum(line.excluded for line in self.dealers if line.state not in MISSING)

    def urgent_first(self, now: datetime) -> list[DealerLine]:
        """Overdue ones, then who is mending, what waits to be checked, what is done; each by code."""
        return sorted(
            self.dealers, key=lambda line: (not line.overdue(now), URGENCY[line.state], line.unit.code)
        )


def region_board(region: Unit, month: date) -> RegionBoard:
    return list_boards([region], month, region.unit_path)[0]


def list_boards(regions: Sequence[Unit], month: date, path: str) -> list[RegionBoard]:
    """The boards of these regions, all under `path`: a constant number of queries, whatever they hold."""
    where = standings(path, month, "dealer")
    duties = {
        (duty.kind, duty.unit_id): duty
        for duty in clocks.month_duties(month, Duty.CUSTOMER_FILE, Duty.CONSOLIDATION)
    }
    counted = _consolidated(path, month)
    reminded = _reminded(path, month)
    done = _consolidations(path, month)
    by_region: dict[str, list[Unit]] = defaultdict(list)
    for dealer in network.units_below(path, kind="dealer"):
        by_region[_parent(dealer.unit_path)].append(dealer)
    if not regions:
        return []
    calendar = clocks.calendar(regions[0].network_id, month)
    boards = []
    for region in regions:
        lines = []
        for dealer in by_region[region.unit_path]:
            duty = duties.get((Duty.CUSTOMER_FILE, dealer.id))
            state, file = where.get(dealer.id, (DealerState.NOT_BEGUN, None))
            obliged = duty.waived_at is None if duty else dealer.joined_at < calendar.dealer_due_at
            obliged = obliged and dealer.status == "active"
            if file is None and not obliged:
                continue
            customers, people, excluded = _numbers(state, file, counted.get(dealer.id))
            lines.append(
                DealerLine(
                    unit=dealer,
                    state=state,
                    file=file,
                    customers=customers,
                    people=people,
                    excluded=excluded,
                    due_at=duty.due_at if duty else calendar.dealer_due_at,
                    obliged=obliged,
                    reminded_at=reminded.get(dealer.id),
                )
            )
        own = duties.get((Duty.CONSOLIDATION, region.id))
        due_at = own.due_at if own else calendar.region_due_at
        boards.append(RegionBoard(region, month, due_at, lines, done.get(region.id, [])))
    return boards


def _parent(path: str) -> str:
    return path[: path.rstrip(".").rindex(".") + 1]


def _numbers(
    state: DealerState, file: CustomerFile | None, counted: tuple[int, int, int] | None
) -> tuple[int, int, int]:
    """Customers, people, rows left out: of all consolidated versions together, of the filed one, or of the draft."""
    if file is None:
        return 0, 0, 0
    if file.state == "consolidated" and counted is not None:
        return counted
    if file.customers is not None and state not in MISSING:
        return file.customers, file.people or 0, file.left_out or 0
    return file.good, 0, file.excluded


def _consolidated(path: str, month: date) -> dict[int, tuple[int, int, int]]:
    """By dealer, over all consolidations of the month: customers, people, rows left out."""
    rows = db.session.execute(
        select(
            ConsolidationFile.dealer_id,
            func.sum(ConsolidationFile.customers),
            func.sum(ConsolidationFile.people),
            func.sum(ConsolidationFile.excluded),
        )
        .where(ConsolidationFile.month == month, *_under(ConsolidationFile.unit_path, path))
        .group_by(ConsolidationFile.dealer_id)
    )
    return {
        dealer: (int(customers), int(people), int(excluded)) for dealer, customers, people, excluded in rows
    }


def _reminded(path: str, month: date) -> dict[int, datetime]:
    rows = db.session.execute(
        select(Reminder.unit_id, func.max(Reminder.reminded_at))
        .where(Reminder.month == month, *_under(Reminder.unit_path, path))
        .group_by(Reminder.unit_id)
    )
    return {unit: at for unit, at in rows}  # noqa: C416 - Row is no plain tuple to mypy


def _consolidations(path: str, month: date) -> dict[int, list[Consolidation]]:
    found: dict[int, list[Consolidation]] = defaultdict(list)
    rows = db.session.scalars(
        select(Consolidation)
        .where(Consolidation.month == month, *_under(Consolidation.unit_path, path))
        .order_by(Consolidation.region_id, Consolidation.number)
    )
    for each in rows:
        found[each.region_id].append(each)
    return found


def _under(column: InstrumentedAttribute[str], path: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return column >= path, column < f"{path[:-1]}/"


def get_consolidation_by_receipt(number: str) -> Consolidation | None:
    return db.session.scalar(select(Consolidation).where(Consolidation.receipt_number == number))


def summary_files(region: Unit, month: date) -> dict[int, str]:
    """The files that make up a region's summary → their dealer's name: what was consolidated, else what is filed."""
    done = db.session.execute(
        select(ConsolidationFile.file_id, Unit.name)
        .join(Consolidation, Consolidation.id == ConsolidationFile.consolidation_id)
        .join(Unit, Unit.id == ConsolidationFile.dealer_id)
        .where(Consolidation.region_id == region.id, Consolidation.month == month)
    )
    found = {file_id: name for file_id, name in done}  # noqa: C416 - Row is no plain tuple to mypy
    if found:
        return found
    filed = {
        file.id: file
        for _, file in standings(region.unit_path, month, "dealer").values()
        if file.state in FILED
    }
    units = network.units_by_id(file.unit_id for file in filed.values())
    names = {file.id: units[file.unit_id].name for file in filed.values()}
    parts = db.session.execute(
        select(FilePart.part_id, FilePart.file_id).where(FilePart.file_id.in_(list(filed)))
    )
    return names | {part: names[whole] for part, whole in parts}


def owing_text(board: RegionBoard, now: datetime, zone: ZoneInfo) -> str:
    """ "Who still owes" as lines to paste into a group chat, in the reader's language.

    The head names the limit that most of them have; whoever has another one has it in the line. A returned file is
    owed apart from the month: its line says only that it was returned.
    """
    month, missing = months.words(board.month, language()), board.missing
    if not missing:
        return str(gettext("Customer files of %(month)s: everybody has filed.", month=month))
    due = Counter(line.due_at for line in missing).most_common(1)[0][0]
    head = ngettext(
        "Customer files of %(month)s: %(num)d dealer still owes its file, due %(due)s",
        "Customer files of %(month)s: %(num)d dealers still owe their files, due %(due)s",
        len(missing),
        month=month,
        due=clocks.deadline_words(due, zone, language(), now=now),
    )
    lines = []
    for line in missing:
        state = DEALER_WORDS[line.state]
        if line.due_at != due and line.state is not DealerState.RETURNED:
            until = clocks.deadline_words(line.due_at, zone, language(), now=now)
            state = gettext("%(state)s, due %(due)s", state=state, due=until)
        lines.append(
            gettext(
                "%(dealer)s (%(code)s): %(state)s", dealer=line.unit.name, code=line.unit.code, state=state
            )
        )
    return "\n".join([str(head), *map(str, lines)])
