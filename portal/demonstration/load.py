"""Loading the demonstration: the same services that people use, in the time in which they would have used them."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from functools import partial
from itertools import count
from typing import Any

from sqlalchemy import select

from portal import accounts, clocks, customer_files, network, rulebook
from portal.access import Actor, Role, act_as
from portal.accounts import Person, PersonLine
from portal.core import clock
from portal.core.db import db, finish, look_as
from portal.core.errors import NotFound
from portal.core.month import after
from portal.core.scope import Scope
from portal.demonstration import cast, desk, earlier
from portal.demonstration.cast import Doing
from portal.demonstration.court import Court
from portal.demonstration.invention import MODELS, ZONE, Inventor, spreadsheet
from portal.network import UnitLine

LOAD = 7_201_004  # advisory lock
RUNNING_MONTH = date(2026, 10, 1)
JOINED = datetime(2026, 7, 20, 9, 0, tzinfo=ZONE)
HISTORY = [date(2026, 7, 1), date(2026, 8, 1), date(2026, 9, 1)]
CALLED_FROM = HISTORY[1]
"""The brand calls its customers back from the files of this month on; until then it has the book without."""


def load(now: datetime) -> str:
    """Make the demonstration networks where they are not yet; says what was done.

    All of it in one transaction: who is killed in the middle leaves nothing, and the next load begins anew. Two at
    once wait for each other.
    """
    db.session.execute(db.text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOAD})
    try:
        network.network_by_code(cast.FLOORING)
        return "The demonstration is already there."
    except NotFound:
        pass
    flooring = Play(cast.FLOORING, cast.UNITS, cast.PEOPLE, _flooring_book())
    court = Court(flooring.people, flooring.actors, flooring.units)
    court.margins()
    flooring.history()
    court.history()
    flooring.running()
    court.running()
    machines = Play(cast.MACHINES, cast.MACHINE_UNITS, cast.MACHINE_PEOPLE, "machinery")
    machines.machines()
    finish(good=True)
    return "The demonstration networks QY (flooring) and ZL (machinery) are there; accounts stand on the sign-in page."


def _flooring_book() -> dict[str, Any]:
    """The flooring rulebook with this brand's lists of products and regions (warnings, not strict)."""
    book = rulebook.shipped("flooring")
    for column in book["customer_file"]["columns"]:
        if column["name"] == "product_model":
            column["allowed"] = list(MODELS)
        if column["name"] == "purchase_region":
            column["allowed"] = sorted({region for _, region in cast.PLACES.values()})
    return book


class Play:
    """One network and everybody who acts in it."""

    def __init__(self, code: str, units: str, people: str, book: str | dict[str, Any]) -> None:
        brand = cast.BRANDS[code]
        with clock.standing_at(JOINED):
            self.network = network.create_network(
                code, brand["zh"], time_zone="Asia/Shanghai", name_en=brand["en"], now=clock.now()
            )
            admin = self._commander()
            first = (
                {k: v for k, v in book.items() if k != "return_visits"} if isinstance(book, dict) else book
            )
            rulebook.install(admin, self.network.id, self.network.root_path, first, date(2026, 1, 1))
            if first is not book:
                rulebook.install(admin, self.network.id, self.network.root_path, book, CALLED_FROM)
            lines = [UnitLine(row, *line.split()) for row, line in enumerate(units.strip().splitlines(), 1)]
            network.import_units(admin, self.network.root_path, lines, clock.now())
            self.units = {unit.code: unit for unit in network.units_below(self.network.root_path)}
            accounts.import_people(admin, self.network.root_path, self._people(people), clock.now())
            self._passwords()
            db.session.flush()
        self.people: dict[Role, list[Actor]] = defaultdict(list)
        self.actors = self._actors()

    def _commander(self) -> Actor:
        look_as(Scope.below(self.network.id, self.network.root_path))
        unit = network.unit_by_code("HQ")
        assert unit is not None
        actor = Actor.commanding(self.network, unit, "demonstration")
        act_as(actor)
        return actor

    def _people(self, people: str) -> list[PersonLine]:
        named = [line.split() for line in people.strip().splitlines()]
        lines = [
            PersonLine(
                row, mail, name, unit, role, f"1390001{row:04d}" if mail.endswith(".example") and row else ""
            )
            for row, (mail, name, unit, role) in enumerate(
                named, 1 if self.network.code == cast.FLOORING else 101
            )
        ]
        lines = [_without_phone(line) if line.who == "agent@qingyu.example" else line for line in lines]
        staffed = {line.unit for line in lines}
        inventor = Inventor(f"people/{self.network.code}")
        numbers = count(1 if self.network.code == cast.FLOORING else 501)
        for code, unit in sorted(self.units.items()):
            if unit.kind in ("dealer", "store") and code not in staffed:
                role = Role.DEALER_PRINCIPAL if unit.kind == "dealer" else Role.STORE_CLERK
                phone = f"1380002{next(numbers):04d}"
                lines.append(PersonLine(len(lines) + 200, "", inventor.person(), code, role, phone))
        return lines

    def _passwords(self) -> None:
        mails = [
            line.split()[0]
            for text in (cast.PEOPLE, cast.MACHINE_PEOPLE)
            for line in text.strip().splitlines()
        ]
        made: str | None = None
        for person in db.session.scalars(select(Person).where(Person.email.in_(mails))):
            if person.password_hash:
                continue
            if made is None:  # one hash for all: they share the password that the sign-in page shows
                accounts.set_password(person, cast.PASSWORD)
                made = person.password_hash
            person.password_hash = made
        db.session.flush()

    def _actors(self) -> dict[str, Actor]:
        """Somebody who files or consolidates for each unit, by the unit's code."""
        found: dict[str, Actor] = {}
        look_as(Scope.below(self.network.id, self.network.root_path))
        rows = [(each.person_id, each.id) for each, _, _ in accounts.memberships_in(self.network.id)]
        for person_id, membership_id in rows:
            actor = accounts.actor_of_membership(person_id, membership_id)
            assert actor is not None
            self.people[actor.role].append(actor)
            if actor.unit_kind != "headquarters" or actor.role is Role.HQ_SUPERVISOR:
                found[actor.unit_code] = actor
        return found

    @contextmanager
    def at(self, moment: str | datetime, unit: str) -> Iterator[Actor]:
        """Act as whoever works at this unit, at this local time"""
        when = datetime.fromisoformat(moment).replace(tzinfo=ZONE) if isinstance(moment, str) else moment
        actor = self.actors[unit]
        with clock.standing_at(when):
            act_as(actor)
            look_as(actor.scope)
            yield actor
            db.session.flush()

    def sweep(self, moment: datetime) -> None:
        with clock.standing_at(moment):
            act_as(None)
            clocks.sweep(self.network, clock.now())
            db.session.flush()

    # ------------------------------------------------------------ what people do

    def rows(self, code: str, month: date, number: int) -> list[dict[str, object]]:
        region = code.split("-")[0]
        place, area = cast.PLACES.get(region, ("广东省广州市天河区", "广东"))
        inventor = Inventor(f"{code}/{month}")
        rows = list(inventor.purchases(number, month, cast.TOWNS.get(code[:7], place), area, code))
        for column, value, places in cast.ODD.get(code, ()) if month == RUNNING_MONTH else ():
            for shared in places:
                rows[shared][column] = value
        return rows

    def file(
        self, code: str, month: date, number: int, moment: datetime | str, *, submit: bool = True
    ) -> int:
        """This unit files so many customers (0: a nil return)."""
        with self.at(moment, code) as actor:
            if number == 0:
                reason = "本月门店装修，没有成交客户"
                got = customer_files.receive_nil(actor, month=month, reason=reason, received_at=clock.now())
            else:
                rows = self.rows(code, month, number)
                got = customer_files.receive_rows(actor, month=month, customers=rows, received_at=clock.now())
            file_id = int(got.file.id)
            if submit:
                customer_files.submit(
                    actor, file_id, requested_at=clock.now(), missing=self.absent_stores(actor, month)
                )
            return file_id

    def absent_stores(self, actor: Actor, month: date) -> dict[str, str]:
        if actor.unit_kind != "dealer":
            return {}
        filed = {duty.unit_id for duty in clocks.month_duties(month, clocks.Kind.PART_FILE) if duty.closed_at}
        stores = network.units_below(actor.unit_path, kind="store", active=True)
        return {store.code: "该店本月无成交" for store in stores if store.id not in filed}

    def check(self, code: str, file_id: int, moment: datetime | str) -> None:
        with self.at(moment, code.split("-")[0]) as actor:
            customer_files.check_in_order(actor, file_id, "")

    def consolidate(self, region: str, month: date, moment: datetime | str, missing: dict[str, str]) -> None:
        with self.at(moment, region) as actor:
            customer_files.consolidate(
                actor, month, self.units[region], requested_at=clock.now(), missing=missing
            )

    def of_kind(self, kind: str, below: str = "") -> list[str]:
        return [
            code for code, unit in sorted(self.units.items()) if unit.kind == kind and code.startswith(below)
        ]

    def history(self) -> None:
        """Three months, filed, consolidated and received; a few files were late."""
        for month in HISTORY:
            opening = datetime(after(month).year, after(month).month, 1, 0, 5, tzinfo=ZONE)
            self.sweep(opening)
            for code in [*self.of_kind("store"), *self.of_kind("dealer")]:
                chance = Inventor(f"habit/{code}/{month}").chance
                late = (code, month.month) in cast.LATE_BEFORE
                moment = opening + (
                    timedelta(days=6, hours=chance.randrange(9, 18))
                    if late
                    else timedelta(
                        days=chance.randrange(1, 4),
                        hours=chance.randrange(9, 21),
                        minutes=chance.randrange(60),
                    )
                )
                usual = cast.USUAL_OF_A_STORE if self.units[code].kind == "store" else cast.usual(code)
                self.file(code, month, round(usual * chance.uniform(0.85, 1.15)), moment)
            self.sweep(opening + timedelta(days=5, minutes=1))
            for region in self.of_kind("region"):
                self.consolidate(region, month, opening + timedelta(days=7, hours=10), {})
            self.sweep(opening + timedelta(days=8, minutes=1))
            if month >= CALLED_FROM:
                earlier.calls(self, month, done=month != HISTORY[-1])

    def running(self) -> None:
        """October 2026 as it stands on the sixth of November, half past nine."""
        month = RUNNING_MONTH
        self.sweep(datetime(2026, 11, 1, 0, 5, tzinfo=ZONE))
        self.file("ZJ-0107-A", month, 14, "2026-11-03 15:00")
        self.file("ZJ-0110-A", month, 9, "2026-11-04 18:20")
        self.file("JS-0201-A", month, 11, "2026-11-03 11:45")
        acts: list[tuple[str, str, Callable[[], None]]] = [
            (
                doing.at or "2026-11-06 09:00",
                code,
                partial(getattr(self, f"do_{doing.act}"), code, month, doing),
            )
            for code, doing in cast.RUNNING.items()
            if doing.act != "nothing"
        ]
        acts += [
            (moment, region, partial(self.consolidate, region, month, moment, missing))
            for region, (moment, missing) in cast.CONSOLIDATED.items()
        ]
        acts += [(moment, "", partial(self.sweep, _later(moment))) for moment in cast.SWEEPS]
        for _moment, _who, act in sorted(acts, key=lambda each: each[:2]):
            act()
        desk.calls(self)
        with self.at("2026-11-06 09:10", "ZJ") as actor:
            customer_files.remind(
                actor, month, self.units["ZJ"], ["ZJ-0102"], "请今天上午补交，10 点后我给您电话。"
            )
        self.pause("ZJ-0104", month)

    def pause(self, code: str, month: date) -> None:
        """What was returned to this dealer waits for papers that headquarters holds."""
        with self.at("2026-11-06 09:12", "HQ") as actor:
            owed = clocks.duties_of(self.units[code].id, month)
            duty = next(each for each in owed if each.kind is clocks.Kind.RETURNED_FILE)
            clocks.pause(actor, duty.id, "经销商的安装单在总部核对，核完再计时")

    def do_checked(self, code: str, month: date, doing: Doing) -> None:
        self.do_submitted(code, month, doing)

    def do_nil_checked(self, code: str, month: date, doing: Doing) -> None:
        file_id = self.file(code, month, 0, doing.at)
        self.check(code, file_id, _later(doing.at, hours=5))

    def do_submitted(self, code: str, month: date, doing: Doing) -> None:
        file_id = self.file(code, month, doing.rows, doing.at)
        if doing.act == "checked":
            self.check(code, file_id, _later(doing.at, hours=20))

    def do_late(self, code: str, month: date, doing: Doing) -> None:
        self.file(code, month, doing.rows, doing.at)

    def do_ready(self, code: str, month: date, doing: Doing) -> None:
        self.file(code, month, doing.rows, doing.at, submit=False)

    def do_returned(self, code: str, month: date, doing: Doing) -> None:
        file_id = self.file(code, month, doing.rows, doing.at)
        with self.at(_later(doing.at, hours=28), code.split("-")[0]) as actor:
            rows = [customer_files.RowReason(row, "地址只写到小区，请补全楼栋和室号") for row in (3, 8, 21)]
            customer_files.return_file(actor, file_id, "有 3 户地址不全，请补全后重新提交。", rows)

    def do_withdrawn(self, code: str, month: date, doing: Doing) -> None:
        file_id = self.file(code, month, doing.rows, doing.at)
        with self.at(_later(doing.at, hours=4), code) as actor:
            customer_files.withdraw(actor, file_id, "漏了一家工地的客户，补齐后重新提交")

    def do_errors(self, code: str, month: date, doing: Doing) -> None:
        """A spreadsheet with the faults that files have: one cell each, and one wrong model in three rows."""
        with self.at(doing.at, code) as actor:
            rows = self.rows(code, month, doing.rows)
            rows[5]["phone"] = "1390000204"
            rows[9]["purchase_date"] = "2026-10-32"
            rows[12]["quantity"] = "两件"
            rows[15]["customer_name"] = ""
            for place in (17, 18, 21):
                rows[place]["product_model"] = "QY-8026"
            rows[20]["address"] = rows[20]["address"][:6] if isinstance(rows[20]["address"], str) else ""
            customer_files.receive_sheet(
                actor,
                month=month,
                name=f"客户档案_{month:%Y-%m}.xlsx",
                content=spreadsheet(rows),
                received_at=clock.now(),
            )

    def do_checking_again(self, code: str, month: date, doing: Doing) -> None:
        """Filed, and then a newer version that is not submitted yet."""
        self.file(code, month, doing.rows, doing.at)
        self.file(code, month, doing.rows + 2, _later(doing.at, minutes=30), submit=False)

    def do_nothing_extended(self, code: str, month: date, doing: Doing) -> None:
        """Headquarters has given this dealer until the seventh."""
        with self.at("2026-11-05 16:00", "HQ") as actor:
            duty = clocks.filing_duty(self.units[code].id, month)
            assert duty is not None
            until = datetime(2026, 11, 8, 0, 0, tzinfo=ZONE)
            clocks.extend(actor, duty.id, until, "台风停电两天，总部同意延期")

    def machines(self) -> None:
        """The second brand: another rulebook, other columns, another window."""
        month = RUNNING_MONTH
        self.sweep(datetime(2026, 11, 1, 0, 5, tzinfo=ZONE))
        for code, number, moment in (("NF-01", 7, "2026-11-03 10:00"), ("BF-01", 4, "2026-11-04 14:30")):
            with self.at(moment, code) as actor:
                rows = self.rows(code, month, number)
                for place, row in enumerate(rows, 1):
                    row.pop("area")
                    row |= {
                        "product_model": "ZL-50 装载机",
                        "quantity": 1,
                        "serial_no": f"ZL50{code[:2]}{place:05d}",
                    }
                got = customer_files.receive_rows(actor, month=month, customers=rows, received_at=clock.now())
                customer_files.submit(actor, int(got.file.id), requested_at=clock.now())
        self.sweep(datetime(2026, 11, 6, 0, 1, tzinfo=ZONE))


def _later(moment: str, **span: float) -> datetime:
    return datetime.fromisoformat(moment).replace(tzinfo=ZONE) + timedelta(**span)


def _without_phone(line: PersonLine) -> PersonLine:
    return PersonLine(line.row, line.email, line.name, line.unit, line.role, "")
