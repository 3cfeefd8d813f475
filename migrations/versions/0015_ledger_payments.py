"""The ledger pays out: commissions, and the margin of a dealer that leaves; what an appeal gives back after it was taken.

A forfeit that took a hold is undone in favour of what is free: the hold ended once and is not open again. For that the
reversal of a deduction is looked at by its party, not account by account.
"""

import sqlalchemy as sa
from alembic import op

from migrations import walls

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
PURPOSES = "'deposit', 'hold', 'release', 'forfeit', 'charge', 'refund', 'commission', 'withhold', 'reversal', 'repay'"

WHOLE = """
CREATE OR REPLACE FUNCTION ledger_is_whole() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public AS $$
DECLARE
  entry public.ledger_transaction%ROWTYPE;
  parts integer; debits numeric; credits numeric; currencies integer; gives_back boolean;
BEGIN
  SELECT * INTO entry FROM public.ledger_transaction
  WHERE network_id = NEW.network_id
    AND id = CASE TG_TABLE_NAME WHEN 'ledger_posting' THEN (to_jsonb(NEW) ->> 'transaction_id')::bigint ELSE NEW.id END;
  SELECT count(*), coalesce(sum(amount_minor) FILTER (WHERE side = 'debit'), 0),
         coalesce(sum(amount_minor) FILTER (WHERE side = 'credit'), 0), count(DISTINCT currency)
  INTO parts, debits, credits, currencies
  FROM public.ledger_posting WHERE network_id = entry.network_id AND transaction_id = entry.id;
  IF entry.id IS NULL OR parts <> entry.postings OR currencies <> 1 OR debits <> credits
     OR debits <> entry.amount_minor THEN
    RAISE EXCEPTION 'ledger transaction % is not balanced', entry.id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_transaction_balanced';
  END IF;
  IF entry.original_id IS NULL THEN
    RETURN NULL;
  END IF;
  gives_back := entry.purpose = 'reversal' AND EXISTS (
    SELECT 1 FROM public.ledger_transaction t WHERE t.network_id = entry.network_id AND t.id = entry.original_id
      AND t.purpose IN ('forfeit', 'charge'));
  IF EXISTS (
    SELECT 1 FROM public.ledger_posting p
    JOIN public.ledger_account a ON a.network_id = p.network_id AND a.id = p.account_id
    WHERE p.network_id = entry.network_id AND p.transaction_id IN (entry.id, entry.original_id)
      AND (entry.purpose IN ('release', 'reversal') OR a.kind = 'margin_hold')
    GROUP BY CASE WHEN gives_back AND a.bounded THEN 'party' ELSE a.id::text END
    HAVING sum(CASE p.side WHEN 'debit' THEN p.amount_minor ELSE -p.amount_minor END) <> 0)
  OR gives_back AND (
    SELECT count(DISTINCT (a.unit_id, a.person_id)) FROM public.ledger_posting p
    JOIN public.ledger_account a ON a.network_id = p.network_id AND a.id = p.account_id
    WHERE p.network_id = entry.network_id AND p.transaction_id IN (entry.id, entry.original_id) AND a.bounded) <> 1
  THEN
    RAISE EXCEPTION 'ledger transaction % is not the opposite of its original', entry.id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_transaction_opposite';
  END IF;
  RETURN NULL;
END $$
"""


def upgrade() -> None:
    op.execute("ALTER TABLE ledger_transaction DROP CONSTRAINT ck_ledger_transaction_purpose")
    op.create_check_constraint(
        "ck_ledger_transaction_purpose", "ledger_transaction", f"purpose IN ({PURPOSES}, 'pay')"
    )
    op.create_check_constraint(
        "ck_ledger_transaction_paid", "ledger_transaction", "purpose <> 'pay' OR reference IS NOT NULL"
    )
    op.add_column(
        "ledger_withholding",
        sa.Column("short_minor", sa.BigInteger, nullable=False, server_default=sa.text("0")),
    )
    op.create_check_constraint("ck_ledger_withholding_short", "ledger_withholding", "short_minor >= 0")
    op.create_index(
        "ix_ledger_withholding_short",
        "ledger_withholding",
        ["network_id", "id"],
        postgresql_where=sa.text("short_minor > 0"),
    )
    op.create_index("ix_ledger_transaction_purpose", "ledger_transaction", ["network_id", "purpose", "id"])
    op.execute(WHOLE)
    op.create_table(
        "ledger_leaving",
        sa.Column("id", sa.BigInteger, sa.Identity(always=False), primary_key=True),
        sa.Column("network_id", sa.BigInteger, nullable=False),
        sa.Column("unit_path", sa.Text(collation="C"), nullable=False),
        sa.Column("unit_id", sa.BigInteger, nullable=False),
        sa.Column("left_at", INSTANT, nullable=False),
        sa.Column("first_share", sa.Integer, nullable=False),
        sa.Column("first_due_at", INSTANT, nullable=False),
        sa.Column("rest_at", INSTANT, nullable=False),
        sa.Column("rulebook_version", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("case_id", sa.BigInteger),
        sa.Column("noted_at", INSTANT, nullable=False),
        sa.Column("noted_by", sa.BigInteger),
        sa.Column("cancelled_at", INSTANT),
        sa.UniqueConstraint("network_id", "id", name="uq_ledger_leaving_network_id_id"),
        sa.ForeignKeyConstraint(
            ["network_id", "unit_id"],
            ["unit.network_id", "unit.id"],
            name="fk_ledger_leaving_network_id_unit_id",
        ),
        sa.ForeignKeyConstraint(
            ["network_id", "case_id"],
            ["sanction_case.network_id", "sanction_case.id"],
            name="fk_ledger_leaving_network_id_case_id",
        ),
        sa.CheckConstraint("first_share BETWEEN 1 AND 100", name="ck_ledger_leaving_first_share"),
    )
    op.create_index(
        "uq_ledger_leaving_once",
        "ledger_leaving",
        ["network_id", "unit_id"],
        unique=True,
        postgresql_where=sa.text("cancelled_at IS NULL"),
    )
    walls.wall("ledger_leaving", "SELECT, INSERT, UPDATE")


def downgrade() -> None:
    op.drop_table("ledger_leaving")
    op.drop_index("ix_ledger_transaction_purpose", "ledger_transaction")
    op.drop_index("ix_ledger_withholding_short", "ledger_withholding")
    op.drop_column("ledger_withholding", "short_minor")
    op.execute("ALTER TABLE ledger_transaction DROP CONSTRAINT ck_ledger_transaction_paid")
    op.execute("ALTER TABLE ledger_transaction DROP CONSTRAINT ck_ledger_transaction_purpose")
    op.create_check_constraint(
        "ck_ledger_transaction_purpose", "ledger_transaction", f"purpose IN ({PURPOSES})"
    )
