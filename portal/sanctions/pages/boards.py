"""The boards: what waits for the officer, the approver, finance; an executive's list; a party's own cases; appeals."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import render_template, request, url_for

from portal import network, rulebook
from portal.access import Actor, Permission, Role, current_actor
from portal.core import clock
from portal.core.api import refuse_odd_text
from portal.core.texts import gettext, ngettext
from portal.sanctions import queries
from portal.sanctions.pages import shown
from portal.sanctions.pages.door import room
from portal.sanctions.queries import pages as listed
from portal.sanctions.queries.pages import Tab
from portal.sanctions.rules import measure_words

TABS: Mapping[Role, Sequence[Tab]] = {
    Role.SANCTION_OFFICER: (
        Tab.TEND,
        Tab.DRAFT,
        Tab.SERVE,
        Tab.EXECUTE,
        Tab.REVIEW,
        Tab.SOON,
        Tab.PROPOSED,
        Tab.SERVED,
        Tab.APPEALED,
        Tab.EXECUTED,
        Tab.DONE,
        Tab.ALL,
    ),
    Role.SANCTION_APPROVER: (
        Tab.JUDGE,
        Tab.PROPOSED,
        Tab.APPEALED,
        Tab.REVIEW,
        Tab.SOON,
        Tab.SERVED,
        Tab.EXECUTED,
        Tab.DONE,
        Tab.ALL,
    ),
    Role.FINANCE: (
        Tab.EXECUTE,
        Tab.SHORT,
        Tab.SOON,
        Tab.SERVED,
        Tab.APPEALED,
        Tab.EXECUTED,
        Tab.DONE,
        Tab.ALL,
    ),
    Role.EXECUTIVE: (
        Tab.OPEN,
        Tab.PROPOSED,
        Tab.SERVED,
        Tab.APPEALED,
        Tab.EXECUTE,
        Tab.EXECUTED,
        Tab.DONE,
        Tab.ALL,
    ),
}
OWN = (Tab.OPEN, Tab.DONE, Tab.ALL)
LONGEST = 60


@room.get("/sanctions", needs=Permission.SANCTION_READ)
def cases() -> str:
    tabs = TABS.get(current_actor().role, OWN)
    return _board("sanctions.cases", tabs, _wanted(tabs))


@room.get("/appeals", needs=Permission.SANCTION_READ)
def appeals() -> str:
    """Those to be heard; they stand in the main queue, too."""
    return _board("sanctions.appeals", (Tab.APPEALED,), Tab.APPEALED)


@room.get("/circulars", needs=Permission.NOTICE_READ)
def circulars() -> str:
    """Public criticism, for everybody of the network."""
    page = queries.list_circulars(current_actor().network_id, cursor=request.args.get("cursor"))
    return render_template("sanctions/circulars.html", page=page, cursor=request.args.get("cursor"))


def _wanted(tabs: Sequence[Tab]) -> Tab:
    asked = request.args.get("state", "")
    return Tab(asked) if asked in set(Tab) else tabs[0]


def _board(endpoint: str, tabs: Sequence[Tab], tab: Tab) -> str:
    actor, now = current_actor(), clock.now()
    asked = {name: request.args.get(name, "").strip()[:LONGEST] for name in ("q", "rule")}
    refuse_odd_text(asked)
    cursor = request.args.get("cursor")
    unit = network.unit_below(actor.root_path, asked["q"].upper()) if asked["q"] else None
    page = listed.board(
        actor,
        tab,
        now,
        number="" if unit else asked["q"],
        unit=unit,
        rule=asked["rule"],
        cursor=cursor,
    )
    counted = listed.counts(actor, tabs, now)
    keep: dict[str, Any] = {name: value for name, value in asked.items() if value}
    state: dict[str, Any] = {} if endpoint == "sanctions.appeals" else {"state": tab.value}
    views = queries.views(actor, page.items)
    return render_template(
        "sanctions/cases.html",
        title=_heading(actor, endpoint, counted),
        views=views,
        page=page,
        tab=tab,
        tabs=[
            (
                url_for("sanctions.cases", state=each.value, **keep),
                shown.TAB_WORDS[each],
                shown.counted(counted[each]),
                each is tab,
            )
            for each in tabs
        ]
        if len(tabs) > 1
        else [],
        asked=asked,
        rules=_rules(actor),
        next=url_for(endpoint, **state, **keep, cursor=page.next_cursor) if page.next_cursor else "",
        first=url_for(endpoint, **state, **keep) if cursor else "",
        here=url_for(endpoint, **state),
        state_tags=shown.STATE_TAGS,
        who_words=shown.WHO_WORDS,
        due_words=shown.due_words,
        measure_words=measure_words,
        proposes=actor.may(Permission.SANCTION_PROPOSE),
        own=actor.role not in TABS,
        appeals=endpoint == "sanctions.appeals",
        circulars=queries.list_circulars(actor.network_id, limit=4).items,
    )


def _rules(actor: Actor) -> list[tuple[str, str]]:
    month = clock.local(clock.now()).date().replace(day=1)
    book = rulebook.current(actor.network_id, month)
    return [("", gettext("All rules"))] + [
        (each.key, f"{each.source} {each.title}") for each in book.sanctions.breaches
    ]


def _both(first: str, second: str) -> str:
    return f"{first}{gettext(', ')}{second}"


def _heading(actor: Actor, endpoint: str, counted: Mapping[Tab, int]) -> Any:
    """The result in one line."""
    if endpoint == "sanctions.appeals":
        return ngettext("%(num)d appeal to be heard", "%(num)d appeals to be heard", counted[Tab.APPEALED])
    if actor.role is Role.SANCTION_OFFICER:
        return _both(
            ngettext("%(num)d draft to look at", "%(num)d drafts to look at", counted[Tab.DRAFT]),
            ngettext("%(num)d decision to serve", "%(num)d decisions to serve", counted[Tab.SERVE]),
        )
    if actor.role is Role.SANCTION_APPROVER:
        return _both(
            ngettext("%(num)d case to be decided", "%(num)d cases to be decided", counted[Tab.PROPOSED]),
            ngettext("%(num)d appeal to be heard", "%(num)d appeals to be heard", counted[Tab.APPEALED]),
        )
    if actor.role is Role.FINANCE:
        return ngettext("%(num)d case to be executed", "%(num)d cases to be executed", counted[Tab.EXECUTE])
    if actor.role is Role.EXECUTIVE:
        return ngettext(
            "%(num)d sanction case is running", "%(num)d sanction cases are running", counted[Tab.OPEN]
        )
    return (
        ngettext(
            "%(num)d case about you is running", "%(num)d cases about you are running", counted[Tab.OPEN]
        )
        if counted[Tab.OPEN]
        else gettext("No sanction case about you is running")
    )
