"""How the audit trail is asked and read. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import lazy_gettext as _

from portal.core.masking import mask_mobiles

VIA = ("page", "api", "command", "job")
VIA_WORDS: dict[str, Any] = {"page": _("Page"), "api": _("API"), "command": _("Command"), "job": _("Job")}
ACTION_WORDS: dict[str, Any] = {
    "session:begun": _("Signed in"),
    "session:ended": _("Signed out"),
    "password:set": _("Password set"),
    "api_token:issued": _("API token issued"),
    "membership:begun": _("Membership begun"),
    "membership:ended": _("Membership ended"),
    "network:created": _("Network created"),
    "unit:created": _("Unit created"),
    "unit:renamed": _("Unit renamed"),
    "unit:territory": _("Territory changed"),
    "rulebook:installed": _("Rulebook installed"),
    "customer:looked": _("Looked at a whole phone number"),
    "customer_file:received": _("File received"),
    "customer_file:refused": _("File refused"),
    "customer_file:judged": _("File checked by the portal"),
    "customer_file:row_mended": _("Row mended"),
    "customer_file:values_corrected": _("Equal values corrected"),
    "customer_file:row_excluded": _("Row left out"),
    "customer_file:row_included": _("Row taken in again"),
    "customer_file:submitted": _("File submitted"),
    "customer_file:not_submitted": _("File could not be submitted by itself"),
    "customer_file:superseded": _("File replaced by a newer version"),
    "customer_file:withdrawn": _("File withdrawn"),
    "customer_file:revised": _("Next version begun"),
    "customer_file:checked": _("File found in order"),
    "customer_file:returned": _("File returned"),
    "customer_file:reminded": _("Reminder sent"),
    "customer_file:consolidated": _("File consolidated"),
    "customer_file:downloaded": _("File downloaded"),
    "consolidation:submitted": _("Region consolidated"),
    "consolidation:downloaded": _("Summary downloaded"),
    "month:sealed": _("Month sealed"),
    "obligation:opened": _("Clock started"),
    "obligation:met": _("Obligation met"),
    "obligation:reopened": _("Obligation open again"),
    "obligation:breached": _("Deadline missed"),
    "obligation:extended": _("Deadline extended"),
    "obligation:paused": _("Clock paused"),
    "obligation:resumed": _("Clock resumed"),
    "obligation:waived": _("Obligation waived"),
}


@dataclass(frozen=True)
class Asked:
    """The filters; days are the network's, `to` is included."""

    person: str = ""
    action: str = ""
    kind: str = ""
    object_id: str = ""
    via: str = ""
    since: date | None = None
    until: date | None = None

    def span(self, zone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
        """From (included) and to (excluded) as instants."""
        low = datetime.combine(self.since, time(), zone) if self.since else None
        high = datetime.combine(self.until + timedelta(days=1), time(), zone) if self.until else None
        return low, high


@dataclass(frozen=True)
class Change:
    """One thing before and after; None where it was not there."""

    name: str
    before: str | None
    after: str | None


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """What an event says of its object, name by name, in the order in which it was written."""
    names = [*before, *(name for name in after if name not in before)]
    return [Change(name, _written(before, name), _written(after, name)) for name in names]


def _written(values: Mapping[str, Any], name: str) -> str | None:
    return _text(values[name]) if name in values else None


def _text(value: Any) -> str:
    match value:
        case None:
            return "—"
        case bool():
            return "✓" if value else "✗"
        case dict():
            return ", ".join(f"{name}: {_text(inner)}" for name, inner in value.items()) or "—"
        case list():
            return "; ".join(_text(inner) for inner in value) or "—"
    return mask_mobiles(str(value)) or "—"  # somebody's reason may tell a customer's number
