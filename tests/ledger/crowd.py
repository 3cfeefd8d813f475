"""Many postings, written past the walls and triggers: the dealers X… have them in turn, D1 has a year of its own.

Each transaction is a deposit of one yuan: the balances and versions are what the triggers would have made of them, so
that the books prove true (portal.ledger.prove).
"""

from typing import Any

import psycopg

OWN = 250
"""Transactions of D1, whatever is stored beside them: what a statement shows."""

DEALERS = """
    INSERT INTO unit (id, network_id, unit_path, code, kind, name, sort_key, parent_id, status, joined_at)
    SELECT 9000 + i, r.network_id, r.unit_path || (9000 + i) || '.', 'X' || to_char(i, 'FM00'), 'dealer',
           '经销商' || i, 'jing xiao shang ' || i, r.id, 'active', now() - interval '3 years'
    FROM unit r, generate_series(1, 80) i WHERE r.network_id = %(network)s AND r.code = 'R2'
      AND NOT EXISTS (SELECT 1 FROM unit x WHERE x.network_id = r.network_id AND x.code = 'X01')
"""
ACCOUNTS = """
    INSERT INTO ledger_account (network_id, unit_path, kind, unit_id, currency, normal, bounded)
    SELECT u.network_id, u.unit_path, k.kind, u.id, 'CNY', k.normal, u.kind <> 'headquarters'
    FROM unit u JOIN (VALUES ('dealer', 'margin', 'credit'), ('dealer', 'margin_hold', 'credit'),
      ('dealer', 'receivable', 'debit'), ('headquarters', 'cash', 'debit'), ('headquarters', 'forfeited', 'credit'),
      ('headquarters', 'commission_expense', 'debit')) k(of, kind, normal) ON k.of = u.kind
    WHERE u.network_id = %(network)s
    ON CONFLICT DO NOTHING
"""
PLAN = """
    CREATE TEMP TABLE plan AS
    SELECT i, i + 1 AS id, d.unit_id, d.unit_path, d.account,
           row_number() OVER (PARTITION BY d.account ORDER BY i) AS place,
           %(now)s::timestamptz - interval '730 days' + interval '730 days' * i / %(count)s AS at
    FROM (SELECT a.id AS account, a.unit_id, a.unit_path, u.code, row_number() OVER (ORDER BY u.code) - 1 AS turn
          FROM ledger_account a JOIN unit u ON u.id = a.unit_id
          WHERE a.network_id = %(network)s AND a.kind = 'margin' AND (u.code LIKE 'X%%' OR u.code = 'D1')) d
    JOIN generate_series(0, %(count)s - 1) i
      ON CASE WHEN i %% (%(count)s / %(own)s) = 0 THEN d.code = 'D1' ELSE d.turn = 1 + i %% 80 END
"""
BOOKS = (
    """
    INSERT INTO ledger_transaction (id, network_id, unit_path, at, purpose, currency, amount_minor, postings,
                                    idempotency_key, reason, reference)
    SELECT id, %(network)s, unit_path, at, 'deposit', 'CNY', 100, 2, 'crowd:' || i,
           '入账，银行流水号 B-' || i, 'B-' || i
    FROM plan ORDER BY i
    """,
    """
    INSERT INTO ledger_posting (network_id, unit_path, transaction_id, account_id, unit_id, side, amount_minor,
                                currency, at, balance_minor, version)
    SELECT %(network)s, p.unit_path, p.id, p.account, p.unit_id, 'credit', 100, 'CNY', p.at, p.place * 100, p.place
    FROM plan p
    UNION ALL
    SELECT c.network_id, c.unit_path, p.id, c.id, c.unit_id, 'debit', 100, 'CNY', p.at, (p.i + 1) * 100, p.i + 1
    FROM plan p, ledger_account c WHERE c.network_id = %(network)s AND c.kind = 'cash'
    ORDER BY 3, 7
    """,
    """
    UPDATE ledger_account a SET balance_minor = p.n * 100, version = p.n, moved_at = p.at
    FROM (SELECT account_id, count(*) AS n, max(at) AS at FROM ledger_posting WHERE network_id = %(network)s
          GROUP BY account_id) p WHERE a.id = p.account_id
    """,
    "SELECT setval(pg_get_serial_sequence('ledger_transaction', 'id'), (SELECT max(id) FROM ledger_transaction))",
)


def fill(connection: psycopg.Connection[Any], network_id: int, postings: int, now: Any) -> None:
    """`postings` of a network that has none, two years back from `now`; the connection is a superuser's."""
    given = {"network": network_id, "count": postings // 2, "own": OWN, "now": now}
    connection.execute("SET session_replication_role = replica")
    for statement in (DEALERS, ACCOUNTS, PLAN, *BOOKS):
        connection.execute(statement, given)
    connection.execute("SET session_replication_role = origin")
    connection.execute("VACUUM ANALYZE")
