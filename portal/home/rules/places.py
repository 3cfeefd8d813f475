"""The places of each role's rail and of the phone's bottom bar. Pure.

Source: design/DESIGN-UX.md sections 2 and 3.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _
from flask_babel import lazy_pgettext

from portal.access import Role

ROLE_WORDS: dict[Role, Any] = {
    Role.HQ_AGENT: _("HQ customer service"),
    Role.HQ_SUPERVISOR: _("HQ customer service supervisor"),
    Role.SANCTION_OFFICER: _("Sanction officer"),
    Role.SANCTION_APPROVER: _("Sanction approver"),
    Role.FINANCE: _("Finance"),
    Role.EXECUTIVE: _("Executive"),
    Role.ADMINISTRATOR: _("Administrator"),
    Role.CHANNEL_MANAGER: _("Channel manager"),
    Role.REGIONAL_MANAGER: _("Regional manager"),
    Role.DEALER_PRINCIPAL: _("Dealer principal"),
    Role.DEALER_CLERK: _("Dealer’s after-sales clerk"),
    Role.STORE_CLERK: _("Store clerk"),
}


@dataclass(frozen=True)
class Entry:
    """A place in the rail, named by its address (DESIGN-UX section 3); left out while no page answers there."""

    icon: str
    label: Any
    path: str
    short: Any = None  # for the phone's bottom bar
    also: tuple[str, ...] = ()  # other places that belong to it


HOME = Entry("home", _("Home"), "/")
WORKSPACE = Entry("home", _("Workspace"), "/")
FILES = Entry("file", _("Customer files"), "/files", lazy_pgettext("bottom bar", "Files"))
CUSTOMERS = Entry("users", _("Customers"), "/customers")
COMPLAINTS = Entry("chat", _("Complaints"), "/complaints")
RECTIFICATIONS = Entry("tool", _("Rectifications"), "/rectifications", lazy_pgettext("bottom bar", "Fixes"))
MARGIN = Entry("wallet", _("Brand margin"), "/margin", lazy_pgettext("bottom bar", "Margin"))
SANCTIONS = Entry("scale", _("Sanctions and appeals"), "/sanctions", lazy_pgettext("bottom bar", "Sanctions"))
APPEALS = Entry("chat", _("Appeals"), "/appeals", lazy_pgettext("bottom bar", "Appeals"))
HANDED_ON = Entry("check", _("To be carried out"), "/handed-on", lazy_pgettext("bottom bar", "To do"))
COMMISSION = Entry("wallet", _("Commission"), "/commission")
POSTING = Entry("check", _("To be posted"), "/posting", lazy_pgettext("bottom bar", "To post"))
DEADLINES = Entry("clock", _("Deadlines"), "/clock")
BOARD = Entry("layers", _("Monthly consolidation"), "/region", lazy_pgettext("bottom bar", "Month"))
BOARDS = Entry("layers", BOARD.label, "/regions", BOARD.short, also=("/region",))
DEALERS = Entry("pin", _("Dealers"), "/dealers")
CALLS = Entry("phone", _("Call queue"), "/calls", lazy_pgettext("bottom bar", "Calls"))
COVERAGE = Entry("chart", _("Coverage"), "/coverage", also=("/months",))
STATISTICS = Entry("chart", _("Monthly statistics"), "/stats", lazy_pgettext("bottom bar", "Statistics"))
RULEBOOK = Entry("book", _("Rulebook"), "/rulebook")
UNITS = Entry("layers", _("Units and dealers"), "/admin/units", lazy_pgettext("bottom bar", "Units"))
PEOPLE = Entry("users", _("People and roles"), "/admin/people", lazy_pgettext("bottom bar", "People"))
AUDIT = Entry("search", _("Audit log"), "/audit", lazy_pgettext("bottom bar", "Audit"))
MONTH = Entry("calendar", _("Calendar"), "/calendar")
NOTICES = Entry("bell", _("Notices"), "/notices")
MORE = Entry("menu", _("More"), "/menu")

_FILER = (HOME, FILES, CUSTOMERS, COMPLAINTS, RECTIFICATIONS, MARGIN, SANCTIONS, DEADLINES, RULEBOOK)
_REGION = (
    WORKSPACE,
    BOARD,
    RECTIFICATIONS,
    COVERAGE,
    CUSTOMERS,
    DEALERS,
    COMPLAINTS,
    SANCTIONS,
    COMMISSION,
    DEADLINES,
    RULEBOOK,
)
_CHANNEL = (WORKSPACE, BOARDS, *_REGION[2:])
_SERVICE = (
    WORKSPACE,
    CALLS,
    COVERAGE,
    RECTIFICATIONS,
    COMPLAINTS,
    CUSTOMERS,
    BOARDS,
    STATISTICS,
    DEADLINES,
    RULEBOOK,
)
_SANCTION = (WORKSPACE, SANCTIONS, APPEALS, DEADLINES, MARGIN, RULEBOOK)

NAV: dict[Role, tuple[Entry, ...]] = {
    Role.DEALER_PRINCIPAL: _FILER,
    Role.DEALER_CLERK: _FILER,
    Role.STORE_CLERK: _FILER,
    Role.REGIONAL_MANAGER: _REGION,
    Role.CHANNEL_MANAGER: _CHANNEL,
    Role.HQ_AGENT: _SERVICE,
    Role.HQ_SUPERVISOR: _SERVICE,
    Role.SANCTION_OFFICER: _SANCTION,
    Role.SANCTION_APPROVER: _SANCTION,
    Role.FINANCE: (WORKSPACE, SANCTIONS, MARGIN, POSTING, DEADLINES, RULEBOOK),
    Role.EXECUTIVE: (
        HOME,
        BOARDS,
        STATISTICS,
        COVERAGE,
        COMPLAINTS,
        SANCTIONS,
        HANDED_ON,
        MARGIN,
        DEADLINES,
        RULEBOOK,
    ),
    Role.ADMINISTRATOR: (WORKSPACE, RULEBOOK, PEOPLE, UNITS, MONTH, AUDIT),
}
ON_A_PHONE = 4
HELP = "/help"
"""Has a place of its own, below the rail."""


@dataclass(frozen=True)
class Badge:
    """How much waits for me; `bad`: one of them is overdue or nearly."""

    count: int
    bad: bool = False


@dataclass(frozen=True)
class NavItem:
    icon: str
    label: Any
    href: str
    current: bool = False
    badge: str = ""
    badge_class: str = ""


def _is_here(path: str, here: str) -> bool:
    return here == path or (path != "/" and here.startswith(f"{path}/"))


def _item(entry: Entry, href: str, here: str, badges: Mapping[str, Badge], label: Any) -> NavItem:
    badge = badges.get(entry.path)
    words = "" if badge is None or not badge.count else "99+" if badge.count > 99 else str(badge.count)
    css = "n--bad" if badge is not None and badge.bad else ""
    return NavItem(
        entry.icon, label, href, any(_is_here(path, here) for path in (entry.path, *entry.also)), words, css
    )


def _reachable(role: Role, reach: Callable[[str], str | None]) -> list[tuple[Entry, str]]:
    return [(entry, href) for entry in NAV[role] if (href := reach(entry.path))]


def place_of(role: Role, path: str) -> str:
    """The entry of a role's rail that a page belongs to, by its address; '' for a page of no entry."""
    if path == HELP:
        return path
    entries = ((entry.path, each) for entry in NAV[role] for each in (entry.path, *entry.also))
    return next((place for place, each in entries if _is_here(each, path)), "")


def nav(
    role: Role, reach: Callable[[str], str | None], here: str, badges: Mapping[str, Badge]
) -> list[NavItem]:
    """The rail of a role. `reach` gives the address of a place, None where there is no page or no permission;
    `here` is the address of the page that is shown; `badges` by place."""
    return [_item(entry, href, here, badges, entry.label) for entry, href in _reachable(role, reach)]


def tabs(
    role: Role, reach: Callable[[str], str | None], here: str, badges: Mapping[str, Badge]
) -> list[NavItem]:
    """The phone's bottom bar: the first four of the rail with short names, and More."""
    kept = _reachable(role, reach)[:ON_A_PHONE]
    found = [
        _item(entry, href, here, badges, entry.label if entry.short is None else entry.short)
        for entry, href in kept
    ]
    elsewhere = not any(item.current for item in found)
    return [*found, NavItem(MORE.icon, MORE.label, MORE.path, current=elsewhere and here != HELP)]
