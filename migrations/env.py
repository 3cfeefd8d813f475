"""Migrations run as portal_owner, one process at a time, and give up rather than hold up the portal."""

from alembic import context
from sqlalchemy import Connection, text

LOCK = 7_201_002  # advisory: two `flask up` at once wait for each other


def run(connection: Connection) -> None:
    connection.execute(text("SET lock_timeout = '10s'"))
    connection.execute(text("SET statement_timeout = '30min'"))
    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": LOCK})
    connection.commit()
    try:
        context.configure(connection=connection, transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()
    finally:
        connection.rollback()
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": LOCK})
        connection.commit()


run(context.config.attributes["connection"])
