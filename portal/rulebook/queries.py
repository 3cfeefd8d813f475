"""Reading rulebooks: which version is in force for a month, and the books that come with the portal."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from sqlalchemy import bindparam, select

from config.settings import ROOT
from portal.core.db import db, once, plain_rows
from portal.core.errors import NotFound
from portal.rulebook import rules
from portal.rulebook.models import RulebookVersion
from portal.rulebook.rules import Rulebook

SHIPPED = ROOT / "config" / "rulebooks"
VERSIONS = "rulebook versions"  # what `once` keeps of each network
KEPT = 64
_books: dict[
    str, Rulebook
] = {}  # by the document's digest: a version never changes, equal ones share one book


_VERSIONS = (
    select(RulebookVersion)
    .where(RulebookVersion.network_id == bindparam("network"))
    .order_by(RulebookVersion.version.desc())
)
_version = RulebookVersion.__table__.c
_STANDING = (
    select(_version.version, _version.effective_from, _version.digest)
    .where(_version.network_id == bindparam("network"))
    .order_by(_version.version.desc())
)  # nearly every page asks this one: built once, and of plain columns


class NoRulebook(LookupError):
    """The network has no rulebook: `install` was never called, or the scope is another network's."""


@dataclass(frozen=True, slots=True)
class InForce:
    """The version in force for a month, with its book: what a clock or a file keeps beside the rule's key."""

    version: int
    book: Rulebook


def current(network_id: int, month: date) -> Rulebook:
    """The book in force for a month. Raises NoRulebook. One small query."""
    return in_force(network_id, month).book


def in_force(network_id: int, month: date) -> InForce:
    """The same with its version's number."""
    given = {"network": network_id}
    standing = once(VERSIONS, (network_id, "standing"), lambda: plain_rows(_STANDING, given))
    number = rules.version_for([(each.version, each.effective_from) for each in standing], month)
    if number is None:
        raise NoRulebook(f"network {network_id} has no rulebook")
    known = _books.get(next(each.digest for each in standing if each.version == number))
    return InForce(number, known or at_version(network_id, number))


def at_version(network_id: int, version: int) -> Rulebook:
    """The book of a version that something was kept with. Raises NotFound."""
    return book_of(get_version(network_id, version))


def list_versions(network_id: int) -> Sequence[RulebookVersion]:
    """Every version without its document, the newest first."""
    return once(VERSIONS, network_id, lambda: db.session.scalars(_VERSIONS, {"network": network_id}).all())


def get_version(network_id: int, version: int) -> RulebookVersion:
    """Raises NotFound."""
    # Compared here, not in SQL: a number from an address may be too large for the column.
    found = next((each for each in list_versions(network_id) if each.version == version), None)
    if found is None:
        raise NotFound()
    return found


def book_of(version: RulebookVersion) -> Rulebook:
    """A version's document, read and checked once for a process."""
    book = _books.get(version.digest)
    if book is None:
        book = rules.read(version.document)
        if len(_books) >= KEPT:
            _books.clear()
        _books[version.digest] = book
    return book


def shipped_keys() -> list[str]:
    """The regulations that come with the portal: names of `config/rulebooks/*.toml`."""
    return sorted(path.stem for path in SHIPPED.glob("*.toml"))


@lru_cache(maxsize=16)
def _shipped_text(key: str) -> str:
    if key not in shipped_keys():
        raise NotFound(
            "unknown_rulebook", f"There is no rulebook {key}. There are: {', '.join(shipped_keys())}."
        )
    return (SHIPPED / f"{key}.toml").read_text(encoding="utf-8")


def shipped(key: str) -> dict[str, Any]:
    """The document of a book that comes with the portal, to install as it is or changed. Raises NotFound."""
    return tomllib.loads(_shipped_text(key))
