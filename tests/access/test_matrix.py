"""Who may come in where: the table that people review, and a real request for each of its cells."""

import os
import re
from pathlib import Path

import pytest
from sqlalchemy import text
from werkzeug.routing import Rule

from portal.access import GRANTS, PUBLIC, Permission, Role, need_of, roles_for
from portal.core.api import OPERATIONS, PREFIX
from portal.core.db import db, finish
from tests.factories import World

MATRIX = Path(__file__).with_name("matrix.txt")
ONE_OF_EACH = {
    Role.HQ_AGENT: "agent",
    Role.HQ_SUPERVISOR: "supervisor",
    Role.SANCTION_OFFICER: "officer",
    Role.SANCTION_APPROVER: "approver",
    Role.FINANCE: "finance",
    Role.EXECUTIVE: "executive",
    Role.ADMINISTRATOR: "admin",
    Role.CHANNEL_MANAGER: "channel",
    Role.REGIONAL_MANAGER: "region",
    Role.DEALER_PRINCIPAL: "principal",
    Role.DEALER_CLERK: "clerk",
    Role.STORE_CLERK: "store",
}
PART = re.compile(r"<(?:(\w+)(?:\([^)]*\))?:)?(\w+)>")
NOT_ASKED = {"accounts.logout", "accounts.choose"}  # they would sign the test's own person out


def _rules(app) -> list[Rule]:
    return sorted(
        (rule for rule in app.url_map.iter_rules() if rule.endpoint not in ("static", "bootstrap.static")),
        key=lambda rule: (rule.rule, sorted(rule.methods or ())),
    )


def _verbs(rule: Rule) -> list[str]:
    return sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})


def test_no_route_is_without_a_permission(app):
    bare = [rule.endpoint for rule in _rules(app) if need_of(app, rule.endpoint) is None]
    assert bare == []


def test_every_operation_of_the_api_is_described(app):
    lacking = [
        (rule.rule, verb)
        for rule in _rules(app)
        for verb in _verbs(rule)
        if rule.rule.startswith(PREFIX)
        and (rule.endpoint, verb) not in OPERATIONS
        and rule.endpoint != "openapi"
    ]
    assert lacking == []


def test_the_matrix_is_the_agreed_one(app):
    """`./dev matrix` writes it anew; look at the difference before you commit it."""
    lines = []
    for rule in _rules(app):
        need = need_of(app, rule.endpoint)
        assert need is not None
        who = "anybody" if need is PUBLIC else ", ".join(roles_for(need))
        if len(roles_for(need)) == len(Role) and need is not PUBLIC:
            who = "every role"
        lines.append(f"{' '.join(_verbs(rule))} {rule.rule}: {who}")
    text = "\n".join(lines) + "\n"
    if os.environ.get("PORTAL_WRITE_MATRIX"):
        MATRIX.write_text(text)
    assert MATRIX.read_text() == text


def test_each_permission_belongs_to_somebody():
    assert {permission for granted in GRANTS.values() for permission in granted} == set(Permission)


def _address(rule: Rule) -> str:
    samples = {
        "month": "2026-10",
        "code": "D2",
        "dealer": "D2",
        "unit": "D2",
        "name": "none",
        "kind": "xlsx",
        "step": "approve",
        "number": "HZ-0",
    }
    return PART.sub(lambda found: samples.get(found[2], "999999999"), rule.rule)


@pytest.mark.parametrize("role", list(Role))
def test_each_cell_of_the_matrix_by_api(app, world: World, api_as, role):
    """A role that may never do it: 403, whatever the object; one that may: anything but 401, 403 and 5xx."""
    api = api_as(world.actors[ONE_OF_EACH[role]])
    wrong = []
    for rule in _rules(app):
        if not rule.rule.startswith(PREFIX):
            continue
        need = need_of(app, rule.endpoint)
        for verb in _verbs(rule):
            status = api.request(verb, _address(rule).removeprefix(PREFIX)).status_code
            allowed = need is PUBLIC or role in roles_for(need)
            fine = status not in (401, 403) and status < 500 if allowed else status == 403
            if not fine:
                wrong.append((verb, rule.rule, status))
    assert wrong == []


@pytest.mark.parametrize("role", list(Role))
def test_each_cell_of_the_matrix_by_page(app, world: World, browser_as, role):
    app.config["WTF_CSRF_ENABLED"] = False
    if role is Role.CHANNEL_MANAGER:  # acts for a region only where that has no manager of its own
        db.session.execute(text("UPDATE membership SET status = 'ended' WHERE role = 'regional_manager'"))
        finish(good=True)
    try:
        browser = browser_as(world.actors[ONE_OF_EACH[role]])
        wrong = []
        for rule in _rules(app):
            if rule.rule.startswith(PREFIX) or rule.endpoint in NOT_ASKED:
                continue
            need = need_of(app, rule.endpoint)
            for verb in _verbs(rule):
                status = browser.open(_address(rule), method=verb).status_code
                allowed = need is PUBLIC or role in roles_for(need)
                fine = status not in (401, 403) and status < 500 if allowed else status == 403
                if not fine:
                    wrong.append((verb, rule.rule, status))
        assert wrong == []
    finally:
        app.config["WTF_CSRF_ENABLED"] = True


def test_nobody_signed_in_is_sent_to_sign_in(app):
    client = app.test_client()
    for rule in _rules(app):
        need = need_of(app, rule.endpoint)
        if rule.rule.startswith(PREFIX) or need is PUBLIC or "GET" not in _verbs(rule):
            continue
        answer = client.get(_address(rule))
        assert answer.status_code == 302, rule.rule
        assert answer.location.startswith("/login"), rule.rule


def test_no_page_changes_anything_without_its_hidden_fields(app, world: World, browser_as):
    """Each POST of a page without the token against forgery is refused."""
    browser = browser_as(world.actors["clerk"])
    for rule in _rules(app):
        if rule.rule.startswith(PREFIX) or "POST" not in _verbs(rule):
            continue
        assert browser.post(_address(rule)).status_code == 400, rule.rule
