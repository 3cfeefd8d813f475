"""Rules of accounts: identifiers, throttles, lines of an import of people. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.access import UNIT_KIND, Role

EMAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]{1,180}\.[^@\s\x00-\x1f.]{2,63}")
MOBILE = re.compile(r"1[3-9]\d{9}")
OTHER_PHONE = re.compile(r"\+?\d{6,16}")
SHORTEST_PASSWORD = 8
LONGEST_PASSWORD = 128
IDLE = timedelta(hours=12)
IDLE_AT_HEADQUARTERS = timedelta(minutes=30)
KEPT = timedelta(days=7)


@dataclass(frozen=True)
class Limit:
    """At most `count` within `window`."""

    count: int
    window: timedelta

    def window_start(self, now: datetime) -> datetime:
        seconds = int(self.window.total_seconds())
        return datetime.fromtimestamp(int(now.timestamp()) // seconds * seconds, tz=now.tzinfo)

    def retry_after(self, now: datetime) -> int:
        """Whole seconds until the window ends."""
        return max(1, int((self.window_start(now) + self.window - now).total_seconds()) + 1)


GUESSES = Limit(10, timedelta(minutes=5))  # wrong passwords for an account, or from an address
GUESSES_A_DAY = Limit(50, timedelta(days=1))  # for an account, from devices that it never signed in on
REQUESTS = Limit(600, timedelta(minutes=1))  # for a token (API.md)
UPLOADS = Limit(60, timedelta(minutes=1))


def identifier(written: str) -> str:
    """An e-mail in lower case, or a phone's digits without +86: what a person signs in with."""
    written = written.strip()
    if "@" in written:
        return written.lower()
    digits = re.sub(r"[\s\-()（）]", "", written)
    return re.sub(r"^(\+86|0086)(?=1[3-9]\d{9}$)", "", digits)


@dataclass(frozen=True)
class PersonLine:
    """One line of an import: one membership of one person; `row` as the person sees it in the file."""

    row: int
    email: str
    name: str
    unit: str
    role: str
    phone: str

    @property
    def who(self) -> str:
        return identifier(self.email) or identifier(self.phone)


def faults(lines: Iterable[PersonLine], unit_kinds: Mapping[str, str]) -> list[tuple[int, str]]:
    """What is wrong with these lines, as (row, sentence); `unit_kinds` maps each unit's code to its kind."""
    wrong: list[tuple[int, str]] = []
    seen: set[tuple[str, str, str]] = set()
    owner_of_phone: dict[str, str] = {}
    for line in lines:
        wrong += [(line.row, sentence) for sentence in _line_faults(line, unit_kinds)]
        key = (line.who, line.unit, line.role)
        if key in seen:
            wrong.append((line.row, "this person, unit and role stand in this file twice"))
        seen.add(key)
        phone = identifier(line.phone)
        if phone and owner_of_phone.setdefault(phone, line.who) != line.who:
            wrong.append((line.row, f"phone {line.phone} belongs to {owner_of_phone[phone]} in this file"))
    return wrong


def _line_faults(line: PersonLine, unit_kinds: Mapping[str, str]) -> list[str]:
    wrong = []
    email, phone = identifier(line.email), identifier(line.phone)
    if not email and not phone:
        wrong.append("email or phone is required")
    if email and not EMAIL.fullmatch(email):
        wrong.append(f"email {line.email!r} is not an e-mail address")
    if phone and not (MOBILE.fullmatch(phone) or OTHER_PHONE.fullmatch(phone)):
        wrong.append(f"phone {line.phone!r} is not a phone number")
    if not line.name or len(line.name) > 100:
        wrong.append("name must have 1 to 100 characters")
    kind = unit_kinds.get(line.unit)
    if kind is None:
        wrong.append(f"unit {line.unit!r} is not known")
    if line.role not in set(Role):
        wrong.append(f"role must be one of {', '.join(Role)}, is {line.role!r}")
    elif kind is not None and UNIT_KIND[Role(line.role)] != kind:
        wrong.append(f"a {line.role} works at a {UNIT_KIND[Role(line.role)]}, {line.unit} is a {kind}")
    return wrong
