"""The words of the plan: reminders, what is overdue, what is to be seen to, duties that nobody holds."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from portal import sanctions
from portal.access import Role
from portal.clocks import rules
from portal.clocks.rules import Kind
from portal.clocks.service.escalating import HOLDERS
from portal.core import month as months
from portal.notices import Letter, To

NAMES: dict[Kind, str] = {
    Kind.CUSTOMER_FILE: "Customer file",
    Kind.PART_FILE: "Store’s part of the file",
    Kind.CONSOLIDATION: "Monthly consolidation",
    Kind.RETURNED_FILE: "Returned file",
    Kind.RECTIFICATION: "Rectification",
    Kind.RECTIFICATION_COMMENT: "Comment on a rectification",
    Kind.CASE_STEP: "Step of a sanction case",
    Kind.STATEMENT: "Statement in a sanction case",
    Kind.ACKNOWLEDGEMENT: "Acknowledgement of a decision",
    Kind.APPEAL: "Appeal in a sanction case",
    Kind.TOP_UP: "Brand margin to be topped up",
    Kind.HANDED_ON: "Measure to be carried out",
    Kind.REFUND: "Brand margin to be paid back",
    Kind.ESCALATION: "To be seen to",
}
"""As the catalogues have them: each reader gets the words of its language."""
OF_CASES = (*rules.RIGHTS, Kind.TOP_UP)
FILES = (Kind.CUSTOMER_FILE, Kind.PART_FILE, Kind.RETURNED_FILE)
REMINDER = "Due by %(due)s: %(duty)s"
OVERDUE = "Overdue since %(due)s: %(duty)s"
ESCALATED = "%(unit)s is overdue since %(due)s: %(duty)s. Please see to it by %(until)s."
RIGHTS: dict[str, str] = {
    Kind.STATEMENT: "Until %(due)s you may state your side in sanction case %(number)s; after that it is decided "
    "without your statement",
    Kind.ACKNOWLEDGEMENT: "Acknowledge the decision in sanction case %(number)s by %(due)s; after that it counts as "
    "received",
    Kind.APPEAL: "Until %(due)s you may appeal in sanction case %(number)s; after that the decision stands",
}
"""A party is told what follows, not that it owes."""
UNHELD = "Nobody at %(unit)s is there to do what is due by %(due)s: %(duty)s"


@lru_cache(maxsize=4096)
def in_both(at: datetime, zone: ZoneInfo) -> dict[str, str]:
    """A limit in words, for a reader of either language."""
    return {lang: rules.deadline_words(at, zone, lang) for lang in ("zh", "en")}


def name_of(kind: str, month: Any) -> dict[str, str]:
    """What is owed, as a notice keeps it: translated when it is read, with its month."""
    return {"text": NAMES[Kind(kind)]} | ({"after": months.text(month)} if month else {})


def link_of(row: Any, unit_kind: str) -> str:
    """Where it is done; a clock's own page where there is no such place."""
    if row.month is not None and row.kind in FILES:
        return f"/files/{months.text(row.month)}"
    if row.kind == Kind.CONSOLIDATION:
        return f"/region/{months.text(row.month)}"
    if row.kind == Kind.RECTIFICATION_COMMENT or (
        row.kind == Kind.RECTIFICATION and unit_kind in ("dealer", "store")
    ):
        return f"/rectifications/{row.subject.partition('-')[0]}"
    if row.kind == Kind.HANDED_ON:
        return "/handed-on"
    if row.kind == Kind.REFUND:
        return f"/margin/{number_of(row.subject)}"
    if row.kind in OF_CASES:
        return f"/sanctions/{number_of(row.subject)}"
    return f"/clock/{row.id}"


def number_of(subject: str) -> str:
    """The case, or the dealer's code, that a clock of `OF_CASES` or a refund is about."""
    return subject.partition(":")[0]


def own_params(row: Any) -> dict[str, str]:
    """What the words of a clock say beside its duty and limit."""
    return {"number": number_of(row.subject)} if row.kind in RIGHTS else {}


def roles_of(row: Any, unit_kind: str, *, late: bool) -> Sequence[Role]:
    """Who is told of a clock at its unit; of a late step of a case executives, too."""
    if row.kind == Kind.CASE_STEP:
        return (*sanctions.whose_step(row.subject), *((Role.EXECUTIVE,) if late else ()))
    if row.kind == Kind.HANDED_ON:
        return (Role.EXECUTIVE,)
    if row.kind == Kind.REFUND:
        return (Role.FINANCE, Role.EXECUTIVE) if late else (Role.FINANCE,)
    if row.kind in RIGHTS:
        return tuple(Role) if row.person_id is not None else tuple(sanctions.ANSWERS_FOR)
    return HOLDERS[unit_kind]


class About(NamedTuple):
    """What a letter of the clock says of a duty: `after` what it is called by where it is a superior's clock."""

    kind: str
    month: date | None
    due_at: datetime
    until: datetime | None = None
    after: str = ""

    def params(self, zone: ZoneInfo) -> dict[str, Any]:
        duty = name_of(self.kind, self.month) | ({"after": self.after} if self.after else {})
        until = {"until": in_both(self.until, zone)} if self.until else {}
        return {"duty": duty, "due": in_both(self.due_at, zone), **until}


class Letters:
    """Letters of one kind: what is said of the same duty to the same roles is one letter to many."""

    def __init__(self, kind: str, subject: str) -> None:
        self.kind, self.subject = kind, subject
        self.to: dict[tuple[About, tuple[Role, ...]], list[To]] = defaultdict(list)

    def add(self, about: About, roles: Iterable[Role], to: To) -> None:
        self.to[about, tuple(roles)].append(to)

    def _words(self, about: About) -> str:
        return RIGHTS.get(about.kind, self.subject) if self.subject == REMINDER else self.subject

    def all(self, zone: ZoneInfo) -> list[Letter]:
        return [
            Letter(self.kind, self._words(about), roles, about.params(zone), to)
            for (about, roles), to in self.to.items()
        ]
