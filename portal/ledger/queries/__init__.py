"""Reading the books."""

from portal.ledger.queries.accounts import (
    Balance,
    Entry,
    account_ids,
    balances,
    counter_balances,
    deposited_since,
    entries,
    get_transaction,
    has_transaction,
    lines_of,
    party_of,
    person_owner,
    transactions_of_case,
    unit_owner,
    waiting_withholdings,
    withheld,
)
from portal.ledger.queries.proof import Proof, prove
from portal.ledger.queries.statements import Statement, statement, statement_xlsx

__all__ = [
    "Balance",
    "Entry",
    "Proof",
    "Statement",
    "account_ids",
    "balances",
    "counter_balances",
    "deposited_since",
    "entries",
    "get_transaction",
    "has_transaction",
    "lines_of",
    "party_of",
    "person_owner",
    "prove",
    "statement",
    "statement_xlsx",
    "transactions_of_case",
    "unit_owner",
    "waiting_withholdings",
    "withheld",
]
