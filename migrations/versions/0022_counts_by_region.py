"""A dealer's running counts stand apart by the region that consolidated its people: after a move they are two."""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_constraint("pk_visit_count", "visit_count")
    op.create_primary_key(
        "pk_visit_count", "visit_count", ["network_id", "month", "unit_id", "region_id", "slot"]
    )


def downgrade() -> None:
    op.drop_constraint("pk_visit_count", "visit_count")
    op.create_primary_key("pk_visit_count", "visit_count", ["network_id", "month", "unit_id", "slot"])
