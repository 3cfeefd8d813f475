"""Margins that headquarters owes to dealers that left, for the one table of clocks that stands above this room."""

_REFUNDED = """(SELECT coalesce(sum(t.amount_minor), 0) FROM ledger_transaction t
    WHERE t.network_id = l.network_id AND t.purpose = 'refund' AND t.unit_path = u.unit_path
      AND t.at >= date_trunc('second', l.left_at)
      AND NOT EXISTS (SELECT 1 FROM ledger_transaction r WHERE r.network_id = t.network_id AND r.original_id = t.id))"""
_BALANCE = """(SELECT coalesce(sum(a.balance_minor), 0) FROM ledger_account a
    WHERE a.network_id = l.network_id AND a.unit_id = l.unit_id AND a.person_id IS NULL AND a.kind IN ({kinds}))"""

OWED_REFUNDS = f"""
    SELECT 'refund', h.id, h.unit_path, CAST(NULL AS bigint), u.code || ':' || l.id, l.rulebook_version,
           coalesce((SELECT c.requirement FROM sanction_case c
                     WHERE c.network_id = l.network_id AND c.id = l.case_id), :terms),
           l.left_at, l.first_due_at
    FROM ledger_leaving l
    JOIN unit u ON u.network_id = l.network_id AND u.id = l.unit_id
    JOIN unit h ON h.network_id = l.network_id AND h.kind = 'headquarters'
    CROSS JOIN LATERAL (SELECT {_REFUNDED} AS refunded, {_BALANCE.format(kinds="'margin'")} AS free,
                               {_BALANCE.format(kinds="'margin', 'margin_hold'")} AS whole) s
    WHERE l.network_id = :network AND l.cancelled_at IS NULL AND s.free > 0
      AND s.refunded < ((s.whole + s.refunded) * l.first_share) / 100
"""  # noqa: S608 - constants of this room
"""SQL with `:network` and `:terms` (the requirement of the terms themselves): the first parts that are to be paid back;
their subject begins with the dealer's code."""

REFUNDED_AT = """(SELECT max(t.at) FROM ledger_leaving l
    JOIN unit u ON u.network_id = l.network_id AND u.id = l.unit_id
    JOIN ledger_transaction t ON t.network_id = l.network_id AND t.purpose = 'refund' AND t.unit_path = u.unit_path
      AND t.at >= date_trunc('second', l.left_at)
    WHERE l.network_id = o.network_id AND l.id = split_part(o.subject, ':', 2)::bigint AND l.cancelled_at IS NULL)"""
"""SQL of a clock `o` of kind refund: when that was paid; NULL where nothing was (the dealer stays, nothing is left)."""
