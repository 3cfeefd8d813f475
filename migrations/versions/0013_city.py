"""A unit says in which city it is: the regional manager looks for it on the board."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "ALTER TABLE unit ADD COLUMN city text NOT NULL DEFAULT '' "
        "CONSTRAINT ck_unit_city CHECK (char_length(city) <= 100)"
    )


def downgrade() -> None:
    op.execute("ALTER TABLE unit DROP COLUMN city")
