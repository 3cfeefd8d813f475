"""What finance undoes by itself: its own postings, and nothing that people decided on together."""

from typing import Any

from portal.access import Actor
from portal.core.errors import Conflict
from portal.core.texts import lazy
from portal.ledger import queries
from portal.ledger.models import Transaction
from portal.ledger.rules import BY_HAND, Purpose
from portal.ledger.service.margins import reverse
from portal.ledger.service.posting import book


def undo_by_hand(actor: Actor, transaction_id: int, reason: str) -> Transaction:
    """Finance undoes its own posting, see `reverse`. Conflict besides: `of_a_case`, `not_reversible`, `share_withheld`;
    what a case took is given back by the people who decide on the case, not by finance alone."""
    of = queries.get_transaction(transaction_id)
    if of.case_id is not None:
        told = lazy(
            "This voucher belongs to case %(number)s: it is undone only when the case falls, on appeal or review.",
            number=of.case_number,
        )
        raise Conflict("of_a_case", told)
    if Purpose(of.purpose) not in BY_HAND:
        raise Conflict("not_reversible", lazy("This posting is not undone by a reversal."))
    if Purpose(of.purpose) is Purpose.COMMISSION:
        _refuse_withheld(actor, of)
    return reverse(actor, transaction_id, reason)


def _refuse_withheld(actor: Actor, statement: Transaction) -> None:
    """A share is a part of its statement: without the statement it would be wrong, and giving it back would undo what
    a case decided."""
    owner = queries.party_of(statement.id)
    if owner is None or owner.person_id is None or statement.month is None:
        return
    book(actor, owner)  # the lock first: a share is ordered before or after, never beside
    if queries.is_undone(statement.id):
        return
    orders = queries.posted_withholdings(owner.person_id, statement.month)
    if orders:
        raise Conflict("share_withheld", _why([each.case_number for each in orders if each.case_number]))


def _why(cases: list[str]) -> Any:
    return lazy(
        "A share was withheld from this statement (case %(numbers)s): the statement is undone only after that case"
        " has fallen, on appeal or review.",
        numbers=", ".join(cases) or "—",
    )
