"""Versions: installed by headquarters from a month on, never under what runs, walled by network."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import DBAPIError

from portal import rulebook
from portal.core.db import db, look_as
from portal.core.errors import Conflict, Invalid, NotFound
from portal.core.scope import CLOSED
from tests.factories import World

OCTOBER, NOVEMBER, DECEMBER = date(2026, 10, 1), date(2026, 11, 1), date(2026, 12, 1)


def changed(day: int) -> dict[str, Any]:
    document = rulebook.shipped("flooring")
    document["calendar"]["windows"]["dealer"]["day"] = day
    return document


def install(world: World, book: str | dict[str, Any], month: date) -> rulebook.RulebookVersion:
    return rulebook.install(world.as_("admin"), world.network.id, world.network.root_path, book, month)


def test_the_first_version_holds_for_every_month(world: World) -> None:
    world.as_("clerk")  # a dealer's clerk reads what headquarters wrote
    for month in (date(2019, 1, 1), OCTOBER, date(2031, 5, 1)):
        found = rulebook.in_force(world.network.id, month)
        assert (found.version, found.book.key) == (1, "flooring")


def test_a_change_takes_effect_from_its_month_on(world: World) -> None:
    second = install(world, changed(6), DECEMBER)
    assert second.version == 2
    days = [
        rulebook.current(world.network.id, month).window("dealer").day
        for month in (OCTOBER, NOVEMBER, DECEMBER)
    ]
    assert days == [5, 5, 6]
    assert rulebook.at_version(world.network.id, 1).window("dealer").day == 5


def test_a_month_that_is_open_keeps_its_rules(world: World) -> None:
    with pytest.raises(Conflict) as refused:
        install(world, changed(6), OCTOBER)
    assert refused.value.code == "month_already_open"
    assert install(world, changed(6), NOVEMBER).version == 2


def test_a_newer_version_cannot_begin_before_the_one_it_follows(world: World) -> None:
    install(world, changed(6), DECEMBER)
    with pytest.raises(Conflict) as refused:
        install(world, changed(7), NOVEMBER)
    assert refused.value.code == "effective_before_latest"
    assert install(world, changed(7), DECEMBER).version == 3
    assert rulebook.current(world.network.id, DECEMBER).window("dealer").day == 7


def test_the_same_again_changes_nothing(world: World) -> None:
    assert install(world, "flooring", DECEMBER).version == 1
    assert len(rulebook.list_versions(world.network.id)) == 1


def test_a_wrong_document_is_refused_whole(world: World) -> None:
    with pytest.raises(Invalid) as refused:
        install(world, changed(45), DECEMBER)
    error = refused.value.errors[0]
    assert (error.pointer, error.detail) == ("/calendar/windows/dealer/day", "must be 1 to 28, is 45")
    with pytest.raises(NotFound):
        install(world, "no-such-book", DECEMBER)
    assert len(rulebook.list_versions(world.network.id)) == 1


def test_an_installation_stands_in_the_audit_trail(world: World) -> None:
    install(world, changed(6), DECEMBER)
    after = db.session.execute(
        text("SELECT after FROM event WHERE action = 'rulebook:installed' ORDER BY id DESC LIMIT 1")
    ).scalar_one()
    assert (after["version"], after["effective_from"], after["key"]) == (2, "2026-12-01", "flooring")


@pytest.mark.parametrize("key", rulebook.shipped_keys())
def test_each_shipped_book_comes_back_from_the_database_as_it_is(world: World, key: str) -> None:
    document = rulebook.shipped(key)
    document["summary"]["en"] += (
        " "  # a new digest, so that the stored document is read and not the cached book
    )
    version = install(world, document, DECEMBER)
    db.session.expire(version)
    assert rulebook.at_version(world.network.id, version.version) == rulebook.read(document)


def test_a_version_is_never_changed(world: World) -> None:
    world.as_("admin")
    for statement in ("UPDATE rulebook_version SET version = 9", "DELETE FROM rulebook_version"):
        with pytest.raises(DBAPIError, match="permission denied"), db.session.begin_nested():
            db.session.execute(text(statement))


def test_only_headquarters_writes_and_no_other_network_reads(world: World, other: World) -> None:
    other.as_("admin")
    assert rulebook.list_versions(world.network.id) == []
    with pytest.raises(rulebook.NoRulebook):
        rulebook.current(world.network.id, OCTOBER)
    copy = text(
        "INSERT INTO rulebook_version (network_id, unit_path, version, effective_from, key, digest, document, "
        "created_at, created_by_name) "
        "SELECT network_id, unit_path, 77, effective_from, key, digest, document, created_at, '' "
        "FROM rulebook_version"
    )
    world.as_("region")
    with pytest.raises(DBAPIError, match="row-level security"), db.session.begin_nested():
        db.session.execute(copy)
    look_as(CLOSED)
    assert db.session.execute(text("SELECT count(*) FROM rulebook_version")).scalar_one() == 0


def test_one_query_answers_which_book(world: World) -> None:
    world.as_("clerk")
    rulebook.current(world.network.id, OCTOBER)
    db.session.rollback()  # a transaction asks once
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        rulebook.current(world.network.id, OCTOBER)
        rulebook.current(world.network.id, OCTOBER)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    about = [each for each in asked if "rulebook" in each]
    assert len(about) == 1
    assert "document" not in about[0]
