"""Functions that run with their owner's rights look for tables in pg_temp last.

Where `search_path` does not name pg_temp, PostgreSQL looks there first: whoever may run SQL as portal_app could lay a
temporary customer_search with a trigger of his own under our triggers, and act as portal_owner.
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

DEFINERS = (
    "customer_inserted()",
    "customer_updated()",
    "find_customers(text, text, text, integer)",
    "walk_customers(text, text, text, integer)",
    "customer_token_rarity(text[])",
)


def upgrade() -> None:
    for function in DEFINERS:
        op.execute(f"ALTER FUNCTION {function} SET search_path = pg_catalog, public, pg_temp")
    op.execute("REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM portal_app")


def downgrade() -> None:
    op.execute("GRANT INSERT, UPDATE, DELETE ON alembic_version TO portal_app")
    for function in DEFINERS:
        op.execute(f"ALTER FUNCTION {function} SET search_path = pg_catalog, public")
