"""Random histories of agents, dealers and a supervisor against a simple model: the counts are never wrong."""

from contextlib import suppress
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal import clocks, return_visits
from portal.access import Actor
from portal.core import clock
from portal.core.db import db
from portal.core.errors import Conflict
from portal.return_visits import Figures, Report, State, Visit, queries, service
from portal.return_visits.rules.outcomes import CALLABLE, RectificationState
from tests.conftest import NOW, Hands
from tests.customer_files.filing import row
from tests.factories import World
from tests.return_visits.calling import OCTOBER, consolidated, rows, said

AGENTS = ("agent", "agent2", "supervisor")
RESULTS = (
    "satisfied",
    "unsatisfied",
    "suspicious",
    "no_answer",
    "busy",
    "wrong_number",
    "refused",
    "callback",
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("call"), st.sampled_from(AGENTS), st.sampled_from(RESULTS)),
        st.tuples(st.just("claim"), st.sampled_from(AGENTS), st.integers(0, 5)),
        st.tuples(st.just("release"), st.sampled_from(AGENTS), st.just(0)),
        st.tuples(st.just("report"), st.sampled_from(("clerk", "clerk2")), st.integers(0, 5)),
        st.tuples(st.just("correct"), st.sampled_from(AGENTS), st.sampled_from(RESULTS)),
        st.tuples(st.just("waive"), st.just("supervisor"), st.integers(0, 5)),
        st.tuples(st.just("assign"), st.just("supervisor"), st.integers(0, 5)),
        st.tuples(st.just("wait"), st.just(""), st.integers(1, 30)),
    ),
    max_size=25,
)


class Floor:
    """The room with all who act in it, and the sheet of paper."""

    def __init__(self, world: World, at: Hands) -> None:
        self.world, self.at = world, at
        self.told: dict[int, list[tuple[int, str]]] = {}  # visit -> [(round, said)]
        self.waived: set[int] = set()
        self.last: dict[str, int] = {}

    def as_(self, who: str) -> Actor:
        return self.world.as_(who)

    def listed(self) -> list[Visit]:
        self.as_("supervisor")
        return list(db.session.scalars(db.select(Visit).order_by(Visit.id)))

    def step(self, kind: str, who: str, what: object) -> None:
        with suppress(Conflict), db.session.begin_nested():  # what is refused leaves nothing behind
            getattr(self, kind)(who, what)

    def wait(self, who: str, hours: int) -> None:
        self.at.forward(hours=hours)

    def _saying(self, result: str) -> return_visits.Said:
        if result in ("satisfied", "unsatisfied", "suspicious"):
            return said("reached", result)
        if result == "callback":
            day = clock.now() + timedelta(days=1)
            return said("callback", callback_at=day.replace(hour=3, minute=0))
        return said(result)

    def call(self, who: str, result: str) -> None:
        visit = return_visits.claim_next(self.as_(who))
        if visit is not None:
            number = visit.round
            return_visits.log_attempt(self.as_(who), visit.id, self._saying(result))
            self.told.setdefault(visit.id, []).append((number, result))
            self.last[who] = visit.id

    def claim(self, who: str, place: int) -> None:
        key = self.listed()[place].id
        service.claim(self.as_(who), key)

    def release(self, who: str, _: int) -> None:
        actor = self.as_(who)
        held = queries.held_by(actor.person_id or 0, clock.now())
        if held is not None:
            service.release(actor, held.id, "跳过")

    def report(self, who: str, place: int) -> None:
        actor = self.as_(who)
        found = queries.list_rectifications(actor).items
        if place < len(found):
            return_visits.report(actor, found[place].id, Report("修好了"))

    def correct(self, who: str, result: str) -> None:
        if who in self.last:
            key = self.last[who]
            return_visits.correct(self.as_(who), key, self._saying(result))
            self.told[key][-1] = (self.told[key][-1][0], result)

    def waive(self, who: str, place: int) -> None:
        key = self.listed()[place].id
        service.waive(self.as_(who), key, "签字")
        self.waived.add(key)

    def assign(self, who: str, place: int) -> None:
        key = self.listed()[place].id
        service.assign(self.as_(who), key, self.world.actors["agent2"].person_id)

    def model(self) -> Figures:
        figures = Figures()
        for visit in self.listed():
            history = [said_so for _, said_so in self.told.get(visit.id, [])]
            reached = [each for each in history if each in ("satisfied", "unsatisfied", "suspicious")]
            closed = visit.id in self.waived or bool(history and history[-1] == "satisfied")
            refused = not reached and bool(history) and history[-1] == "refused"
            counted = {reached[-1]: 1} if reached else {"refused": 1} if refused else {}
            figures += Figures(people=1, visited=int(bool(reached)), closed=int(closed), **counted)
        return figures

    def look(self) -> None:
        """Everything that must always be true."""
        now, seen = clock.now(), self.listed()
        head = self.as_("supervisor")
        shown = {line.unit.id: line.figures for line in queries.by_dealer(OCTOBER, head.unit_path)}
        assert shown == queries.recount(OCTOBER)
        total = queries.total(OCTOBER, head.unit_path)
        model = self.model()
        assert (total.people, total.visited, total.closed) == (model.people, model.visited, model.closed)
        assert (total.satisfied, total.unsatisfied, total.suspicious) == (
            model.satisfied,
            model.unsatisfied,
            model.suspicious,
        )
        assert total.refused == model.refused
        assert queries.by_day(OCTOBER, self.world.units["HQ"])[-1].figures == total
        holders = [each.holder_id for each in seen if each.held_at(now)]
        assert len(holders) == len(set(holders))
        for visit in seen:
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


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_R040_the_counts_are_right_whatever_happens(
    world: World, at: Hands, steps: list[tuple[str, str, object]]
) -> None:
    at(NOW)
    consolidated(world, {"D1": rows(4), "D2": [row(10), row(11)]})
    floor = Floor(world, at)
    try:
        for kind, who, what in steps:
            floor.step(kind, who, what)
            floor.look()
    finally:
        db.session.rollback()
