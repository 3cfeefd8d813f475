"""Every door with an id, asked for by those whom it does not concern: 404, with the body of what never was.

Askers: a sibling dealer and store, a sibling region and its people, everybody of another network. The counts are
printed (pytest -s). PORTAL_SWEEP=1 asks as everybody, for every thing and in every way; the suite takes some of each.
"""

import io
import os
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import text
from werkzeug.routing import Rule

from portal.access import Actor, need_of, roles_for
from portal.app import Portal
from portal.core.api import PREFIX
from portal.core.db import db, finish, look_as
from tests.access.test_matrix import ONE_OF_EACH, PART, _rules, _verbs
from tests.conftest import ApiClient, PageClient
from tests.factories import World
from tests.tenancy.marked import COMMON, MONTH, TABLES, Marked, furnish, objects

NEVER, NOTHING = "999999999", "999999998"
UNITS = {"unit", "code", "dealer", "region"}
NO_THINGS = {"month", "row", "step", "name", "kind", "version", "person", "filename"}
"""Places that name a date, a row of a thing, a form, or what the whole network reads."""
SAMPLES = {
    "kind": "xlsx",
    "step": "withdraw",
    "month": MONTH,
    "number": "HZ-0",
    "name": "days",
    "version": NEVER,
    "person": "nobody@nowhere.example",
}
ALL = bool(os.environ.get("PORTAL_SWEEP"))
SIBLINGS = (
    ("clerk2", "clerk3", "clerk9", "store2", "store3", "region2") if ALL else ("clerk2", "store2", "region2")
)
OTHERS = tuple(ONE_OF_EACH.values()) if ALL else ("clerk", "supervisor")
SIGNED = re.compile(r"[0-9a-f]{12}|ImM[\w.-]+|\"csrf_token\" value=\"[^\"]+\"")

As = Callable[..., Any]


@pytest.fixture
def marked(world: World, api_as: As) -> Marked:
    return furnish(world, api_as)


def places(rule: Rule) -> list[str]:
    return [name for _, name in PART.findall(rule.rule)]


def address(rule: Rule, **given: str) -> str:
    return PART.sub(lambda part: given.get(part[2]) or SAMPLES.get(part[2]) or NOTHING, rule.rule)


def bodies(rule: Rule) -> dict[str, Any]:
    """Something to send; the object comes before the fields, so that an empty one will do."""
    return {"json": {}} if rule.rule.startswith(PREFIX) else {"data": {}}


def plain(answer: Any) -> tuple[int, str, str]:
    """Status, kind and text without what is new each time."""
    return answer.status_code, answer.mimetype, SIGNED.sub("", answer.text)


def digest(world: World) -> list[tuple[str, int, str | None]]:
    """Every walled table of a network, as headquarters sees it."""
    finish(good=True)
    look_as(world.actors["supervisor"].scope)
    names = db.session.scalars(
        text(
            """SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
               WHERE n.nspname = 'public' AND c.relkind = 'r' AND c.relrowsecurity ORDER BY 1"""
        )
    ).all()
    parts = [
        f"SELECT '{name}', count(*), md5(string_agg(md5(t::text), '' ORDER BY md5(t::text))) FROM {name} t"
        for name in names
    ]
    rows = db.session.execute(text(" UNION ALL ".join(parts))).all()
    return [(name, count, found) for name, count, found in rows]


def strangers(world: World, other: World) -> Iterator[tuple[str, Actor]]:
    for who in SIBLINGS:
        yield who, world.actors[who]
    for who in OTHERS:
        yield f"other's {who}", other.actors[who]


def sees(actor: Actor, world: World, path: str) -> bool:
    return actor.network_id == world.network.id and path.startswith(actor.unit_path)


def doors(app: Portal) -> list[tuple[Rule, str, str]]:
    """(rule, verb, the place that names a thing) of every route with an id, a unit's code or a receipt's number."""
    found = []
    for rule in _rules(app):
        unknown = set(places(rule)) - set(TABLES) - UNITS - NO_THINGS - {"number"}
        assert not unknown, f"{rule.rule}: say in tests/tenancy/marked.py which table {unknown} means"
        naming = [name for name in places(rule) if name not in NO_THINGS]
        found += [(rule, verb, naming[0]) for verb in _verbs(rule) if naming]
    return found


def asked(client: Any, verb: str, where: str, rule: Rule) -> Any:
    if isinstance(client, ApiClient):
        return client.request(verb, where.removeprefix(PREFIX), **(bodies(rule) if verb != "GET" else {}))
    return client.open(where, method=verb, **(bodies(rule) if verb != "GET" else {}))


@pytest.mark.slow
def test_A2_nobody_reaches_another_units_thing_and_nothing_tells_that_it_is_there(
    app: Portal, world: World, other: World, marked: Marked, api_as: As, browser_as: As
) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    try:
        known: dict[str, list[tuple[str, str]]] = objects(world)
        dealer = world.units["D1"].unit_path
        known |= {name: [("D1", dealer)] for name in UNITS}
        known["number"] = [
            (number, dealer if "-D1" in number else world.units["R1"].unit_path) for number in marked.receipts
        ]
        asking = [(who, actor, api_as(actor), browser_as(actor)) for who, actor in strangers(world, other)]
        before = digest(world) + digest(other)
        wrong: list[str] = []
        cases: Counter[str] = Counter()
        without = {name for name in TABLES if not known[name]}
        for who, actor, api, browser in asking:
            for rule, verb, name in doors(app):
                need = need_of(app, rule.endpoint)
                if need is None or actor.role not in roles_for(need):
                    continue
                kind = "case_number" if name == "number" and rule.rule.startswith("/sanctions") else name
                if name in UNITS and actor.network_id == other.network.id:
                    continue  # both networks have a D1
                things = [key for key, path in known[kind] if not sees(actor, world, path)]
                things = things if ALL else things[:1]
                client = api if rule.rule.startswith(PREFIX) else browser
                never = plain(asked(client, verb, address(rule, **{name: NEVER, "row": "2"}), rule))
                cases["never existed"] += 1
                for key in things:
                    got = plain(asked(client, verb, address(rule, **{name: key, "row": "2"}), rule))
                    cases["other network" if actor.network_id == other.network.id else "sibling"] += 1
                    cases["write" if verb != "GET" else "read"] += 1
                    if got[0] != 404 or got != (never[0], never[1], never[2].replace(NEVER, key)):
                        wrong.append(
                            f"{who} {verb} {rule.rule} {key}: {got[0]} {got[2][:200]} (never: {never[0]})"
                        )
        after = digest(world) + digest(other)
        tried = {name: count for name, count in cases.items() if name not in ("read", "write")}
        print(f"\n{sum(tried.values())} cases: {dict(cases)}; nothing is there for {without or '-'}")
        assert wrong == []
        assert [new for old, new in zip(before, after, strict=True) if new != old] == []
        assert not without
    finally:
        app.config["WTF_CSRF_ENABLED"] = True


QUERIES = ("", "?unit=D1", "?region=R1", f"?q={COMMON}")
MORE_QUERIES = (
    "?unit=S1",
    "?dealer=D1",
    "?q=1371234",
    f"?month={MONTH}",
    "?state=submitted",
    "?sort=name&dir=desc",
    "?limit=200",
)


def texts_of(answer: Any) -> str:
    """What an answer says, a spreadsheet's texts included."""
    content: bytes = answer.data
    if content[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(content)) as book:
            return "".join(book.read(name).decode(errors="replace") for name in book.namelist())
    return content.decode(errors="replace")


@pytest.mark.slow
def test_A4_no_word_of_a_dealer_comes_out_anywhere_else(
    app: Portal, world: World, other: World, marked: Marked, api_as: As, browser_as: As
) -> None:
    """A crawl over every GET, by everybody whom it does not concern, with everything that narrows or searches."""
    leaks: list[str] = []
    answers = 0
    own = texts_of(api_as(world.actors["clerk"]).get("/customers"))
    assert any(mark in own for mark in marked.marks)
    for who, actor in strangers(world, other):
        api, browser = api_as(actor), browser_as(actor)
        for rule in _rules(app):
            need = need_of(app, rule.endpoint)
            if "GET" not in _verbs(rule) or need is None or actor.role not in roles_for(need):
                continue
            for query in (QUERIES + MORE_QUERIES if ALL else QUERIES) if not places(rule) or ALL else ("",):
                where = address(rule, unit="D1", code="D1", dealer="D1", row="2") + query
                by_api = rule.rule.startswith(PREFIX)
                answer = api.get(where.removeprefix(PREFIX)) if by_api else browser.get(where)
                answers += 1
                said = texts_of(answer)
                if answer.status_code >= 500:
                    leaks.append(f"{who} {where}: {answer.status_code}")
                leaks += [f"{who} {where}: {mark}" for mark in marked.marks if mark in said]
    print(f"\n{answers} answers, {len(marked.marks)} marks, {len(leaks)} leaks")
    assert leaks == []


FORGERIES = ("no token", "another's token", "a foreign membership", "another origin")


@pytest.mark.parametrize("way", FORGERIES)
def test_C4_no_forged_form_is_taken(
    app: Portal, world: World, browser_as: Callable[[Actor], PageClient], way: str
) -> None:
    """Every form of a page, without its token, with another session's, with another membership's."""
    browser = browser_as(world.actors["clerk"])
    own = browser.page("/account").guard
    strange = browser_as(world.actors["clerk2"]).page("/account").guard
    forged = {
        "no token": {"membership": own["membership"]},
        "another's token": {"csrf_token": strange["csrf_token"], "membership": own["membership"]},
        "a foreign membership": {"csrf_token": own["csrf_token"], "membership": strange["membership"]},
        "another origin": {},
    }[way]
    headers = {"Origin": "https://evil.example", "Referer": "https://evil.example/form"}
    before = digest(world)
    wrong = []
    for rule in _rules(app):
        if rule.rule.startswith(PREFIX) or "POST" not in _verbs(rule):
            continue
        if way == "a foreign membership" and rule.endpoint in ("accounts.choose", "accounts.login"):
            continue  # they change who acts, or come before anybody does
        need = need_of(app, rule.endpoint)
        if way == "a foreign membership" and (
            need is None or world.actors["clerk"].role not in roles_for(need)
        ):
            continue
        answer = browser.post(address(rule), data=forged, headers=headers if way == "another origin" else {})
        if answer.status_code not in (400, 403, 409):
            wrong.append((rule.rule, answer.status_code))
    assert wrong == []
    assert digest(world) == before
