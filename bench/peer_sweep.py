"""The peer of the sweep: an ORM loop, one clock after the other, with a flush for each.

It writes the very rows that the sweep writes (sweep.py counts them): the clock is marked, its breach taken and its
case drafted, its holders are told, the nearest superior who acts gets a clock and is told, each with its event. It is
written as one would write it well: what is the same for all (the rulebook, who answers, the year's last number) is read
once before the loop, and the officers are told once after it.
"""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from portal import rulebook
from portal.access import Role
from portal.accounts import Membership, Person
from portal.clocks import Obligation
from portal.clocks.models import ClockStep
from portal.clocks.rules import Kind, breach_of
from portal.clocks.service.escalating import HOLDERS
from portal.clocks.service.telling import ESCALATED, OVERDUE, in_both, name_of
from portal.core.db import db
from portal.core.events import Event
from portal.network import Network, Unit
from portal.notices.models import Notice
from portal.sanctions.models import Breach, Case, SanctionNumber, Step
from portal.sanctions.rules import STANDS, planned

YEAR = timedelta(days=365)


class Loop:
    """One sweep of one network; all clocks have the same rulebook here."""

    def __init__(self, network: Network, now: datetime, version: int) -> None:
        self.network, self.now, self.version = network, now, version
        self.zone = ZoneInfo(network.time_zone)
        self.book = rulebook.at_version(network.id, version)
        self.headquarters = int(network.root_path.rstrip("."))
        escalation, breach = (
            self.book.calendar.escalation,
            self.book.breach(breach_of(self.book, Kind.CUSTOMER_FILE) or ""),
        )
        assert escalation is not None
        assert breach is not None
        (self.answerable,) = breach.answerable
        self.escalation, self.breach = escalation, breach

    def run(self) -> int:
        late = db.session.scalars(
            db.select(Obligation)
            .where(Obligation.next_at <= self.now)
            .order_by(Obligation.next_at)
            .with_for_update()
        ).all()
        year = self.now.astimezone(self.zone).year
        number = db.session.get(SanctionNumber, (self.network.id, year), with_for_update=True)
        self.number = number or SanctionNumber(**self.keys(self.network.root_path), year=year, last=0)
        db.session.add(self.number)
        for each in late:
            self.one(each)
            db.session.flush()
        self.tell(
            self.headquarters,
            [Role.SANCTION_OFFICER],
            "sanction_case:drafted",
            "%(count)s",
            {"count": len(late)},
            "/sanctions",
        )
        db.session.flush()
        return len(late)

    def one(self, owed: Obligation) -> None:
        owed.breached_at, owed.next_at = self.now, None
        what = {
            "kind": owed.kind,
            "subject": owed.subject,
            "rule": owed.rule,
            "version": owed.rulebook_version,
        }
        self.record(
            owed.unit_path, "obligation:breached", "obligation", owed.id, {"due_at": str(owed.due_at)}, what
        )
        self.draft(owed)
        step = {"obligation_id": owed.id, "due_at": owed.due_at, "step": "overdue", "at": self.now}
        db.session.add(ClockStep(**self.keys(owed.unit_path), **step))
        unit = db.session.get_one(Unit, owed.unit_id)
        words = {"duty": name_of(owed.kind, owed.month), "due": in_both(owed.due_at, self.zone)}
        self.tell(unit.id, HOLDERS[unit.kind], "obligation:overdue", OVERDUE, words, f"/files/{owed.subject}")
        self.escalate(owed, unit, words)

    def draft(self, owed: Obligation) -> None:
        keys = self.keys(self.network.root_path)
        about = {"about_unit_id": owed.unit_id, "about_path": owed.unit_path}
        ruled = {
            "rule": self.breach.key,
            "rulebook_version": owed.rulebook_version,
            "occurred_at": owed.due_at,
        }
        facts: list[dict[str, Any]] = [
            {"code": "subject", "text": owed.subject},
            {"code": "due", "at": owed.due_at.isoformat()},
            {"code": "found", "at": self.now.isoformat()},
        ]
        breach = Breach(
            **keys, **about, **ruled, requirement=self.breach.source, source=f"obligation:{owed.id}", reported_at=self.now, facts=facts
        )  # fmt: skip
        db.session.add(breach)
        db.session.flush()
        party, ladder = f"u{owed.unit_id}", self.breach.group or self.breach.key
        before = db.session.scalars(
            db.select(Case).where(
                Case.party == party, Case.approved_at >= owed.due_at - YEAR, Case.state.in_(STANDS), Case.decision.is_distinct_from("revoked")
            ).order_by(Case.approved_at)
        ).all()  # fmt: skip
        step = 1 + sum(each.ladder == ladder for each in before)
        ladders = self.answerable.ladder or (self.answerable.measures,)
        measures = [
            each.model_dump(mode="json")
            for each in planned(ladders[min(step, len(ladders)) - 1], owed.subject)
        ]
        history = [
            {"id": each.id, "number": each.number, "rule": each.rule, "requirement": each.requirement,
             "at": each.approved_at.isoformat() if each.approved_at else "", "state": each.state, "measures": each.measures}
            for each in before
        ]  # fmt: skip
        self.number.last += 1
        case = Case(
            **keys, **about, **ruled, party=party, who=self.answerable.who.value,
            number=f"CF-{self.number.year}-{self.number.last:04d}", breach_id=breach.id,
            requirement=self.answerable.source, ladder=ladder, state="draft", step=step, measures=measures, history=history,
            drafted_at=self.now, step_due_at=self.now + self.book.sanctions.procedure.approval,
        )  # fmt: skip
        db.session.add(case)
        db.session.flush()
        first = {
            "at": self.now,
            "move": "draft",
            "state": "draft",
            "doer": "clock",
            "note": "",
            "measures": measures,
        }
        db.session.add(Step(**keys, case_id=case.id, **first))
        drafted = {"number": case.number, "rule": case.rule}
        self.record(self.network.root_path, "sanction_case:drafted", "sanction_case", case.id, {}, drafted)

    def escalate(self, owed: Obligation, unit: Unit, words: dict[str, Any]) -> None:
        """A clock for the nearest superior at which somebody acts, and that one is told."""
        until = self.now + self.escalation.levels[0]
        words = {**words, "unit": unit.name, "until": in_both(until, self.zone)}
        link = f"/clock/{owed.id}"
        above = unit
        while above.parent_id is not None:
            above = db.session.get_one(Unit, above.parent_id)
            if self.tell(above.id, HOLDERS[above.kind], "obligation:escalated", ESCALATED, words, link):
                break
        level = Obligation(
            **self.keys(above.unit_path), unit_id=above.id, kind=Kind.ESCALATION, rule="calendar.escalation",
            rulebook_version=owed.rulebook_version, source=self.escalation.source,
            subject=f"{owed.id}:{int(owed.due_at.timestamp())}", opened_at=self.now, due_at=until, first_due_at=until,
            planned_at=self.now, next_at=self.now, origin_id=owed.id, level=1,
        )  # fmt: skip
        db.session.add(level)
        db.session.flush()
        opened = {"origin": owed.id, "level": 1, "due_at": str(until)}
        self.record(above.unit_path, "obligation:escalated", "obligation", level.id, {}, opened)

    def tell(
        self, unit_id: int, roles: Any, kind: str, subject: str, params: dict[str, Any], link: str
    ) -> int:
        """A notice for each one who works there in these roles."""
        holders = db.session.scalars(
            db.select(Membership).join(Person, Person.id == Membership.person_id).where(
                Membership.network_id == self.network.id, Membership.unit_id == unit_id, Membership.status == "active",
                Membership.role.in_(roles), Person.status == "active",
            )
        ).all()  # fmt: skip
        for each in holders:
            said = {
                "sender": "clock",
                "kind": kind,
                "subject": subject,
                "params": params,
                "note": "",
                "link": link,
            }
            db.session.add(Notice(**self.keys(each.unit_path), membership_id=each.id, at=self.now, **said))
        return len(holders)

    def record(
        self, path: str, action: str, kind: str, key: int, before: dict[str, Any], after: dict[str, Any]
    ) -> None:
        did = {"doer": "clock", "via": "job", "action": action, "kind": kind, "object_id": str(key)}
        db.session.add(Event(**self.keys(path), at=self.now, before=before, after=after, **did))

    def keys(self, path: str) -> dict[str, Any]:
        return {"network_id": self.network.id, "unit_path": path}
