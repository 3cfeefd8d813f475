"""What a party may do in its case, and what is handed to those who act, are clocks of the one table: reminded of by the
one plan, met or over as the case goes on; a step that nobody may take is reported before its deadline."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from portal import accounts, clocks, rulebook, sanctions
from portal.accounts import PersonLine
from portal.clocks import Swept
from portal.core import arrival
from portal.core.db import db, finish
from tests.conftest import Hands
from tests.factories import World, commander
from tests.sanctions.court import Court
from tests.sanctions.test_review import executed, put_up

RIGHTS = ("statement", "acknowledgement", "appeal")


def sweep(world: World, at: Hands, **span: float) -> Swept:
    swept = clocks.sweep(world.network, at.forward(**(span or {"minutes": 1})))
    finish(good=True)
    return swept


def rights(court: Court, who: str = "principal") -> dict[str, tuple[str, str]]:
    """kind → the newest clock of this kind that the person sees: subject and state."""
    items = court(who).get("/obligations?limit=200").json["items"]
    return {each["kind"]: (each["subject"], each["state"]) for each in items if each["kind"] in RIGHTS}


def told(world: World, who: str, kind: str, about: str = "%") -> list[tuple[str, str]]:
    """What this person was told by the clock, the oldest first: the words and where they lead."""
    actor = world.as_(who)
    chosen = "membership_id = :id AND kind = :kind AND link LIKE :about"
    rows = db.session.execute(
        text(f"SELECT subject, link FROM notice WHERE {chosen} ORDER BY id"),
        {"id": actor.membership_id, "kind": kind, "about": about},
    )
    return [(row.subject, row.link) for row in rows]


@pytest.fixture
def case(court: Court) -> dict[str, Any]:
    return court.propose(rule="R033", unit="D1", measures=[{"kind": "warning"}])


# --- the party's rights -------------------------------------------------------------------------------------------


def test_the_party_s_statement_is_a_clock_and_met_by_stating(
    world: World, court: Court, at: Hands, case: dict[str, Any]
) -> None:
    number = case["number"]
    sweep(world, at)
    assert rights(court) == {"statement": (f"{number}:1", "open")}
    (shown,) = court("principal").get("/obligations?kind=statement").json["items"]
    assert (shown["due_at"], shown["unit"]) == (case["statement_due_at"], "D1")
    assert (shown["rule"], shown["source"]) == ("sanctions.procedure.statement", "R033")
    at.forward(days=1)
    court.step(case["id"], "statement")
    sweep(world, at)
    assert rights(court)["statement"] == (f"{number}:1", "met")
    sweep(world, at, days=10)
    assert rights(court)["statement"] == (f"{number}:1", "met")


def test_only_those_who_see_the_case_see_its_clocks(
    world: World, court: Court, at: Hands, case: dict[str, Any]
) -> None:
    sweep(world, at)
    for who in ("clerk", "store", "region", "channel", "clerk2", "supervisor", "agent", "admin"):
        assert rights(court, who) == {}, who
    for who in ("officer", "approver", "finance", "executive"):
        assert rights(court, who) == {"statement": (f"{case['number']}:1", "open")}, who
    key = court("officer").get("/obligations?kind=statement").json["items"][0]["id"]
    assert court("region").post(f"/obligations/{key}/extend", json={}).status_code == 403
    assert court("supervisor").post(f"/obligations/{key}/waive", json={"reason": "x"}).status_code == 404


def test_a_party_is_reminded_by_the_one_plan_and_told_what_follows(
    world: World, court: Court, at: Hands, case: dict[str, Any]
) -> None:
    number = case["number"]
    sweep(world, at)
    sweep(world, at, days=2)
    sweep(world, at)
    ((words, link),) = told(world, "principal", "obligation:reminded", "/sanctions/%")
    assert words.endswith("after that it is decided without your statement")
    assert link == f"/sanctions/{number}"
    assert told(world, "clerk", "obligation:reminded", "/sanctions/%") == []
    court.step(case["id"], "statement")
    sweep(world, at, hours=20)
    assert (
        len(told(world, "principal", "obligation:reminded", "/sanctions/%")) == 1
    )  # whoever has done it hears nothing more


def test_a_right_that_nobody_used_is_no_breach(
    world: World, court: Court, at: Hands, case: dict[str, Any]
) -> None:
    """Its time is over: nobody is told off, no case is drafted, nothing goes up."""
    cases = len(court.list("?limit=200"))
    sweep(world, at)
    swept = sweep(world, at, days=3)
    assert not set(swept.breached) & set(RIGHTS)
    assert (
        rights(court)["statement"][1] == "waived"
    )  # worked out when read: the case still waits for its decision
    court.step(case["id"], "approve")
    court.step(case["id"], "serve")
    sweep(world, at)
    assert rights(court) == {
        "statement": (f"{case['number']}:1", "waived"),
        "acknowledgement": (case["number"], "open"),
        "appeal": (case["number"], "open"),
    }
    for days in (3, 5):
        sweep(world, at, days=days)
    assert {kind: state for kind, (_, state) in rights(court).items()} == dict.fromkeys(RIGHTS, "waived")
    assert told(world, "principal", "obligation:overdue", "/sanctions/%") == []
    world.as_("officer")
    above = text(
        "SELECT count(*) FROM obligation e JOIN obligation o ON o.id = e.origin_id "
        "WHERE o.kind IN ('statement', 'acknowledgement', 'appeal')"
    )
    assert db.session.scalar(above) == 0
    assert len([each for each in court.list("?limit=200") if each["rule"] == case["rule"]]) == cases


def test_acknowledged_and_appealed_in_time(
    world: World, court: Court, at: Hands, case: dict[str, Any]
) -> None:
    court.served(case["id"])
    served = court.get(case["id"])
    assert served["acknowledge_due_at"] < served["appeal_due_at"]
    sweep(world, at)
    court.step(case["id"], "acknowledge")
    sweep(world, at)
    assert rights(court)["acknowledgement"] == (case["number"], "met")
    assert rights(court)["appeal"] == (case["number"], "open")
    court.step(case["id"], "appeal")
    sweep(world, at)
    assert rights(court)["appeal"] == (case["number"], "met")
    court.step(case["id"], "decide")
    sweep(world, at, days=9)
    assert rights(court)["appeal"] == (case["number"], "met")


def test_a_late_acknowledgement_is_late_and_nothing_else(
    world: World, court: Court, at: Hands, case: dict[str, Any]
) -> None:
    court.served(case["id"])
    sweep(world, at)
    sweep(world, at, days=4)
    assert rights(court)["acknowledgement"] == (case["number"], "waived")
    court.step(case["id"], "acknowledge")
    sweep(world, at)
    assert rights(court)["acknowledgement"] == (case["number"], "late")


def test_each_proposal_has_a_statement_of_its_own(
    world: World, court: Court, at: Hands, case: dict[str, Any]
) -> None:
    sweep(world, at)
    court.step(case["id"], "return")
    sweep(world, at)
    assert rights(court) == {"statement": (f"{case['number']}:1", "waived")}
    court.step(case["id"], "propose")
    sweep(world, at)
    states = {
        each["subject"]: each["state"]
        for each in court("principal").get("/obligations?kind=statement").json["items"]
    }
    assert states == {f"{case['number']}:1": "waived", f"{case['number']}:2": "open"}
    court.step(case["id"], "withdraw")
    sweep(world, at)
    assert court("principal").get("/obligations?kind=statement&state=open").json["items"] == []


def test_a_person_s_case_is_a_clock_of_the_person(world: World, court: Court, at: Hands) -> None:
    case = court.propose(rule="R046", person=world.email("region"), measures=[{"kind": "circular"}])
    sweep(world, at)
    assert rights(court, "region") == {"statement": (f"{case['number']}:1", "open")}
    for who in ("channel", "region2", "principal"):
        assert rights(court, who) == {}, who
    sweep(world, at, days=2)
    sweep(world, at)
    assert len(told(world, "region", "obligation:reminded", "/sanctions/%")) >= 1


def test_a_store_s_case_is_answered_by_its_dealer(world: World, court: Court, at: Hands) -> None:
    case = court.propose(rule="R033", unit="S1", measures=[{"kind": "warning"}])
    sweep(world, at)
    assert rights(court) == {"statement": (f"{case['number']}:1", "open")}
    assert rights(court, "store") == {}


def test_what_counts_is_when_the_request_arrived(
    world: World, court: Court, at: Hands, case: dict[str, Any]
) -> None:
    """The last second belongs to the party, whatever its request waited for (decision 15)."""
    court.served(case["id"])
    sweep(world, at)
    at.forward(days=7)
    assert court.refused(case["id"], "appeal") == (409, "appeal_over")
    with arrival.noted_at(time.monotonic() - 120):
        done = court.step(case["id"], "appeal")
    assert done["state"] == "appealed"
    assert done["appealed_at"] < done["appeal_due_at"]
    sweep(world, at)
    assert rights(court)["appeal"] == (case["number"], "met")


def test_sweeps_again_change_nothing(world: World, court: Court, at: Hands, case: dict[str, Any]) -> None:
    def rows() -> list[tuple[Any, ...]]:
        world.as_("officer")
        chosen = text(
            "SELECT kind, subject, due_at, closed_at, judged_at, waived_at FROM obligation "
            "WHERE kind IN ('statement', 'acknowledgement', 'appeal') ORDER BY id"
        )
        return [tuple(row) for row in db.session.execute(chosen)]

    sweep(world, at)
    court.served(case["id"])
    for span in ({"minutes": 1}, {"days": 4}, {"days": 4}):
        sweep(world, at, **span)
        first = rows()
        for _ in range(3):
            clocks.sweep(world.network, at.moment)
            finish(good=True)
        assert rows() == first


# --- the clock page ---------------------------------------------------------------------------------------------


def test_the_party_s_clock_page_says_what_follows(
    world: World, court: Court, at: Hands, case: dict[str, Any], browser_as: Any
) -> None:
    sweep(world, at)
    page = browser_as(world.actors["principal"]).get("/clock?state=open").text
    assert "处罚案件陈述" in page
    assert "逾期未陈述的，案件将直接作出决定" in page
    assert f"/sanctions/{case['number']}" in page
    sweep(world, at, days=4)
    page = browser_as(world.actors["principal"]).get("/clock?state=waived").text
    assert "未陈述，直接决定" in page
    assert "期限已过" in page
    link = f"/sanctions/{case['number']}"
    assert link not in browser_as(world.actors["principal"]).get("/clock?state=breached").text.split("h-s")[0]
    assert link not in browser_as(world.actors["clerk"]).get("/clock?state=waived").text


def test_the_heading_of_the_list_fits_its_tab(world: World, at: Hands, browser_as: Any) -> None:
    at("2026-11-06 09:00")
    clocks.sweep(world.network, at.moment)
    finish(good=True)
    browser = browser_as(world.actors["clerk"])
    words = "已逾期"
    heads = {
        state: browser.get(f"/clock?state={state}").text.split("<h1>")[1].split("</h1>")[0]
        for state in ("breached", "open", "met", "late", "waived")
    }
    assert words in heads["breached"]
    assert [state for state, head in heads.items() if words in head] == ["breached"]


def test_levels_of_promises_are_the_rulebook_s(world: World, court: Court, at: Hands) -> None:
    """promise_warn and promise_bad of the rulebook, not numbers of ours: 50 and 85 % in the flooring brand's."""
    world.as_("officer")
    book = rulebook.current(world.network.id, at.moment.date().replace(day=1))
    since, until = at.moment, at.moment + timedelta(hours=100)
    found = clocks.thresholds_of(book, since=since, until=until)
    assert (found.warn, found.bad) == (timedelta(hours=50), timedelta(hours=15))
    levels = book.calendar.levels.model_copy(update={"promise_warn": 20, "promise_bad": 40})
    other = book.model_copy(update={"calendar": book.calendar.model_copy(update={"levels": levels})})
    found = clocks.thresholds_of(other, since=since, until=until)
    assert (found.warn, found.bad) == (timedelta(hours=80), timedelta(hours=60))


# --- what is handed on ------------------------------------------------------------------------------------------


def handed(court: Court, query: str = "", who: str = "executive") -> list[dict[str, Any]]:
    found = court(who).get(f"/handed-measures{query}")
    assert found.status_code == 200, found.text
    return found.json["items"]  # type: ignore[no-any-return]


def test_r036_a_dismissal_is_handed_to_executives_who_tick_it_off(
    world: World, court: Court, at: Hands
) -> None:
    measures = [{"kind": "dismissal_recommended"}, {"kind": "circular"}]
    case = executed(court, at, rule="R036", person=world.email("region"), measures=measures)
    number = court.get(case)["number"]
    sweep(world, at)
    (item,) = handed(court, "?state=open")
    assert (item["number"], item["kind"], item["unit"], item["state"]) == (
        number,
        "dismissal_recommended",
        "R1",
        "open",
    )
    (clock,) = court("executive").get("/obligations?kind=handed_on").json["items"]
    assert (clock["state"], clock["unit"], clock["due_at"]) == ("open", "HQ", item["due_at"])
    for who in ("officer", "approver", "finance", "admin", "region", "principal"):
        assert court(who).get("/handed-measures").status_code == 403, who
        assert court(who).post(f"/handed-measures/{item['id']}/done", json={}).status_code == 403, who
    done = f"/handed-measures/{item['id']}/done"
    assert court("executive").post(done, json={}).status_code == 422
    answer = court("executive").post(done, json={"note": "Dismissed as of today, letter 17."})
    assert answer.status_code == 200, answer.text
    assert (answer.json["state"], answer.json["note"]) == ("done", "Dismissed as of today, letter 17.")
    again = court("executive").post(done, json={"note": "Again."})
    assert (again.status_code, again.json["code"]) == (409, "already_done")
    sweep(world, at)
    assert court("executive").get("/obligations?kind=handed_on").json["items"][0]["state"] == "met"
    assert handed(court, "?state=open") == []
    assert [each["by"] for each in handed(court, "?state=done")] == [
        court("executive").get("/me").json["user"]["name"]
    ]
    last = court("officer").get(f"/sanction-cases/{case}/steps").json["items"][-1]
    assert (last["move"], last["by"], last["note"]) == (
        "carry_out",
        court("executive").get("/me").json["user"]["name"],
        "Dismissed as of today, letter 17.",
    )
    world.as_("admin")
    trail = text("SELECT count(*) FROM event WHERE action = 'sanction_case:carry_out' AND object_id = :id")
    assert db.session.scalar(trail, {"id": case}) == 1


def test_what_is_not_carried_out_in_time_is_told_of_once(world: World, court: Court, at: Hands) -> None:
    executed(
        court,
        at,
        rule="R046",
        person=world.email("channel"),
        measures=[{"kind": "management_responsibility"}],
    )
    sweep(world, at)
    for days in (14, 1, 1):
        sweep(world, at, days=days)
    assert court("executive").get("/obligations?kind=handed_on").json["items"][0]["state"] == "breached"
    assert len(told(world, "executive", "obligation:overdue", "/handed-on")) == 1
    cases = [each for each in court.list("?limit=200") if each["rule"] == "consolidation_missing"]
    assert {each["state"] for each in cases if each["unit"] == "C1"} <= {"executed", "closed", "draft"}


def test_a_decision_that_fell_is_carried_out_no_more(world: World, court: Court, at: Hands) -> None:
    case = executed(
        court,
        at,
        rule="R046",
        person=world.email("channel"),
        measures=[{"kind": "management_responsibility"}],
    )
    sweep(world, at)
    (item,) = handed(court)
    put_up(world, case, at)
    court.step(case, "review", "approver2", decision="revoked", note="It was none.")
    assert handed(court) == []
    answer = court("executive").post(f"/handed-measures/{item['id']}/done", json={"note": "x"})
    assert answer.status_code == 404
    sweep(world, at)
    assert court("executive").get("/obligations?kind=handed_on").json["items"][0]["state"] == "waived"


def test_the_page_of_what_is_handed_on(world: World, court: Court, at: Hands, browser_as: Any) -> None:
    executed(
        court,
        at,
        rule="R046",
        person=world.email("channel"),
        measures=[{"kind": "management_responsibility"}],
    )
    (item,) = handed(court)
    browser = browser_as(world.actors["executive"])
    page = browser.get("/handed-on").text
    assert "承担管理责任" in page
    form = f"/handed-on/{item['id']}"
    assert browser.send(form, {"note": " "}, page="/handed-on").status_code == 422
    assert browser.send(form, {"note": "已谈话。"}, page="/handed-on").status_code == 302
    again = browser.send(form, {"note": "再谈。"}, page="/handed-on")
    assert again.status_code == 409
    assert "再谈。" not in browser.get("/handed-on").text
    assert "已谈话。" in browser.get("/handed-on?state=done").text
    assert browser_as(world.actors["officer"]).get("/handed-on").status_code == 403


# --- steps that nobody may take ---------------------------------------------------------------------------------


def leave(world: World, *names: str) -> None:
    """These people have no role any more."""
    world.as_("admin")
    ids = [world.actors[each].membership_id for each in names]
    db.session.execute(text("UPDATE membership SET status = 'ended' WHERE id = ANY(:ids)"), {"ids": ids})
    finish(good=True)


def unheld(world: World, who: str) -> list[str]:
    return [link for _, link in told(world, who, "obligation:unheld")]


def test_a_step_that_no_approver_is_left_for_is_reported_before_its_deadline(
    world: World, court: Court, at: Hands, case: dict[str, Any]
) -> None:
    sweep(world, at)
    before = unheld(world, "executive")
    leave(world, "approver", "approver2")
    sweep(world, at)
    assert unheld(world, "executive") == before  # one is left
    leave(world, "approver3")
    for _ in range(3):
        sweep(world, at)
    (step,) = [
        each
        for each in court("executive").get("/obligations?kind=case_step&limit=200").json["items"]
        if each["state"] == "open"
    ]
    assert unheld(world, "executive") == [*before, f"/clock/{step['id']}"]
    assert unheld(world, "admin") == [""]


def test_a_hearing_for_which_no_third_person_is_left_is_reported(
    world: World, court: Court, at: Hands, case: dict[str, Any]
) -> None:
    """Approvers there are, but each of them has had a hand in the case."""
    court.served(case["id"])
    court.step(case["id"], "appeal")
    leave(world, "approver2", "approver3")
    sweep(world, at)
    steps = court("executive").get("/obligations?kind=case_step&state=open").json["items"]
    appealed = [each["id"] for each in steps if ":appealed:" in each["subject"]]
    assert unheld(world, "executive") == [f"/clock/{key}" for key in appealed]


def test_what_finance_alone_may_execute_is_reported_without_finance(
    world: World, court: Court, at: Hands
) -> None:
    court.margin("D1", 500_000)
    case = court.propose(rule="R033", unit="D1", measures=[{"kind": "margin_forfeited", "amount": 1_000}])
    court.final(case["id"])
    leave(world, "finance")
    sweep(world, at)
    assert len(unheld(world, "executive")) == 1


def test_a_party_that_nobody_speaks_for_is_reported_to_the_officers(
    world: World, court: Court, at: Hands
) -> None:
    """D2 has a clerk and no principal: its duties are held, its case nobody can answer."""
    court.propose(rule="R033", unit="D2", measures=[{"kind": "warning"}])
    for _ in range(2):
        sweep(world, at)
    (clock,) = court("officer").get("/obligations?kind=statement").json["items"]
    assert unheld(world, "officer") == [f"/clock/{clock['id']}"]
    assert unheld(world, "region") == []


def test_somebody_who_came_back_is_enough(
    world: World, court: Court, at: Hands, case: dict[str, Any]
) -> None:
    leave(world, "approver", "approver2", "approver3")
    admin = commander(world.network)
    line = PersonLine(2, "new@approver.example", "new", "HQ", "sanction_approver", "13900009999")
    accounts.import_people(admin, world.network.root_path, [line], at.moment)
    finish(good=True)
    sweep(world, at)
    assert unheld(world, "executive") == []
    assert court.get(case["id"])["state"] == "proposed"


# --- a disqualified dealer ----------------------------------------------------------------------------------------


def clocks_of(court: Court, kind: str, unit: str, who: str) -> dict[str, str]:
    items = court(who).get(f"/obligations?kind={kind}&unit={unit}&limit=200").json["items"]
    return {each["subject"]: each["state"] for each in items}


def test_r035_nobody_is_chased_for_what_a_disqualified_dealer_may_not_file(
    world: World, court: Court, at: Hands
) -> None:
    """October was missed before: that stays so, but its superiors' clocks end, and none begins any more."""
    at("2026-11-06 09:00")
    sweep(world, at)
    running = court("region").get("/obligations?kind=escalation&state=open&limit=200").json["items"]
    owner = {
        each["id"]: each["unit"]
        for each in court("region").get("/obligations?kind=customer_file&limit=200").json["items"]
    }
    assert sorted(owner[each["origin"]] for each in running if each["origin"] in owner) == ["D1", "D2"]
    case = court.propose(rule="R035", unit="D1", measures=[{"kind": "dealer_disqualified"}])["id"]
    court.step(case, "statement")
    court.step(case, "approve")
    court.step(case, "serve")
    court.step(case, "appeal")
    court.step(case, "decide")
    court.step(case, "execute", "officer")
    sweep(world, at)
    sweep(world, at, days=2)
    states = {
        owner.get(each["origin"]): each["state"]
        for each in court("region").get("/obligations?kind=escalation&limit=200").json["items"]
        if each["unit"] == "R1"
    }
    assert states["D1"] == "waived"
    assert states["D2"] == "breached"
    assert clocks_of(court, "customer_file", "D1", "principal")["2026-10"] == "breached"
    above = court("channel").get("/obligations?kind=escalation&unit=C1&limit=200").json["items"]
    assert [owner[each["origin"]] for each in above if each["origin"] in owner] == ["D2"]


def test_r035_when_the_disqualification_falls_what_is_not_due_yet_is_owed_again(
    world: World, court: Court, at: Hands
) -> None:
    at("2026-11-25 10:00")
    case = executed(court, at, rule="R035", unit="D1", measures=[{"kind": "dealer_disqualified"}])
    assert at.moment.isoformat() > "2026-12"
    sweep(world, at)
    assert clocks_of(court, "customer_file", "D1", "principal")["2026-11"] == "waived"
    put_up(world, case, at)
    court.step(case, "review", "approver2", decision="revoked", note="The papers were true.")
    sweep(world, at)
    found = clocks_of(court, "customer_file", "D1", "principal")["2026-11"]
    assert found == ("open" if at.moment.isoformat() < "2026-12-05T16" else "waived")


# --- what waits for the party -------------------------------------------------------------------------------------


def test_what_waits_for_the_party_is_its_own_step_with_its_own_limit(
    world: World, court: Court, at: Hands, case: dict[str, Any]
) -> None:
    def waits(who: str = "principal") -> list[tuple[str | None, str]]:
        actor = world.as_(who)
        found = sanctions.to_do(actor, at.moment, limit=8)
        assert len(found) == sanctions.count_waiting(actor, at.moment)
        return [(move, due.isoformat() if due else "") for _, due, move in found]

    def due(name: str) -> str:
        return datetime.fromisoformat(court.get(case["id"])[name]).astimezone(UTC).isoformat()

    assert [move for move, _ in waits()] == ["state"]
    assert waits("clerk") == []
    court.served(case["id"])
    assert [move for move, _ in waits()] == ["acknowledge"]  # three days, the appeal has seven
    assert waits()[0][1][:16] == due("acknowledge_due_at")[:16]
    court.step(case["id"], "acknowledge")
    assert [move for move, _ in waits()] == ["appeal"]
    assert waits()[0][1][:16] == due("appeal_due_at")[:16]
    at.forward(days=7)
    assert waits() == []
