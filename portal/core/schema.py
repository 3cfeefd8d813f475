"""Where the database is, and how it is made ready: the two roles, the database, the migrations."""

from pathlib import Path
from typing import Any

import psycopg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg import sql
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from config.settings import ROOT, Settings
from portal.core import postgres
from portal.core.db import APP_ROLE, OWNER_ROLE, libpq_url, sqlalchemy_url

OLDEST_SERVER = 150_000
_ROLES_LOCK = 7_201_003


class Database:
    """One installation's database. The embedded one is started when it is first needed, and not before."""

    def __init__(self, settings: Settings) -> None:
        self._given = settings.database_url
        self._folder = settings.data_folder
        self._name = None if settings.database_url else settings.portal_database

    @property
    def embedded_in(self) -> Path | None:
        """The data folder of the embedded database, None where DATABASE_URL was given."""
        return None if self._given else self._folder

    def _server(self) -> str:
        return self._given or postgres.start(self._folder)

    def url(self, role: str | None = APP_ROLE) -> str:
        """libpq URL, acting as `role` (None: as whoever DATABASE_URL names). Starts the embedded database."""
        return libpq_url(self._server(), role=role, database=self._name)

    def connect(self) -> "psycopg.Connection[Any]":
        """For SQLAlchemy's pool."""
        return psycopg.connect(self.url(), connect_timeout=5)

    def make_ready(self) -> list[str]:
        """Roles, database, migrations; gives what was done, in words. Safe to run twice and at the same time."""
        server = self._server()
        done = []
        with psycopg.connect(libpq_url(server, role=None), autocommit=True) as connection:
            if connection.info.server_version < OLDEST_SERVER:
                raise postgres.PostgresError(
                    f"PostgreSQL 15 or newer is needed; this server is {connection.info.server_version // 10_000}"
                )
            connection.execute("SELECT pg_advisory_lock(%s)", (_ROLES_LOCK,))
            done += _make_roles(connection)
            if self._name:
                done += _make_database(connection, self._name)
        with psycopg.connect(self.url(role=None), autocommit=True) as connection:
            connection.execute("SELECT pg_advisory_lock(%s)", (_ROLES_LOCK,))
            has = "SELECT has_schema_privilege(%s, 'public', 'CREATE')"
            may_create = connection.execute(has, (OWNER_ROLE,)).fetchone()
            if not (
                may_create and may_create[0]
            ):  # once: a GRANT collides with those of a migration beside it
                grant = sql.SQL("GRANT USAGE, CREATE ON SCHEMA public TO {}")
                connection.execute(grant.format(sql.Identifier(OWNER_ROLE)))
        before, after = self.migrate()
        if before != after:
            done.append(f"migrated from {before or 'nothing'} to {after}")
        return done

    def migrate(self, to: str = "head") -> tuple[str | None, str | None]:
        """Run migrations up (or down) to a revision as portal_owner; gives the revision before and after."""
        engine = create_engine(
            sqlalchemy_url(self._server(), role=OWNER_ROLE, database=self._name), poolclass=NullPool
        )
        with engine.connect() as connection:
            before = current_revision(connection)
            configuration = alembic_config(connection)
            steps = ScriptDirectory.from_config(configuration)
            target = steps.get_current_head() if to == "head" else to
            if before != target:
                if to == "base" or (before and _older(steps, target, before)):
                    command.downgrade(configuration, to)
                else:
                    command.upgrade(configuration, to)
            connection.rollback()
            return before, current_revision(connection)


def _older(steps: ScriptDirectory, target: str | None, than: str) -> bool:
    return any(step.revision == target for step in steps.iterate_revisions(than, "base"))


def alembic_config(connection: Any = None) -> Config:
    configuration = Config()
    configuration.set_main_option("script_location", str(ROOT / "migrations").replace("%", "%%"))
    configuration.set_main_option("path_separator", "os")
    configuration.attributes["connection"] = connection
    return configuration


def head() -> str | None:
    """The newest revision that this code has."""
    return ScriptDirectory.from_config(alembic_config()).get_current_head()


def current_revision(connection: Any) -> str | None:
    if connection.execute(text("SELECT to_regclass('alembic_version')")).scalar() is None:
        return None
    revision: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return revision


def _make_roles(connection: "psycopg.Connection[Any]") -> list[str]:
    done = []
    for role in (OWNER_ROLE, APP_ROLE):
        if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone() is None:
            connection.execute(
                sql.SQL("CREATE ROLE {} NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS").format(
                    sql.Identifier(role)
                )
            )
            done.append(f"made the role {role}")
        member = connection.execute("SELECT pg_has_role(current_user, %s, 'MEMBER')", (role,)).fetchone()
        if not (member and member[0]):
            connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(role)))
    return done


def _make_database(connection: "psycopg.Connection[Any]", name: str) -> list[str]:
    if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone():
        return []
    connection.execute(
        sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(OWNER_ROLE))
    )
    return [f"made the database {name}"]
