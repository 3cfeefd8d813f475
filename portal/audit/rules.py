"""How the audit trail is asked and read. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import lazy_gettext as _
from flask_babel import lazy_pgettext

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
    "unit:moved": _("Unit moved"),
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
    "obligation:handed_over": _("Obligation handed over"),
    "breach:cured": _("Breach cured"),
    "breach:retracted": _("Breach taken back"),
    "circular:published": _("Circular published"),
    "commission:ordered_withheld": _("Commission to be withheld"),
    "commission:withholding_cancelled": _("Withholding of commission cancelled"),
    "commissions:imported": _("Commission statement imported"),
    "dealer:disqualified": _("Dealership withdrawn"),
    "desk:paused": _("Calls paused"),
    "document:downloaded": _("Document downloaded"),
    "document:kept": _("Document kept"),
    "ledger:posted": _("Ledger entry posted"),
    "margin:leaving": _("Margin to be paid back"),
    "margin:stays": _("Margin stays"),
    "obligation:unlocked": _("Clock unlocked"),
    "rectification:opened": _("Rectification opened"),
    "rectification:reported": _("Rectification reported"),
    "rectification:commented": _("Rectification commented"),
    "rectification:closed": _("Rectification closed"),
    "rectification:withdrawn": _("Rectification withdrawn"),
    "sanction_case:drafted": _("Case drafted"),
    "sanction_case:propose": _("Case proposed"),
    "sanction_case:state": _("Statement of the party"),
    "sanction_case:approve": _("Case approved"),
    "sanction_case:reject": _("Case rejected"),
    "sanction_case:return": _("Case returned"),
    "sanction_case:serve": lazy_pgettext("audit", "Decision served"),
    "sanction_case:acknowledge": _("Decision acknowledged"),
    "sanction_case:appeal": _("Appeal lodged"),
    "sanction_case:uphold": _("Decision upheld"),
    "sanction_case:vary": _("Decision varied"),
    "sanction_case:revoke": _("Decision revoked"),
    "sanction_case:execute": _("Decision executed"),
    "sanction_case:carry_out": _("Measure carried out"),
    "sanction_case:close": lazy_pgettext("audit", "Case closed"),
    "sanction_case:review": _("Case put up for review"),
    "sanction_case:keep": _("Case kept after review"),
    "sanction_case:fall": _("Case dropped after review"),
    "sanction_case:withdraw": _("Case withdrawn"),
    "sanction_case:handed_on": _("Case handed on"),
    "sanction_case:step_overdue": _("Step of a case overdue"),
    "top_up:overdue": _("Top-up overdue"),
    "commission:nobody": _("No commission to withhold: nobody held the post"),
    "visit:opened": _("Return visit opened"),
    "visit:claimed": _("Return visit claimed"),
    "visit:attempted": _("Call logged"),
    "visit:released": _("Return visit released"),
    "visit:revealed": _("Looked at a whole phone number for a call"),
    "visit:assigned": _("Return visit assigned"),
    "visit:handed_out": _("Return visits handed out"),
    "visit:called_first": _("Return visit put first"),
    "visit:corrected": _("Customer’s data corrected"),
    "visit:waived": _("Return visit waived"),
}
KIND_WORDS: dict[str, Any] = {
    "customer_file": lazy_pgettext("audit", "Customer file"),
    "obligation": lazy_pgettext("audit", "Deadline"),
    "visit": lazy_pgettext("audit", "Return visit"),
    "membership": lazy_pgettext("audit", "Membership"),
    "sanction_case": lazy_pgettext("audit", "Sanction case"),
    "unit": lazy_pgettext("audit", "Unit"),
    "ledger_transaction": lazy_pgettext("audit", "Voucher"),
    "consolidation": lazy_pgettext("audit", "Consolidation"),
    "rectification": lazy_pgettext("audit", "Rectification"),
    "breach": lazy_pgettext("audit", "Breach"),
    "person": lazy_pgettext("audit", "Person"),
    "rulebook_version": lazy_pgettext("audit", "Rulebook"),
    "month": lazy_pgettext("audit", "Month"),
    "document": lazy_pgettext("audit", "Document"),
    "customer": lazy_pgettext("audit", "Customer"),
    "network": lazy_pgettext("audit", "Network"),
    "api_token": lazy_pgettext("audit", "API token"),
}
NAME_WORDS: dict[str, Any] = {
    "state": lazy_pgettext("audit", "State"),
    "status": lazy_pgettext("audit", "Status"),
    "judged_at": lazy_pgettext("audit", "Judged at"),
    "due_at": lazy_pgettext("audit", "Due"),
    "kind": lazy_pgettext("audit", "Kind"),
    "number": lazy_pgettext("audit", "Number"),
    "month": lazy_pgettext("audit", "Month"),
    "version": lazy_pgettext("audit", "Version"),
    "missing": lazy_pgettext("audit", "Missing"),
    "receipt": lazy_pgettext("audit", "Receipt"),
    "customers": lazy_pgettext("audit", "Customers"),
    "file_name": lazy_pgettext("audit", "File name"),
    "total": lazy_pgettext("audit", "Rows"),
    "good": lazy_pgettext("audit", "Passed"),
    "bad": lazy_pgettext("audit", "Errors"),
    "excluded": lazy_pgettext("audit", "Left out"),
    "sha256": lazy_pgettext("audit", "Checksum"),
    "size": lazy_pgettext("audit", "Bytes"),
    "with": lazy_pgettext("audit", "With"),
    "unit": lazy_pgettext("audit", "Unit"),
    "consolidation": lazy_pgettext("audit", "Consolidation"),
    "round": lazy_pgettext("audit", "Round"),
    "next_at": lazy_pgettext("audit", "Next at"),
    "result": lazy_pgettext("audit", "Result"),
    "outcome": lazy_pgettext("audit", "Outcome"),
    "lease_until": lazy_pgettext("audit", "Held until"),
    "person": lazy_pgettext("audit", "Person"),
    "role": lazy_pgettext("audit", "Role"),
    "reason": lazy_pgettext("audit", "Reason"),
    "as": lazy_pgettext("audit", "Closed as"),
    "rounds": lazy_pgettext("audit", "Rounds"),
    "comment": lazy_pgettext("audit", "Comment"),
    "action": lazy_pgettext("audit", "What was done"),
    "city": lazy_pgettext("audit", "City"),
    "code": lazy_pgettext("audit", "Code"),
    "name": lazy_pgettext("audit", "Name"),
    "note": lazy_pgettext("audit", "Note"),
    "amount": lazy_pgettext("audit", "Amount"),
    "purpose": lazy_pgettext("audit", "Purpose"),
    "reference": lazy_pgettext("audit", "Reference"),
    "case": lazy_pgettext("audit", "Case"),
    "original": lazy_pgettext("audit", "Original"),
    "rule": lazy_pgettext("audit", "Rule"),
    "measures": lazy_pgettext("audit", "Measures"),
    "subject": lazy_pgettext("audit", "Subject"),
    "dealers": lazy_pgettext("audit", "Dealers"),
    "matched": lazy_pgettext("audit", "Matched"),
    "visit": lazy_pgettext("audit", "Return visit"),
    "visits": lazy_pgettext("audit", "Return visits"),
    "cured_at": lazy_pgettext("audit", "Cured at"),
    "row": lazy_pgettext("audit", "Row"),
    "rows": lazy_pgettext("audit", "Rows"),
    "values": lazy_pgettext("audit", "Values"),
    "column": lazy_pgettext("audit", "Column"),
    "value": lazy_pgettext("audit", "Value"),
    "effective_from": lazy_pgettext("audit", "In force from"),
    "breached_at": lazy_pgettext("audit", "Missed at"),
    "waived_at": lazy_pgettext("audit", "Waived at"),
    "extended_at": lazy_pgettext("audit", "Extended at"),
    "documents": lazy_pgettext("audit", "Documents"),
    "what": lazy_pgettext("audit", "What"),
    "masked": lazy_pgettext("audit", "Masked"),
    "regions": lazy_pgettext("audit", "Regions"),
    "parts": lazy_pgettext("audit", "Parts"),
}
"""What the parts of an event are called; a part without a word here is shown by its own name."""
WORDED = ("state", "status", "kind", "result", "outcome", "purpose", "reason", "as")
VALUE_WORDS: dict[str, Any] = {
    "open": lazy_pgettext("audit", "open"),
    "met": lazy_pgettext("audit", "met"),
    "late": lazy_pgettext("audit", "late"),
    "breached": lazy_pgettext("audit", "missed"),
    "waived": lazy_pgettext("audit", "waived"),
    "checking": lazy_pgettext("audit", "being checked"),
    "needs_correction": lazy_pgettext("audit", "errors to mend"),
    "ready": lazy_pgettext("audit", "ready to submit"),
    "submitted": lazy_pgettext("audit", "submitted"),
    "checked": lazy_pgettext("audit", "checked"),
    "consolidated": lazy_pgettext("audit", "consolidated"),
    "returned": lazy_pgettext("audit", "returned"),
    "withdrawn": lazy_pgettext("audit", "withdrawn"),
    "superseded": lazy_pgettext("audit", "replaced"),
    "good": lazy_pgettext("audit", "passed"),
    "bad": lazy_pgettext("audit", "with errors"),
    "excluded": lazy_pgettext("audit", "left out"),
    "waiting": lazy_pgettext("audit", "waiting"),
    "claimed": lazy_pgettext("audit", "claimed"),
    "retry": lazy_pgettext("audit", "to be called again"),
    "with_dealer": lazy_pgettext("audit", "with the dealer"),
    "revisit": lazy_pgettext("audit", "revisit"),
    "reported": lazy_pgettext("audit", "reported"),
    "closed": lazy_pgettext("audit", "closed"),
    "draft": lazy_pgettext("audit", "draft"),
    "proposed": lazy_pgettext("audit", "proposed"),
    "approved": lazy_pgettext("audit", "approved"),
    "rejected": lazy_pgettext("audit", "rejected"),
    "served": lazy_pgettext("audit", "served"),
    "appealed": lazy_pgettext("audit", "appealed"),
    "upheld": lazy_pgettext("audit", "upheld"),
    "varied": lazy_pgettext("audit", "varied"),
    "revoked": lazy_pgettext("audit", "revoked"),
    "executed": lazy_pgettext("audit", "executed"),
    "reached": lazy_pgettext("audit", "reached"),
    "no_answer": lazy_pgettext("audit", "no answer"),
    "busy": lazy_pgettext("audit", "busy"),
    "wrong_number": lazy_pgettext("audit", "wrong number"),
    "refused": lazy_pgettext("audit", "refused"),
    "callback": lazy_pgettext("audit", "call-back"),
    "not_installed": lazy_pgettext("audit", "not installed yet"),
    "satisfied": lazy_pgettext("audit", "satisfied"),
    "unsatisfied": lazy_pgettext("audit", "unsatisfied"),
    "suspicious": lazy_pgettext("audit", "suspicious"),
    "unreachable": lazy_pgettext("audit", "never reached"),
    "corrected": lazy_pgettext("audit", "put right"),
    "sheet": lazy_pgettext("audit", "spreadsheet"),
    "rows": lazy_pgettext("audit", "form or program"),
    "nil": lazy_pgettext("audit", "nil return"),
    "dealer": lazy_pgettext("audit", "dealer"),
    "store": lazy_pgettext("audit", "store"),
    "region": lazy_pgettext("audit", "region"),
    "channel": lazy_pgettext("audit", "channel"),
    "deposit": lazy_pgettext("audit", "deposit"),
    "forfeit": lazy_pgettext("audit", "forfeited"),
    "hold": lazy_pgettext("audit", "held"),
    "customer_file": lazy_pgettext("audit", "customer file"),
    "part_file": lazy_pgettext("audit", "part of the store"),
    "returned_file": lazy_pgettext("audit", "returned file"),
    "rectification": lazy_pgettext("audit", "rectification"),
    "rectification_comment": lazy_pgettext("audit", "comment on a rectification"),
    "case_step": lazy_pgettext("audit", "step of a case"),
    "consolidation": lazy_pgettext("audit", "consolidation"),
}
"""What the values of WORDED parts are called."""


FIRST, LAST = date(1900, 1, 1), date(2999, 12, 31)
"""Days before and after are as good as these, and no instant of these leaves the calendar in any zone."""


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
        low = datetime.combine(max(self.since, FIRST), time(), zone) if self.since else None
        high = (
            datetime.combine(min(self.until, LAST) + timedelta(days=1), time(), zone) if self.until else None
        )
        return low, high


@dataclass(frozen=True)
class Change:
    """One thing before and after; None where it was not there."""

    name: str
    before: str | None
    after: str | None


def changes(before: Mapping[str, Any], after: Mapping[str, Any], zone: ZoneInfo) -> list[Change]:
    """What an event says of its object, name by name, as it was written; instants on the clock of `zone`."""
    names = [*before, *(name for name in after if name not in before)]
    return [Change(name, _written(before, name, zone), _written(after, name, zone)) for name in names]


def _written(values: Mapping[str, Any], name: str, zone: ZoneInfo) -> str | None:
    if name not in values:
        return None
    value = values[name]
    return (
        str(VALUE_WORDS[str(value)]) if name in WORDED and str(value) in VALUE_WORDS else _text(value, zone)
    )


INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def _text(value: Any, zone: ZoneInfo) -> str:
    match value:
        case None:
            return "—"
        case bool():
            return "✓" if value else "✗"
        case str() if INSTANT.fullmatch(value):
            return f"{datetime.fromisoformat(value).astimezone(zone):%Y-%m-%d %H:%M:%S}"
        case dict():
            return ", ".join(f"{name}: {_text(inner, zone)}" for name, inner in value.items()) or "—"
        case list():
            return "; ".join(_text(inner, zone) for inner in value) or "—"
    return mask_mobiles(str(value)) or "—"  # somebody's reason may tell a customer's number
