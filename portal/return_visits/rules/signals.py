"""Signals of invention or carelessness: they set the order of the queue and condemn nobody (domain.md). Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from flask_babel import lazy_gettext as _

from portal.return_visits.rules.outcomes import Rank
from portal.rulebook import ReturnVisits


class Signal(StrEnum):
    """The names are the rulebook's (return_visits.signals)."""

    PHONE_UNDER_SEVERAL_NAMES = "phone_under_several_names"
    PHONE_AT_SEVERAL_DEALERS = "phone_at_several_dealers"
    PHONES_IN_SEQUENCE = "phones_in_sequence"
    ADDRESS_REPEATED = "address_repeated"
    REGION_OUTSIDE_TERRITORY = "region_outside_territory"
    JUMP_IN_CUSTOMERS = "jump_in_customers"
    PHONE_OF_OWN_PEOPLE = "phone_of_own_people"


Record = tuple[int, int]
"""A row of a customer file: (file, row)."""

WORDS: dict[Signal, Any] = {
    Signal.PHONE_UNDER_SEVERAL_NAMES: _("Phone under several names"),
    Signal.PHONE_AT_SEVERAL_DEALERS: _("Phone at several dealers"),
    Signal.PHONES_IN_SEQUENCE: _("Phones in sequence"),
    Signal.ADDRESS_REPEATED: _("Address repeated"),
    Signal.REGION_OUTSIDE_TERRITORY: _("Outside the territory"),
    Signal.JUMP_IN_CUSTOMERS: _("Jump in the number of customers"),
    Signal.PHONE_OF_OWN_PEOPLE: _("Phone of somebody in the network"),
}


@dataclass(frozen=True)
class Seen:
    """One signal at one person: what was seen as numbers, and some of the other records that it was seen in."""

    code: Signal
    params: Mapping[str, Any]
    records: Sequence[Record] = ()


def words(seen: Seen) -> Any:
    """What was seen, in the reader's language; never "fake"."""
    many = seen.params
    match seen.code:
        case Signal.PHONE_UNDER_SEVERAL_NAMES:
            return _("This phone stands under %(names)s different names.", names=many.get("names"))
        case Signal.PHONE_AT_SEVERAL_DEALERS:
            return _("This phone was filed by %(dealers)s dealers.", dealers=many.get("dealers"))
        case Signal.PHONES_IN_SEQUENCE:
            return _("%(run)s phones of this dealer follow one another closely.", run=many.get("run"))
        case Signal.ADDRESS_REPEATED:
            return _("%(people)s people have this address.", people=many.get("people"))
        case Signal.REGION_OUTSIDE_TERRITORY if many.get("territory"):
            return _(
                "%(region)s lies outside this dealer’s territory (%(territory)s).",
                region=many.get("region"),
                territory="、".join(many["territory"]),
            )
        case Signal.REGION_OUTSIDE_TERRITORY:
            return _("This dealer has not sold to %(region)s before.", region=many.get("region"))
        case Signal.JUMP_IN_CUSTOMERS:
            return _(
                "This dealer filed %(people)s people, %(usual)s in the months before.",
                people=many.get("people"),
                usual=many.get("usual"),
            )
    return _("This phone belongs to somebody of %(unit)s.", unit=many.get("unit"))


def read(stored: Sequence[Mapping[str, Any]] | None) -> list[Seen]:
    return [
        Seen(
            Signal(each["code"]),
            each.get("params") or {},
            [(int(file_id), int(row_no)) for file_id, row_no in each.get("records") or ()],
        )
        for each in stored or ()
    ]


def weights(book: ReturnVisits) -> dict[str, int]:
    """Signal -> its weight in the order; 0 switches it off."""
    return {signal.value: getattr(book.signals, signal.value) for signal in Signal}


def weights_json(book: ReturnVisits) -> str:
    """The same for the database."""
    return json.dumps(weights(book))


def rank_of(weight: int, book: ReturnVisits) -> Rank:
    """Where a first call stands: suspicious ones before the oldest."""
    return Rank.SUSPICIOUS if weight >= book.signals.suspicious_from else Rank.OLDEST
