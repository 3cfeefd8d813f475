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

        self.commissions("08", "09-10 10:00", paid="09-15 10:00")
        self.commissions("09", "10-10 10:00")
        self.top_up()
        self.exposed()
        served = self.case_of("ZJ-0115", "2026-10")
        self.approved(served, "10-26 10:00", "10-30 10:00", "11-02 09:00")
        self.autumn()

    def commissions(self, month: str, stated: str, paid: str = "") -> None:
        """The month's statement of the managers' commissions; the first one is paid out."""
        due = {"zhejiang": 18600, "jiangsu": 15200, "shanghai": 12900, "anhui": 9800, "channel": 22000}
        lines = [f"{who}@qingyu.example,{amount}.00" for who, amount in due.items()]
        content = "\n".join(["person,amount", *lines]).encode()
        with self.acting(self.headquarters(Role.FINANCE), stated) as finance:
            ledger.import_commissions(
                finance, date(2026, int(month), 1), content, f"commission-2026-{month}.csv"
            )
        if not paid:
            return
        with self.acting(self.headquarters(Role.FINANCE), paid) as finance:
            for number, manager in enumerate(self.managers(), 1):
                owner = ledger.person_owner(finance.network_id, manager.person_id or 0)
                assert owner is not None
                balance = ledger.balances(owner)[0].balance
                ledger.pay(finance, owner, balance, f"PAY-20260915-{number:02d}")

    def managers(self) -> list[Actor]:
        return [*self.people[Role.REGIONAL_MANAGER], *self.people[Role.CHANNEL_MANAGER]]

    def manager(self, unit: str) -> Actor:
        return next(each for each in self.managers() if each.unit_code == unit)

    def proposed(
        self, moment: str, rule: str, unit: str, facts: str, measures: list[Measure] | None = None
    ) -> int:
        with self.acting(self.headquarters(Role.SANCTION_OFFICER), moment) as officer:
            case = sanctions.propose(officer, Proposal(rule=rule, unit=unit, facts=facts, measures=measures))
            return case.id

    def decided(self, case_id: int, approved: str, served: str, note: str, which: int = 0) -> None:
        with self.acting(self.headquarters(Role.SANCTION_APPROVER, which), approved) as approver:
            sanctions.approve(approver, case_id, note)
        with self.acting(self.headquarters(Role.SANCTION_OFFICER), served) as officer:
            sanctions.serve(officer, case_id)

    def appealed(self, case_id: int, who: Actor, moment: str, grounds: str) -> None:
        with self.acting(who, moment) as party:
            sanctions.acknowledge(party, case_id)
            sanctions.appeal(party, case_id, grounds)

    def linked(self, case_id: int) -> int:
        """The case of the channel manager beside it."""
        officer = self.headquarters(Role.SANCTION_OFFICER)
        act_as(officer)
        look_as(officer.scope)
        (other,) = sanctions.view(officer, sanctions.get_case(officer, case_id)).linked
        return other

    def exposed(self) -> None:
        """R038: a television report costs a regional manager the month's commission, which waits for its statement;
        the channel manager's responsibility is recorded. Another manager's case falls on appeal."""
        anhui = self.proposed(
            "10-12 11:00", "R038", "AH", "10月9日本地电视台报道芜湖客户地板起拱、无人上门。"
        )
        above = self.linked(anhui)
        with self.acting(self.headquarters(Role.SANCTION_OFFICER), "10-13 09:30") as officer:
            sanctions.adopt(officer, above, note="与区域经理案一并提出")
        with self.acting(self.manager("AH"), "10-14 16:20") as party:
            sanctions.state_side(party, anhui, "已于 10月10日带队上门，客户已签字确认整改。")
        self.decided(anhui, "10-16 11:00", "10-16 14:10", "曝光属实，整改及时，按规则处理。", 1)
        self.decided(above, "10-17 09:30", "10-17 10:00", "承担管理责任。", 1)
        for case_id, who in ((anhui, self.manager("AH")), (above, self.manager("HD"))):
            with self.acting(who, "10-18 09:00") as party:
                sanctions.acknowledge(party, case_id)
        with self.acting(self.headquarters(Role.SANCTION_OFFICER), "10-27 10:20") as officer:
            sanctions.execute(officer, above)
        with self.acting(self.headquarters(Role.FINANCE), "10-27 10:30") as finance:
            sanctions.execute(finance, anhui)
        shanghai = self.proposed(
            "10-22 10:00", "R038", "SH", "网络平台出现“松江门店拒绝售后”的视频，转发较多。"
        )
        hanging = self.linked(shanghai)
        with self.acting(self.headquarters(Role.SANCTION_OFFICER), "10-22 10:30") as officer:
            sanctions.adopt(officer, hanging)
        self.decided(shanghai, "10-26 10:00", "10-26 11:00", "视频属实。", 0)
        self.decided(hanging, "10-26 10:10", "10-26 11:10", "承担管理责任。", 0)
        self.appealed(
            shanghai, self.manager("SH"), "10-29 15:00", "视频所指并非我公司门店，有市场监管所答复。"
        )
        with self.acting(self.headquarters(Role.SANCTION_APPROVER, 2), "11-03 10:00") as hearer:
            sanctions.decide(hearer, shanghai, Decision.REVOKED, "核实为同名门店，撤销原决定。")

    def autumn(self) -> None:
        """One case in each state that is left: to be served, appealed, upheld, varied, withdrawn; and a circular."""
        part = [Measure(kind=MeasureKind.MARGIN_FORFEITED, amount=300_000)]
        criticised = [Measure(kind=MeasureKind.CIRCULAR), Measure(kind=MeasureKind.FINE, amount=100_000)]
        late = "客户 {} 投诉后 {} 天未上门，客服三次催办无果。"
        circular = self.proposed("10-13 09:00", "R033", "SH-0302", late.format("9月21日", 15), criticised)
        upheld = self.proposed("10-14 10:00", "R033", "AH-0404", late.format("9月25日", 12), part)
        varied = self.proposed("10-15 10:00", "R033", "JS-0205", late.format("9月28日", 11), part)
        self.decided(circular, "10-17 10:00", "10-17 11:00", "事实清楚。", 2)
        self.decided(upheld, "10-19 10:00", "10-19 11:00", "事实清楚，按规则处理。", 0)
        self.decided(varied, "10-20 10:00", "10-20 11:00", "事实清楚，按规则处理。", 0)
        self.appealed(upheld, self.dealers["AH-0404"], "10-22 09:00", "客户电话一直无人接听，有通话记录。")
        self.appealed(varied, self.dealers["JS-0205"], "10-23 14:00", "师傅受伤住院，已换人上门，请从轻。")
        with self.acting(self.headquarters(Role.FINANCE), "10-28 09:00") as finance:
            sanctions.execute(finance, circular)
        withdrawn = self.proposed("10-29 10:00", "R033", "JS-0203", late.format("10月12日", 8), part)
        appealed = self.proposed("10-29 11:00", "R033", "ZJ-0107", late.format("10月14日", 9), part)
        with self.acting(self.headquarters(Role.SANCTION_OFFICER), "10-30 15:00") as officer:
            sanctions.withdraw(officer, withdrawn, "客户来电更正：10月15日已上门处理。")
        with self.acting(self.dealers["ZJ-0107"], "10-30 17:40") as party:
            sanctions.state_side(party, appealed, "10月20日已上门，客户当时不在家，约到 10月24日。")
        self.decided(appealed, "11-02 10:00", "11-02 11:00", "首次上门已超时限，部分没收。", 0)
        with self.acting(self.headquarters(Role.SANCTION_APPROVER, 1), "11-03 11:00") as hearer:
            sanctions.decide(hearer, upheld, Decision.UPHELD, "通话记录仅一次，未按规定次数联系，维持。")
        milder = [Measure(kind=MeasureKind.MARGIN_FORFEITED, amount=100_000)]
        with self.acting(self.headquarters(Role.SANCTION_APPROVER, 1), "11-04 10:00") as hearer:
            sanctions.decide(hearer, varied, Decision.VARIED, "伤情属实，已换人上门，从轻。", milder)
        self.appealed(appealed, self.dealers["ZJ-0107"], "11-04 16:30", "附客户签字的预约单，请复核时限。")
        to_serve = self.proposed(
            "11-01 10:00", "R033", "JS-0204", late.format("10月18日", 10), [Measure(kind=MeasureKind.WARNING)]
        )
        with self.acting(self.headquarters(Role.SANCTION_APPROVER, 2), "11-05 16:00") as approver:
            sanctions.approve(approver, to_serve, "初次，予以警告。")

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
