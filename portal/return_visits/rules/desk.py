"""What the call screen offers: words to say, times to call back, reasons. Pure (R039, R045; DESIGN-UX section 10)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from flask_babel import lazy_gettext as _

from portal.return_visits.rules.plan import Hours
from portal.rulebook import ReturnVisits

HALF_AN_HOUR = timedelta(minutes=30)
EVENING = timedelta(hours=19)
MORNING = timedelta(hours=10)

UNSATISFIED: dict[str, Any] = {
    "product": _("Product quality"),
    "laying": _("Laying quality"),
    "attitude": _("Service attitude"),
    "delivery": _("Delivery"),
    "promise": _("A promise was not kept"),
    "other": _("Something else"),
}
SUSPICIOUS: dict[str, Any] = {
    "dealer_staff": _("Belongs to the dealer’s staff"),
    "denies_purchase": _("Denies the purchase"),
    "repeated_phone": _("The phone stands in other records"),
    "facts_differ": _("What was filed differs from what was said"),
}
SKIPS: dict[str, Any] = {
    "line": _("The line is bad"),
    "known": _("I know this customer"),
    "dialect": _("Another dialect or language is needed"),
    "ask_first": _("Something must be cleared up first"),
    "other": _("Something else"),
}
REASONS = {**SUSPICIOUS, **UNSATISFIED}


def reason_words(stored: str) -> Any:
    """A reason that was picked, in the reader's language; one that was typed (by a program) stays as it is."""
    return REASONS.get(stored, stored)


def visit_number(month: date, visit_id: int) -> str:
    """'HF-2610-01847': how people name a visit."""
    return f"HF-{month:%y%m}-{visit_id:05d}"


# --- when to call back ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Choice:
    """A time to call back; `key` is what the form sends: 'soon' is worked out when it is saved."""

    key: str
    at: datetime
    kind: str  # soon, evening, morning


def callback_choices(now: datetime, hours: Hours) -> list[Choice]:
    """In half an hour, this evening, the next calling morning: those that lie within the calling hours."""
    today = hours.day_of(now)
    wanted = {
        "soon": now + HALF_AN_HOUR,
        "evening": hours.at(today, EVENING),
        "morning": hours.at(hours.next_day(today), MORNING),
    }
    return [
        Choice("soon" if kind == "soon" else at.isoformat(), at, kind)
        for kind, at in wanted.items()
        if at > now and hours.includes(at)
    ]


# --- what to say ------------------------------------------------------------------------------------------


PARTS = ("opening", "privacy", "satisfied", "unsatisfied", "revisit", "closing")


def names(
    *, agent: str, brand: str, customer: str, dealer: str, products: Iterable[str], month: date, lang: str
) -> dict[str, str]:
    """What fills the braces of a script; several products stand in the order in which they were bought."""
    together = ("、" if lang == "zh" else ", ").join(dict.fromkeys(products))
    month_words = f"{month.month} 月" if lang == "zh" else f"{month:%B}"
    return {
        "agent": agent,
        "brand": brand,
        "customer": customer,
        "dealer": dealer,
        "product": together,
        "month": month_words,
    }


def script(book: ReturnVisits, filled_in: Mapping[str, str], lang: str) -> dict[str, str]:
    """The rulebook's words by PARTS with the names filled in; braces within a name stay as they are."""
    return {part: _filled(getattr(book.script, part).of(lang), filled_in) for part in PARTS}


def _filled(words: str, names: Mapping[str, str]) -> str:
    pieces = words.split("{")
    found = [pieces[0]]
    for piece in pieces[1:]:
        name, brace, rest = piece.partition("}")
        found.append(f"{names[name]}{rest}" if brace and name in names else f"{{{piece}")
    return "".join(found)


# --- the questionnaire ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Question:
    """A question with its answers as (value, words); a text has none. `given` is the value that was picked."""

    id: str
    kind: str
    words: str
    required: bool
    answers: Sequence[tuple[str, Any]]
    given: str

    @property
    def field(self) -> str:
        return f"a-{self.id}"


YES_NO = (("yes", _("Yes")), ("no", _("No")))
MARKS = tuple((str(mark), str(mark)) for mark in range(1, 6))


def questions(book: ReturnVisits, given: Mapping[str, Any], lang: str) -> list[Question]:
    """The rulebook's questions; `given` are answers as they are stored (True, 4, "laying", words)."""
    found = []
    for each in book.questions:
        answers: Sequence[tuple[str, Any]] = ()
        if each.kind == "yes_no":
            answers = YES_NO
        elif each.kind == "scale":
            answers = MARKS
        elif each.kind == "choice":
            answers = [(one.id, one.label.of(lang)) for one in each.choices]
        picked = given.get(each.id)
        words = (
            "yes" if picked is True else "no" if picked is False else "" if picked is None else str(picked)
        )
        found.append(Question(each.id, each.kind, each.words.of(lang), each.required, answers, words))
    return found


def answers(book: ReturnVisits, typed: Mapping[str, str]) -> dict[str, Any]:
    """Form fields (by question id) as answers to store; what nobody answered is left out."""
    found: dict[str, Any] = {}
    for each in book.questions:
        words = typed.get(each.id, "").strip()
        if not words:
            continue
        if each.kind == "yes_no":
            found[each.id] = {"yes": True, "no": False}.get(words, words)
        elif each.kind == "scale":
            found[each.id] = int(words) if words.isascii() and words.isdigit() else words
        else:
            found[each.id] = words
    return found
