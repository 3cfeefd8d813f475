"""A state machine over random histories of agents, dealers and a supervisor, against a simple model on paper (R040).

Two months at two dealers; two people stand in both, and one call answers both. After each step every visit stands where
the model says, and the running counts are those of a recount.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from portal import accounts, clocks, network, return_visits
from portal.access import Actor, act_as
from portal.core import clock
from portal.core.db import db, look_as
from portal.core.errors import Conflict
from portal.network import UnitLine
from portal.return_visits import Figures, Rectification, Report, Said, State, Visit, queries, service
from portal.return_visits.rules.outcomes import CALLABLE, RectificationState
from portal.return_visits.service.counting import figures_of
from tests.conftest import NOW, Hands
from tests.customer_files.filing import row
from tests.factories import World, commander
from tests.return_visits.calling import OCTOBER, consolidated, rows, said

NOVEMBER = date(2026, 11, 1)
MONTHS = (OCTOBER, NOVEMBER)
BEGINS = "2026-12-12 10:00"
AGENTS = st.sampled_from(("agent", "agent2", "supervisor"))
REACHED = ("satisfied", "unsatisfied", "suspicious")
RESULTS = st.sampled_from(
    (*REACHED, "no_answer", "no_answer", "busy", "wrong_number", "refused", "callback", "not_installed")
)
PLACES = st.integers(0, 4)
ATTEMPTS, DAYS, GAP = 3, 2, timedelta(hours=4)
FROM_ROUND = 3  # the regional manager comments


@dataclass
class Sheet:
    """What a person with a pencil would note of one visit."""

    said: list[tuple[int, datetime, str]] = field(default_factory=list)  # round, when, what
    round: int = 0
    waived: bool = False

    def in_vain(self, number: int) -> list[datetime]:
        return [at for of, at, what in self.said if of == number and what in ("no_answer", "busy")]

    @property
    def state(self) -> State:
        if self.waived:
            return State.CLOSED
        here = [(at, what) for of, at, what in self.said if of == self.round]
        if not here:
            return State.REVISIT if self.round else State.WAITING
        what = here[-1][1]
        if what == "satisfied":
            return State.CLOSED
        if what in ("unsatisfied", "suspicious", "wrong_number"):
            return State.WITH_DEALER
        if what in ("no_answer", "busy") and enough(self.in_vain(self.round)):
            return State.WITH_DEALER
        return State.RETRY

    @property
    def counted(self) -> Figures:
        reached = [what for _, _, what in self.said if what in REACHED]
        closed = int(self.state is State.CLOSED)
        if reached:
            return Figures(people=1, visited=1, closed=closed, **{reached[-1]: 1})
        if self.said and self.said[-1][2] == "refused":
            return Figures(people=1, refused=1, closed=closed)
        unreachable = any(enough(self.in_vain(number)) for number in range(self.round + 1))
        return Figures(people=1, unreachable=int(unreachable), closed=closed)


def enough(tries: Sequence[datetime]) -> bool:
    """Three attempts four hours apart, on two days at least, in Shanghai."""
    kept: list[datetime] = []
    for at in tries:
        if not kept or at - kept[-1] >= GAP:
            kept.append(at)
    days = {(at + timedelta(hours=8)).date() for at in kept}
    return len(kept) >= ATTEMPTS and len(days) >= DAYS


def saying(what: str) -> Said:
    later = (clock.now() + timedelta(days=1)).replace(hour=3, minute=0)
    if what in REACHED:
        return said("reached", what)
    if what == "callback":
        return said("callback", callback_at=later)
    return said(what, not_before=later) if what == "not_installed" else said(what)


class Floor(RuleBasedStateMachine):
    """The room with all who act in it. `world` and `at` are those of the test."""

    world: World
    at: Hands

    @initialize()
    def begin(self) -> None:
        self.at(BEGINS)
        self.nest = db.session.begin_nested()
        self.sheets: dict[int, Sheet] = {each.id: Sheet() for each in self.listed()}
        self.last: dict[str, int] = {}  # agent -> the visit saved last

    def teardown(self) -> None:
        if hasattr(self, "nest"):
            self.nest.rollback()
            db.session.expire_all()

    def listed(self) -> list[Visit]:
        self.world.as_("supervisor")
        chosen = db.select(Visit).order_by(Visit.id)
        return list(db.session.scalars(chosen, execution_options={"populate_existing": True}))

    def an_open_one(self, place: int) -> Visit:
        """One that is not closed, else any; those that stand in two months come first."""
        seen = self.listed()
        twice = {(each.phone, each.name) for each in seen if each.month == NOVEMBER}
        seen.sort(
            key=lambda each: (each.state == State.CLOSED, (each.phone, each.name) not in twice, each.id)
        )
        left = [each for each in seen if each.state != State.CLOSED]
        return left[place % len(left)] if left else seen[0]

    def party(self, key: int) -> list[int]:
        """This visit, and those of other months that its call has answered."""
        mates = [each.id for each in self.listed() if each.joined_to == key and each.attempts]
        return [key, *mates]

    # --- what they do -------------------------------------------------------------------------------------

    @rule(hours=st.integers(1, 5))
    def wait(self, hours: int) -> None:
        self.at.forward(hours=hours)

    @rule(days=st.integers(1, 3), hour=st.integers(9, 19))
    def come_again(self, days: int, hour: int) -> None:
        day = (clock.now() + timedelta(hours=8, days=days)).date()
        self.at(f"{day} {hour:02d}:00")

    @rule(who=AGENTS, whats=st.lists(RESULTS, min_size=1, max_size=6))
    def call(self, who: str, whats: list[str]) -> None:
        for what in whats:
            self.one_call(who, what)

    @rule(whats=st.lists(RESULTS, min_size=3, max_size=9))
    def call_by_turns(self, whats: list[str]) -> None:
        for place, what in enumerate(whats):
            self.one_call(("agent", "agent2", "supervisor")[place % 3], what)

    @rule(place=PLACES)
    def nobody_answers(self, place: int) -> None:
        """Until the plan has had enough of it."""
        for hour in (9, 14, 19, 11):
            self.come_again(2, hour)
            visit = self.an_open_one(place)
            key = visit.joined_to or visit.id
            if self.refused_or(lambda key=key: service.claim(self.world.as_("supervisor"), key)):  # type: ignore[misc]
                self.save("supervisor", key, "no_answer")

    def one_call(self, who: str, what: str) -> None:
        visit = return_visits.claim_next(self.world.as_(who))
        if visit is not None:
            self.save(who, visit.id, what)

    def save(self, who: str, key: int, what: str) -> None:
        return_visits.log_attempt(self.world.as_(who), key, saying(what))
        self.last[who] = key
        paper = self.sheets[key]
        for each in self.party(key):
            # a month that is called along stands from now on as the one that it is called with
            self.sheets[each].round = paper.round
            self.sheets[each].said.append((paper.round, clock.now(), what))

    @rule(who=AGENTS, place=PLACES)
    def claim(self, who: str, place: int) -> None:
        self.refused_or(lambda: service.claim(self.world.as_(who), self.an_open_one(place).id))

    @rule(who=AGENTS)
    def skip(self, who: str) -> None:
        held = queries.held_by(self.world.as_(who).person_id or 0, clock.now())
        if held is not None:
            service.release(self.world.as_(who), held.id, "跳过")

    @rule(who=AGENTS, what=RESULTS)
    def put_right(self, who: str, what: str) -> None:
        key = self.last.get(who)
        if key is not None and self.refused_or(
            lambda: return_visits.correct(self.world.as_(who), key, saying(what))
        ):
            for each in self.party(key):
                self.sheets[each].said[-1] = (self.sheets[each].said[-1][0], clock.now(), what)

    @rule(who=st.sampled_from(("clerk", "clerk2")), place=st.integers(0, 4))
    def report(self, who: str, place: int) -> None:
        actor = self.as_now(who)
        found = queries.list_rectifications(actor, state=RectificationState.OPEN).items
        if place < len(found):
            self.reported(actor, found[place])

    def reported(self, actor: Actor, found: Rectification) -> None:
        key = found.visit_id
        if self.refused_or(lambda: return_visits.report(actor, found.id, Report("修好了"))):
            for each in self.party(key):
                self.sheets[each].round += 1

    @rule()
    def everybody_reports(self) -> None:
        for who in ("clerk", "clerk2"):
            for _ in range(4):
                self.report(who, 0)

    @rule(place=PLACES, rounds=st.integers(1, 4))
    def a_customer_who_is_never_satisfied(self, place: int, rounds: int) -> None:
        visit = self.an_open_one(place)
        key = visit.joined_to or visit.id
        for number in range(rounds):
            found = queries.of_visit(key)
            if found is not None and found.state == RectificationState.OPEN:
                self.reported(
                    self.as_now("clerk" if visit.unit_id == self.world.units["D1"].id else "clerk2"), found
                )
            self.come_again(1, 11)
            who = ("agent", "agent2")[number % 2]
            if self.refused_or(lambda who=who: service.claim(self.world.as_(who), key)):  # type: ignore[misc]
                self.save(who, key, "unsatisfied")

    @rule(place=PLACES)
    def comment(self, place: int) -> None:
        for who in ("region", "region2"):
            actor = self.as_now(who)
            found = queries.list_rectifications(actor, comment_due=True).items
            if place < len(found):
                service.comment(actor, found[place].id, "我去看")

    @rule(parent=st.sampled_from(("R1", "R2")))
    def the_dealer_moves(self, parent: str) -> None:
        admin = commander(self.world.network)
        line = UnitLine(2, "dealer", "D1", self.world.units["D1"].name, parent)
        network.import_units(admin, self.world.network.root_path, [line], clock.now())
        return_visits.follow_units(admin)

    def as_now(self, who: str) -> Actor:
        """As this person, wherever the unit stands by now."""
        self.world.as_("supervisor")
        actor = accounts.actor_of_membership(self.world.actors[who].person_id or 0, None)
        assert actor is not None
        act_as(actor)
        look_as(actor.scope)
        return actor

    @rule(place=PLACES)
    def waive(self, place: int) -> None:
        visit = self.an_open_one(place)
        key = visit.joined_to or visit.id
        if self.refused_or(lambda: service.waive(self.world.as_("supervisor"), visit.id, "签字")):
            for each in self.party(key):
                self.sheets[each].waived = True

    @rule(place=PLACES, who=st.sampled_from((None, "agent2")))
    def hand_out(self, place: int, who: str | None) -> None:
        person = self.world.actors[who].person_id if who else None
        key = self.an_open_one(place).id
        self.refused_or(lambda: service.assign(self.world.as_("supervisor"), key, person))

    def refused_or(self, act: Callable[[], object]) -> bool:
        """Whether it was done; what is refused leaves nothing behind."""
        with suppress(Conflict), db.session.begin_nested():
            act()
            return True
        return False

    # --- what must always be true ---------------------------------------------------------------------------

    @invariant()
    def every_visit_stands_where_the_paper_says(self) -> None:
        if not hasattr(self, "sheets"):
            return
        for visit in self.listed():
            follows = visit.joined_to if visit.joined_to and visit.attempts else visit.id
            assert visit.state == self.sheets[follows].state, (visit.id, self.sheets[follows])

    @invariant()
    def the_counts_are_those_of_a_recount(self) -> None:
        if not hasattr(self, "sheets"):
            return
        seen = self.listed()
        head = self.world.as_("supervisor")
        for month in MONTHS:
            lines = {line.unit.id: line.figures for line in queries.by_dealer(month, head.unit_path)}
            assert lines == queries.recount(month)
            total = queries.total(month, head.unit_path)
            papers = [self.sheets[each.id] for each in seen if each.month == month]
            assert total == sum((each.counted for each in papers), Figures())
            assert queries.by_day(month, self.world.units["HQ"])[-1].figures == total

    @invariant()
    def a_region_counts_what_it_consolidated_whoever_looks(self) -> None:
        if not hasattr(self, "sheets"):
            return
        recounted: dict[tuple[date, int], Figures] = defaultdict(Figures)
        for visit in self.listed():
            recounted[visit.month, visit.region_id] += figures_of(visit)
        for who, codes in (("supervisor", ("R1", "R2")), ("region", ("R1",)), ("region2", ("R2",))):
            actor = self.world.as_(who)
            for month in MONTHS:
                lines = {line.unit.id: line.figures for line in queries.by_region(month, actor.unit_path)}
                units = [self.world.units[code].id for code in codes]
                assert lines == {each: recounted[month, each] for each in units if (month, each) in recounted}
                days = queries.by_day(month, network.get_unit(actor.unit_id))
                assert (days[-1].figures if days else Figures()) == sum(lines.values(), Figures())

    @invariant()
    def a_comment_that_is_owed_has_one_clock_at_the_present_region(self) -> None:
        if not hasattr(self, "sheets"):
            return
        self.world.as_("supervisor")
        everything = list(db.session.scalars(db.select(Rectification)))
        clocks_of_comments = queries.comment_clocks(everything)
        running = db.session.scalar(
            db.text(
                "SELECT count(*) FROM obligation WHERE kind = 'rectification_comment' AND closed_at IS NULL"
            )
        )
        assert running == len(clocks_of_comments)
        for found in everything:
            last = queries.rounds_of([found.id])[found.id][-1]
            owed = clocks_of_comments.get(found.id)
            if owed is not None:
                region = network.superior_of_kind(found.unit_path, "region")
                assert region is not None
                assert (owed.unit_id, owed.unit_path) == (region.id, region.unit_path)
            if found.state == RectificationState.CLOSED or last.comment:
                assert owed is None
            elif found.rounds >= FROM_ROUND and last.withdrawn_at is None:
                assert owed is not None

    @invariant()
    def nobody_holds_two_and_each_dealer_owes_what_is_with_it(self) -> None:
        if not hasattr(self, "sheets"):
            return
        now = clock.now()
        seen = self.listed()
        holders = [each.holder_id for each in seen if each.held_at(now) and each.joined_to is None]
        assert len(holders) == len(set(holders))
        for visit in seen:
            if visit.joined_to is not None:
                continue
            found = queries.of_visit(visit.id)
            if visit.state == State.WITH_DEALER:
                assert found is not None
                assert found.state == RectificationState.OPEN
                owed = clocks.find(clocks.Kind.RECTIFICATION, found.unit_id, found.subject)
                assert owed is not None
                assert owed.closed_at is None
            elif visit.state == State.CLOSED:
                assert found is None or found.state == RectificationState.CLOSED
                assert not visit.held_at(now)
            else:
                assert visit.state in CALLABLE
                assert found is None or found.state != RectificationState.OPEN


@pytest.mark.slow
def test_R040_every_visit_and_every_count_is_right_whatever_happens(world: World, at: Hands) -> None:
    at(NOW)
    consolidated(world, {"D1": rows(4), "D2": [row(10), row(11)]})
    at("2026-12-03 10:00")
    clocks.open_months(world.network, clock.now())
    again = [row(n, purchase_date="2026-11-05", order_no=f"N{n}") for n in (0, 1, 20)]
    consolidated(world, {"D1": again}, NOVEMBER)
    here = type("Here", (Floor,), {"world": world, "at": at})
    few = settings(
        max_examples=20,
        stateful_step_count=15,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    run_state_machine_as_test(here, settings=few)
