"""The books proved anew from the postings: for `flask check`, for an auditor, for tests."""

from dataclasses import dataclass

from sqlalchemy import text

from portal.core.db import db


@dataclass(frozen=True)
class Proof:
    """How many rows break a rule of the books; all are 0, or something is wrong."""

    unbalanced: int  # transactions whose debits are not their credits
    untrue: int  # accounts whose balance is not the sum of their postings
    gaps: int  # postings whose balance is not the one before plus their own
    uneven: int  # what is left over when every account of the network is added up
    below_zero: int
    odd_ends: int  # reversals and ends of holds that are not their original's opposite

    @property
    def sound(self) -> bool:
        return not any(vars(self).values())


SIGNED = "CASE p.side WHEN 'credit' THEN p.amount_minor ELSE -p.amount_minor END"
GROWN = "CASE WHEN p.side = a.normal THEN p.amount_minor ELSE -p.amount_minor END"
JOINED = "ledger_posting p JOIN ledger_account a ON a.network_id = p.network_id AND a.id = p.account_id"
PROOF = text(
    f"""
    SELECT
      (SELECT count(*) FROM (SELECT 1 FROM ledger_transaction t LEFT JOIN ledger_posting p
         ON p.network_id = t.network_id AND p.transaction_id = t.id
         GROUP BY t.id, t.postings HAVING count(p.id) <> t.postings OR coalesce(sum({SIGNED}), -1) <> 0
         OR count(DISTINCT p.network_id) <> 1 OR count(DISTINCT p.currency) <> 1) x) AS unbalanced,
      (SELECT count(*) FROM (SELECT 1 FROM ledger_account a LEFT JOIN ledger_posting p
         ON p.network_id = a.network_id AND p.account_id = a.id
         GROUP BY a.id, a.balance_minor, a.version
         HAVING coalesce(sum({GROWN}), 0) <> a.balance_minor OR count(p.id) <> a.version) x) AS untrue,
      (SELECT count(*) FROM (SELECT p.balance_minor, p.version, p.at, {GROWN} AS grown,
           lag(p.balance_minor, 1, 0::bigint) OVER w AS before, lag(p.at) OVER w AS earlier,
           row_number() OVER w AS place FROM {JOINED} WINDOW w AS (PARTITION BY p.account_id ORDER BY p.version)) x
         WHERE before + grown <> balance_minor OR place <> version OR earlier > at) AS gaps,
      (SELECT coalesce(abs(sum(CASE normal WHEN 'credit' THEN balance_minor ELSE -balance_minor END)), 0)
         FROM ledger_account) AS uneven,
      (SELECT count(*) FROM {JOINED} WHERE a.bounded AND (p.balance_minor < 0 OR a.balance_minor < 0)) AS below_zero,
      (SELECT count(*) FROM (SELECT t.id FROM ledger_transaction t
         JOIN ledger_transaction o ON o.network_id = t.network_id AND o.id = t.original_id
         JOIN ledger_posting p ON p.network_id = t.network_id AND p.transaction_id IN (t.id, t.original_id)
         JOIN ledger_account a ON a.network_id = p.network_id AND a.id = p.account_id
         WHERE t.purpose IN ('release', 'reversal') OR a.kind = 'margin_hold'
         GROUP BY t.id, CASE WHEN t.purpose = 'reversal' AND o.purpose IN ('forfeit', 'charge') AND a.bounded
           THEN 'party' ELSE p.account_id::text END HAVING sum({SIGNED}) <> 0) x) AS odd_ends
    """  # noqa: S608 - constants of this file
)


def prove() -> Proof:
    """Every rule of the books, counted from the postings; needs headquarters' eyes. Costs with what is stored."""
    row = db.session.execute(PROOF).mappings().one()
    return Proof(**{name: int(value) for name, value in row.items()})
