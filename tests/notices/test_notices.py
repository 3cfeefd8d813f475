"""Whoever works at a unit is told, each reads it in its own language, and nobody else does."""

import pytest
from sqlalchemy import select, text

from portal import notices
from portal.access import Role
from portal.core.db import db, finish
from portal.notices.models import Notice

SUBJECT = "%(unit)s returned your customer file of %(month)s"


def tell(world, who, units, **more):
    actor = world.as_(who)
    more = {
        "kind": "customer_file:returned",
        "subject": SUBJECT,
        "params": {"unit": "浙江区", "month": "2026-10"},
    } | more
    told = notices.tell(actor, unit_ids=[world.units[code].id for code in units], **more)
    finish(good=True)
    return told


def mine(world, who):
    return notices.list_notices(world.as_(who)).items


def test_all_at_the_unit_are_told_and_nobody_else(world):
    assert tell(world, "region", ["D1"]) == 2
    assert [each.words for each in mine(world, "clerk")] == ["浙江区 returned your customer file of 2026-10"]
    assert len(mine(world, "principal")) == 1
    for who in ("store", "clerk2", "region", "agent"):
        assert mine(world, who) == [], who


def test_up_down_and_sideways(world):
    assert tell(world, "clerk", ["R1"]) == 1
    assert len(mine(world, "region")) == 1
    assert tell(world, "clerk", ["HQ"], roles=[Role.HQ_SUPERVISOR]) == 1
    assert len(mine(world, "supervisor")) == 1
    assert mine(world, "agent") == []
    assert tell(world, "clerk", ["D2"]) == 1


def test_one_person(world):
    actor = world.as_("region")
    told = notices.tell(actor, person_id=world.actors["principal"].person_id, kind="x:done", subject="Done")
    assert told == 1
    finish(good=True)
    assert len(mine(world, "principal")) == 1
    assert mine(world, "clerk") == []


def test_not_into_another_network(world, other):
    actor = world.as_("region")
    assert notices.tell(actor, unit_ids=[other.units["D1"].id], kind="x:done", subject="Done") == 0
    assert notices.tell(actor, person_id=other.actors["clerk"].person_id, kind="x:done", subject="Done") == 0
    with pytest.raises(ValueError, match="within the portal"):
        notices.tell(actor, kind="x:done", subject="Done", link="https://example.com")


def test_unread_and_read(world, browser_as):
    tell(world, "region", ["D1"], link="/files/2026-10", note="第 3 行的号码不对")
    tell(world, "region", ["D1"])
    assert notices.unread(world.as_("clerk")) == 2
    client = browser_as(world.actors["clerk"])
    page = client.page("/notices")
    assert page.headings == ["通知"]
    assert "第 3 行的号码不对" in page.text
    world.as_("clerk")
    notice = db.session.scalars(
        select(Notice.id)
        .where(Notice.membership_id == world.actors["clerk"].membership_id)
        .order_by(Notice.id)
    ).first()
    answer = client.send(f"/notices/{notice}/read", {}, page="/notices")
    assert (answer.status_code, answer.location) == (302, "/files/2026-10")
    assert notices.unread(world.as_("clerk")) == 1
    newest = mine(world, "clerk")[0].id
    assert client.send("/notices/read", {"until": str(newest)}, page="/notices").status_code == 302
    assert notices.unread(world.as_("clerk")) == 0
    assert notices.unread(world.as_("principal")) == 2
    assert client.page("/notices?show=unread").headings == ["通知"]


def test_what_came_meanwhile_stays_new(world, browser_as):
    tell(world, "region", ["D1"])
    seen = mine(world, "clerk")[0].id
    tell(world, "region", ["D1"])
    browser_as(world.actors["clerk"]).send("/notices/read", {"until": str(seen)}, page="/notices")
    assert notices.unread(world.as_("clerk")) == 1


def test_anothers_notice_is_404(world, browser_as):
    tell(world, "region", ["D1"])
    notice = mine(world, "clerk")[0].id
    for who in ("clerk2", "region", "principal"):
        assert (
            browser_as(world.actors[who]).send(f"/notices/{notice}/read", {}, page="/notices").status_code
            == 404
        )


def test_the_words_are_the_readers(world, browser_as, monkeypatch):
    tell(world, "region", ["D1"])
    monkeypatch.setattr(
        "portal.notices.queries.gettext", lambda words: "“%(unit)s”退回了 %(month)s 的客户档案"
    )
    assert "“浙江区”退回了 2026-10 的客户档案" in browser_as(world.actors["clerk"]).page("/notices").text


def test_places_that_do_not_fit_do_no_harm(world):
    tell(world, "region", ["D1"], subject="100 % done for %(nobody)s")
    assert [each.words for each in mine(world, "clerk")] == ["100 % done for %(nobody)s"]


def test_pages_go_on(world, browser_as):
    for _ in range(55):
        tell(world, "region", ["S1"])
    client = browser_as(world.actors["store"])
    (following,) = [
        link for link in client.page("/notices").links if "cursor=" in link and "lang=" not in link
    ]
    assert client.page(following).headings == ["通知"]


def test_a_superior_may_not_change_them(world):
    tell(world, "region", ["D1"])
    world.as_("clerk2")
    changed = db.session.execute(text("UPDATE notice SET note = 'x'"))
    assert changed.rowcount == 0
