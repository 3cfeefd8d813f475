"""The house: networks, units, people, tokens, the audit trail, the clock's tie and the queue of jobs."""

import sqlalchemy as sa
from alembic import op
from procrastinate.schema import SchemaManager
from sqlalchemy.dialects import postgresql as pg

from migrations import walls

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

PATH = sa.Text(collation="C")
AT = sa.DateTime(timezone=True)


def key() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger, sa.Identity(always=False), primary_key=True)


def upgrade() -> None:
    op.execute("GRANT USAGE ON SCHEMA public TO portal_app")
    op.create_table(
        "network",
        key(),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("name_en", sa.Text, nullable=False),
        sa.Column("time_zone", sa.Text, nullable=False),
        sa.Column("root_path", sa.Text, nullable=False),
        sa.Column("created_at", AT, nullable=False),
        sa.UniqueConstraint("code", name="uq_network_code"),
    )
    walls.open_table("network", "SELECT, INSERT, UPDATE")

    op.create_table(
        "unit",
        key(),
        sa.Column(
            "network_id",
            sa.BigInteger,
            sa.ForeignKey("network.id", name="fk_unit_network_id"),
            nullable=False,
        ),
        sa.Column("unit_path", PATH, nullable=False),
        sa.Column("code", PATH, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("sort_key", PATH, nullable=False),
        sa.Column("parent_id", sa.BigInteger),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("joined_at", AT, nullable=False),
        sa.Column("closed_at", AT),
        sa.UniqueConstraint("network_id", "id", name="uq_unit_network_id_id"),
        sa.UniqueConstraint("network_id", "code", name="uq_unit_code"),
        sa.UniqueConstraint("network_id", "unit_path", name="uq_unit_path"),
        sa.ForeignKeyConstraint(
            ["network_id", "parent_id"], ["unit.network_id", "unit.id"], name="fk_unit_network_id_parent_id"
        ),
        sa.CheckConstraint(
            "kind IN ('headquarters','channel','region','dealer','store')", name="ck_unit_kind"
        ),
        sa.CheckConstraint("status IN ('active','closed')", name="ck_unit_status"),
    )
    op.create_index("ix_unit_kind", "unit", ["network_id", "kind", "unit_path"])
    op.create_index("ix_unit_parent", "unit", ["network_id", "parent_id"])
    walls.network_wall("unit", "SELECT, INSERT, UPDATE")

    op.create_table(
        "holiday",
        sa.Column("network_id", sa.BigInteger, sa.ForeignKey("network.id", name="fk_holiday_network_id")),
        sa.Column("unit_path", PATH, nullable=False),
        sa.Column("on", sa.Date),
        sa.Column("works", sa.Boolean, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("network_id", "on", name="pk_holiday"),
    )
    walls.network_wall("holiday")

    op.create_table(
        "person",
        key(),
        sa.Column("email", sa.Text),
        sa.Column("phone", sa.Text),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("password_hash", sa.Text),
        sa.Column("stamp", sa.Text, nullable=False),
        sa.Column("language", sa.Text),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("created_at", AT, nullable=False),
        sa.UniqueConstraint("email", name="uq_person_email"),
        sa.UniqueConstraint("phone", name="uq_person_phone"),
        sa.CheckConstraint("email IS NOT NULL OR phone IS NOT NULL", name="ck_person_reachable"),
    )
    walls.open_table("person", "SELECT, INSERT, UPDATE")

    op.create_table(
        "membership",
        key(),
        sa.Column(
            "network_id",
            sa.BigInteger,
            sa.ForeignKey("network.id", name="fk_membership_network_id"),
            nullable=False,
        ),
        sa.Column(
            "person_id",
            sa.BigInteger,
            sa.ForeignKey("person.id", name="fk_membership_person_id"),
            nullable=False,
        ),
        sa.Column("unit_id", sa.BigInteger, nullable=False),
        sa.Column("unit_path", PATH, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("created_at", AT, nullable=False),
        sa.UniqueConstraint("network_id", "id", name="uq_membership_network_id_id"),
        sa.UniqueConstraint("network_id", "person_id", "unit_id", "role", name="uq_membership_once"),
        sa.ForeignKeyConstraint(
            ["network_id", "unit_id"], ["unit.network_id", "unit.id"], name="fk_membership_network_id_unit_id"
        ),
        sa.CheckConstraint("status IN ('active','ended')", name="ck_membership_status"),
    )
    op.create_index("ix_membership_unit", "membership", ["network_id", "unit_id"])
    op.create_index("ix_membership_person", "membership", ["person_id"])
    walls.open_table("membership", "SELECT, INSERT, UPDATE")

    op.create_table(
        "api_token",
        key(),
        sa.Column("network_id", sa.BigInteger, nullable=False),
        sa.Column("membership_id", sa.BigInteger, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("scopes", pg.ARRAY(sa.Text)),
        sa.Column("created_at", AT, nullable=False),
        sa.Column("expires_at", AT),
        sa.Column("revoked_at", AT),
        sa.UniqueConstraint("hash", name="uq_api_token_hash"),
        sa.ForeignKeyConstraint(
            ["network_id", "membership_id"],
            ["membership.network_id", "membership.id"],
            name="fk_api_token_network_id_membership_id",
        ),
    )
    op.create_index("ix_api_token_membership", "api_token", ["network_id", "membership_id"])
    walls.open_table("api_token", "SELECT, INSERT, UPDATE")

    op.create_table(
        "throttle",
        sa.Column("key", sa.Text),
        sa.Column("window_start", AT),
        sa.Column("count", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("key", "window_start", name="pk_throttle"),
        prefixes=["UNLOGGED"],
    )
    walls.open_table("throttle")

    op.create_table(
        "event",
        key(),
        sa.Column("network_id", sa.BigInteger, nullable=False),
        sa.Column("unit_path", PATH, nullable=False),
        sa.Column("at", AT, nullable=False),
        sa.Column("person_id", sa.BigInteger),
        sa.Column("membership_id", sa.BigInteger),
        sa.Column("doer", sa.Text, nullable=False),
        sa.Column("via", sa.Text, nullable=False),
        sa.Column("address", sa.Text),
        sa.Column("request_id", sa.Text),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("object_id", sa.Text, nullable=False),
        sa.Column("before", pg.JSONB, nullable=False),
        sa.Column("after", pg.JSONB, nullable=False),
    )
    op.create_index("ix_event_newest", "event", ["network_id", sa.text("id DESC")])
    op.create_index("ix_event_object", "event", ["network_id", "kind", "object_id", "id"])
    op.create_index("ix_event_person", "event", ["network_id", "person_id", "id"])
    op.create_index("ix_event_action", "event", ["network_id", "action", "id"])
    walls.letterbox("event", "SELECT, INSERT")
    walls.append_only("event", but="unit_path")

    op.create_table(
        "idempotency_key",
        sa.Column("network_id", sa.BigInteger, nullable=False),
        sa.Column("unit_path", PATH, nullable=False),
        sa.Column("token_id", sa.BigInteger),
        sa.Column("method", sa.Text),
        sa.Column("path", sa.Text),
        sa.Column("key", sa.Text),
        sa.Column("body_hash", sa.Text, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("mimetype", sa.Text, nullable=False),
        sa.Column("answer", sa.LargeBinary, nullable=False),
        sa.Column("at", AT, nullable=False),
        sa.PrimaryKeyConstraint("token_id", "method", "path", "key", name="pk_idempotency_key"),
    )
    op.create_index("ix_idempotency_key_at", "idempotency_key", ["at"])
    walls.wall("idempotency_key")

    op.create_table(
        "clock_tie",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("tied_at", AT, nullable=False),
    )
    walls.open_table("clock_tie", "SELECT, INSERT, UPDATE")

    # the schema of the pinned procrastinate; a newer one's changes come as revisions of their own
    op.get_bind().connection.driver_connection.execute(SchemaManager.get_schema())  # type: ignore[union-attr]
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO portal_app")
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON event FROM portal_app")
    op.execute("REVOKE DELETE ON network, unit, person, membership, api_token FROM portal_app")
    op.execute("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO portal_app")
    op.execute("ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO portal_app")


def downgrade() -> None:
    op.execute("ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE USAGE ON SEQUENCES FROM portal_app")
    op.execute(
        """DO $$ DECLARE thing record; BEGIN
        FOR thing IN SELECT tablename FROM pg_tables
          WHERE schemaname = 'public' AND tablename LIKE 'procrastinate%' LOOP
          EXECUTE format('DROP TABLE %I CASCADE', thing.tablename); END LOOP;
        FOR thing IN SELECT p.oid::regprocedure AS name FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
          WHERE n.nspname = 'public' AND p.proname LIKE 'procrastinate%' LOOP
          EXECUTE format('DROP FUNCTION %s CASCADE', thing.name); END LOOP;
        FOR thing IN SELECT t.typname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
          WHERE n.nspname = 'public' AND t.typname LIKE 'procrastinate%' AND t.typtype = 'e' LOOP
          EXECUTE format('DROP TYPE %I CASCADE', thing.typname); END LOOP;
        FOR thing IN SELECT t.typname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
          WHERE n.nspname = 'public' AND t.typname LIKE 'procrastinate%' AND t.typtype = 'c' LOOP
          EXECUTE format('DROP TYPE IF EXISTS %I CASCADE', thing.typname); END LOOP;
        END $$"""
    )
    for table in ("clock_tie", "idempotency_key"):
        op.drop_table(table)
    walls.not_append_only("event")
    for table in ("event", "throttle", "api_token", "membership", "person", "holiday", "unit", "network"):
        op.drop_table(table)
