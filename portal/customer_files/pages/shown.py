"""What the pages show of states and times: small frozen things for the templates, words by gettext."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import g
from flask_babel import lazy_gettext as _

from portal import clocks, network, rulebook
from portal.access import current_actor
from portal.clocks import Due, Obligation
from portal.core import clock
from portal.core.texts import language
from portal.customer_files.models import CustomerFile
from portal.network import Unit
from portal.rulebook import Consequence

Tag = tuple[str, Any, str | None]
"""kind, words, icon: as the macro `tag` wants them."""


OWN_TAGS: Mapping[str, Tag] = {
    "not_begun": ("mute", _("Not begun"), None),
    "checking": ("info", _("Being checked"), None),
    "needs_correction": ("bad", _("Errors to mend"), None),
    "ready": ("warn", _("Ready to submit"), None),
    "returned": ("bad", _("Returned"), "back"),
    "withdrawn": ("mute", _("Withdrawn"), "back"),
    "superseded": ("mute", _("Replaced"), None),
    "submitted": ("ok", _("Submitted to the region"), None),
    "checked": ("ok", _("Checked"), None),
    "consolidated": ("ok", _("Consolidated"), None),
    "nil": ("ok", _("Nil return"), None),
}


BOARD_TAGS: Mapping[str, Tag] = {
    **OWN_TAGS,
    "needs_correction": ("bad", _("Errors left"), None),
    "ready": ("warn", _("Not submitted"), None),
    "returned": ("info", _("Returned"), "back"),
    "submitted": ("warn", _("To check"), None),
}


def listed(words: Iterable[Any]) -> str:
    """Several names in one line, as the reader's language lists them."""
    return ("、" if language() == "zh" else ", ").join(map(str, words))


def own_tag(state: str) -> Tag:
    return OWN_TAGS[str(state)]


def zone() -> ZoneInfo:
    return ZoneInfo(current_actor().time_zone)


def limit(due_at: datetime, *, judged_at: datetime | None = None, long: bool = False) -> Due:
    """A limit as the macro `limit` wants it."""
    return clocks.due_as_shown(
        clock.now(), due_at, zone(), language(), judged_at=judged_at, minutes_too=long, thresholds=_levels()
    )


def limit_of(duty: Obligation, *, long: bool = False) -> Due:
    return clocks.due_as_shown(
        clock.now(),
        duty.due_at,
        zone(),
        language(),
        judged_at=duty.judged_at,
        waived_at=duty.waived_at,
        paused_at=duty.paused_at,
        thresholds=_levels(),
        minutes_too=long,
    )


def _levels() -> clocks.Thresholds:
    """From the rulebook of the month that is being filed; read once for a page."""
    actor = current_actor()
    known: dict[int, clocks.Thresholds] = g.setdefault("levels", {})
    if actor.network_id not in known:
        running = clocks.running_month(actor.network_id, clock.now())
        known[actor.network_id] = clocks.thresholds_of(rulebook.current(actor.network_id, running))
    return known[actor.network_id]


def deadline(due_at: datetime) -> str:
    return clocks.deadline_words(due_at, zone(), language(), now=clock.now())


def moment(at: datetime) -> str:
    """'11-05 17:58', another year's with its year."""
    local = clock.local(at)
    shape = "%m-%d %H:%M" if local.year == clock.local(clock.now()).year else "%Y-%m-%d %H:%M"
    return local.strftime(shape)


def second(at: datetime) -> str:
    """'2025-11-05 17:58:21（北京时间）'."""
    named = clocks.zone_words(zone(), language())
    written = clock.local(at).strftime("%Y-%m-%d %H:%M:%S")
    return f"{written}（{named}）" if language() == "zh" else f"{written} ({named})"


def size(number: int) -> str:
    return f"{number / 1_048_576:.1f} MB" if number >= 1_048_576 else f"{-(-number // 1024)} KB"


def stamp(file: CustomerFile | None) -> str:
    """What tells whether a file is still as somebody saw it."""
    if file is None:
        return "-"
    changed = file.changed_at.timestamp() if file.changed_at else 0
    return f"{file.id}.{file.state}.{changed}"


# --- consequences --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Follows:
    """What a missed limit leads to for one who answers for it, with its source in the rulebook."""

    who: Any
    words: Any
    source: str


def consequences(network_id: int, month: date) -> list[Follows]:
    book = rulebook.current(network_id, month)
    asked = [
        (_("Dealer"), book.consequence(book.window("dealer").breach, "dealer")),
        (_("Region"), book.consequence(book.window("region").breach, "regional_manager")),
        (_("Channel"), book.consequence(book.window("region").breach, "channel_manager")),
    ]
    return [Follows(who, _text(found), found.source) for who, found in asked if found is not None]


def _text(found: Consequence) -> str:
    return found.text.of(language())


def superior_of(unit: Unit) -> Unit | None:
    """Who looks at this unit's file next: a store's dealer, a dealer's region."""
    return network.get_unit(unit.parent_id) if unit.parent_id else None
