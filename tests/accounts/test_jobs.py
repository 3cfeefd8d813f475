"""What is kept for a day or two is forgotten by itself, and no job's row tells a phone number."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from portal.access import act_as
from portal.accounts.jobs import forget
from portal.accounts.service import end_session
from portal.core import clock
from portal.core.db import db, look_as
from portal.core.jobs import later


def test_answers_and_counts_are_forgotten_when_their_time_is_over(world, other, api_as, at):
    for each in (world, other):
        api_as(each.actors["clerk"]).post("/customer-files", json={}, headers={"Idempotency-Key": "once"})
    at.forward(hours=47)
    api_as(world.actors["clerk"]).post("/customer-files", json={}, headers={"Idempotency-Key": "young"})
    at.forward(hours=2)
    forget()
    kept = []
    for each in (world, other):
        look_as(each.actors["supervisor"].scope)
        kept += db.session.scalars(text("SELECT key FROM idempotency_key")).all()
    assert kept == ["young"]
    oldest = db.session.scalar(text("SELECT min(window_start) FROM throttle"))
    assert oldest > clock.now() - timedelta(days=2)


def test_ended_sessions_outlive_a_crash_and_are_forgotten_when_their_cookie_is_too_old(app, at):
    """An unlogged table is emptied by a crash, and with it a signed-out cookie would open the door again."""
    kind = db.session.scalar(text("SELECT relpersistence FROM pg_class WHERE relname = 'ended_session'"))
    assert kind == "p"
    end_session("a" * 24, clock.now())
    end_session("a" * 24, clock.now())
    at.forward(days=6)
    end_session("b" * 24, clock.now())
    at.forward(days=2)
    forget()
    assert db.session.scalars(text("SELECT id FROM ended_session")).all() == ["b" * 24]


def test_a_jobs_row_tells_no_phone_and_no_mail(world):
    clerk = world.actors["clerk"]
    act_as(clerk)
    look_as(clerk.scope)
    later("customers.refresh", file_ids=[1])
    row = db.session.scalar(text("SELECT args::text FROM procrastinate_jobs ORDER BY id DESC LIMIT 1"))
    assert str(clerk.person_id) in row
    assert clerk.phone not in row
    assert clerk.email not in row


def test_an_errors_text_tells_no_parameters(world):
    with pytest.raises(DBAPIError) as failed:
        db.session.execute(text("SELECT CAST(:phone AS text) FROM nowhere"), {"phone": "13812345678"})
    assert "13812345678" not in str(failed.value)
    db.session.rollback()
