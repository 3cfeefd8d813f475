"""Row-level security for migrations: the walls between units and networks (docs/architecture.md, Tenancy).

Every table of a network is closed by default: a transaction that has not stated its scope sees no row, for a setting
that was used once reads '' afterwards and `nullif` makes that nothing. FORCE binds the owner too.
"""

from alembic import op

APP = "portal_app"
NETWORK = "network_id = nullif(current_setting('portal.network', true), '')::bigint"
MINE = f"""{NETWORK}
      AND unit_path >= current_setting('portal.scope_from', true)
      AND unit_path <  current_setting('portal.scope_to', true)"""
HEADQUARTERS = f"""{NETWORK}
      AND split_part(unit_path, '.', 1) || '.' = current_setting('portal.scope_from', true)"""
ALL = "SELECT, INSERT, UPDATE, DELETE"


def _close(table: str, verbs: str) -> None:
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"GRANT {verbs} ON {table} TO {APP}")


def wall(table: str, verbs: str = ALL) -> None:
    """Rows of my unit and all below it. Rows that headquarters keeps stand at headquarters' path."""
    _close(table, verbs)
    op.execute(f"CREATE POLICY {table}_mine ON {table} USING ({MINE}) WITH CHECK ({MINE})")


def network_wall(table: str, verbs: str = ALL) -> None:
    """Read by the whole network, written from headquarters' scope alone (names of units, rulebook, calendar)."""
    _close(table, verbs)
    op.execute(f"CREATE POLICY {table}_read ON {table} FOR SELECT USING ({NETWORK})")
    op.execute(f"CREATE POLICY {table}_insert ON {table} FOR INSERT WITH CHECK ({HEADQUARTERS})")
    op.execute(
        f"CREATE POLICY {table}_update ON {table} FOR UPDATE USING ({HEADQUARTERS}) WITH CHECK ({HEADQUARTERS})"
    )
    op.execute(f"CREATE POLICY {table}_delete ON {table} FOR DELETE USING ({HEADQUARTERS})")


def letterbox(table: str, verbs: str = ALL) -> None:
    """Written by anybody of the network, read by whose it is: the audit trail and notices go up and down the tree."""
    _close(table, verbs)
    op.execute(f"CREATE POLICY {table}_mine ON {table} USING ({MINE}) WITH CHECK ({MINE})")
    op.execute(f"CREATE POLICY {table}_post ON {table} FOR INSERT WITH CHECK ({NETWORK})")


def told_wall(table: str, verbs: str = ALL) -> None:
    """Kept by headquarters, and from `told_at` on also read by the unit at `about_path` and all above it.

    Written at headquarters' path alone: what the party says goes in through headquarters' eyes, after its own found it.
    """
    _close(table, verbs)
    op.execute(f"CREATE POLICY {table}_mine ON {table} USING ({MINE}) WITH CHECK ({MINE})")
    about = MINE.replace("unit_path", "about_path")
    op.execute(f"CREATE POLICY {table}_told ON {table} FOR SELECT USING (told_at IS NOT NULL AND {about})")


def open_table(table: str, verbs: str = ALL) -> None:
    """No wall: one of the named exceptions (tests/tenancy), read before any scope is known."""
    op.execute(f"GRANT {verbs} ON {table} TO {APP}")


def append_only(table: str, but: str | None = None) -> None:
    """Refuse UPDATE, DELETE and TRUNCATE for everybody, the owner included; `but` names a column that may change."""
    op.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {APP}")
    op.execute(
        f"""CREATE FUNCTION {table}_is_append_only() RETURNS trigger LANGUAGE plpgsql
            SET search_path = pg_catalog, public AS $$
            BEGIN RAISE EXCEPTION '{table} is append-only' USING ERRCODE = 'insufficient_privilege'; END $$"""
    )
    when = (
        "" if but is None else f"WHEN ((to_jsonb(OLD) - '{but}') IS DISTINCT FROM (to_jsonb(NEW) - '{but}'))"
    )
    op.execute(
        f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} FOR EACH ROW {when} "
        f"EXECUTE FUNCTION {table}_is_append_only()"
    )
    op.execute(
        f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} FOR EACH ROW "
        f"EXECUTE FUNCTION {table}_is_append_only()"
    )
    op.execute(
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT "
        f"EXECUTE FUNCTION {table}_is_append_only()"
    )


def not_append_only(table: str) -> None:
    """The way down."""
    op.execute(f"DROP FUNCTION IF EXISTS {table}_is_append_only() CASCADE")
