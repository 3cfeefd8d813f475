"""Jobs of another network are not seen where a network is stated (docs/decisions/0017)."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

ITS_NETWORK = "args #>> '{travels,scope,0}'"
MINE = f"""nullif(current_setting('portal.network', true), '') IS NULL
      OR {ITS_NETWORK} = current_setting('portal.network', true)"""


def upgrade() -> None:
    op.execute("ALTER TABLE procrastinate_jobs ENABLE ROW LEVEL SECURITY")
    op.execute(
        f"CREATE POLICY procrastinate_jobs_mine ON procrastinate_jobs USING ({MINE}) WITH CHECK ({MINE})"
    )
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON procrastinate_events FROM portal_app")


def downgrade() -> None:
    op.execute("GRANT UPDATE, DELETE ON procrastinate_events TO portal_app")
    op.execute("DROP POLICY procrastinate_jobs_mine ON procrastinate_jobs")
    op.execute("ALTER TABLE procrastinate_jobs DISABLE ROW LEVEL SECURITY")
