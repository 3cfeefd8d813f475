"""Signing in and out: guesses, sessions, redirects, headers (security.md C1 to C4, H1)."""

import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from portal import accounts
from portal.access import Actor
from portal.access.guard import PUBLIC, need_of
from portal.accounts import service
from portal.accounts.rules import GUESSES, GUESSES_A_DAY
from portal.app import Portal
from portal.core.api import PREFIX
from portal.core.db import db, finish, outside
from portal.core.errors import TooMany
from tests.access.test_matrix import _address, _rules, _verbs
from tests.conftest import NOW, Hands, PageClient, an_app
from tests.factories import PASSWORD, World

Browser = Callable[[Actor], PageClient]
FOREIGN = (
    "https://evil.example/",
    "http:evil.example",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n//evil.example",
    "https:///evil.example",
    "//evil.example@portal",
    "javascript:alert(1)",
    "data:text/html,hello",
    " //evil.example",
    "/%5cevil.example\\@evil.example",
)


@pytest.fixture
def with_password(world: World) -> Callable[[str], str]:
    """Give one of this world's people the password; gives the e-mail."""

    def give(who: str) -> str:
        person = accounts.person_by_identifier(world.email(who))
        assert person is not None
        accounts.set_password(person, PASSWORD)
        finish(good=True)
        return world.email(who)

    return give


def sign_in(client: Any, email: str, password: str = PASSWORD, address: str = "10.0.0.1", **more: Any) -> Any:
    return client.send(
        "/login",
        {"identifier": email, "password": password, **more},
        environ_base={"REMOTE_ADDR": address},
    )


def is_in(client: Any) -> bool:
    return bool(client.get("/account").status_code == 200)


def plain(text: str) -> str:
    return re.sub(r'(value|content)="[^"]*"|[0-9a-f]{12}', "", text)


# ---------------------------------------------------------------- guesses


def test_C1_ten_guesses_and_the_door_is_shut_for_a_while(
    app: Portal, at: Hands, with_password: Callable[[str], str]
) -> None:
    at("2026-11-03 11:00:00")
    email, client = with_password("clerk"), app.test_client()
    for _ in range(GUESSES.count):
        assert sign_in(client, email, "wrong", "10.1.0.1").status_code == 422
    refused = sign_in(client, email, PASSWORD, "10.1.0.1")
    assert refused.status_code == 429
    assert not is_in(client)
    at.forward(minutes=5, seconds=1)
    assert sign_in(client, email, PASSWORD, "10.1.0.1").status_code == 302


def test_C1_guesses_from_elsewhere_never_lock_the_known_device(
    app: Portal, at: Hands, with_password: Callable[[str], str]
) -> None:
    at("2026-11-03 12:00:00")
    email, own = with_password("clerk2"), app.test_client()
    assert sign_in(own, email, address="10.2.0.1").status_code == 302
    own.send("/logout", {}, page="/account")
    checked = 0
    for number in range(GUESSES_A_DAY.count + 20):
        answer = sign_in(app.test_client(), email, "wrong", f"10.3.{number % 200}.{number % 250}")
        checked += answer.status_code == 422
        at.forward(seconds=31)
    assert checked <= GUESSES_A_DAY.count
    assert sign_in(app.test_client(), email, address="10.4.0.1").status_code == 429
    assert sign_in(own, email, address="10.5.0.1").status_code == 302, (
        "the device that it signed in on before"
    )


def test_C1_many_accounts_from_one_address(app: Portal, at: Hands, world: World) -> None:
    at("2026-11-03 18:00:00")
    statuses = [
        sign_in(app.test_client(), f"nobody{number}@qy.example", "wrong", "10.6.0.1").status_code
        for number in range(GUESSES.count + 3)
    ]
    assert statuses == [422] * GUESSES.count + [429] * 3


def test_C1_guesses_at_the_same_moment_are_counted_before_they_are_checked(
    cloned: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty threads with connections of their own: were they counted afterwards, all twenty would be checked."""
    app, together, checked = an_app(cloned("guesses"), tmp_path), threading.Barrier(20), []

    def slow(kept: str, password: str) -> bool:
        checked.append(password)
        time.sleep(0.1)
        return False

    monkeypatch.setattr(service, "_fits", slow)

    def guess(number: int) -> str:
        with app.app_context():
            together.wait()
            try:
                who, address = "li@qy.example", f"10.8.0.{number}"
                service.check_password(who, f"guess {number}", address=address, known_device=None, now=NOW)
            except TooMany:
                return "refused"
            finally:
                db.session.remove()
            return "checked"

    with ThreadPoolExecutor(20) as threads:
        outcomes = Counter(threads.map(guess, range(20)))
    with app.app_context():
        db.engine.dispose()
    assert outcomes == {"checked": GUESSES.count, "refused": 20 - GUESSES.count}
    assert len(checked) == GUESSES.count


def test_C1_what_was_refused_unchecked_counts_nowhere_and_what_was_right_is_given_back(
    app: Portal, at: Hands, with_password: Callable[[str], str]
) -> None:
    at("2026-11-03 18:30:00")
    email = with_password("clerk")
    for number in range(GUESSES.count * 3):
        sign_in(app.test_client(), email, "wrong", f"10.9.0.{number}")
    with outside() as there:
        counts = dict(there.execute(db.text("SELECT key, count FROM throttle")).all())
    assert counts[f"account:{email}"] == counts[f"day:{email}"] == GUESSES.count
    at.forward(minutes=5, seconds=1)
    for _ in range(GUESSES.count + 2):
        assert sign_in(app.test_client(), email, address="10.9.2.1").status_code == 302


def test_C2_the_same_words_for_known_and_unknown_people(
    app: Portal, at: Hands, with_password: Callable[[str], str]
) -> None:
    at("2026-11-03 19:00:00")
    known = sign_in(app.test_client(), with_password("clerk3"), "wrong", "10.7.0.1")
    unknown = sign_in(app.test_client(), "no.such@qy.example", "wrong", "10.7.0.2")
    without = sign_in(app.test_client(), "clerk9@qy.example", "wrong", "10.7.0.3")
    assert known.status_code == unknown.status_code == without.status_code == 422
    said = [
        plain(each.text).replace(who, "")
        for each, who in (
            (known, "clerk3@qy.example"),
            (unknown, "no.such@qy.example"),
            (without, "clerk9@qy.example"),
        )
    ]
    assert said[0] == said[1] == said[2]


# ---------------------------------------------------------------- sessions


def test_C3_nothing_of_the_session_before_sign_in_goes_on(
    app: Portal, at: Hands, with_password: Callable[[str], str]
) -> None:
    at("2026-11-03 20:00:00")
    client = app.test_client()
    with client.session_transaction() as kept:
        kept["membership"] = 999
        kept["planted"] = "yes"
    assert sign_in(client, with_password("clerk"), address="10.8.0.1").status_code == 302
    with client.session_transaction() as kept:
        assert "planted" not in kept
        assert kept["membership"] != 999


def test_C3_a_cookie_from_before_sign_out_is_worth_nothing(
    app: Portal, at: Hands, with_password: Callable[[str], str]
) -> None:
    at("2026-11-03 20:10:00")
    email = with_password("clerk")
    thief, owner, other_device = app.test_client(), app.test_client(), app.test_client()
    assert sign_in(owner, email, address="10.9.0.1").status_code == 302
    assert sign_in(other_device, email, address="10.9.0.2").status_code == 302
    stolen = owner.get_cookie("portal")
    assert stolen is not None
    thief.set_cookie("portal", stolen.value)
    assert is_in(thief)
    owner.send("/logout", {}, page="/account")
    assert not is_in(owner)
    assert not is_in(thief)
    assert is_in(other_device), "another device stays signed in"


@pytest.mark.parametrize(
    ("who", "minutes", "stays"), [("supervisor", 29, True), ("supervisor", 31, False), ("clerk", 31, True)]
)
def test_C3_rest_at_headquarters(
    app: Portal, at: Hands, with_password: Callable[[str], str], who: str, minutes: int, stays: bool
) -> None:
    at("2026-11-03 21:00:00")
    client = app.test_client()
    assert sign_in(client, with_password(who), address=f"10.10.0.{minutes}").status_code == 302
    at.forward(minutes=minutes)
    assert is_in(client) is stays


def test_C3_kept_for_seven_days_and_no_longer(
    app: Portal, at: Hands, with_password: Callable[[str], str]
) -> None:
    at("2026-11-03 22:00:00")
    client = app.test_client()
    assert sign_in(client, with_password("clerk"), address="10.11.0.1", keep="y").status_code == 302
    at.forward(days=6)
    assert is_in(client)
    at.forward(days=7, minutes=1)
    assert not is_in(client)


def test_C3_cookies_are_closed_to_script_and_to_other_sites(
    app: Portal, at: Hands, with_password: Callable[[str], str]
) -> None:
    at("2026-11-03 23:00:00")
    answer = sign_in(app.test_client(), with_password("clerk"), address="10.12.0.1")
    cookies = {line.split("=")[0]: line for line in answer.headers.getlist("Set-Cookie")}
    for name in ("portal", "device"):
        assert "HttpOnly" in cookies[name]
        assert "SameSite=Lax" in cookies[name]


@pytest.mark.parametrize("target", FOREIGN)
def test_C3_nobody_is_sent_to_another_site(
    app: Portal, at: Hands, with_password: Callable[[str], str], target: str
) -> None:
    at("2026-11-04 08:00:00")
    at.forward(minutes=6 * FOREIGN.index(target))
    client = app.test_client()
    answer = sign_in(client, with_password("clerk"), address="10.13.0.1", next=target)
    assert (answer.status_code, answer.location) == (302, "/")
    for form in ("/language", "/theme"):
        answer = client.send(form, {"lang": "en", "theme": "dark", "next": target}, page="/account")
        assert (answer.status_code, answer.location) == (302, "/"), form


@pytest.mark.parametrize("target", ["/files", "/files/2026-10?unit=S1", "/account"])
def test_sign_in_leads_where_one_wanted_to_go(
    app: Portal, at: Hands, with_password: Callable[[str], str], target: str
) -> None:
    at("2026-11-04 12:00:00")
    answer = sign_in(app.test_client(), with_password("clerk"), address="10.14.0.1", next=target)
    assert answer.location == target


def test_A7_a_new_password_ends_every_session(
    app: Portal, at: Hands, world: World, with_password: Callable[[str], str]
) -> None:
    at("2026-11-04 13:00:00")
    client = app.test_client()
    assert sign_in(client, with_password("clerk"), address="10.15.0.1").status_code == 302
    with_password("clerk")
    assert not is_in(client)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE membership SET status = 'ended' WHERE id = :membership",
        "UPDATE person SET status = 'disabled' WHERE id = :person",
    ],
)
def test_A7_a_right_that_ends_ends_at_once(
    world: World, browser_as: Browser, api_as: Callable[..., Any], change: str
) -> None:
    actor = world.actors["clerk2"]
    browser, api = browser_as(actor), api_as(actor)
    assert is_in(browser)
    assert api.get("/me").status_code == 200
    db.session.execute(db.text(change), {"membership": actor.membership_id, "person": actor.person_id})
    finish(good=True)
    assert not is_in(browser)
    assert api.get("/me").status_code == 401


# ---------------------------------------------------------------- headers


def test_H1_every_route_has_its_headers(app: Portal, world: World, browser_as: Browser) -> None:
    """Strict CSP, nosniff, no framing, no storing: on pages, refusals, files and the API alike."""
    nobody, clerk = app.test_client(), browser_as(world.actors["clerk"])
    seen = 0
    for rule in _rules(app):
        for client in (nobody, clerk):
            for verb in _verbs(rule):
                answer = client.open(_address(rule), method=verb)
                seen += 1
                policy = answer.headers["Content-Security-Policy"]
                assert "default-src 'none'" in policy, rule.rule
                assert "frame-ancestors 'none'" in policy, rule.rule
                assert "unsafe" not in policy, rule.rule
                assert answer.headers["X-Content-Type-Options"] == "nosniff", rule.rule
                assert answer.headers["X-Frame-Options"] == "DENY", rule.rule
                assert answer.headers["Referrer-Policy"] == "same-origin", rule.rule
                need = need_of(app, rule.endpoint)
                if need is not PUBLIC or rule.rule.startswith(PREFIX):
                    assert answer.headers["Cache-Control"] == "no-store", rule.rule
    print(f"\n{seen} answers with their headers")
    secure = clerk.get("/account", base_url="https://portal.example")
    assert "max-age=31536000" in secure.headers["Strict-Transport-Security"]
