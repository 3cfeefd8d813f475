"""A unit that moves takes its rows along: one function, which may change paths and nothing else.

The tables are found in the catalogue, so that none can be forgotten. The function runs with the owner's rights, because
the application may not update what is append-only; it is bound by the walls all the same (FORCE), so it moves nothing
for whom has not headquarters' eyes, and nothing of another network.
"""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

MOVE = """
CREATE FUNCTION move_rows_of_unit(moved bigint) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp SET lock_timeout = '10s' AS $$
DECLARE
  network bigint := nullif(current_setting('portal.network', true), '')::bigint;
  old_path text; new_path text; place record; touched bigint; units bigint := 0; total bigint := 0;
BEGIN
  PERFORM pg_advisory_xact_lock(7201005);  -- every other transaction has ended, none begins (core.db)
  SELECT u.unit_path, p.unit_path || lpad(u.id::text, greatest(4, length(u.id::text)), '0') || '.'
  INTO old_path, new_path
  FROM public.unit u JOIN public.unit p ON p.network_id = u.network_id AND p.id = u.parent_id
  WHERE u.network_id = network AND u.id = moved;
  IF old_path IS NULL THEN
    RAISE EXCEPTION 'no unit % with a parent here', moved USING ERRCODE = 'no_data_found';
  END IF;
  IF old_path = new_path THEN RETURN 0; END IF;
  IF starts_with(new_path, old_path) THEN
    RAISE EXCEPTION 'unit % cannot lie below itself', moved USING ERRCODE = 'check_violation';
  END IF;
  FOR place IN
    SELECT c.relname AS name, a.attname AS path FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname IN ('unit_path', 'about_path') AND NOT a.attisdropped
    JOIN pg_attribute w ON w.attrelid = c.oid AND w.attname = 'network_id' AND NOT w.attisdropped
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1, 2
  LOOP
    EXECUTE format('UPDATE public.%I SET %I = $1 || substr(%I, $2) WHERE network_id = $3 AND %I >= $4 AND %I < $5',
                   place.name, place.path, place.path, place.path, place.path)
      USING new_path, length(old_path) + 1, network, old_path, left(old_path, -1) || '/';
    GET DIAGNOSTICS touched = ROW_COUNT;
    total := total + touched;
    IF place.name = 'unit' THEN units := touched; END IF;
  END LOOP;
  IF units = 0 THEN
    RAISE EXCEPTION 'only headquarters moves a unit' USING ERRCODE = 'insufficient_privilege';
  END IF;
  -- jobs that wait carry whose eyes they have; paths are unique over all networks
  UPDATE public.procrastinate_jobs
  SET args = replace(replace(args::text, '"' || old_path, '"' || new_path),
                     '"' || left(old_path, -1) || '/"', '"' || left(new_path, -1) || '/"')::jsonb
  WHERE status IN ('todo', 'doing') AND position('"' || left(old_path, -1) in args::text) > 0;
  RETURN total;
END $$
"""


def upgrade() -> None:
    op.execute(MOVE)
    op.execute("REVOKE ALL ON FUNCTION move_rows_of_unit(bigint) FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION move_rows_of_unit(bigint) TO portal_app")
    _append_only("visit_attempt", "'{unit_path,about_path}'::text[]")


def downgrade() -> None:
    _append_only("visit_attempt", "'unit_path'")
    op.execute("DROP FUNCTION move_rows_of_unit(bigint)")


def _append_only(table: str, but: str) -> None:
    """The same trigger as before, which lets other columns pass (walls.append_only)."""
    op.execute(f"DROP TRIGGER {table}_no_update ON {table}")
    op.execute(
        f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} FOR EACH ROW "
        f"WHEN ((to_jsonb(OLD) - {but}) IS DISTINCT FROM (to_jsonb(NEW) - {but})) "
        f"EXECUTE FUNCTION {table}_is_append_only()"
    )
