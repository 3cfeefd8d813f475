"""What each role finds in its rail, and how a start page says what is due first. Pure.

Sources: design/DESIGN-UX.md sections 2, 4 (page 2), 6; R041, R042.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_skeleton
from flask_babel import lazy_gettext as _
from flask_babel import lazy_ngettext, lazy_pgettext

from portal.access import Role
from portal.core import month as months
from portal.sanctions import State as CaseState

FILERS = ("dealer", "store")
SUPERIORS = ("channel", "region")
LOCALES = {"zh": "zh_Hans_CN", "en": "en_GB"}

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


# --- the rail -------------------------------------------------------------------------------------------------------


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


# --- words of time --------------------------------------------------------------------------------------------------


def month_words(month: date, lang: str) -> str:
    return months.words(month, lang)


@lru_cache(maxsize=256)
def month_and_year(month: date, lang: str) -> str:
    """'2026 年 10 月', 'October 2026'."""
    if lang == "zh":
        return f"{month.year} 年 {month.month} 月"
    return str(format_date(month, "LLLL y", locale=LOCALES["en"]))


def day_words(day: date, lang: str) -> str:
    """Today in a page's head: '11月4日 周二', 'Tuesday 4 November'."""
    return str(format_date(day, "M月d日 EEE" if lang == "zh" else "EEEE d MMMM", locale=LOCALES[lang]))


def clock_words(moment: datetime, zone: ZoneInfo, lang: str) -> str:
    """The network's wall clock in the top bar: '11月4日 16:20', '4 Nov, 16:20'."""
    local = moment.astimezone(zone)
    day = format_date(local.date(), "M月d日" if lang == "zh" else "d MMM", locale=LOCALES[lang])
    return f"{day} {local:%H:%M}" if lang == "zh" else f"{day}, {local:%H:%M}"


def short_limit(due_at: datetime, zone: ZoneInfo, lang: str) -> str:
    """A limit in a rail or a list: '11月5日 24:00', '5 Nov, 24:00'. Midnight is the day before's 24:00."""
    local, last = due_at.astimezone(zone), (due_at - timedelta(seconds=1)).astimezone(zone)
    clock = "24:00" if last.date() != local.date() else f"{local:%H:%M}"
    day = format_date(last.date(), "M月d日" if lang == "zh" else "d MMM", locale=LOCALES[lang])
    return f"{day} {clock}" if lang == "zh" else f"{day}, {clock}"


def short_day(moment: datetime, zone: ZoneInfo, lang: str) -> str:
    """'11月1日', '1 Nov'."""
    return str(format_skeleton("MMMd", moment.astimezone(zone), locale=LOCALES[lang]))


def phone_words(phone: str) -> str:
    """A mobile number as people read it, '139 0000 4127'; others as they are."""
    return f"{phone[:3]} {phone[3:7]} {phone[7:]}" if len(phone) == 11 and phone[0] == "1" else phone


# --- the start page -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stop:
    """A stop of the month's rail; `state`: done, now, late or nothing yet."""

    title: str
    sub: Any
    state: str = ""
    iso: str = ""


def rail(stops: Sequence[tuple[str, Any, str]], reached: int, late: bool) -> list[Stop]:
    """`stops`: (title, sub, iso); `reached`: how many are behind us; `late`: the next one's limit has passed."""
    found = []
    for place, (title, sub, iso) in enumerate(stops):
        state = "done" if place < reached else ("late" if late else "now") if place == reached else ""
        found.append(Stop(title, sub, state, iso))
    return found


class Limit(Protocol):
    """A limit as the `limit` macro wants it: what `clocks.due_as_shown` gives."""

    @property
    def level(self) -> Any: ...
    @property
    def words(self) -> Any: ...
    @property
    def iso(self) -> str: ...
    @property
    def absolute(self) -> str: ...
    @property
    def levels(self) -> str: ...
    @property
    def stopped(self) -> bool: ...


@dataclass(frozen=True)
class Action:
    href: str
    words: Any
    icon: str = ""


@dataclass(frozen=True)
class Task:
    """Something that waits for me, on the start page in the order of the time left."""

    title: Any
    sub: Any
    href: str
    due_at: datetime
    limit: Limit
    state: tuple[str, Any]  # kind of the tag, words


@dataclass(frozen=True)
class MonthCard:
    """The running month: what is to be done until when, and where it stands."""

    title: Any
    state: tuple[str, Any]
    limit: Limit
    stops: list[Stop]
    primary: Action | None = None
    links: list[Action] = field(default_factory=list)
    words: Any = ""  # one line under the limit, e.g. who locked it and when


@dataclass(frozen=True)
class PastMonth:
    month: date
    customers: int | None
    state: tuple[str, Any]
    href: str = ""


@dataclass(frozen=True)
class ContactLine:
    label: Any
    name: str
    phone: str | None


@dataclass(frozen=True)
class Check:
    """A line of a readiness list: kind of the icon (ok, warn, bad, info), words, a line under them, one link."""

    kind: str
    words: Any
    sub: Any = ""
    act: Action | None = None


@dataclass(frozen=True)
class UnitLine:
    """A region or dealer in a start page's table."""

    name: str
    code: str
    href: str
    state: tuple[str, Any]
    filed: int
    of: int
    customers: int
    limit: Limit | None = None


@dataclass(frozen=True)
class Figure:
    label: Any
    value: Any
    unit: Any = ""
    sub: Any = ""
    href: str = ""


@dataclass(frozen=True)
class Margin:
    """A dealer's brand margin and what is required of it, in minor units."""

    amount: int
    required: int

    @property
    def gap(self) -> int:
        return max(self.required - self.amount, 0)

    @property
    def filled(self) -> float:
        """How much of what is required is there, in per cent, 100 at most."""
        return 100.0 if not self.required else round(min(100, 100 * self.amount / self.required), 1)


CASE_STEPS: dict[CaseState, Any] = {
    CaseState.DRAFT: _("To be proposed"),
    CaseState.PROPOSED: _("To be decided"),
    CaseState.APPROVED: _("To be served"),
    CaseState.SERVED: _("May be appealed"),
    CaseState.APPEALED: _("Appeal to be heard"),
    CaseState.UPHELD: _("To be executed"),
    CaseState.VARIED: _("To be executed"),
}
"""Which step of a sanction case waits, in the tag beside it."""

# What a file's or a dealer's state looks like, by customer_files' own words for the state
STATE_TAGS: dict[str, tuple[str, Any]] = {
    "not_begun": ("mute", _("Not begun")),
    "checking": ("info", _("Being checked")),
    "needs_correction": ("bad", _("Errors to mend")),
    "ready": ("warn", _("Ready to submit")),
    "returned": ("bad", _("Returned")),
    "withdrawn": ("mute", _("Withdrawn")),
    "submitted": ("info", _("Submitted")),
    "checked": ("ok", _("Checked")),
    "consolidated": ("ok", _("Consolidated")),
    "nil": ("ok", _("Nil return")),
}
ICONS = {"ok": "check", "warn": "clock", "bad": "alert", "info": "arrow", "mute": "dash", "odd": "question"}


def state_tag(state: str) -> tuple[str, Any]:
    return STATE_TAGS.get(state, ("mute", state))


def result_tag(state: str, on_time: bool | None) -> tuple[str, Any]:
    """How a past month ended: on time, late, nil, or not filed."""
    if on_time is None:
        return "bad", _("Not filed")
    if not on_time:
        return "bad", _("Late")
    return ("ok", _("Nil return")) if state == "nil" else ("ok", _("On time"))


def first_due(tasks: Sequence[Task]) -> list[Task]:
    """Least time left first."""
    return sorted(tasks, key=lambda task: (task.due_at, task.href))


def heading(tasks: Sequence[Task], count: int | None = None) -> Any:
    """The result in one line: how much waits and how long the first one has; `count` where not all are listed."""
    if not tasks:
        return _("Nothing waits for you")
    return lazy_ngettext(
        "%(num)d thing to do: %(left)s",
        "%(num)d things to do, the first: %(left)s",
        count or len(tasks),
        left=first_due(tasks)[0].limit.words,
    )


def shares(counts: Sequence[tuple[str, int]]) -> list[tuple[float, str]]:
    """Counts by kind as the parts of a bar that sum up to 100; nothing where there is nothing."""
    whole = sum(count for _kind, count in counts)
    return [(round(100 * count / whole, 2), f"f-{kind}") for kind, count in counts if count] if whole else []
