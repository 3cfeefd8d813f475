"""The ledger: accounts, transactions and postings, in double entry and in minor units.

The database itself keeps the books: a posting's trigger moves its account's balance, deferred constraints refuse a
transaction that is not balanced or a reversal that is not its original's opposite, and nothing is ever changed.
"""

import sqlalchemy as sa
from alembic import op

from migrations import walls

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
PATH = sa.Text(collation="C")
KINDS = (
    "'margin', 'margin_hold', 'commission_due', 'commission_withheld', 'receivable', "
    "'cash', 'forfeited', 'commission_expense'"
)
PURPOSES = "'deposit', 'hold', 'release', 'forfeit', 'charge', 'refund', 'commission', 'withhold', 'reversal', 'repay'"
SIDES = "'debit', 'credit'"


def key() -> list[sa.Column[int]]:
    return [
        sa.Column("id", sa.BigInteger, sa.Identity(always=False), primary_key=True),
        sa.Column("network_id", sa.BigInteger, nullable=False),
        sa.Column("unit_path", PATH, nullable=False),
    ]


def upgrade() -> None:
    op.create_table(
        "ledger_account",
        *key(),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("unit_id", sa.BigInteger, nullable=False),
        sa.Column("person_id", sa.BigInteger),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("normal", sa.Text, nullable=False),
        sa.Column("bounded", sa.Boolean, nullable=False),
        sa.Column("balance_minor", sa.BigInteger, nullable=False, server_default=sa.text("0")),
        sa.Column("version", sa.BigInteger, nullable=False, server_default=sa.text("0")),
        sa.Column("moved_at", INSTANT),
        sa.UniqueConstraint("network_id", "id", name="uq_ledger_account_network_id_id"),
        sa.ForeignKeyConstraint(
            ["network_id", "unit_id"],
            ["unit.network_id", "unit.id"],
            name="fk_ledger_account_network_id_unit_id",
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_ledger_account_person_id"),
        sa.CheckConstraint(f"kind IN ({KINDS})", name="ck_ledger_account_kind"),
        sa.CheckConstraint(f"normal IN ({SIDES})", name="ck_ledger_account_normal"),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name="ck_ledger_account_currency"),
        sa.CheckConstraint("NOT bounded OR balance_minor >= 0", name="ck_ledger_account_not_below_zero"),
    )
    op.create_index(
        "uq_ledger_account_unit",
        "ledger_account",
        ["network_id", "unit_id", "kind", "currency"],
        unique=True,
        postgresql_where=sa.text("person_id IS NULL"),
    )
    op.create_index(
        "uq_ledger_account_person",
        "ledger_account",
        ["network_id", "person_id", "kind", "currency"],
        unique=True,
        postgresql_where=sa.text("person_id IS NOT NULL"),
    )
    walls.wall("ledger_account", "SELECT, INSERT, UPDATE")

    op.create_table(
        "ledger_transaction",
        *key(),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("postings", sa.Integer, nullable=False),
        sa.Column("idempotency_key", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("reference", sa.Text),
        sa.Column("month", sa.Date),
        sa.Column("case_id", sa.BigInteger),
        sa.Column("case_number", sa.Text),
        sa.Column("clause", sa.Text),
        sa.Column("original_id", sa.BigInteger),
        sa.Column("posted_by", sa.BigInteger),
        sa.Column("approved_by", sa.BigInteger),
        sa.UniqueConstraint("network_id", "id", name="uq_ledger_transaction_network_id_id"),
        sa.UniqueConstraint("network_id", "idempotency_key", name="uq_ledger_transaction_once"),
        sa.UniqueConstraint("network_id", "original_id", name="uq_ledger_transaction_original"),
        sa.ForeignKeyConstraint(["network_id"], ["network.id"], name="fk_ledger_transaction_network_id"),
        sa.ForeignKeyConstraint(
            ["network_id", "original_id"],
            ["ledger_transaction.network_id", "ledger_transaction.id"],
            name="fk_ledger_transaction_network_id_original_id",
        ),
        sa.CheckConstraint(f"purpose IN ({PURPOSES})", name="ck_ledger_transaction_purpose"),
        sa.CheckConstraint("amount_minor > 0", name="ck_ledger_transaction_amount"),
        sa.CheckConstraint("postings >= 2", name="ck_ledger_transaction_postings"),
        sa.CheckConstraint("reason <> ''", name="ck_ledger_transaction_reason"),
        sa.CheckConstraint(
            "(purpose IN ('release', 'reversal')) <= (original_id IS NOT NULL)",
            name="ck_ledger_transaction_original",
        ),
    )
    op.create_index(
        "ix_ledger_transaction_case",
        "ledger_transaction",
        ["network_id", "case_id", "id"],
        postgresql_where=sa.text("case_id IS NOT NULL"),
    )
    op.create_index("ix_ledger_transaction_newest", "ledger_transaction", ["network_id", "id"])
    walls.wall("ledger_transaction", "SELECT, INSERT")
    walls.append_only("ledger_transaction", but="unit_path")

    op.create_table(
        "ledger_posting",
        *key(),
        sa.Column("transaction_id", sa.BigInteger, nullable=False),
        sa.Column("account_id", sa.BigInteger, nullable=False),
        sa.Column("unit_id", sa.BigInteger, nullable=False),
        sa.Column("person_id", sa.BigInteger),
        sa.Column("side", sa.Text, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("balance_minor", sa.BigInteger, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("network_id", "id", name="uq_ledger_posting_network_id_id"),
        sa.UniqueConstraint("network_id", "account_id", "version", name="uq_ledger_posting_version"),
        sa.ForeignKeyConstraint(
            ["network_id", "transaction_id"],
            ["ledger_transaction.network_id", "ledger_transaction.id"],
            name="fk_ledger_posting_network_id_transaction_id",
        ),
        sa.ForeignKeyConstraint(
            ["network_id", "account_id"],
            ["ledger_account.network_id", "ledger_account.id"],
            name="fk_ledger_posting_network_id_account_id",
        ),
        sa.CheckConstraint(f"side IN ({SIDES})", name="ck_ledger_posting_side"),
        sa.CheckConstraint("amount_minor > 0", name="ck_ledger_posting_amount"),
    )
    op.create_index("ix_ledger_posting_transaction", "ledger_posting", ["network_id", "transaction_id"])
    op.create_index(
        "ix_ledger_posting_unit",
        "ledger_posting",
        ["network_id", "unit_id", "id"],
        postgresql_where=sa.text("person_id IS NULL"),
    )
    op.create_index(
        "ix_ledger_posting_person",
        "ledger_posting",
        ["network_id", "person_id", "id"],
        postgresql_where=sa.text("person_id IS NOT NULL"),
    )
    op.create_index("ix_ledger_posting_past", "ledger_posting", ["network_id", "account_id", "at", "version"])
    walls.wall("ledger_posting", "SELECT, INSERT")
    walls.append_only("ledger_posting", but="unit_path")

    op.create_table(
        "ledger_withholding",
        *key(),
        sa.Column("person_id", sa.BigInteger, nullable=False),
        sa.Column("month", sa.Date, nullable=False),
        sa.Column("share", sa.Integer, nullable=False),
        sa.Column("idempotency_key", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("case_id", sa.BigInteger),
        sa.Column("case_number", sa.Text),
        sa.Column("clause", sa.Text),
        sa.Column("ordered_at", INSTANT, nullable=False),
        sa.Column("ordered_by", sa.BigInteger),
        sa.Column("approved_by", sa.BigInteger),
        sa.Column("posted_at", INSTANT),
        sa.Column("transaction_id", sa.BigInteger),
        sa.Column("cancelled_at", INSTANT),
        sa.UniqueConstraint("network_id", "id", name="uq_ledger_withholding_network_id_id"),
        sa.UniqueConstraint("network_id", "idempotency_key", name="uq_ledger_withholding_once"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_ledger_withholding_person_id"),
        sa.ForeignKeyConstraint(
            ["network_id", "transaction_id"],
            ["ledger_transaction.network_id", "ledger_transaction.id"],
            name="fk_ledger_withholding_network_id_transaction_id",
        ),
        sa.CheckConstraint("share BETWEEN 1 AND 100", name="ck_ledger_withholding_share"),
        sa.CheckConstraint("posted_at IS NULL OR cancelled_at IS NULL", name="ck_ledger_withholding_one_end"),
    )
    op.create_index(
        "ix_ledger_withholding_waiting",
        "ledger_withholding",
        ["network_id", "month", "person_id"],
        postgresql_where=sa.text("posted_at IS NULL AND cancelled_at IS NULL"),
    )
    walls.wall("ledger_withholding", "SELECT, INSERT, UPDATE")
    for statement in RULES:
        op.execute(statement)


COUNT = """
CREATE FUNCTION ledger_posting_counts() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
DECLARE moved public.ledger_account%ROWTYPE;
BEGIN
  UPDATE public.ledger_account SET version = version + 1, moved_at = greatest(NEW.at, moved_at),
    balance_minor = balance_minor + CASE WHEN normal = NEW.side THEN NEW.amount_minor ELSE -NEW.amount_minor END
  WHERE network_id = NEW.network_id AND id = NEW.account_id AND currency = NEW.currency
  RETURNING * INTO moved;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no such account in this currency' USING ERRCODE = 'foreign_key_violation';
  END IF;
  NEW.unit_path := moved.unit_path; NEW.unit_id := moved.unit_id; NEW.person_id := moved.person_id;
  NEW.balance_minor := moved.balance_minor; NEW.version := moved.version; NEW.at := moved.moved_at;
  RETURN NEW;
END $$
"""
WHOLE = """
CREATE FUNCTION ledger_is_whole() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
DECLARE
  entry public.ledger_transaction%ROWTYPE;
  parts integer; debits numeric; credits numeric; currencies integer;
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
  IF entry.original_id IS NOT NULL AND EXISTS (
    SELECT 1 FROM public.ledger_posting p
    JOIN public.ledger_account a ON a.network_id = p.network_id AND a.id = p.account_id
    WHERE p.network_id = entry.network_id AND p.transaction_id IN (entry.id, entry.original_id)
      AND (entry.purpose IN ('release', 'reversal') OR a.kind = 'margin_hold')
    GROUP BY p.account_id HAVING sum(CASE p.side WHEN 'debit' THEN p.amount_minor ELSE -p.amount_minor END) <> 0)
  THEN
    RAISE EXCEPTION 'ledger transaction % is not the opposite of its original', entry.id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_transaction_opposite';
  END IF;
  RETURN NULL;
END $$
"""
TRUE = """
CREATE FUNCTION ledger_account_is_true() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
  IF (NEW.version = 0 AND NEW.balance_minor = 0) OR EXISTS (
    SELECT 1 FROM public.ledger_posting p WHERE p.network_id = NEW.network_id AND p.account_id = NEW.id
      AND p.version = NEW.version AND p.balance_minor = NEW.balance_minor) THEN
    RETURN NULL;
  END IF;
  RAISE EXCEPTION 'the balance of ledger account % is not its postings''', NEW.id
    USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_account_true';
END $$
"""
RULES = (
    COUNT,
    WHOLE,
    TRUE,
    (
        "CREATE TRIGGER ledger_posting_count BEFORE INSERT ON ledger_posting FOR EACH ROW "
        "EXECUTE FUNCTION ledger_posting_counts()"
    ),
    (
        "CREATE CONSTRAINT TRIGGER ledger_posting_whole AFTER INSERT ON ledger_posting "
        "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_is_whole()"
    ),
    (
        "CREATE CONSTRAINT TRIGGER ledger_transaction_whole AFTER INSERT ON ledger_transaction "
        "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_is_whole()"
    ),
    (
        "CREATE CONSTRAINT TRIGGER ledger_account_true AFTER INSERT OR UPDATE OF balance_minor, version ON ledger_account "
        "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_account_is_true()"
    ),
)


def downgrade() -> None:
    for table in ("ledger_transaction", "ledger_posting"):
        walls.not_append_only(table)
    for table in ("ledger_withholding", "ledger_posting", "ledger_transaction", "ledger_account"):
        op.drop_table(table)
    for function in ("ledger_posting_counts", "ledger_is_whole", "ledger_account_is_true"):
        op.execute(f"DROP FUNCTION {function}()")
