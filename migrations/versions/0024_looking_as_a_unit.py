"""Who acts gets its eyes and its unit in the statement that finds it: one round trip in place of three."""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

# The lock comes first, and each statement of a volatile function sees what was committed before it: a unit that has
# just been moved (0017) is seen in its new place. The number is MOVING of core.db.
LOOK = """
CREATE FUNCTION look_as_unit(network bigint, unit bigint)
RETURNS TABLE (unit_code text, unit_kind text, unit_name text, unit_status text, unit_path text)
LANGUAGE plpgsql VOLATILE ROWS 1 AS $$
BEGIN
  PERFORM pg_catalog.pg_advisory_xact_lock_shared(7201005);
  PERFORM pg_catalog.set_config('portal.network', network::text, true);
  SELECT u.code, u.kind, u.name, u.status, u.unit_path
  INTO unit_code, unit_kind, unit_name, unit_status, unit_path FROM public.unit u WHERE u.id = unit;
  IF FOUND THEN
    PERFORM pg_catalog.set_config('portal.scope_from', unit_path, true),
            pg_catalog.set_config('portal.scope_to', left(unit_path, -1) || '/', true);
    RETURN NEXT;
  END IF;
END $$
"""


def upgrade() -> None:
    op.execute(LOOK)


def downgrade() -> None:
    op.execute("DROP FUNCTION look_as_unit(bigint, bigint)")
