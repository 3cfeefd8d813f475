"""The audit trail is read by time also where it is asked for one action, person or thing."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

INDEXES = {
    "ix_event_object": ("kind", "object_id"),
    "ix_event_person": ("person_id",),
    "ix_event_action": ("action",),
}


def upgrade() -> None:
    _anew("at", "id")


def downgrade() -> None:
    _anew("id")


def _anew(*order: str) -> None:
    for name, columns in INDEXES.items():
        somebody = sa.text("person_id IS NOT NULL") if "person_id" in columns else None
        op.drop_index(name, "event")
        op.create_index(name, "event", ["network_id", *columns, *order], postgresql_where=somebody)
