"""What followed from late files: margins paid in, cases in every state, one appeal won, one top-up running."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from zoneinfo import ZoneInfo

from portal import ledger, sanctions
from portal.access import Actor, Role, act_as
from portal.core import clock
from portal.core.db import db, look_as
from portal.network import Unit
from portal.sanctions import Decision, Measure, MeasureKind, Proposal

ZONE = ZoneInfo("Asia/Shanghai")
MARGIN = 3_000_000  # fen


class Court:
    """The people at headquarters who decide, and the dealers they decide about. Moments are local, 'MM-DD HH:MM'."""

    def __init__(
        self, people: dict[Role, list[Actor]], dealers: dict[str, Actor], units: dict[str, Unit]
    ) -> None:
        self.people = people
        self.dealers = dealers
        self.units = units

    @contextmanager
    def acting(self, who: Actor, moment: str) -> Iterator[Actor]:
        when = datetime.fromisoformat(f"2026-{moment}").replace(tzinfo=ZONE)
        with clock.standing_at(when):
            act_as(who)
            look_as(who.scope)
            yield who
            db.session.flush()

    def headquarters(self, role: Role, which: int = 0) -> Actor:
        return self.people[role][which]

    def margins(self) -> None:
        """Every dealer paid its brand margin when it joined."""
        for number, code in enumerate(
            sorted(code for code, unit in self.units.items() if unit.kind == "dealer"), 1
        ):
            with self.acting(self.headquarters(Role.FINANCE), "07-21 10:00") as finance:
                ledger.deposit(finance, self.units[code], MARGIN, f"BANK-20260721-{number:03d}")

    def case_of(self, code: str, missed_in: str) -> int:
        """The dealer's case drafted for the window that it missed in this calendar month ('2026-08')."""
        officer = self.headquarters(Role.SANCTION_OFFICER)
        act_as(officer)
        look_as(officer.scope)
        found = sanctions.list_cases(officer, unit_id=self.units[code].id).items
        wanted = [each.id for each in found if f"{each.occurred_at.astimezone(ZONE):%Y-%m}" == missed_in]
        return int(wanted[0])

    def approved(self, case_id: int, adopted: str, approved: str, served: str) -> None:
        with self.acting(self.headquarters(Role.SANCTION_OFFICER), adopted) as officer:
            sanctions.adopt(officer, case_id, note="事实清楚，按规则提出")
        with self.acting(self.headquarters(Role.SANCTION_APPROVER), approved) as approver:
            sanctions.approve(approver, case_id, "同意")
        with self.acting(self.headquarters(Role.SANCTION_OFFICER), served) as officer:
            sanctions.serve(officer, case_id)

    def history(self) -> None:
        """July to September: executed and closed; revoked on appeal; rejected; served and still open to appeal."""
        executed = self.case_of("AH-0403", "2026-08")
        self.approved(executed, "08-08 10:00", "08-12 15:00", "08-12 16:00")
        with self.acting(self.dealers["AH-0403"], "08-13 09:00") as dealer:
            sanctions.acknowledge(dealer, executed)
        with self.acting(self.headquarters(Role.SANCTION_OFFICER), "08-21 09:30") as officer:
            sanctions.execute(officer, executed)

        won = self.case_of("ZJ-0102", "2026-09")
        with self.acting(self.headquarters(Role.SANCTION_OFFICER), "09-08 10:00") as officer:
            sanctions.adopt(officer, won, note="第二个月逾期前先立案")
        with self.acting(self.dealers["ZJ-0102"], "09-09 14:00") as dealer:
            sanctions.state_side(dealer, won, "9月4日至6日当地洪水停电，网络中断，有供电所证明。")
        with self.acting(self.headquarters(Role.SANCTION_APPROVER), "09-10 11:00") as approver:
            sanctions.approve(approver, won, "证明材料不足，同意")
        with self.acting(self.headquarters(Role.SANCTION_OFFICER), "09-10 15:00") as officer:
            sanctions.serve(officer, won)
        with self.acting(self.dealers["ZJ-0102"], "09-12 09:30") as dealer:
            sanctions.appeal(dealer, won, "补交供电所盖章的停电证明，请复核。")
        with self.acting(self.headquarters(Role.SANCTION_APPROVER, 1), "09-14 16:00") as approver:
            sanctions.decide(approver, won, Decision.REVOKED, "停电证明属实，撤销原决定。")

        rejected = self.case_of("JS-0206", "2026-09")
        with self.acting(self.headquarters(Role.SANCTION_OFFICER), "09-08 10:30") as officer:
            sanctions.adopt(officer, rejected)
        with self.acting(self.headquarters(Role.SANCTION_APPROVER, 1), "09-13 10:00") as approver:
            sanctions.reject(approver, rejected, "区域经理当天已书面同意延期，不予处罚。")

        served = self.case_of("ZJ-0115", "2026-10")
        self.approved(served, "10-26 10:00", "10-30 10:00", "11-02 09:00")
        self.top_up()

    def top_up(self) -> None:
        """Proposed by hand: a delayed complaint damaged the brand; part of the margin is gone and to be topped up."""
        with self.acting(self.headquarters(Role.SANCTION_OFFICER), "10-12 10:00") as officer:
            measures = [
                Measure(kind=MeasureKind.MARGIN_FORFEITED, amount=500_000),
                Measure(kind=MeasureKind.TOP_UP, amount=500_000, until=date(2026, 11, 15)),
            ]
            facts = "客户 9月18日投诉地板起拱，经销商 20 天未上门，客户在本地电视台曝光。"
            case = sanctions.propose(
                officer, Proposal(rule="R033", unit="AH-0402", facts=facts, measures=measures)
            )
            case_id = case.id
        with self.acting(self.headquarters(Role.SANCTION_APPROVER, 2), "10-16 10:00") as approver:
            sanctions.approve(approver, case_id, "同意，部分没收")
        with self.acting(self.headquarters(Role.SANCTION_OFFICER), "10-16 14:00") as officer:
            sanctions.serve(officer, case_id)
        with self.acting(self.headquarters(Role.FINANCE), "10-27 10:00") as finance:
            sanctions.execute(finance, case_id)

    def running(self) -> None:
        """The morning of the sixth of November: one of the new drafts is adopted, the others wait."""
        case_id = self.case_of("ZJ-0102", "2026-11")
        with self.acting(self.headquarters(Role.SANCTION_OFFICER), "11-06 09:05") as officer:
            sanctions.adopt(officer, case_id, note="近三个月第三次逾期")
