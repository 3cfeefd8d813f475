"""What stands on a start page: what is due first, the month, the lines of those below. Pure.

Sources: design/DESIGN-UX.md sections 4 (page 2) and 6; R041, R042.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol

from flask_babel import lazy_gettext as _
from flask_babel import lazy_ngettext

from portal.sanctions import Move
from portal.sanctions import State as CaseState

FILERS = ("dealer", "store")
SUPERIORS = ("channel", "region")


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
OWN_STEPS: dict[Move, Any] = {
    Move.STATE: _("You may state your side"),
    Move.ACKNOWLEDGE: _("To be acknowledged"),
    Move.APPEAL: _("May be appealed"),
}
"""What a party may do in its own case."""

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
