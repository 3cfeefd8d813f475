"""The pages of return visits, by a browser without script; each page that is opened is also inspected."""

import io
import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from PIL import Image

from portal import return_visits
from portal.core import clock
from portal.core.db import db, finish
from portal.core.events import Event
from portal.return_visits import Report, Visit, queries, service
from portal.return_visits.models import Draft
from portal.return_visits.pages.coverage import board
from tests.factories import World
from tests.pages import Page
from tests.return_visits.calling import reach, rows, said, signals_worked_out, visits

Browse = Callable[..., Any]
ANSWERS = {"a-purchase_true": "yes", "a-delivered_complete": "yes", "a-installation": "5", "a-service": "4"}


def calls(browser: Any) -> str:
    """Claim the next call; gives the address of its page."""
    answer = browser.send("/calls/next", {}, page="/calls")
    assert answer.status_code == 303, answer.text
    return str(answer.headers["Location"])


def save(browser: Any, address: str, **form: str) -> Any:
    guard = Page(browser.get(address).text).guard
    return browser.post(address.partition("?")[0], data=guard | form)


def known(address: str) -> int:
    found = re.search(r"/calls/(\d+)", address)
    assert found
    return int(found[1])


def fresh(visit_id: int) -> Visit:
    return db.session.scalars(
        db.select(Visit).where(Visit.id == visit_id), execution_options={"populate_existing": True}
    ).one()


def test_the_queue_beside_the_call_is_in_the_queues_order(month: World, at, browser_as: Browse):
    """Revisits before whoever did not answer; a revisit is not announced to the agent who may not have it."""
    people = visits(month)
    for visit, result in zip(people, ("unsatisfied", "unsatisfied", ""), strict=True):
        agent = month.as_("agent")
        return_visits.claim(agent, visit.id)
        if result:
            logged = reach(agent, visit, result)
            assert logged.rectification
            return_visits.report(month.as_("clerk"), logged.rectification.id, Report("已修"))
        else:
            return_visits.log_attempt(agent, visit.id, said("no_answer"))
    finish(good=True)
    at("2026-11-05 10:00")
    for who, ahead in (("agent", []), ("agent2", [people[0].id, people[1].id])):
        person = month.as_(who).person_id or 0
        assert [each.id for each in queries.queue_ahead(person, clock.now())] == ahead
    at("2026-11-06 14:00")
    address = calls(browser_as(month.actors["agent2"]))
    page = browser_as(month.actors["agent2"]).page(address)
    queue = page.html[page.html.index('class="call__q"') :]
    assert known(address) == people[0].id
    assert 0 < queue.index(f'href="/calls/{people[1].id}"') < queue.index(f'href="/calls/{people[2].id}"')


# --- signals ----------------------------------------------------------------------------------------------


def test_R045_signals_stand_on_the_call_screen_with_links(month: World, browser_as: Browse):
    signals_worked_out(month)  # three people at one address, with phones in sequence
    finish(good=True)
    browser = browser_as(month.actors["agent"])
    address = calls(browser)
    page = browser.page(address)
    assert "该经销商有 3 个号码紧挨着的电话" in page.text
    assert "有 3 位客户登记了这个地址" in page.text
    others = {each.id for each in visits(month)} - {known(address)}
    for other in others:
        assert f'href="/calls/{other}"' in page.html


def test_of_its_own_region_the_manager_sees_them_and_a_dealer_never(month: World, browser_as: Browse):
    signals_worked_out(month)
    finish(good=True)
    manager = browser_as(month.actors["region"])
    assert "3 人值得细看" in manager.page("/region/2026-10").text
    dealer = manager.page("/region/2026-10/D1")
    assert "号码紧挨着" in dealer.text
    assert rows(1)[0]["phone"] not in dealer.html
    for who in ("principal", "clerk"):
        own = browser_as(month.actors[who])
        for where in ("/", "/files/2026-10", "/customers", "/notices"):
            text = own.page(where).text
            assert "值得细看" not in text
            assert "号码紧挨着" not in text


# --- the call ---------------------------------------------------------------------------------------------


def test_a_call_is_claimed_saved_and_the_next_customer_comes(month: World, browser_as: Browse):
    browser = browser_as(month.actors["agent"])
    first = calls(browser)
    page = browser.page(first)
    assert "话术" in page.text
    answer = save(browser, first, outcome="satisfied", note="干净利落", **ANSWERS)
    assert answer.status_code == 303
    second = answer.headers["Location"]
    assert known(second) != known(first)
    assert "已保存" in browser.page(second).text
    month.as_("supervisor")
    assert fresh(known(first)).state == "closed"


def test_only_the_holder_sees_the_whole_phone_and_that_look_is_in_the_trail(month: World, browser_as: Browse):
    browser = browser_as(month.actors["agent"])
    address = calls(browser)
    mine = browser.get(address).text
    month.as_("supervisor")
    phone = fresh(known(address)).phone
    assert f"tel:{phone}" in mine
    for who in ("agent2", "supervisor"):
        text = browser_as(month.actors[who]).get(address).text
        assert phone not in text
        assert "****" in text
    month.as_("supervisor")
    looks = db.session.scalars(db.select(Event).where(Event.action == "visit:revealed"))
    assert {each.object_id for each in looks} == {str(known(address))}


def test_what_is_missing_is_named_and_what_was_typed_stays(month: World, browser_as: Browse):
    browser = browser_as(month.actors["agent"])
    address = calls(browser)
    answer = save(browser, address, outcome="unsatisfied", wish="换一块", **ANSWERS)
    assert answer.status_code == 422
    page = Page(answer.text)
    assert page.title.startswith("错误：")
    assert "请记下客户的原话" in page.text
    assert 'value="换一块"' in answer.text
    bare = Page(save(browser, address, outcome="satisfied").text)
    assert "请询问这一题" in bare.text
    assert any(given.get("name") == "declined" for given in bare.inputs)
    done = save(browser, address, outcome="satisfied", declined="y")
    assert done.status_code == 303


@pytest.mark.parametrize(
    ("form", "state"),
    [
        ({"outcome": "none", "result": "no_answer"}, "retry"),
        ({"outcome": "none", "result": "busy"}, "retry"),
        ({"outcome": "none", "result": "wrong_number"}, "with_dealer"),
        ({"outcome": "none", "result": "refused"}, "retry"),
        ({"outcome": "none", "result": "callback", "callback": "soon"}, "retry"),
        ({"outcome": "none", "result": "callback", "callback": "2026-11-05T19:00:00+08:00"}, "retry"),
        (
            {
                "outcome": "none",
                "result": "callback",
                "callback": "other",
                "callback_other": "2026-11-06T15:10",
            },
            "retry",
        ),
        ({"outcome": "none", "result": "not_installed", "not_before": "2026-11-20"}, "retry"),
        ({"outcome": "suspicious", "reason_suspicious": "denies_purchase"}, "with_dealer"),
        (
            {"outcome": "unsatisfied", "note": "有响声", "reason_unsatisfied": "laying", **ANSWERS},
            "with_dealer",
        ),
    ],
)
def test_each_outcome_of_the_dock(month: World, browser_as: Browse, form: dict[str, str], state: str):
    browser = browser_as(month.actors["agent"])
    address = calls(browser)
    answer = save(browser, address, **form)
    assert answer.status_code == 303, answer.text
    month.as_("supervisor")
    assert fresh(known(address)).state == state


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"outcome": "none"},
        {"outcome": "none", "result": "callback"},
        {"outcome": "none", "result": "callback", "callback": "2026-11-05T23:30:00+08:00"},
        {"outcome": "none", "result": "callback", "callback": "other", "callback_other": "morgen"},
        {"outcome": "none", "result": "not_installed", "not_before": "99999-01-01"},
        {"outcome": "none", "result": "no_answer", "recording": "C:\\call.mp3"},
        {"outcome": "suspicious"},
        {"outcome": "satisfied", **ANSWERS, "a-installation": "9"},
        {"outcome": "satisfied", **ANSWERS, "a-nothing": "\x00'\"><script>"},
    ],
)
def test_what_does_not_fit_is_refused_with_a_sentence(month: World, browser_as: Browse, form: dict[str, str]):
    browser = browser_as(month.actors["agent"])
    address = calls(browser)
    answer = save(browser, address, **form)
    if "a-nothing" in form:  # no question of this book: it is not looked at
        assert answer.status_code == 303
    else:
        assert answer.status_code == 422
        assert "尚未保存" in answer.text
        month.as_("supervisor")
        assert fresh(known(address)).attempts == 0


def test_the_draft_is_kept_and_comes_back(month: World, browser_as: Browse):
    browser = browser_as(month.actors["agent"])
    address = calls(browser)
    guard = browser.page(address).guard
    answer = browser.post(
        f"/calls/{known(address)}/draft", data=guard | {"note": "正在说", "outcome": "satisfied"}
    )
    assert answer.status_code == 200
    assert answer.json["held"]
    assert "草稿" in answer.json["saved"]
    again = browser.get(address).text
    assert "正在说" in again
    assert "已恢复" in again


def test_a_lost_lease_loses_nothing_typed_and_says_who_has_it(month: World, at, browser_as: Browse):
    browser = browser_as(month.actors["agent"])
    address = calls(browser)
    guard = browser.page(address).guard
    at("2026-11-05 09:30:00")
    other = browser_as(month.actors["agent2"])
    assert known(calls(other)) == known(address)
    told = browser.post(f"/calls/{known(address)}/draft", data=guard | {"note": "他说有响声"}).json
    assert told["held"] is False
    assert "agent2" in told["words"]
    answer = browser.post(
        f"/calls/{known(address)}", data=guard | {"outcome": "satisfied", "note": "他说有响声"} | ANSWERS
    )
    assert answer.status_code == 303
    page = browser.page(answer.headers["Location"])
    assert "agent2" in page.text
    assert "他说有响声" in page.text
    month.as_("supervisor")
    assert fresh(known(address)).attempts == 0


def test_a_lease_that_ran_out_is_mine_while_nobody_took_it(month: World, at, browser_as: Browse):
    browser = browser_as(month.actors["agent"])
    address = calls(browser)
    guard = browser.page(address).guard
    at("2026-11-05 09:30:00")
    answer = browser.post(f"/calls/{known(address)}", data=guard | {"outcome": "satisfied"} | ANSWERS)
    assert answer.status_code == 303
    month.as_("supervisor")
    assert fresh(known(address)).state == "closed"


def test_skipping_wants_a_reason_and_brings_another(month: World, browser_as: Browse):
    browser = browser_as(month.actors["agent"])
    address = calls(browser)
    guard = browser.page(address).guard
    skip = f"/calls/{known(address)}/skip"
    assert browser.post(skip, data=guard | {"note": "半句"}).status_code == 422
    answer = browser.post(skip, data=guard | {"skip_reason": "line", "note": "半句"})
    assert answer.status_code == 303
    assert known(answer.headers["Location"]) != known(address)
    month.as_("agent")
    assert db.session.scalars(db.select(Draft)).one().typed["note"] == "半句"


def test_pausing_gives_the_customer_back(month: World, browser_as: Browse):
    browser = browser_as(month.actors["agent"])
    address = calls(browser)
    guard = browser.page(address).guard
    assert browser.post(f"/calls/{known(address)}/pause", data=guard).headers["Location"] == "/calls"
    month.as_("supervisor")
    assert fresh(known(address)).holder_id is None


def test_a_wrong_save_is_put_right_and_stays_in_sight(month: World, browser_as: Browse):
    browser = browser_as(month.actors["agent"])
    first = calls(browser)
    save(browser, first, outcome="unsatisfied", note="不平", reason_unsatisfied="product", **ANSWERS)
    where = f"/calls/{known(first)}/correct"
    form = browser.page(where)
    assert "不平" in form.text
    assert {"o-unsatisfied", "ru-product", "a-purchase_true-1"} <= form.checked
    answer = browser.post(where, data=form.guard | {"outcome": "satisfied", "note": "看错了"} | ANSWERS)
    assert answer.status_code == 303
    page = browser.page(answer.headers["Location"])
    assert "已更正" in page.text
    month.as_("supervisor")
    assert fresh(known(first)).state == "closed"


def test_a_given_customer_is_claimed_from_its_page(month: World, browser_as: Browse):
    browser = browser_as(month.actors["agent"])
    one = visits(month)[2]
    page = browser.page(f"/calls/{one.id}")
    assert "回访这位客户" in page.text
    answer = browser.post(f"/calls/{one.id}/claim", data=page.guard)
    assert answer.status_code == 303
    assert "tel:" in browser.get(f"/calls/{one.id}").text
    other = browser_as(month.actors["agent2"])
    refused = other.post(f"/calls/{one.id}/claim", data=other.page("/calls").guard)
    assert "agent" in other.page(refused.headers["Location"]).text


# --- the queue and the supervisor -------------------------------------------------------------------------


def test_the_queue_has_chips_filters_and_no_whole_number(month: World, browser_as: Browse):
    browser = browser_as(month.actors["agent"])
    page = browser.page("/calls")
    assert "3 位客户待回访" in page.headings[0]
    assert not re.search(r"1300001\d{4}", page.text)
    assert "没有符合条件" in browser.page("/calls?state=closed").text
    assert "王" in browser.page("/calls?state=waiting&month=2026-10&unit=D1").text
    assert "没有符合条件" in browser.page("/calls?unit=D2").text
    assert browser.get("/calls?month=2026-13").status_code == 422
    assert browser.get("/calls?q=%00").status_code == 422
    assert browser.get("/calls/next").status_code == 303


def test_outside_the_hours_the_button_says_when(month: World, at, browser_as: Browse):
    at("2026-11-05 21:00:00")
    browser = browser_as(month.actors["agent"])
    assert "起可以回访" in browser.page("/calls").text
    answer = browser.post("/calls/next", data=browser.page("/calls").guard)
    assert answer.headers["Location"] == "/calls"


def test_a_supervisor_hands_out_takes_back_and_signs(month: World, browser_as: Browse):
    agent = browser_as(month.actors["agent"])
    address = calls(agent)
    browser = browser_as(month.actors["supervisor"])
    team = browser.page("/calls/team")
    assert "1 位坐席正在通话" in team.headings[0]
    who = str(month.actors["agent2"].person_id)
    answer = browser.post("/calls/team", data=team.guard | {"unit": "R1", "person": who, "month": ""})
    assert answer.status_code == 303
    month.as_("supervisor")
    assert {each.pool for each in visits(month)} == {0, int(who)}  # the one in hand stays with its agent
    assert browser.post("/calls/team", data=team.guard | {"unit": "", "person": ""}).status_code == 422
    back = browser.post(f"/calls/{known(address)}/release", data=team.guard | {"from": "team"})
    assert back.headers["Location"] == "/calls/team"
    month.as_("supervisor")
    assert fresh(known(address)).holder_id is None
    waive = f"/calls/{known(address)}/waive"
    browser.post(waive, data=team.guard | {"reason": " "})
    month.as_("supervisor")
    assert fresh(known(address)).state == "waiting"
    browser.post(waive, data=team.guard | {"reason": "客户已出国"})
    page = browser.page(address)
    assert "客户已出国" in page.text
    browser.post(f"/calls/{known(address)}/assign", data=team.guard | {"person": who})
    assert "结" in browser.page(address).text


def test_an_agent_may_not_supervise(month: World, browser_as: Browse):
    browser = browser_as(month.actors["agent"])
    assert browser.get("/calls/team").status_code == 403
    assert browser.get("/months/2026-10").status_code == 403
    assert "不回访而办结" not in browser.page(f"/calls/{visits(month)[0].id}").text


# --- rectification ----------------------------------------------------------------------------------------


def photo(name: str = "现场.jpg") -> tuple[io.BytesIO, str]:
    made = io.BytesIO()
    Image.new("RGB", (64, 48), "brown").save(made, "JPEG")
    made.seek(0)
    return made, name


def test_r045_a_dealer_reports_with_photos_and_a_right_number(
    month: World, sent_back: str, browser_as: Browse
):
    browser = browser_as(month.actors["clerk"])
    lists = browser.page("/rectifications")
    assert "待整改 1 项" in lists.headings[0]
    page = browser.page(sent_back)
    assert "13900008888" in page.text
    assert "重铺" in page.text
    form = {
        "action": "师傅上门重铺两块",
        "result": "客户认可",
        "phone": "13900001111",
        "file": [photo(), photo("二.jpg")],
    }
    answer = browser.post(f"{sent_back}/report", data=page.guard | form, content_type="multipart/form-data")
    assert answer.status_code == 303, answer.text
    after = browser.page(sent_back)
    assert "已回报" in after.text
    assert (
        len(re.findall(r'<img src="/documents/', after.html)) == 1
    )  # the same picture twice is one document
    shown = browser.get(re.findall(r'src="(/documents/\d+)"', after.html)[0])
    assert shown.mimetype == "image/jpeg"
    month.as_("supervisor")
    visit = visits(month)[0]
    assert visit.state == "revisit"
    assert visit.new_phone == "13900001111"


def test_a_bad_photo_is_named_and_the_good_one_and_the_words_stay(
    month: World, sent_back: str, browser_as: Browse
):
    browser = browser_as(month.actors["clerk"])
    guard = browser.page(sent_back).guard
    form = {"action": "已重铺", "file": [photo(), (io.BytesIO(b"<svg onload=alert(1)>"), "坏.jpg")]}
    answer = browser.post(f"{sent_back}/report", data=guard | form, content_type="multipart/form-data")
    assert answer.status_code == 200
    page = Page(answer.text)
    assert "坏.jpg" in page.text
    assert "已重铺" in page.text
    kept = [str(given["value"]) for given in page.inputs if given.get("name") == "document"]
    assert len(kept) == 1
    done = browser.post(f"{sent_back}/report", data=guard | {"action": "已重铺", "document": kept})
    assert done.status_code == 303
    nothing = browser.post(f"{sent_back}/report", data=guard | {"action": ""})
    assert nothing.status_code == 422


def test_above_the_dealer_numbers_are_cut_and_nobody_else_sees_it(
    month: World, sent_back: str, browser_as: Browse
):
    for who in ("region", "channel", "agent", "supervisor"):
        text = browser_as(month.actors[who]).get(sent_back).text
        assert "13900008888" not in text, who
        assert "重铺" in text
    for who in ("clerk2", "region2", "clerk3"):
        assert browser_as(month.actors[who]).get(sent_back).status_code == 404
    assert "D1" in browser_as(month.actors["region"]).get("/rectifications?unit=D1").text


def test_the_region_comments(month: World, sent_back: str, browser_as: Browse):
    browser = browser_as(month.actors["region"])
    guard = browser.page(sent_back).guard
    assert browser.post(f"{sent_back}/comment", data=guard | {"comment": " "}).status_code == 422
    assert browser.post(f"{sent_back}/comment", data=guard | {"comment": "我下周上门"}).status_code == 303
    assert "我下周上门" in browser_as(month.actors["clerk"]).page(sent_back).text
    assert browser_as(month.actors["clerk"]).post(f"{sent_back}/comment", data={}).status_code in (400, 403)


def test_a_dealers_rail_counts_what_waits(month: World, sent_back: str, browser_as: Browse):
    page = browser_as(month.actors["clerk"]).page("/")
    assert "/rectifications" in page.links


# --- coverage ---------------------------------------------------------------------------------------------


def test_r040_coverage_says_its_result_with_tables_and_csv(month: World, sent_back: str, browser_as: Browse):
    browser = browser_as(month.actors["supervisor"])
    where = browser.get("/coverage").headers["Location"]
    assert where == "/coverage/2026-10"
    page = browser.page(where)
    assert "覆盖率 33.3%" in page.headings[0]
    assert page.html.count('class="plot"') >= 2
    assert "浙江区" in page.text
    assert "杭州恒居" in browser.page(f"{where}?by=dealer").text
    for name in ("days", "weeks", "regions", "dealers"):
        answer = browser.get(f"{where}/{name}.csv")
        assert answer.mimetype == "text/csv"
        assert answer.data.startswith(b"\xef\xbb\xbf")
    assert "D1" in browser.get(f"{where}/dealers.csv").text
    assert browser.get(f"{where}/other.csv").status_code == 404
    assert browser.get("/coverage/2026-1").status_code == 404
    for words in ("2 位客户已排到前面", "没有可以提前的"):
        done = browser.post(f"{where}/first", data=page.guard | {"unit": "D1"})
        assert words in browser.page(done.headers["Location"]).text
    assert browser.post(f"{where}/first", data=page.guard | {"unit": "nowhere"}).status_code == 404


@pytest.mark.parametrize(
    ("who", "seen"),
    [("region", "33.3%"), ("principal", "33.3%"), ("region2", "还没有"), ("executive", "33.3%")],
)
def test_everybody_sees_the_coverage_of_what_is_theirs(
    month: World, sent_back: str, browser_as: Browse, who: str, seen: str
):
    assert seen in browser_as(month.actors[who]).page("/coverage/2026-10").text


# --- the end of the month ---------------------------------------------------------------------------------


def test_a_month_is_sealed_when_nothing_is_open(month: World, at, browser_as: Browse):
    browser = browser_as(month.actors["supervisor"])
    page = browser.page("/months/2026-10")
    assert "3 位客户未办结" in page.headings[0]
    refused = browser.post("/months/2026-10/seal", data=page.guard)
    assert "封账" in browser.page(refused.headers["Location"]).text
    for visit in visits(month):
        browser.post(f"/calls/{visit.id}/waive", data=page.guard | {"reason": "停业"})
    at("2027-02-20 10:00:00")
    browser = browser_as(month.actors["supervisor"])
    page = browser.page("/months/2026-10")
    assert "可以封账" in page.headings[0]
    done = browser.post("/months/2026-10/seal", data=page.guard)
    assert "已封账" in browser.page(done.headers["Location"]).headings[0]
    assert browser.get("/months").status_code == 302


def test_an_executive_reads_coverage_and_finds_no_link_that_is_refused(
    month: World, sent_back: str, browser_as: Browse, at
):
    at("2026-11-12 09:00:00")  # the dealer's three days are over
    for address in ("/coverage/2026-10", "/coverage/2026-10?by=dealer"):
        browser = browser_as(month.actors["executive"])
        page = browser.page(address)
        assert "整改逾期 1" in page.text
        for link in {each.partition("#")[0] for each in page.links if each.startswith("/")}:
            assert browser.get(link).status_code in (200, 302, 303), link


def test_a_rounds_number_and_age_are_in_sight(month: World, sent_back: str, browser_as: Browse, at):
    at("2026-11-07 15:00:00")
    for who, address in (("clerk", "/rectifications"), ("clerk", sent_back), ("agent", sent_back)):
        assert "已 2 天" in browser_as(month.actors[who]).page(address).text, (who, address)
    return_visits.report(month.as_("clerk"), int(sent_back.rsplit("/", 1)[1]), Report("已重铺"))
    finish(good=True)
    browser = browser_as(month.actors["agent2"])
    assert "第 1 轮（已 2 天）：经销商的回报" in browser.page(calls(browser)).text


def test_the_last_open_customers_of_a_month_are_named_where_it_is_closed(
    month: World, sent_back: str, browser_as: Browse, at
):
    at("2026-12-03 09:00:00")
    world = month
    refuses, silent = [each for each in visits(world) if each.state == "waiting"]
    for visit in (refuses, silent):
        agent = world.as_("agent")
        return_visits.claim(agent, visit.id)
        return_visits.log_attempt(agent, visit.id, said("refused"))
    service.waive(world.as_("supervisor"), silent.id, "客户明确拒绝")
    finish(good=True)
    browser = browser_as(world.actors["supervisor"])
    page = browser.page("/months/2026-10")
    assert f"/calls/{refuses.id}#h-sup" in page.links
    assert f"/calls/{silent.id}#h-sup" not in page.links  # signed for already
    over = browser.page("/coverage/2026-10").text
    assert "本月回访已截止：2 人未回访；尚未办结 2 人。" in over
    # no more are behind than are open: whoever is signed for cannot be called any more
    assert board(world.as_("supervisor"), date(2026, 10, 1)).dealers[0].lag.behind == 2


def test_the_weeks_of_a_month_end_with_it(month: World, sent_back: str, browser_as: Browse, at):
    at("2027-02-10 09:00:00")
    supervisor = month.as_("supervisor")
    weeks = board(supervisor, date(2026, 10, 1)).weeks
    assert [f"{each.begins:%m-%d}" for each in weeks] == ["11-02", "11-09", "11-16", "11-23", "11-30"]
