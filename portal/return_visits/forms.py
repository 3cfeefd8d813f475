"""The shape of what the pages send: no database, no rule. Every text comes out without control characters."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import lazy_gettext as _

from portal.core.errors import FieldError
from portal.return_visits.rules import desk, outcomes, questions
from portal.return_visits.rules.outcomes import Outcome, Result
from portal.return_visits.rules.plan import Hours
from portal.return_visits.service import Said
from portal.rulebook import ReturnVisits

LONGEST = 2000
LONGEST_LINK = 500
LONGEST_DAY = 86_400  # seconds
NOT_REACHED = "none"
RESULTS = tuple(each for each in Result if each is not Result.REACHED)
FIELDS = (
    "outcome",
    "result",
    "reason_unsatisfied",
    "reason_suspicious",
    "wish",
    "note",
    "callback",
    "callback_other",
    "not_before",
    "score",
    "seconds",
    "recording",
    "declined",
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_LINK = re.compile(r"https?://\S+")
_PHONE = re.compile(r"\+?[0-9][0-9 -]{4,28}[0-9]")


def tidy(text: Any, most: int = LONGEST) -> str:
    """A text as it can be stored and shown: no control characters, no blanks around it, not endless."""
    return _CONTROL.sub("", str(text or "").replace("\r\n", "\n")).strip()[:most]


# --- a call -----------------------------------------------------------------------------------------------


def typed(form: Mapping[str, str]) -> dict[str, str]:
    """What stands in the form of a call, as a draft keeps it and the page shows it again."""
    found = {name: tidy(form.get(name)) for name in FIELDS}
    found |= {name: tidy(value) for name, value in form.items() if name.startswith("a-") and len(name) < 64}
    return {name: value for name, value in found.items() if value}


def as_typed(said: Said, book: ReturnVisits, hours: Hours) -> dict[str, str]:
    """A saved call as the form would show it: for putting it right. Times are the network's."""
    reached = said.result is Result.REACHED
    declined = reached and bool(questions.unanswered(said.answers, book))
    back, first = (at and at.astimezone(hours.zone) for at in (said.callback_at, said.not_before))
    found = {
        "outcome": str(said.outcome) if reached else NOT_REACHED,
        "result": "" if reached else str(said.result),
        "reason_unsatisfied": said.reason if said.reason in desk.UNSATISFIED else "",
        "reason_suspicious": said.reason if said.reason in desk.SUSPICIOUS else "",
        "wish": said.wish,
        "note": said.note,
        "score": str(said.score or ""),
        "seconds": str(said.seconds or ""),
        "recording": said.recording or "",
        "declined": "y" if declined else "",
        "callback": "other" if back else "",
        "callback_other": f"{back:%Y-%m-%dT%H:%M}" if back else "",
        "not_before": f"{first:%Y-%m-%d}" if first else "",
    }
    found |= {each.field: each.given for each in desk.questions(book, said.answers, "zh")}
    return {name: value for name, value in found.items() if value}


@dataclass(frozen=True)
class Read:
    """A form as a call to save, and what is wrong with it; a call with faults is not to be saved."""

    said: Said
    faults: list[FieldError]


def read_call(given: Mapping[str, str], book: ReturnVisits, hours: Hours, now: datetime) -> Read:
    """The typed fields as a call. A fault's pointer is '/' and the name of the field."""
    faults: list[FieldError] = []
    reached = given.get("outcome") in set(Outcome)
    outcome = Outcome(given["outcome"]) if reached else None
    result = Result.REACHED if reached else _result(given, faults)
    answers = desk.answers(book, {name[2:]: text for name, text in given.items() if name.startswith("a-")})
    if reached and outcome is not Outcome.SUSPICIOUS and not given.get("declined"):
        faults += _unanswered(answers, book)
    if reached:
        faults += _missing_words(given, outcome)
    said = Said(
        result=result,
        outcome=outcome,
        answers=answers if reached else {},
        score=_number(given.get("score", ""), 5) if reached else None,
        note=given.get("note", ""),
        reason=given.get(f"reason_{outcome}", "") if outcome else "",
        wish=given.get("wish", "") if outcome is Outcome.UNSATISFIED else "",
        callback_at=_callback(given, hours, now, faults) if result is Result.CALLBACK else None,
        not_before=_not_before(given, hours, faults) if result is Result.NOT_INSTALLED else None,
        seconds=_number(given.get("seconds", ""), LONGEST_DAY),
        recording=_link(given, faults),
    )
    return Read(said, faults)


def _result(given: Mapping[str, str], faults: list[FieldError]) -> Result:
    if given.get("outcome") != NOT_REACHED:
        faults.append(FieldError("/outcome", "required", _("Choose how the call went.")))
    elif given.get("result") not in set(RESULTS):
        faults.append(FieldError("/result", "required", _("Choose why the customer was not reached.")))
    else:
        return Result(given["result"])
    return Result.NO_ANSWER


def _unanswered(answers: Mapping[str, Any], book: ReturnVisits) -> list[FieldError]:
    words = _("Ask this question, or tick that the customer did not want to answer.")
    return [FieldError(f"/a-{name}", "required", words) for name in questions.unanswered(answers, book)]


def _missing_words(given: Mapping[str, str], outcome: Outcome | None) -> list[FieldError]:
    if outcome is Outcome.UNSATISFIED and not given.get("note"):
        words = _("Write down what the customer said: the dealer works from it.")
        return [FieldError("/note", "required", words)]
    if outcome is Outcome.SUSPICIOUS and given.get("reason_suspicious") not in desk.SUSPICIOUS:
        return [FieldError("/reason_suspicious", "required", _("Choose what is suspicious."))]
    return []


def _number(text: str, most: int) -> int | None:
    good = text.isascii() and text.isdigit() and len(text) < 6
    return int(text) if good and 0 <= int(text) <= most else None


def _link(given: Mapping[str, str], faults: list[FieldError]) -> str | None:
    link = given.get("recording", "")
    if not link:
        return None
    if len(link) > LONGEST_LINK or not _LINK.fullmatch(link):
        words = _("A link begins with https:// and has no blanks.")
        faults.append(FieldError("/recording", "invalid", words))
    return link


def _callback(
    given: Mapping[str, str], hours: Hours, now: datetime, faults: list[FieldError]
) -> datetime | None:
    chosen = given.get("callback", "")
    if chosen == "soon":
        return now + desk.HALF_AN_HOUR
    found = _instant(given.get("callback_other", "") if chosen == "other" else chosen, hours.zone)
    if found is None:
        name = "callback_other" if chosen == "other" else "callback"
        words = _("Choose when to call again, for example 2026-11-07 10:00.")
        faults.append(FieldError(f"/{name}", "required", words))
    return found


def _instant(text: str, zone: ZoneInfo) -> datetime | None:
    try:
        found = datetime.fromisoformat(text.replace("/", "-"))
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _not_before(given: Mapping[str, str], hours: Hours, faults: list[FieldError]) -> datetime | None:
    try:
        return hours.opens(date.fromisoformat(given.get("not_before", "").replace("/", "-")))
    except (ValueError, OverflowError):
        words = _("Say from which day on the floor can be judged, for example 2026-11-20.")
        faults.append(FieldError("/not_before", "required", words))
        return None


def result_words(result: Result) -> Any:
    return outcomes.RESULT_WORDS[result]


# --- a reason ---------------------------------------------------------------------------------------------


def reason_of(form: Mapping[str, str], name: str = "reason", most: int = 1000) -> str:
    return tidy(form.get(name), most)


def skip_reason(form: Mapping[str, str]) -> str:
    """The picked reason and the words to it, as one text; "" where nothing was given."""
    picked, words = form.get("skip_reason", ""), tidy(form.get("skip_words"), 500)
    known = picked if picked in desk.SKIPS and picked != "other" else ""
    return ": ".join(part for part in (known, words) if part) or (picked if picked in desk.SKIPS else "")


# --- a dealer's report ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ReportTyped:
    """A report as typed; `documents` are ids of photos and papers that are kept already."""

    action: str = ""
    result: str = ""
    phone: str = ""
    address: str = ""
    documents: tuple[int, ...] = ()

    @property
    def faults(self) -> list[FieldError]:
        found = []
        if not self.action:
            words = _(
                "Say what you did, for example: the fitter was there on 6 November and relaid two boards."
            )
            found.append(FieldError("/action", "required", words))
        if self.phone and not _PHONE.fullmatch(self.phone):
            words = _("A mobile number has 11 digits, a landline its area code.")
            found.append(FieldError("/phone", "invalid", words))
        return found


def read_report(form: Mapping[str, str], documents: list[str]) -> ReportTyped:
    good = [each for each in documents if each.isascii() and each.isdigit() and len(each) < 19]
    return ReportTyped(
        action=tidy(form.get("action")),
        result=tidy(form.get("result")),
        phone=tidy(form.get("phone"), 30),
        address=tidy(form.get("address"), 1000),
        documents=tuple(dict.fromkeys(int(each) for each in good[:30])),
    )
