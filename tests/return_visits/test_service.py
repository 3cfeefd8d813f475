"""Opening, the queue, calls, rectifications, coverage: on the real database."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from portal import clocks, notices, return_visits
from portal.access import Permission
from portal.clocks import Kind
from portal.core import clock
from portal.core.db import db
from portal.core.errors import Conflict, Invalid, NotFound
from portal.customer_files import service as files
from portal.return_visits import Report, State, jobs, queries, service
from portal.return_visits.rules.outcomes import Rank
from tests.conftest import Hands
from tests.customer_files.filing import row, submitted
from tests.factories import World
from tests.return_visits.calling import (
    OCTOBER,
    consolidated,
    counts_are_right,
    figures,
    next_call,
    reach,
    rows,
    said,
    visits,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


# --- opening ----------------------------------------------------------------------------------------------


def test_R040_one_visit_for_each_person_at_a_dealer(world: World) -> None:
    twice = [row(0), row(0, product_model="QY-3015", order_no="SO-2"), row(1)]
    consolidated(world, {"D1": twice, "D2": [row(0)]})
    found = visits(world)
    assert [(each.name, each.unit_id) for each in found] == [
        (row(0)["customer_name"], world.units["D1"].id),
        (row(1)["customer_name"], world.units["D1"].id),
        (row(0)["customer_name"], world.units["D2"].id),
    ]
    bought = return_visits.purchases_of(found)
    assert [each.product_model for each in bought[found[0].id]] == ["QY-8206", "QY-3015"]
    assert figures(world).people == 3
    counts_are_right(world)


def test_an_amendment_opens_its_own_and_nobody_twice(world: World, at: Hands) -> None:
    consolidated(world, {"D1": rows(3)})
    submitted(world.as_("clerk"), [*rows(3), row(7), row(0, order_no="NEW", product_model="QY-1")])
    region = world.as_("region")
    files.consolidate(region, OCTOBER, world.units["R1"], requested_at=clock.now())
    assert len(visits(world)) == 4
    counts_are_right(world)
    first = visits(world)[0]
    assert len(return_visits.purchases_of([first])[first.id]) == 2


def test_a_floor_that_is_not_laid_cannot_be_judged(world: World, at: Hands) -> None:
    consolidated(world, {"D1": [row(0, installed_on="2026-11-02"), row(1, purchase_date="2026-10-30")]})
    ready = {each.name: each.next_at for each in visits(world)}
    assert ready[row(0)["customer_name"]] == local("2026-11-05 00:00")  # 3 days after it was laid
    assert ready[row(1)["customer_name"]] == local("2026-11-06 00:00")  # 7 days after the purchase
    assert next_call(world) is None
    at("2026-11-05 08:29:59")
    assert next_call(world) is None
    at("2026-11-05 08:30")
    called = next_call(world)
    assert called is not None
    assert called.name == row(0)["customer_name"]


def test_a_large_month_opens_in_a_job_and_counts_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.return_visits.service.opening.AT_ONCE", 2)
    consolidated(world, {"D1": rows(4)})
    assert visits(world) == []
    assert figures(world).people == 4
    for _ in range(2):  # twice is the same as once
        world.as_("region")
        [job_args] = db.session.scalars(
            db.text("SELECT args FROM procrastinate_jobs WHERE task_name = 'return_visits.open'")
        )
        from_job(job_args)
    assert len(visits(world)) == 4
    counts_are_right(world)


def from_job(args: dict) -> None:
    from portal.return_visits import jobs  # noqa: PLC0415

    jobs.open_visits(**{name: value for name, value in args.items() if name != "travels"})


# --- the queue --------------------------------------------------------------------------------------------


def test_the_next_call_is_mine_until_it_falls_back(world: World, at: Hands) -> None:
    consolidated(world, {"D1": rows(2)})
    mine = next_call(world)
    assert mine is not None
    assert mine.state_at(clock.now()) is State.CLAIMED
    assert next_call(world) is mine
    other = next_call(world, "agent2")
    assert other is not None
    assert other.id != mine.id
    assert next_call(world, "supervisor") is None
    at.forward(minutes=15)
    assert mine.state_at(clock.now()) is State.WAITING
    taken = next_call(world, "supervisor")
    assert taken is not None
    assert taken.id == mine.id
    with pytest.raises(Conflict) as lost:
        reach(world.as_("agent"), mine, "satisfied")
    assert (lost.value.code, lost.value.extra["holder"]) == ("lease_lost", "supervisor.qy")


def test_a_lease_is_renewed_while_nobody_has_taken_it(world: World, at: Hands) -> None:
    consolidated(world, {"D1": rows(1)})
    mine = next_call(world)
    assert mine is not None
    at.forward(minutes=10)
    service.renew(world.as_("agent"), mine.id)
    at.forward(minutes=14)
    assert mine.held_at(clock.now())
    at.forward(minutes=2)
    service.renew(world.as_("agent"), mine.id)
    assert mine.held_at(clock.now())
    at.forward(minutes=16)
    assert next_call(world, "agent2") is not None
    with pytest.raises(Conflict, match="lease_lost"):
        service.renew(world.as_("agent"), mine.id)


def test_nobody_is_called_at_night(world: World, at: Hands) -> None:
    consolidated(world, {"D1": rows(1)})
    [visit] = visits(world)
    at("2026-11-03 20:30")
    assert next_call(world) is None
    with pytest.raises(Conflict, match="outside_calling_hours"):
        service.claim(world.as_("agent"), visit.id)
    at("2026-11-04 08:30")
    assert next_call(world) is not None


def test_the_queue_has_its_order(world: World, at: Hands) -> None:
    consolidated(world, {"D1": rows(5)})
    callback, revisit, suspicious, oldest, refused = visits(world)
    agent = world.as_("agent")
    assert service.claim(agent, callback.id).id == callback.id
    promised = clock.now() + timedelta(hours=1)
    return_visits.log_attempt(agent, callback.id, said("callback", callback_at=promised))
    service.claim(agent, revisit.id)
    logged = reach(agent, revisit, "unsatisfied", note="有响声")
    assert logged.rectification is not None
    return_visits.report(world.as_("clerk"), logged.rectification.id, Report("已修"))
    service.claim(world.as_("agent"), refused.id)
    return_visits.log_attempt(world.as_("agent"), refused.id, said("refused"))
    suspicious.rank = int(Rank.SUSPICIOUS)
    db.session.flush()
    at.forward(hours=1, minutes=10)
    order = []
    while (visit := next_call(world, "agent2")) is not None:
        order.append(visit.id)
        reach(world.as_("agent2"), visit, "satisfied")
    assert order == [callback.id, revisit.id, suspicious.id, oldest.id]
    assert refused.state == State.RETRY  # waits for a supervisor


def test_a_callback_belongs_to_its_agent_for_ten_minutes(world: World, at: Hands) -> None:
    consolidated(world, {"D1": rows(1)})
    visit = next_call(world)
    assert visit is not None
    promised = clock.now() + timedelta(hours=2)
    return_visits.log_attempt(world.as_("agent"), visit.id, said("callback", callback_at=promised))
    at(promised - timedelta(seconds=1))
    assert next_call(world) is None
    at(promised + timedelta(minutes=9, seconds=59))
    assert next_call(world, "agent2") is None
    at(promised + timedelta(minutes=10))
    assert next_call(world, "agent2") is not None


def test_a_skipped_customer_comes_after_the_others(world: World, at: Hands) -> None:
    consolidated(world, {"D1": rows(2)})
    first = next_call(world)
    assert first is not None
    service.release(world.as_("agent"), first.id, "没看懂地址")
    second = next_call(world)
    assert second is not None
    assert second.id != first.id
    service.release(world.as_("agent"), second.id, "同上")
    assert next_call(world) is not None  # nothing else is left: nobody starves


def test_a_supervisor_hands_out_and_takes_back(world: World) -> None:
    consolidated(world, {"D1": rows(2), "D2": [row(5)]})
    agent2 = world.actors["agent2"].person_id
    head = world.as_("supervisor")
    assert service.assign_all(head, agent2, world.units["D1"]) == 2
    mine = next_call(world)
    assert mine is not None
    assert mine.unit_id == world.units["D2"].id
    theirs = next_call(world, "agent2")
    assert theirs is not None
    assert theirs.unit_id == world.units["D1"].id
    service.assign(world.as_("supervisor"), theirs.id, world.actors["agent"].person_id)
    with pytest.raises(Conflict, match="lease_lost"):
        reach(world.as_("agent2"), theirs, "satisfied")
    assert service.assign_all(world.as_("supervisor"), None, world.units["R1"]) == 2


def test_a_pause_gives_the_call_back(world: World) -> None:
    consolidated(world, {"D1": rows(1)})
    visit = next_call(world)
    assert visit is not None
    desk = service.pause(world.as_("agent"), "午休")
    assert desk.paused_at is not None
    assert next_call(world, "agent2") is not None


def test_picking_another_gives_the_present_one_back(world: World) -> None:
    consolidated(world, {"D1": rows(2)})
    first = next_call(world)
    assert first is not None
    second = next(each for each in visits(world) if each.id != first.id)
    service.claim(world.as_("agent"), second.id)
    assert not first.held_at(clock.now())
    with pytest.raises(Conflict, match="claimed"):
        service.claim(world.as_("agent2"), second.id)


def test_what_was_typed_outlives_the_lease(world: World, at: Hands) -> None:
    consolidated(world, {"D1": rows(1)})
    visit = next_call(world)
    assert visit is not None
    at.forward(minutes=20)
    service.save_draft(world.as_("agent"), visit.id, {"note": "说到一半"})
    kept = queries.draft_of(visit.id, world.actors["agent"].person_id or 0)
    assert kept is not None
    assert kept.typed == {"note": "说到一半"}


# --- calls ------------------------------------------------------------------------------------------------


def test_R039_no_answer_is_tried_on_other_days_and_hours_then_goes_back(world: World, at: Hands) -> None:
    consolidated(world, {"D1": rows(1)})
    moments = []
    for _ in range(2):
        visit = next_call(world)
        assert visit is not None
        moments.append(clock.now())
        logged = return_visits.log_attempt(world.as_("agent"), visit.id, said("no_answer"))
        assert (logged.visit.state, logged.rectification) == (State.RETRY, None)
        assert logged.visit.next_at is not None
        assert next_call(world) is None
        at(logged.visit.next_at)
    visit = next_call(world)
    assert visit is not None
    last = return_visits.log_attempt(world.as_("agent"), visit.id, said("busy"))
    assert last.visit.state == State.WITH_DEALER
    assert last.rectification is not None
    assert last.rectification.reason == "unreachable"
    days = {moment.astimezone(SHANGHAI).date() for moment in (*moments, clock.now())}
    assert len(days) == 2
    shown = figures(world)
    assert (shown.visited, shown.unreachable, shown.open) == (0, 1, 1)
    counts_are_right(world)


def test_R045_the_dealer_communicates_until_the_customer_is_satisfied(world: World, at: Hands) -> None:
    consolidated(world, {"D1": rows(1)})
    visit = next_call(world)
    assert visit is not None
    opened = reach(world.as_("agent"), visit, "unsatisfied", note="有响声", wish="重新铺")
    assert opened.rectification is not None
    key = opened.rectification.id
    for number in (1, 2, 3):
        clerk = world.as_("clerk")
        found = queries.get_rectification(key)
        assert (found.state, found.rounds, found.words) == ("open", number, "有响声")
        owed = clocks.find(Kind.RECTIFICATION, world.units["D1"].id, found.subject)
        assert owed is not None
        assert owed.due_at == clock.now() + timedelta(days=3)
        at.forward(hours=1)
        return_visits.report(clerk, key, Report("上门维修", "已好"))
        assert owed.closed_at is not None
        with pytest.raises(Conflict, match="already_reported"):
            return_visits.report(clerk, key, Report("再报"))
        who, not_who = ("agent2", "agent") if number % 2 else ("agent", "agent2")
        assert next_call(world, not_who) is None  # nobody asks about the own call
        again = next_call(world, who)
        assert again is not None
        assert again.id == visit.id
        if number < 3:
            reach(world.as_(who), again, "unsatisfied", note="有响声")
    world.as_("region")
    assert list(queries.comment_clocks([queries.get_rectification(key)])) == [key]  # from round 3
    service.comment(world.as_("region"), key, "我去看")
    closed = reach(world.as_("agent2"), again, "satisfied")
    assert closed.visit.state == State.CLOSED
    assert closed.rectification is not None
    assert (closed.rectification.state, closed.rectification.closed_as) == ("closed", "satisfied")
    shown = figures(world)
    assert (shown.visited, shown.satisfied, shown.unsatisfied, shown.open) == (1, 1, 0, 0)
    counts_are_right(world)


def test_R039_the_regional_manager_is_told_and_comments_from_the_third_round_on(
    world: World, at: Hands
) -> None:
    """Regional managers and dealers cooperate: who is silent is seen; neither can close or change anything."""
    consolidated(world, {"D1": rows(1)})
    visit, key = next_call(world), 0
    assert visit is not None
    for number in (1, 2, 3):
        who = "agent" if number % 2 else "agent2"
        service.claim(world.as_(who), visit.id)
        logged = reach(world.as_(who), visit, "unsatisfied")
        assert logged.rectification is not None
        key = logged.rectification.id
        region = world.as_("region")
        wanted = queries.list_rectifications(region, comment_due=True).items
        assert [each.id for each in wanted] == ([key] if number == 3 else [])
        told = db.session.scalars(
            db.text("SELECT kind FROM notice WHERE unit_path = :path"), {"path": region.unit_path}
        ).all()
        assert told.count("rectification:comment_due") == (1 if number == 3 else 0)
        if number < 3:
            return_visits.report(world.as_("clerk"), key, Report("已修"))
    for who in ("clerk", "principal", "region", "channel"):
        actor = world.as_(who)
        assert not actor.may(Permission.VISIT_CALL)
        assert not actor.may(Permission.VISIT_WAIVE)
        assert queries.get_rectification(key).state == "open"
        with pytest.raises(NotFound):
            queries.get_visit(visit.id)
    region = world.as_("region")
    service.comment(region, key, "我本周上门")
    assert queries.list_rectifications(region, comment_due=True).items == []
    assert queries.get_rectification(key).state == "open"
    assert queries.rounds_of([key])[key][-1].comment == "我本周上门"


def test_a_wrong_number_is_put_right_beside_the_old_one(world: World, at: Hands) -> None:
    consolidated(world, {"D1": rows(1)})
    visit = next_call(world)
    assert visit is not None
    logged = return_visits.log_attempt(world.as_("agent"), visit.id, said("wrong_number"))
    assert logged.rectification is not None
    said_so = Report("查到新号码", phone="13911112222", address="杭州市西湖区新路 2 号")
    return_visits.report(world.as_("clerk"), logged.rectification.id, said_so)
    again = next_call(world, "agent2")
    assert again is not None
    assert (again.phone, again.called_phone) == ("13000010000", "13911112222")
    assert again.called_address == "杭州市西湖区新路 2 号"
    assert again.address != again.called_address


def test_a_refusal_closes_by_a_signed_reason_alone(world: World) -> None:
    consolidated(world, {"D1": rows(1)})
    visit = next_call(world)
    assert visit is not None
    logged = return_visits.log_attempt(world.as_("agent"), visit.id, said("refused", reason="不愿意"))
    assert (logged.visit.state, logged.visit.next_at) == (State.RETRY, None)
    assert next_call(world, "agent2") is None
    assert figures(world).refused == 1
    closed = service.waive(world.as_("supervisor"), visit.id, "客户两次明确拒访")
    assert closed.state == State.CLOSED
    shown = figures(world)
    assert (shown.visited, shown.refused, shown.open) == (0, 1, 0)
    with pytest.raises(Conflict, match="visit_closed"):
        service.waive(world.as_("supervisor"), visit.id, "再")
    counts_are_right(world)


def test_a_waived_visit_frees_its_dealer(world: World) -> None:
    consolidated(world, {"D1": rows(1)})
    visit = next_call(world)
    assert visit is not None
    logged = reach(world.as_("agent"), visit, "suspicious", reason="否认购买")
    assert logged.rectification is not None
    service.waive(world.as_("supervisor"), visit.id, "经销商已停业")
    world.as_("clerk")
    found = queries.get_rectification(logged.rectification.id)
    assert (found.state, found.closed_as) == ("closed", "waived")
    owed = clocks.find(Kind.RECTIFICATION, found.unit_id, found.subject)
    assert owed is not None
    assert owed.waiver_reason == "经销商已停业"
    with pytest.raises(Conflict, match="rectification_closed"):
        return_visits.report(world.as_("clerk"), found.id, Report("修了"))
    counts_are_right(world)


def test_the_same_person_in_two_months_is_one_call(world: World, at: Hands) -> None:
    at("2026-11-03 10:00")
    consolidated(world, {"D1": rows(1)})
    at("2026-12-03 10:00")
    clocks.open_months(world.network, clock.now())
    november = date(2026, 11, 1)
    consolidated(world, {"D1": [row(0, purchase_date="2026-11-05", order_no="N1")]}, november)
    visit = next_call(world)
    assert visit is not None
    assert next_call(world, "agent2") is None
    assert {each.state_at(clock.now()) for each in (*visits(world), *visits(world, november))} == {
        State.CLAIMED
    }
    logged = reach(world.as_("agent"), visit, "unsatisfied", note="色差")
    assert logged.rectification is not None
    assert len(queries.list_rectifications(world.as_("clerk")).items) == 1  # one trouble, one duty
    return_visits.report(world.as_("clerk"), logged.rectification.id, Report("已换"))
    again = next_call(world, "agent2")
    assert again is not None
    reach(world.as_("agent2"), again, "satisfied")
    assert [each.state for each in (*visits(world), *visits(world, november))] == [State.CLOSED] * 2
    counts_are_right(world)
    counts_are_right(world, november)
    # one of the two months is sealed: what was said of both cannot be put right in the other one any more
    at("2026-12-21 10:00")
    service.seal(world.as_("supervisor"), november)
    with pytest.raises(Conflict, match="month_sealed"):
        return_visits.correct(world.as_("agent2"), again.id, said("no_answer"))
    assert [each.state for each in (*visits(world), *visits(world, november))] == [State.CLOSED] * 2


# --- put right --------------------------------------------------------------------------------------------


def test_a_wrong_save_is_put_right_and_stays_in_sight(world: World) -> None:
    consolidated(world, {"D1": rows(1)})
    visit = next_call(world)
    assert visit is not None
    logged = reach(world.as_("agent"), visit, "unsatisfied", note="按错")
    assert logged.rectification is not None
    with pytest.raises(Conflict, match="not_yours"):
        return_visits.correct(world.as_("agent2"), visit.id, said("reached", "satisfied"))
    mended = return_visits.correct(world.as_("agent"), visit.id, said("reached", "satisfied"))
    assert mended.visit.state == State.CLOSED
    assert [each.outcome for each in return_visits.attempts_of(visit.id)] == ["unsatisfied", "satisfied"]
    assert mended.attempt.corrects == logged.attempt.id
    assert logged.rectification.state == "closed"
    owed = clocks.find(Kind.RECTIFICATION, world.units["D1"].id, str(logged.rectification.id))
    assert owed is not None
    assert owed.waived_at is not None
    shown = figures(world)
    assert (shown.visited, shown.satisfied, shown.unsatisfied, shown.open) == (1, 1, 0, 0)
    back = return_visits.correct(world.as_("agent"), visit.id, said("no_answer"))
    assert back.visit.state == State.RETRY
    shown = figures(world)
    assert (shown.visited, shown.open) == (0, 1)
    counts_are_right(world)


def test_what_the_dealer_has_answered_is_put_right_by_the_next_call(world: World) -> None:
    consolidated(world, {"D1": rows(1)})
    visit = next_call(world)
    assert visit is not None
    logged = reach(world.as_("agent"), visit, "unsatisfied")
    assert logged.rectification is not None
    return_visits.report(world.as_("clerk"), logged.rectification.id, Report("修了"))
    with pytest.raises(Conflict, match="already_reported"):
        return_visits.correct(world.as_("agent"), visit.id, said("reached", "satisfied"))


@pytest.mark.parametrize(
    ("attempt", "field"),
    [
        (said("reached"), "/outcome"),
        (said("no_answer", "satisfied"), "/outcome"),
        (said("callback"), "/callback_at"),
        (said("not_installed"), "/not_before"),
        (said("callback", callback_at=local("2026-11-03 09:00")), "/callback_at"),
        (said("callback", callback_at=local("2026-11-03 21:00")), "/callback_at"),
        (said("busy", not_before=local("2026-11-09 09:00")), "/not_before"),
        (said("reached", "satisfied", answers={"colour": 3}), "/answers/colour"),
        (said("reached", "satisfied", answers={"installation": 6}), "/answers/installation"),
    ],
)
def test_what_does_not_go_together_is_refused(world: World, attempt, field: str) -> None:
    consolidated(world, {"D1": rows(1)})
    visit = next_call(world)
    assert visit is not None
    with pytest.raises(Invalid) as wrong:
        return_visits.log_attempt(world.as_("agent"), visit.id, attempt)
    assert [each.pointer for each in wrong.value.errors] == [field]


# --- who sees what ----------------------------------------------------------------------------------------


def test_dealers_and_regions_see_nothing_of_what_headquarters_keeps(world: World) -> None:
    consolidated(world, {"D1": rows(1)})
    visit = next_call(world)
    assert visit is not None
    logged = reach(world.as_("agent"), visit, "suspicious", note="员工的号码")
    assert logged.rectification is not None
    for who in ("clerk", "principal", "region", "channel", "store"):
        world.as_(who)
        for table in ("visit", "visit_attempt", "visit_desk", "visit_draft", "visit_sealed_month"):
            assert db.session.scalar(db.text(f"SELECT count(*) FROM {table}")) == 0, (who, table)
    for who in ("clerk2", "store", "region2"):
        world.as_(who)
        with pytest.raises(NotFound):
            queries.get_rectification(logged.rectification.id)
        assert queries.by_dealer(OCTOBER, world.actors[who].unit_path) == []
    principal = world.as_("principal")
    assert [line.unit.code for line in queries.by_dealer(OCTOBER, principal.unit_path)] == ["D1"]


# --- units that change -----------------------------------------------------------------------------------


def test_a_dealer_that_is_closed_meanwhile_leaves_it_to_its_region(world: World) -> None:
    consolidated(world, {"D1": rows(1)})
    world.as_("supervisor")
    db.session.execute(db.text("UPDATE unit SET status = 'closed' WHERE code = 'D1'"))
    db.session.expire_all()
    visit = next_call(world)
    assert visit is not None
    logged = reach(world.as_("agent"), visit, "unsatisfied")
    assert logged.rectification is not None
    key = logged.rectification.id
    assert logged.rectification.unit_id == world.units["R1"].id
    assert figures(world).unsatisfied == 1
    region = world.as_("region")
    assert [each.kind for each in notices.list_notices(region).items][:1] == ["rectification:opened"]
    # nobody reports for a dealer, but of a closed one the region's word is the report
    service.comment(region, key, "区域已安排邻近经销商上门")
    assert queries.get_rectification(key).state == "reported"
    again = next_call(world, "agent2")
    assert again is not None
    assert (again.id, again.state) == (visit.id, State.REVISIT)
    reach(world.as_("agent2"), again, "satisfied")
    assert queries.get_rectification(key).state == "closed"
    counts_are_right(world)


def test_a_dealer_that_is_closed_between_two_rounds_leaves_the_next_to_its_region(
    world: World, at: Hands
) -> None:
    consolidated(world, {"D1": rows(1)})
    visit = next_call(world)
    assert visit is not None
    logged = reach(world.as_("agent"), visit, "unsatisfied")
    assert logged.rectification is not None
    key = logged.rectification.id
    return_visits.report(world.as_("clerk"), key, Report("已修"))
    world.as_("supervisor")
    db.session.execute(db.text("UPDATE unit SET status = 'closed' WHERE code = 'D1'"))
    db.session.expire_all()
    service.claim(world.as_("agent2"), visit.id)
    again = reach(world.as_("agent2"), visit, "unsatisfied")
    assert again.rectification is not None
    assert (again.rectification.id, again.rectification.unit_id) == (key, world.units["R1"].id)
    world.as_("region")
    assert [each.number for each in queries.rounds_of([key])[key]] == [1, 2]
    owed = clocks.find(Kind.RECTIFICATION, world.units["R1"].id, again.rectification.subject)
    assert owed is not None
    service.comment(world.as_("region"), key, "换人重铺")
    assert owed.closed_at is not None


def test_what_was_handed_to_somebody_who_leaves_is_everybodys_again(world: World) -> None:
    consolidated(world, {"D1": rows(4)})
    supervisor = world.as_("supervisor")
    service.assign_all(supervisor, world.actors["agent"].person_id, world.units["D1"])
    jobs.free_pools()
    assert next_call(world, "agent2") is None  # they are agent's
    world.as_("admin")
    db.session.execute(
        db.text("UPDATE membership SET status = 'ended' WHERE id = :id"),
        {"id": world.actors["agent"].membership_id},
    )
    jobs.free_pools()
    assert next_call(world, "agent2") is not None
    assert {each.pool for each in visits(world)} == {0}


def test_a_stores_customer_is_put_right_by_the_store(world: World) -> None:
    store, clerk = world.actors["store"], world.actors["clerk"]
    part = files.receive_rows(
        world.as_("store"), month=OCTOBER, customers=[row(3)], received_at=clock.now()
    ).file
    files.submit(store, part.id, requested_at=clock.now(), missing={})
    own = files.receive_rows(
        world.as_("clerk"), month=OCTOBER, customers=[row(4)], received_at=clock.now()
    ).file
    files.submit(clerk, own.id, requested_at=clock.now(), missing={"S2": "停业"})
    files.consolidate(
        world.as_("region"), OCTOBER, world.units["R1"], requested_at=clock.now(), missing={"D2": "停业"}
    )
    assert [each.unit_id for each in visits(world)] == [world.units["D1"].id] * 2
    by_store = next(each for each in visits(world) if each.filed_by == world.units["S1"].id)
    service.claim(world.as_("agent"), by_store.id)
    logged = reach(world.as_("agent"), by_store, "unsatisfied")
    assert logged.rectification is not None
    key = logged.rectification.id
    world.as_("store2")
    with pytest.raises(NotFound):
        queries.get_rectification(key)
    return_visits.report(world.as_("store"), key, Report("已修"))
    assert queries.get_rectification(key).state == "reported"
    assert [line.unit.code for line in queries.by_dealer(OCTOBER, world.as_("supervisor").unit_path)] == [
        "D1"
    ]
    counts_are_right(world)


# --- the end of a month -----------------------------------------------------------------------------------


def test_a_late_amendment_is_told_that_the_month_is_sealed(world: World, at: Hands) -> None:
    """Filed before the lock, and never consolidated: whoever wants to send it after the seal is told so."""
    consolidated(world, {"D1": rows(1)})
    submitted(world.as_("clerk2"), rows(1, 20))
    visit = next_call(world)
    assert visit is not None
    reach(world.as_("agent"), visit, "satisfied")
    at("2026-11-21 00:00")
    service.seal(world.as_("supervisor"), OCTOBER)
    before = figures(world)
    for late in (
        lambda: files.consolidate(
            world.as_("region"), OCTOBER, world.units["R1"], requested_at=clock.now(), missing={}
        ),
        lambda: submitted(world.as_("clerk"), rows(2, 30)),
    ):
        with pytest.raises(Conflict, match="month_sealed") as told:
            late()
        assert "已封存" in str(told.value.detail)
    assert figures(world) == before
    sealed = queries.sealed(OCTOBER)
    assert sealed is not None
    assert sealed.figures["total"]["people"] == 1


def test_a_call_goes_on_after_the_months_last_day(world: World, at: Hands) -> None:
    """The time in which a month must be done ends, the work does not: who is open is called until somebody signs."""
    consolidated(world, {"D1": rows(2)})
    at("2026-12-01 09:00")
    visit = next_call(world)
    assert visit is not None
    reach(world.as_("agent"), visit, "satisfied")
    left = next(each for each in visits(world) if each.state == "waiting")
    with pytest.raises(Conflict, match="open_visits"):
        service.seal(world.as_("supervisor"), OCTOBER)
    service.waive(world.as_("supervisor"), left.id, "客户长期在国外")
    assert service.seal(world.as_("supervisor"), OCTOBER).figures["coverage"] == 0.5


def test_a_month_is_sealed_when_every_visit_is_closed(world: World, at: Hands) -> None:
    consolidated(world, {"D1": rows(2)})
    for _ in range(2):
        visit = next_call(world)
        assert visit is not None
        with pytest.raises(Conflict, match="open_visits"):
            service.seal(world.as_("supervisor"), OCTOBER)
        reach(world.as_("agent"), visit, "satisfied")
    with pytest.raises(Conflict, match="open_visits"):  # all are closed, but the lock is not past
        service.seal(world.as_("supervisor"), OCTOBER)
    at("2026-11-21 00:00")
    sealed = service.seal(world.as_("supervisor"), OCTOBER)
    assert sealed.figures["total"]["people"] == 2
    assert sealed.figures["coverage"] == 1
    with pytest.raises(Conflict, match="month_sealed"):
        service.seal(world.as_("supervisor"), OCTOBER)
    with pytest.raises(Conflict, match="month_sealed"):
        return_visits.correct(world.as_("agent"), visit.id, said("no_answer"))
